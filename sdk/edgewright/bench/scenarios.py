"""How queries come: one by one, in bursts, by chance, all at once, at a fixed rate, or as speech.

The scenarios follow those of MLPerf Inference (Reddi et al. 2020, arXiv:1911.02549) in style; their
results are no results of that benchmark.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import ClassVar, TypeVar

import numpy as np

from edgewright.audio import PIECE_SECONDS
from edgewright.bench.result import Pace, Sample
from edgewright.bench.streaming import Streams
from edgewright.errors import UsageError
from edgewright.runtime import Timings
from edgewright.tasks.base import Query, Recording

T = TypeVar("T")

BURST = 8
"""Inputs of a query of the multi-stream scenario."""
TURNS_AT_ONCE = 64
"""Turns whose order is drawn together, since a draw takes longer than many a query."""
REFRESH = 0.1
"""Seconds between two steps of the progress."""
SPIN = 0.0005
"""Seconds before a due time that are waited for awake: sleeping is not exact."""
UTILIZATION = 0.5
"""Share of one caller's capacity that arrives in the server scenario where no rate is given."""
PATIENCE = 5.0
"""Times the unloaded latency that an answer may take in it where no bound is asked for."""
CONTROL_RATE = 100.0
"""Steps a second of the control scenario where no rate is asked for."""
SPREAD = 1.0
"""Seconds over which streams begin: at one moment, all would compute at the same times."""


@dataclass(frozen=True)
class Tier:
    """How much is measured: at least so many queries, and at least so long."""

    queries: int
    seconds: float


TIERS = {
    "smoke": Tier(64, 6.0),
    "quick": Tier(128, 10.0),
    "normal": Tier(1024, 60.0),
    "full": Tier(1024, 600.0),
}


@dataclass(frozen=True)
class Load:
    """What a scenario is to do."""

    queries: Sequence[Query]
    """Asked in turns."""
    tier: Tier
    workers: int
    """Callers at the same time, where the scenario has several."""
    unloaded: float
    """Seconds of one answer when nothing else is asked."""
    rate: float | None = None
    bound: float | None = None
    seed: int = 0
    recordings: Sequence[Recording] = ()
    """Played in turns, in the scenario that plays some."""


_Asked = tuple[Query, float | None, float, float, Timings, float | None]
"""A query, when it was due, began and ended (by the clock), the parts, and the audio's length."""


class Recorder:
    """Keeps the samples of a run and says when its tier is reached."""

    def __init__(self, tier: Tier, advance: Callable[[float], object]) -> None:
        """Begin.

        Args:
            tier: What to reach.
            advance: Called with the share that is reached, 0 to 1.
        """
        self.pace: Pace | None = None
        """How streams kept up, where some were played."""
        self.is_done = False
        """Whether the last sample was enough."""
        self._tier, self._advance = tier, advance
        self._samples: list[Sample] = []
        self._asked: list[_Asked] = []
        self._start = self._next_look = self._next_advance = time.perf_counter()

    @property
    def samples(self) -> list[Sample]:
        """What was kept."""
        return [*self._samples, *map(self._sample, self._asked)]

    def __len__(self) -> int:
        """Return how many those are."""
        return len(self._samples) + len(self._asked)

    def now(self) -> float:
        """Return the seconds since the beginning."""
        return time.perf_counter() - self._start

    def add(self, sample: Sample) -> None:
        """Keep a sample."""
        self._samples.append(sample)
        self._look(self._start + sample.due + sample.latency)

    def record(self, query: Query, due: float | None = None) -> None:
        """Ask a query now and keep how it went, at the least cost between two queries."""
        begun = time.perf_counter()
        answer = query.ask()
        ended = time.perf_counter()
        audio = getattr(answer, "duration", None)
        self._asked.append((query, due, begun, ended, answer.timings, audio))
        if ended >= self._next_look:
            self._look(ended)

    def ask(self, query: Query, due: float | None = None) -> Sample:
        """Ask a query now and return how it went; `due` is now where it is not given."""
        begun = time.perf_counter()
        answer = query.ask()
        ended = time.perf_counter()
        audio = getattr(answer, "duration", None)
        return self._sample((query, due, begun, ended, answer.timings, audio))

    def _sample(self, asked: _Asked) -> Sample:
        query, due, begun, ended, parts, audio = asked
        begun, ended = begun - self._start, ended - self._start
        due = begun if due is None else due
        return Sample(query.input, due, begun, ended - due, parts.pre, parts.run, parts.post, audio)

    def _look(self, now: float) -> None:
        """See how far the run is; before its seconds are over, only as often as that is shown."""
        count, tier, seconds = len(self), self._tier, now - self._start
        self.is_done = count >= tier.queries and seconds >= tier.seconds
        if now >= self._next_advance:
            self._next_advance = now + REFRESH
            self._advance(min(count / tier.queries, seconds / tier.seconds, 1.0))
        self._next_look = min(self._next_advance, self._start + tier.seconds)


class Scenario(ABC):
    """One way that queries come."""

    help: ClassVar[str]
    several_callers: ClassVar[bool] = False
    """Whether queries are asked at the same time."""
    wants_rate: ClassVar[bool] = False
    bounded: ClassVar[bool] = False
    """Whether answers can be late."""
    burst: ClassVar[int] = 1
    """Inputs of a query."""
    plays: ClassVar[bool] = False
    """Whether recordings are played to streams, and no queries asked."""

    def settle(self, load: Load) -> tuple[float | None, float | None]:
        """Return the rate and the bound that apply."""
        return load.rate, load.bound

    @abstractmethod
    def run(self, load: Load, recorder: Recorder) -> None:
        """Ask until the recorder is done."""


class SingleStream(Scenario):
    """The next query when the last is answered."""

    help = "one query after the other"

    def run(self, load: Load, recorder: Recorder) -> None:
        """Ask one query after the other."""
        for query in _turns(load.queries, load.seed):
            recorder.record(query)
            if recorder.is_done:
                return


class MultiStream(Scenario):
    """Queries of eight inputs, the next when all are answered."""

    help = f"{BURST} inputs at once, the next {BURST} when all are answered"
    several_callers = True
    burst = BURST

    def run(self, load: Load, recorder: Recorder) -> None:
        """Ask bursts; a query is told by its last answer."""
        turns, pool = _turns(load.queries, load.seed), ThreadPoolExecutor(load.workers)
        try:
            while not recorder.is_done:
                due = recorder.now()
                burst = [pool.submit(recorder.ask, next(turns), due) for _ in range(BURST)]
                recorder.add(max((one.result() for one in burst), key=lambda s: s.latency))
        finally:
            pool.shutdown(cancel_futures=True)


class Server(Scenario):
    """Queries that arrive by chance and have to be answered within a bound."""

    help = "queries arrive by chance (Poisson); answers within --bound are in time"
    several_callers = True
    wants_rate = True
    bounded = True

    def settle(self, load: Load) -> tuple[float | None, float | None]:
        """Half of what one caller could answer, and five times the unloaded latency."""
        rate = load.rate or UTILIZATION / load.unloaded
        return rate, load.bound or PATIENCE * load.unloaded

    def run(self, load: Load, recorder: Recorder) -> None:
        """Ask when queries arrive; those that no worker is free for wait.

        Where so many wait that they would take as long as the tier, no more arrive: more of them
        would tell nothing but that it is overloaded.
        """
        rate, _ = self.settle(load)
        generator, due = np.random.default_rng(load.seed), 0.0
        turns = _turns(load.queries, load.seed)
        backlog = max(load.tier.queries, load.tier.seconds * load.workers / load.unloaded)
        with _Pool(load.workers, recorder) as pool:
            while not recorder.is_done:
                if pool.waiting > backlog:
                    return
                due += generator.exponential(1 / (rate or 1))
                pool.collect(until=due)
                pool.submit(next(turns), due)


class Offline(Scenario):
    """All queries are there from the beginning: how many are answered a second."""

    help = "all queries are there at once: throughput"
    several_callers = True

    def run(self, load: Load, recorder: Recorder) -> None:
        """Keep all workers busy; the latency of a query is counted from when it begins."""
        turns = _turns(load.queries, load.seed)
        with _Pool(load.workers, recorder) as pool:
            while not recorder.is_done:
                pool.submit(next(turns), None)
                pool.wait_for_room()


class Control(Scenario):
    """Queries that are due at a fixed rate, each before the next one is."""

    help = "steps at a fixed --rate: missed deadlines and jitter"
    wants_rate = True
    bounded = True

    def settle(self, load: Load) -> tuple[float | None, float | None]:
        """100 steps a second, and an answer before the next step."""
        rate = load.rate or CONTROL_RATE
        return rate, load.bound or 1 / rate

    def run(self, load: Load, recorder: Recorder) -> None:
        """Ask at the due times; a step that comes too late does not move the later ones."""
        rate, _ = self.settle(load)
        for step, query in enumerate(_turns(load.queries, load.seed)):
            if recorder.is_done:
                return
            due = step / (rate or 1)
            _sleep_until(due, recorder)
            recorder.record(query, due)


class Streaming(Scenario):
    """Speech at its own pace, a word a sample, from its end to when it was told."""

    help = (
        f"speech at its own pace, in pieces of {1e3 * PIECE_SECONDS:.0f} ms: emission delay of the "
        "words; --workers streams at once"
    )
    several_callers = True
    plays = True

    def run(self, load: Load, recorder: Recorder) -> None:
        """Play to as many streams as there are workers; all but the first begin by chance."""
        streams = range(load.workers)
        starts = np.random.default_rng(load.seed).uniform(0, SPREAD, load.workers)
        turns = [_turns(load.recordings, [load.seed, stream]) for stream in streams]
        Streams(turns, [0.0, *starts.tolist()[1:]], recorder, load.tier.seconds).run()


SCENARIOS: dict[str, Scenario] = {
    "single-stream": SingleStream(),
    "multi-stream": MultiStream(),
    "server": Server(),
    "offline": Offline(),
    "control": Control(),
    "streaming": Streaming(),
}


def check_load(scenario: str, load: Load) -> None:
    """Check what was asked for.

    Raises:
        UsageError: A number is out of range, or given to a scenario that has none of its kind.
    """
    kind = SCENARIOS[scenario]
    wanted = {"rate": (load.rate, kind.wants_rate), "bound": (load.bound, kind.bounded)}
    for name, (value, taken) in wanted.items():
        if value is not None and not taken:
            raise UsageError(
                f"{name}: got {value} for the scenario '{scenario}', expected none; leave it out"
            )
        if value is not None and not 0 < value < float("inf"):
            unit = "queries a second" if name == "rate" else "seconds"
            raise UsageError(f"{name}: got {value} {unit}, expected more than 0; change it")
    if load.workers < 1 or (load.workers > 1 and not kind.several_callers):
        expected = "at least 1" if kind.several_callers else f"1 in the scenario '{scenario}'"
        raise UsageError(f"workers: got {load.workers}, expected {expected}; change it")
    if load.seed < 0:
        raise UsageError(f"seed: got {load.seed}, expected 0 or more; change it")


def _turns(asked: Sequence[T], seed: int | Sequence[int]) -> Iterator[T]:
    """Yield queries or recordings in turns, each turn in an order of its own."""
    generator = np.random.default_rng(seed)
    turns = np.tile(np.arange(len(asked)), (TURNS_AT_ONCE, 1))
    while True:
        for index in generator.permuted(turns, axis=1).ravel().tolist():
            yield asked[index]


def _sleep_until(due: float, recorder: Recorder) -> None:
    while (left := due - recorder.now()) > 0:
        if left > SPIN:
            time.sleep(left - SPIN)


class _Pool:
    """Workers that ask queries; the caller takes in the samples."""

    def __init__(self, workers: int, recorder: Recorder) -> None:
        self._executor = ThreadPoolExecutor(workers)
        self._workers, self._recorder = workers, recorder
        self._answered: SimpleQueue[Sample | BaseException] = SimpleQueue()
        self.waiting = 0
        """Queries that were submitted and are not answered."""

    def __enter__(self) -> "_Pool":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._executor.shutdown(cancel_futures=kind is not None)
        except BaseException as error:  # an interrupt while the last ones are answered
            self._executor.shutdown(cancel_futures=True)
            kind = type(error)
            raise
        finally:
            while not self._answered.empty():
                answer = self._answered.get()
                if kind is None or isinstance(answer, Sample):
                    self._keep(answer)

    def submit(self, query: Query, due: float | None) -> None:
        """Let a worker ask a query as soon as one is free."""
        self.waiting += 1
        self._executor.submit(self._work, query, due)

    def _work(self, query: Query, due: float | None) -> None:
        try:
            self._answered.put(self._recorder.ask(query, due))
        except BaseException as error:  # noqa: BLE001 - it is raised where samples are kept
            self._answered.put(error)

    def collect(self, until: float) -> None:
        """Take in what is answered, until a time comes."""
        with suppress(Empty):
            while True:
                left = until - self._recorder.now() - SPIN
                self._keep(self._answered.get(left > 0, left if left > 0 else None))
        _sleep_until(until, self._recorder)

    def wait_for_room(self) -> None:
        """Take in answers until a query that is asked now waits behind one of each worker."""
        while self.waiting >= 2 * self._workers:
            self._keep(self._answered.get())

    def _keep(self, answer: Sample | BaseException) -> None:
        self.waiting -= 1
        if not isinstance(answer, Sample):
            raise answer
        self._recorder.add(answer)
