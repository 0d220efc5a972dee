"""What a training loop shows and how it is stopped."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class CurvePoint(Protocol):
    """A point of the training curve."""

    @property
    def step(self) -> int:
        """Steps done."""

    @property
    def train_loss(self) -> float:
        """Mean training loss since the point before."""

    @property
    def dev_metric(self) -> float:
        """Development metric."""


Show = Callable[[int, float, Sequence[CurvePoint]], None]
"""(steps done, seconds spent, points so far): called after every step."""


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM in the list it yields instead of dying in the middle of a step."""
    stopped: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        stopped.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, remember) for number in numbers}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def training_progress(name: str, num_steps: int) -> Iterator[Show]:
    """Show a bar and one line per new point on standard error."""
    console = Console(file=sys.stderr)
    columns = (
        TextColumn(name),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(name, total=num_steps, note="")
        printed = 0

        def show(step: int, seconds: float, history: Sequence[CurvePoint]) -> None:
            nonlocal printed
            for point in history[printed:]:
                console.print(
                    f"step {point.step}  loss {point.train_loss:.4f}  dev {point.dev_metric:.4f}  "
                    f"{seconds:.0f} s"
                )
            printed = len(history)
            note = f"dev {history[-1].dev_metric:.4f}" if history else ""
            progress.update(task, completed=step, note=note)

        yield show
