"""A fair comparison of two latencies, and percentiles that their sample count can carry.

On a loaded two-core machine, two identical sessions timed one after the other differed by up to
95 % in their means and 14 % in their medians. Blocks of a few calls in random order, with the
median of the log ratios within a block, kept it to 2.8 %: what disturbs the machine disturbs both.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgewright.bench.result import Percentile
from edgewright.errors import UsageError

Claim = Literal["none", "faster", "slower"]

SMALLEST_EFFECT = 0.03
"""No difference below 3 % is claimed, whatever the interval says."""
RESAMPLES = 2000
"""Bootstrap resamples."""
DRAWN_AT_ONCE = 2_000_000
"""Indices that a bootstrap holds in memory."""
CONFIDENCE = 0.95

PERCENTILES = {"p50": (0.5, 1), "p90": (0.9, 64), "p95": (0.95, 130), "p99": (0.99, 662),
               "p99.9": (0.999, 6636)}  # fmt: skip
"""By name: the quantile, and the fewest samples that carry it (early stopping, confidence 0.99)."""


@dataclass(frozen=True)
class Comparison:
    """The latency of A relative to that of B."""

    ratio: float
    """Latency of A / latency of B: exp of the median log ratio over the blocks."""
    interval: tuple[float, ...]
    """Lower and upper end of its 95 % bootstrap interval."""
    aa: float
    """The same ratio of A to A in the same run: its distance from 1 is the noise floor."""
    claim: Claim
    """Whether A is `faster` or `slower` than B; `none` where the data do not carry a claim."""
    blocks: int
    calls: int
    """Calls of each side per block."""
    a_seconds: float
    """Median seconds of one call of A."""
    b_seconds: float
    """Median seconds of one call of B."""

    def __str__(self) -> str:
        low, high = self.interval
        verdict = "no claim" if self.claim == "none" else self.claim
        return f"{self.ratio:.3f} × [{low:.3f}, {high:.3f}], A/A {self.aa:.3f}: {verdict}"


def compare_interleaved(
    a: Callable[[], object],
    b: Callable[[], object],
    *,
    blocks: int = 40,
    calls: int = 5,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Time A and B in interleaved blocks and compare them.

    Each block times `calls` calls of A, of B, and of A again (the control), in random order. Both
    are called once before, to warm up.

    Args:
        a: Does the work of A once.
        b: Does the work of B once.
        blocks: Fewer than 40 make the interval wide.
        calls: Calls per side and block.
        seed: Of the order and of the bootstrap.
        clock: Returns seconds.

    Raises:
        UsageError: `blocks` or `calls` is too small.
    """

    def timed(call: Callable[[], object]) -> Callable[[int], float]:
        def run(_: int) -> float:
            start = clock()
            for _ in range(calls):
                call()
            return (clock() - start) / calls

        return run

    a()
    b()
    return compare_blocks(timed(a), timed(b), blocks=blocks, calls=calls, seed=seed)


def compare_blocks(
    a: Callable[[int], float],
    b: Callable[[int], float],
    *,
    blocks: int,
    calls: int,
    seed: int = 0,
    control: Callable[[int], float] | None = None,
    advance: Callable[[], object] = lambda: None,
) -> Comparison:
    """Let two sides measure interleaved blocks and compare them.

    Each block is measured by A, by B, and by A again (the control), in random order.

    Args:
        a: From the number of a block to the seconds per call that A took in it.
        b: The same of B.
        control: Another A, in a process of its own where the sides are; A itself by default.
        blocks: Fewer than 40 make the interval wide.
        calls: That a side makes in a block.
        seed: Of the order and of the bootstrap.
        advance: Called after each block.

    Raises:
        UsageError: `blocks` or `calls` is too small.
    """
    if blocks < 2 or calls < 1:
        raise UsageError(
            f"compare: got {blocks} blocks of {calls} calls, expected at least 2 of 1; "
            "leave the defaults"
        )
    generator = np.random.default_rng(seed)
    sides = (a, b, a if control is None else control)
    seconds = np.empty((blocks, len(sides)))
    for number, block in enumerate(seconds):
        for side in generator.permutation(len(sides)):
            block[side] = sides[side](number)
        advance()
    return compare_seconds(seconds, calls=calls, seed=seed)


def compare_seconds(seconds: NDArray[np.float64], *, calls: int, seed: int = 0) -> Comparison:
    """Compare block times that were measured already.

    Args:
        seconds: float64 (blocks, 3), positive: seconds per call of A, B and the A/A control.
        calls: Calls behind each entry.
        seed: Of the bootstrap.
    """
    a, b, control = np.log(seconds).T
    ratios = a - b
    middle, floor = float(np.median(ratios)), float(np.median(a - control))
    low, high = bootstrap_interval(
        lambda draws: np.median(ratios[draws], axis=1), ratios.size, seed
    )
    return Comparison(
        ratio=float(np.exp(middle)),
        interval=(float(np.exp(low)), float(np.exp(high))),
        aa=float(np.exp(floor)),
        claim=_claim(middle, low, high, floor),
        blocks=len(seconds),
        calls=calls,
        a_seconds=float(np.median(seconds[:, 0])),
        b_seconds=float(np.median(seconds[:, 1])),
    )


def bootstrap_interval(
    statistic: Callable[[NDArray[np.int64]], NDArray[np.float64]], count: int, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a statistic (Efron, 1979).

    Args:
        statistic: From draws, the indices of samples `(resamples, count)`, to its values
            `(resamples,)`; NaN where a draw has none.
        count: Number of samples, at least one.
        seed: Of the draws.
    """
    generator = np.random.default_rng(seed)
    at_once = max(1, DRAWN_AT_ONCE // count)
    values = [
        statistic(generator.integers(0, count, (min(at_once, RESAMPLES - start), count)))
        for start in range(0, RESAMPLES, at_once)
    ]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(np.concatenate(values), (tail, 1 - tail))
    return float(low), float(high)


def _claim(middle: float, low: float, high: float, floor: float) -> Claim:
    """Claim only what excludes 1 and exceeds both the A/A difference and the smallest effect."""
    if low <= 0 <= high or abs(middle) <= max(abs(floor), float(np.log1p(SMALLEST_EFFECT))):
        return "none"
    return "slower" if middle > 0 else "faster"


def latency_percentiles(seconds: NDArray[np.float64]) -> dict[str, float]:
    """Return the percentiles, in milliseconds, that the number of samples carries.

    Args:
        seconds: float64 (samples,), at least one.

    Raises:
        UsageError: There are no samples.
    """
    if seconds.size == 0:
        raise UsageError("percentiles: got no samples, expected at least one; measure a call first")
    return {
        name: 1e3 * float(np.quantile(seconds, quantile))
        for name, (quantile, least) in PERCENTILES.items()
        if seconds.size >= least
    }


def percentiles(seconds: NDArray[np.float64]) -> tuple[Percentile, ...]:
    """Return all percentiles, with how many samples are missing where there are too few.

    Args:
        seconds: float64 (samples,), at least one.

    Raises:
        UsageError: There are no samples.
    """
    carried = latency_percentiles(seconds)
    return tuple(
        Percentile(
            name=name,
            seconds=carried[name] / 1e3 if name in carried else None,
            missing=max(0, least - seconds.size),
        )
        for name, (_, least) in PERCENTILES.items()
    )
