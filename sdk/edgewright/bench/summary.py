"""From the samples of runs to what is told of them, and several like runs as one."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from edgewright.bench.advice import advise, is_multi_threaded
from edgewright.bench.result import (
    FORMAT,
    FORMAT_VERSION,
    BenchResult,
    Build,
    ColdStart,
    Host,
    Pace,
    Parts,
    Percentile,
    Sample,
    Settings,
    Subject,
    Usage,
)
from edgewright.bench.statistics import percentiles
from edgewright.errors import UsageError
from edgewright.records import plain


@dataclass(frozen=True)
class Circumstances:
    """What a run was, beside its samples."""

    host: Host
    build: Build
    subject: Subject
    settings: Settings
    cold: ColdStart
    usage: Usage
    interrupted: bool
    pace: Pace | None = None


def summarize(runs: Sequence[Sequence[Sample]], what: Circumstances) -> BenchResult:
    """Return what is told of runs under the same circumstances.

    Args:
        runs: The samples of each, at least one in all.
        what: Of all runs together.
    """
    samples = [sample for run in runs for sample in run]
    latency = np.array([sample.latency for sample in samples])
    settings, parts = what.settings, _parts(samples)
    at_a_rate = settings.rate is not None
    idle = at_a_rate or what.pace is not None
    return advise(
        BenchResult(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            **{field.name: getattr(what, field.name) for field in fields(what)},
            queries=len(samples),
            throughput=len(samples) * settings.burst / what.usage.wall,
            arrivals=_arrivals(runs) if at_a_rate else None,
            percentiles=percentiles(latency),
            mean=float(latency.mean()),
            least=float(latency.min()),
            most=float(latency.max()),
            parts=parts,
            real_time_factor=_real_time_factor(samples, what.pace),
            in_time=None if settings.bound is None else float(np.mean(latency <= settings.bound)),
            jitter=_jitter(samples) if settings.scenario == "control" else None,
            multi_threaded=None
            if idle
            else is_multi_threaded(parts, what.usage, what.subject.threads, settings.workers),
            warnings=(),
            first_output=_first_output(samples),
        )
    )


def merge(measured: Sequence[tuple[BenchResult, Sequence[Sample]]]) -> BenchResult:
    """Return several runs as one: their samples together, so that higher percentiles are carried.

    Raises:
        UsageError: There are none, or they are of other machines, builds, bundles, settings or
            inputs. Only seeds may differ.
    """
    if not measured:
        raise UsageError("merge: got no runs, expected at least one; measure a bundle first")
    results = [result for result, _ in measured]
    first = results[0]
    for other in results[1:]:
        _check_alike(first, other)
    usages = [result.usage for result in results]
    joules = [usage.joules for usage in usages if usage.joules is not None]
    usage = Usage(
        wall=sum(usage.wall for usage in usages),
        cpu=sum(usage.cpu for usage in usages),
        preemptions=sum(usage.preemptions for usage in usages),
        peak_bytes=max(usage.peak_bytes for usage in usages),
        steady_bytes=usages[-1].steady_bytes,
        joules=sum(joules) if len(joules) == len(usages) else None,
    )
    what = Circumstances(
        host=first.host,
        build=first.build,
        subject=first.subject,
        settings=first.settings,
        cold=first.cold,
        usage=usage,
        interrupted=any(result.interrupted for result in results),
        pace=total_pace([result.pace for result in results if result.pace is not None]),
    )
    return summarize([samples for _, samples in measured], what)


def total_pace(paces: Sequence[Pace]) -> Pace | None:
    """Return that of all streams together; none of none."""
    if not paces:
        return None
    return Pace(
        piece=paces[0].piece,
        calls=sum(pace.calls for pace in paces),
        late=sum(pace.late for pace in paces),
        streams=sum(pace.streams for pace in paces),
        audio=sum(pace.audio for pace in paces),
        computing=sum(pace.computing for pace in paces),
    )


def _check_alike(a: BenchResult, b: BenchResult) -> None:
    for section in ("host", "build", "subject", "settings"):
        one, other = (plain(getattr(result, section)) for result in (a, b))
        for name in one:
            if name != "seed" and one[name] != other[name]:
                raise UsageError(
                    f"merge: got runs whose {name} is {one[name]!r} and {other[name]!r}, expected "
                    "the same machine, build, bundle, settings and inputs; compare them instead"
                )


def _parts(samples: Sequence[Sample]) -> Parts:
    pre, run, post, latency = (
        np.array([getattr(sample, name) for sample in samples])
        for name in ("pre", "run", "post", "latency")
    )
    waited = np.array([sample.waited for sample in samples if sample.waited is not None])
    rest = latency - pre - run - post - (waited if waited.size else 0.0)
    return Parts(
        *(float(np.median(part)) for part in (pre, run, post, rest)),
        *(float(np.median(part)) for part in (waited,) if part.size),
    )


def _first_output(samples: Sequence[Sample]) -> tuple[Percentile, ...] | None:
    seconds = np.array([sample.first for sample in samples if sample.first is not None])
    return percentiles(seconds) if seconds.size else None


def _real_time_factor(samples: Sequence[Sample], pace: Pace | None) -> float | None:
    if pace is not None:
        return pace.computing / pace.audio
    factors = [(s.pre + s.run + s.post) / s.audio for s in samples if s.audio]
    return float(np.median(factors)) if factors else None


def _arrivals(runs: Sequence[Sequence[Sample]]) -> float | None:
    """Return the queries a second that were due; none of the first alone."""
    spans = sum(max(sample.due for sample in run) for run in runs)
    return sum(len(run) - 1 for run in runs) / spans if spans > 0 else None


def _jitter(samples: Sequence[Sample]) -> float:
    return float(np.std([sample.lateness for sample in samples]))
