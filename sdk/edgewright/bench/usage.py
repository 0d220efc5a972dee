"""What a process takes of the machine: cores, memory, energy."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edgewright.bench.result import Usage

POWERCAP = Path("/sys/class/powercap")
"""Where Linux shows the energy counters of processors."""
STATM = Path("/proc/self/statm")
PEAK_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes of what the system counts the peak of memory in."""


@dataclass(frozen=True)
class _Moment:
    wall: float
    cpu: float
    preemptions: int
    peak: int
    joules: float | None


class UsageMeter:
    """Measures a stretch of time; `usage` is what it took."""

    usage: Usage

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Measure the block, also where it ends by an exception."""
        before = _moment()
        try:
            yield
        finally:
            after = _moment()
            steady = _resident_bytes()
            self.usage = Usage(
                wall=after.wall - before.wall,
                cpu=after.cpu - before.cpu,
                preemptions=after.preemptions - before.preemptions,
                peak_bytes=max(after.peak, steady or 0),  # which the kernel notes a little later
                steady_bytes=steady,
                joules=_difference(before.joules, after.joules),
            )


def _moment() -> _Moment:
    import resource  # not on Windows, where the other commands work

    used = resource.getrusage(resource.RUSAGE_SELF)
    return _Moment(
        wall=time.perf_counter(),
        cpu=time.process_time(),
        preemptions=used.ru_nivcsw,
        peak=used.ru_maxrss * PEAK_UNIT,
        joules=read_joules(),
    )


def read_joules(powercap: Path = POWERCAP) -> float | None:
    """Return the sum of the counters of all processor packages; none where one cannot be read."""
    packages = [path for path in sorted(powercap.glob("*-rapl:*")) if path.name.count(":") == 1]
    try:
        microjoules = [int((path / "energy_uj").read_text()) for path in packages]
    except (OSError, ValueError):
        return None
    return sum(microjoules) / 1e6 if microjoules else None


def _difference(before: float | None, after: float | None) -> float | None:
    """Return what was used; none without a counter, or where one began anew."""
    if before is None or after is None or after < before:
        return None
    return after - before


def _resident_bytes() -> int | None:
    """Return the memory that the process holds now."""
    if not STATM.exists():
        return None
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
