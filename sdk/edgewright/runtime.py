"""What ran, and how long each part took: the two records that every result carries."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Runtime:
    """What a loaded model runs on."""

    bundle: str
    """Name and version of the bundle."""
    bundle_digest: str
    """SHA-256 (hex) of its manifest."""
    family: str
    variant: str
    precision: str
    backend: str
    device: str
    provider: str
    """Execution provider that the session reported after it was opened."""
    threads: int
    """Threads of one inference."""
    shared_threads: bool
    """Whether these threads belong to the pool of `set_threads`, shared by all models."""
    placement: tuple[str, ...]
    """One line per candidate that was considered: taken, or why not; then one per component of
    which a part runs on the CPU beside the device."""
    fallback: str | None
    """What was asked for and not had (only with `strict=False`); none otherwise."""

    def __str__(self) -> str:
        pool = ("shared " if self.shared_threads else "") + (
            "thread" if self.threads == 1 else "threads"
        )
        return (
            f"{self.bundle}, variant {self.variant} ({self.precision}) "
            f"on {self.provider}, {self.threads} {pool}"
        )


@dataclass(frozen=True)
class Timings:
    """Wall-clock seconds of one call; the results of one batch share the timings of their call."""

    pre: float
    """Preparing the inputs."""
    run: float
    """Running the graph."""
    post: float
    """Turning outputs into the answer."""
    total: float
    """All of the call."""

    def since(self, earlier: "Timings") -> "Timings":
        """Return what was booked after `earlier` of the same watch."""
        return Timings(
            self.pre - earlier.pre,
            self.run - earlier.run,
            self.post - earlier.post,
            self.total - earlier.total,
        )

    def __str__(self) -> str:
        pre, run, post, total = (
            f"{1e3 * value:.2f}" for value in (self.pre, self.run, self.post, self.total)
        )
        return f"{total} ms (pre {pre}, run {run}, post {post})"


class Stopwatch:
    """Adds up the seconds of the three parts of a call.

    `lap(part)` books the time since the previous lap (or the start) on `part`.
    """

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._parts = {"pre": 0.0, "run": 0.0, "post": 0.0}

    def resume(self) -> None:
        """Leave out the time since the last lap."""
        now = time.perf_counter()
        self._start += now - self._last
        self._last = now

    def lap(self, part: str) -> None:
        """Book the time since the last lap on `part`: `pre`, `run` or `post`."""
        now = time.perf_counter()
        self._parts[part] += now - self._last
        self._last = now

    def timings(self) -> Timings:
        """Return what was booked; `total` ends at the last lap."""
        return Timings(**self._parts, total=self._last - self._start)
