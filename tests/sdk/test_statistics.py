"""The comparison claims what is there, and nothing else, on simulated noise."""

import numpy as np
import pytest

from edgewright.bench.statistics import (
    Comparison,
    compare_interleaved,
    compare_seconds,
    latency_percentiles,
)
from edgewright.errors import UsageError

BLOCKS = 40


def noisy(rng: np.random.Generator, ratio: float) -> Comparison:
    """Blocks on a busy machine: shared drift, own jitter, and one call in ten far too long."""
    drift = np.cumsum(rng.normal(0, 0.05, (BLOCKS, 1)), axis=0)
    jitter = rng.normal(0, 0.08, (BLOCKS, 3)) + rng.exponential(1.0, (BLOCKS, 3)) * (
        rng.random((BLOCKS, 3)) < 0.1
    )
    seconds = 1e-3 * np.exp(drift + jitter) * np.array([ratio, 1.0, ratio])
    return compare_seconds(seconds, calls=5)


def test_equal_sides_are_hardly_ever_told_apart() -> None:
    rng = np.random.default_rng(0)
    claims = [noisy(rng, 1.0).claim for _ in range(200)]
    assert sum(claim != "none" for claim in claims) <= 10  # 5 %


@pytest.mark.parametrize(("ratio", "claim"), [(1.1, "slower"), (0.9, "faster")])
def test_a_tenth_is_found(ratio: float, claim: str) -> None:
    rng = np.random.default_rng(1)
    found = [noisy(rng, ratio) for _ in range(100)]
    assert sum(comparison.claim == claim for comparison in found) >= 80
    assert abs(np.median([comparison.ratio for comparison in found]) - ratio) < 0.02


def test_the_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(2)
    intervals = [noisy(rng, 1.05).interval for _ in range(200)]
    assert sum(low <= 1.05 <= high for low, high in intervals) >= 180


def test_an_effect_below_three_percent_is_not_claimed() -> None:
    seconds = np.tile([1.02, 1.0, 1.02], (BLOCKS, 1))
    comparison = compare_seconds(seconds, calls=5)
    assert comparison.ratio == pytest.approx(1.02)
    assert comparison.claim == "none"


def test_an_effect_below_the_control_is_not_claimed() -> None:
    seconds = np.tile([1.10, 1.0, 1.25], (BLOCKS, 1))
    assert compare_seconds(seconds, calls=5).claim == "none"


def test_both_sides_are_timed_in_random_order_with_a_control() -> None:
    now, calls = [0.0], []

    def work(name: str, seconds: float) -> None:
        calls.append(name)
        now[0] += seconds

    comparison = compare_interleaved(
        lambda: work("a", 2.0), lambda: work("b", 1.0), blocks=BLOCKS, calls=3, clock=lambda: now[0]
    )
    assert (comparison.ratio, comparison.aa, comparison.claim) == (2.0, 1.0, "slower")
    assert (comparison.a_seconds, comparison.b_seconds) == (2.0, 1.0)
    blocks = ["".join(calls[i : i + 9]) for i in range(2, len(calls), 9)]
    assert set(blocks) == {"aaaaaabbb", "aaabbbaaa", "bbbaaaaaa"}
    assert len(blocks) == BLOCKS


def test_too_few_blocks_are_refused() -> None:
    with pytest.raises(UsageError, match="got 1 blocks of 5 calls"):
        compare_interleaved(lambda: None, lambda: None, blocks=1)


@pytest.mark.parametrize(
    ("samples", "names"),
    [
        (1, ["p50"]),
        (63, ["p50"]),
        (64, ["p50", "p90"]),
        (130, ["p50", "p90", "p95"]),
        (662, ["p50", "p90", "p95", "p99"]),
        (6636, ["p50", "p90", "p95", "p99", "p99.9"]),
    ],
)
def test_percentiles_need_enough_samples(samples: int, names: list[str]) -> None:
    percentiles = latency_percentiles(np.linspace(0.001, 0.002, samples))
    assert list(percentiles) == names
    assert percentiles["p50"] == pytest.approx(1.5 if samples > 1 else 1.0)


def test_no_samples_have_no_percentiles() -> None:
    with pytest.raises(UsageError, match="got no samples"):
        latency_percentiles(np.array([]))
