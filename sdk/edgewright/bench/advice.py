"""What a performance engineer would say of a run: how far its figures carry."""

from collections.abc import Iterator
from dataclasses import replace

from edgewright.bench.result import BenchResult, Parts, Usage, Warned

LONG_TAIL = 6.0
"""Times the median from which on the 99th percentile is pointed at."""
STARVED = 0.6
"""Share of the cores that a run should have kept busy, below which its threads starved."""
AWAY = 0.9
"""Share of its time below which a single thread was away from the core too long."""
BEHIND = 0.95
"""Share of the arrivals, or of the pieces of speech, below which the answers do not keep up."""


def is_multi_threaded(parts: Parts, usage: Usage, threads: int, workers: int) -> bool:
    """Return whether a run says anything of several threads: their cores were really busy."""
    return threads * workers > 1 and usage.cpu_per_wall >= STARVED * _busy(parts, threads, workers)


def _busy(parts: Parts, threads: int, workers: int) -> float:
    """Return the cores that should be busy on average: `threads` of them while graphs run."""
    total = parts.pre + parts.run + parts.post
    share = parts.run / total if total else 1.0
    return workers * (share * threads + 1 - share)


def advise(result: BenchResult) -> BenchResult:
    """Return the result with its warnings."""
    return replace(result, warnings=tuple(_warnings(result)))


def _warnings(result: BenchResult) -> Iterator[Warned]:
    yield from _tail(result)
    if result.multi_threaded is not None:
        yield from _cores(result)
    yield from _overload(result)
    if result.interrupted:
        text = f"ended by an interrupt after {result.queries} queries: not a run of its tier"
        yield Warned("short", text)


def _tail(result: BenchResult) -> Iterator[Warned]:
    seconds = {percentile.name: percentile.seconds for percentile in result.percentiles}
    median, tail = seconds["p50"], seconds["p99"]
    if median and tail and tail > LONG_TAIL * median > 0:
        text = (
            f"p99 is {tail / median:.1f} times the median: look at the samples for what comes in "
            "between, and quote both"
        )
        yield Warned("tail", text)


def _cores(result: BenchResult) -> Iterator[Warned]:
    threads, workers = result.subject.threads, result.settings.workers
    busy = result.usage.cpu_per_wall
    if threads * workers > 1 and not result.multi_threaded:
        text = (
            f"cpu/wall {busy:.2f} with {threads} threads and {workers} callers: they starved, or "
            "there was nothing for them to do; this run is no evidence for several threads"
        )
        yield Warned("starved", text)
    elif threads * workers == 1 and busy < AWAY:
        text = (
            f"cpu/wall {busy:.2f} on one thread, {result.usage.preemptions} preemptions: another "
            "process is busy, or the inputs are waited for"
        )
        yield Warned("busy machine", text)


def _overload(result: BenchResult) -> Iterator[Warned]:
    arrivals = result.arrivals
    if arrivals is not None and result.throughput < BEHIND * arrivals:
        text = (
            f"{result.throughput:.1f} answers a second of {arrivals:.1f} that were due: the "
            "machine does not keep up, and latency grows with the length of the run"
        )
        yield Warned("overload", text)
    pace = result.pace
    if pace is not None and pace.in_time < BEHIND:
        text = (
            f"{pace.late} of {pace.calls} pieces were answered after the next one was due: the "
            f"machine does not keep the pace of speech ({result.settings.workers} at once), or "
            "another process is busy, and words come late; play fewer streams, or another variant"
        )
        yield Warned("overload", text)
