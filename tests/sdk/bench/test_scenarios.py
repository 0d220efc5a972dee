"""Scenarios by a clock that only moves when something is asked or waited for."""

import itertools
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgewright.bench import scenarios
from edgewright.bench.scenarios import SCENARIOS, Load, Recorder, Tier, check_load
from edgewright.errors import UsageError
from edgewright.runtime import Timings
from edgewright.tasks.base import Query, Recording

SECONDS = 0.01
"""What a question takes on the clock."""


class Clock:
    """Time of a test: it stands still but for `sleep` and for what is asked."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        self.now += 1e-7  # so that waiting awake ends
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(scenarios, "time", found)
    return found


def queries(clock: Clock, *names: str, seconds: Iterator[float] | None = None) -> list[Query]:
    lengths = itertools.repeat(SECONDS) if seconds is None else seconds

    def ask() -> SimpleNamespace:
        clock.now += (length := next(lengths))
        return SimpleNamespace(timings=Timings(0.1 * length, 0.8 * length, 0.1 * length, length))

    return [Query(name, ask) for name in names or ("a", "b", "c")]


def load(clock: Clock, count: int = 50, **options: object) -> Load:
    given = {"workers": 1, "unloaded": SECONDS, "queries": queries(clock), **options}
    return Load(tier=Tier(count, 0.0001), **given)


def run(name: str, asked: Load) -> Recorder:
    recorder = Recorder(asked.tier, lambda share: None)
    SCENARIOS[name].run(asked, recorder)
    return recorder


def test_single_stream_asks_all_in_turns_and_without_a_gap(clock: Clock) -> None:
    samples = run("single-stream", load(clock, 30)).samples
    assert len(samples) == 30
    for turn in range(0, 30, 3):
        assert {sample.input for sample in samples[turn : turn + 3]} == {"a", "b", "c"}
    orders = {tuple(s.input for s in samples[turn : turn + 3]) for turn in range(0, 30, 3)}
    assert len(orders) > 1
    np.testing.assert_allclose([sample.latency for sample in samples], SECONDS, rtol=1e-3)
    np.testing.assert_allclose([sample.run for sample in samples], 0.8 * SECONDS)
    assert all(abs(sample.lateness) < 1e-6 for sample in samples)


def test_a_run_ends_with_the_seconds_of_its_tier_and_shows_how_far_it_is(clock: Clock) -> None:
    shares: list[float] = []
    asked = Load(queries(clock), Tier(3, 0.5), workers=1, unloaded=SECONDS)
    recorder = Recorder(asked.tier, shares.append)
    SCENARIOS["single-stream"].run(asked, recorder)
    *_, before, last = (one.due + one.latency for one in recorder.samples)
    assert before < 0.5 <= last
    assert len(recorder) == len(recorder.samples)
    assert 5 <= len(shares) <= 6  # one every tenth of a second
    assert shares == sorted(shares)


def test_control_keeps_its_grid_when_a_step_comes_too_late(clock: Clock) -> None:
    lengths = itertools.chain([0.002, 0.025], itertools.repeat(0.002))
    asked = load(clock, 10, queries=queries(clock, "step", seconds=lengths), rate=100.0)
    samples = run("control", asked).samples
    np.testing.assert_allclose([sample.due for sample in samples], np.arange(10) / 100)
    late = [sample.lateness for sample in samples]
    np.testing.assert_allclose(late[:4], [0, 0, 0.015, 0.007], atol=1e-3)
    np.testing.assert_allclose(late[4:], 0, atol=1e-3)
    _, bound = SCENARIOS["control"].settle(asked)
    assert [sample.latency > bound for sample in samples] == [False, True, True] + 7 * [False]


def test_arrivals_of_the_server_are_exponential_and_waiting_counts() -> None:
    asked = Load(
        queries=[Query("a", lambda: SimpleNamespace(timings=Timings(0, 0, 0, 0)))],
        tier=Tier(400, 0.001), workers=2, unloaded=1e-5, rate=4000.0,
    )  # fmt: skip
    samples = sorted(run("server", asked).samples, key=lambda sample: sample.due)
    gaps = np.diff([sample.due for sample in samples])
    assert 0.8 / 4000 < gaps.mean() < 1.25 / 4000
    assert 0.8 < gaps.std() / gaps.mean() < 1.2  # as of an exponential distribution
    assert all(sample.latency >= sample.lateness >= -1e-4 for sample in samples)


def test_an_overloaded_server_answers_later_and_later() -> None:
    def ask() -> SimpleNamespace:
        time.sleep(0.004)
        return SimpleNamespace(timings=Timings(0, 0.004, 0, 0.004))

    asked = Load([Query("a", ask)], Tier(40, 0.001), workers=1, unloaded=0.004, rate=1000.0)
    samples = sorted(run("server", asked).samples, key=lambda sample: sample.due)
    first, last = (
        np.median([one.latency for one in part]) for part in (samples[:10], samples[-10:])
    )
    assert last > 2 * first


def test_an_overloaded_server_ends_before_the_backlog_takes_longer_than_the_tier() -> None:
    def ask() -> SimpleNamespace:
        time.sleep(0.002)
        return SimpleNamespace(timings=Timings(0, 0.002, 0, 0.002))

    asked = Load([Query("a", ask)], Tier(64, 0.1), workers=1, unloaded=0.002, rate=1e5)
    assert 64 <= len(run("server", asked).samples) < 400


@pytest.mark.parametrize("name", ["multi-stream", "offline"])
def test_several_callers_ask_at_the_same_time(name: str) -> None:
    together, most, lock = [0], [0], threading.Lock()

    def ask() -> SimpleNamespace:
        with lock:
            together[0] += 1
            most[0] = max(most[0], together[0])
        time.sleep(0.002)
        with lock:
            together[0] -= 1
        return SimpleNamespace(timings=Timings(0, 0.002, 0, 0.002))

    asked = Load([Query("a", ask)], Tier(20, 0.001), workers=4, unloaded=0.002)
    samples = run(name, asked).samples
    assert len(samples) >= 20
    assert most[0] == 4
    if name == "multi-stream":  # eight inputs by four callers: two rounds
        assert min(sample.latency for sample in samples) >= 0.004


def test_a_failing_query_ends_every_scenario_with_its_error() -> None:
    def ask(*_: object) -> Any:
        raise UsageError("as planned")

    for name in SCENARIOS:
        asked = Load(
            [Query("a", ask)], Tier(20, 0.001), workers=2, unloaded=0.001,
            recordings=[Recording("a", ask)],
        )  # fmt: skip
        with pytest.raises(UsageError, match="as planned"):
            run(name, asked)


def test_an_interrupt_keeps_what_was_answered(clock: Clock) -> None:
    def lengths() -> Iterator[float]:
        yield from itertools.repeat(SECONDS, 7)
        raise KeyboardInterrupt

    asked = load(clock, queries=queries(clock, "a", seconds=lengths()))
    recorder = Recorder(asked.tier, lambda share: None)
    with pytest.raises(KeyboardInterrupt):
        SCENARIOS["single-stream"].run(asked, recorder)
    assert len(recorder.samples) == 7


def test_numbers_that_do_not_fit_are_refused(clock: Clock) -> None:
    for name, options, message in (
        ("single-stream", {"rate": 3.0}, "rate: got 3.0 for the scenario 'single-stream'"),
        ("offline", {"bound": 1.0}, "bound: got 1.0 for the scenario 'offline'"),
        ("server", {"rate": 0.0}, "rate: got 0.0 queries a second, expected more than 0"),
        ("control", {"rate": float("inf")}, "rate: got inf"),
        ("control", {"bound": float("nan")}, "bound: got nan"),
        ("server", {"workers": 0}, "workers: got 0"),
    ):
        with pytest.raises(UsageError, match=message):
            check_load(name, load(clock, **options))
    check_load("server", load(clock, rate=3.0, bound=0.1))
