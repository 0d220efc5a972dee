"""Progress on terminals and elsewhere."""

import io

import pytest

from edgewright import progress as progress_module
from edgewright.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain_lines_come_at_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress.start("quick")
        progress.start("reading", 200, unit="bytes")
        for second in range(1, 21):
            now[0] = second
            progress.advance_to(10 * second)
    assert stream.getvalue().splitlines() == [
        "quick …", "reading …", "reading: 50 %", "reading: 100 %", "reading: finished after 20 s",
    ]  # fmt: skip


def test_steps_without_a_total_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    with Progress(stream) as progress:
        progress.start("running", unit="episodes")
        now[0] = 11.0
        progress.advance()
        progress.advance(2)
    assert "running: 1 episodes" in stream.getvalue()


def test_a_terminal_gets_a_bar() -> None:
    stream = Terminal()
    with Progress(stream) as progress:
        progress.start("reading", 100, unit="bytes")
        progress.advance(100)
    assert "reading" in stream.getvalue()
    assert "100/100 bytes" in stream.getvalue()
