"""Progress of long work on standard error: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from typing import TextIO

PLAIN_INTERVAL = 10.0
"""Seconds between two lines of one stage where there is no terminal."""


class Progress:
    """Shows one stage of work at a time; a context manager.

    `start` a stage, then `advance` it; the next `start`, or leaving the block, ends it.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._view: _Bar | _Lines | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._finish()

    def start(self, description: str, total: int | None = None, *, unit: str = "") -> None:
        """Begin a stage.

        Args:
            description: What is being done, in a few words.
            total: Steps that `advance` will count; none if unknown.
            unit: What a step is; `bytes` are shown as kB, MB, ….
        """
        self._finish()
        kind = _Bar if self._stream.isatty() else _Lines
        self._view = kind(self._stream, description, total, unit)

    def advance(self, steps: int = 1) -> None:
        """Count `steps` more."""
        if self._view is not None:
            self._view.show(self._view.done + steps)

    def advance_to(self, done: int) -> None:
        """Set the steps that are done."""
        if self._view is not None:
            self._view.show(done)

    def _finish(self) -> None:
        if self._view is not None:
            self._view.finish()
            self._view = None


class _Bar:
    """A rich progress bar."""

    def __init__(self, stream: TextIO, description: str, total: int | None, unit: str) -> None:
        from rich import progress
        from rich.console import Console

        amount = progress.DownloadColumn() if unit == "bytes" else progress.MofNCompleteColumn()
        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            amount,
            progress.TimeElapsedColumn(),
        )
        self._bar = progress.Progress(*columns, console=Console(file=stream))
        self._task = self._bar.add_task(description, total=total)
        self._bar.start()
        self.done = 0

    def show(self, done: int) -> None:
        self.done = done
        self._bar.update(self._task, completed=done)

    def finish(self) -> None:
        self._bar.stop()


class _Lines:
    """A line at the start, one every ten seconds, and one at the end of a longer stage."""

    def __init__(self, stream: TextIO, description: str, total: int | None, unit: str) -> None:
        self._stream, self._description, self._total, self._unit = stream, description, total, unit
        self._begin = self._last = time.monotonic()
        self.done = 0
        self._print(f"{description} …")

    def show(self, done: int) -> None:
        self.done = done
        now = time.monotonic()
        if now - self._last >= PLAIN_INTERVAL:
            self._last = now
            self._print(f"{self._description}: {self._amount()}")

    def finish(self) -> None:
        if self._last != self._begin:
            seconds = time.monotonic() - self._begin
            self._print(f"{self._description}: finished after {seconds:.0f} s")

    def _amount(self) -> str:
        if self._total:
            return f"{100 * self.done // self._total} %"
        return f"{self.done} {self._unit}".rstrip()

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)
