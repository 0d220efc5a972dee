"""Claims on a noisy machine that is simulated: seldom false, and never blind."""

import itertools

import numpy as np
import pytest

from edgewright.bench.statistics import compare_blocks

RUNS = 200


class Machine:
    """Whose load comes and goes, with stalls: by the model of a two-core machine that others use.

    Each measurement takes time, so that what is measured one after the other sees other loads.
    """

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)
        self._load = 1.0

    def measure(self, seconds: float) -> float:
        generator = self._generator
        if generator.random() < 0.1:  # another process comes or goes
            self._load = float(generator.choice([1.0, 1.3, 1.9]))
        noise = float(np.exp(generator.normal(0, 0.02)))
        stall = 1 + (generator.random() < 0.02) * generator.exponential(3)
        return seconds * self._load * noise * stall


def claims(ratio: float) -> list[str]:
    found = []
    for seed in range(RUNS):
        machine = Machine(seed)
        comparison = compare_blocks(
            lambda _: machine.measure(ratio),  # noqa: B023 - called at once
            lambda _: machine.measure(1.0),  # noqa: B023
            blocks=40, calls=1, seed=seed,
        )  # fmt: skip
        found.append(comparison.claim)
    return found


def test_equal_sides_are_hardly_ever_told_apart() -> None:
    assert claims(1.0).count("none") >= 0.95 * RUNS


@pytest.mark.parametrize(("ratio", "claim"), [(1.1, "slower"), (1 / 1.1, "faster")])
def test_a_change_of_ten_percent_is_found(ratio: float, claim: str) -> None:
    found = claims(ratio)
    assert found.count(claim) >= 0.8 * RUNS
    assert set(found) <= {claim, "none"}


def test_sequential_timing_would_have_claimed_falsely() -> None:
    """The simulated machine is no easy one: medians of one side after the other differ."""
    wrong = 0
    for seed in range(RUNS):
        machine = Machine(seed)
        a, b = (np.median([machine.measure(1.0) for _ in range(40)]) for _ in range(2))
        wrong += abs(np.log(a / b)) > np.log(1.03)
    assert wrong > 0.3 * RUNS


def test_the_control_may_be_another_process() -> None:
    """What differs between two processes of one program is then no claim."""
    equal = compare_blocks(lambda _: 1.1, lambda _: 1.0, blocks=40, calls=1)
    assert equal.claim == "slower"
    noisy = compare_blocks(lambda _: 1.1, lambda _: 1.0, control=lambda _: 1.25, blocks=40, calls=1)
    assert noisy.aa == pytest.approx(1.1 / 1.25)
    assert noisy.claim == "none"


def test_every_block_lets_each_side_ask_the_same_queries() -> None:
    asked: dict[str, list[int]] = {"a": [], "b": []}
    steps = itertools.count()

    def side(name: str):
        def measure(block: int) -> float:
            asked[name].append(block)
            return 1.0

        return measure

    compare_blocks(side("a"), side("b"), blocks=5, calls=2, advance=lambda: next(steps))
    assert asked == {"a": [0, 0, 1, 1, 2, 2, 3, 3, 4, 4], "b": [0, 1, 2, 3, 4]}
    assert next(steps) == 5
