"""Audio files played to a stream: as fast as it goes, or as fast as they were spoken."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any, Generic, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgewright.audio import paced, read_pieces
from edgewright.bench.result import Percentile
from edgewright.bench.statistics import percentiles
from edgewright.errors import UsageError
from edgewright.runtime import Runtime, Timings
from edgewright.tasks.transcription import Event, Final, Streaming, Word

T = TypeVar("T")

LONGEST_PIECE = 60.0
"""Seconds of audio given to a stream at a time."""


class SpeechStream(Protocol):
    """What the `stream` of a recognizer returns."""

    @property
    def streaming(self) -> Streaming:
        """How it computes."""

    @property
    def taken(self) -> float:
        """Seconds of audio that were taken in."""

    @property
    def timings(self) -> Timings:
        """Of all calls since the stream began."""

    def feed(self, piece: Any, *, sample_rate: int | None = None) -> list[Event]:
        """Listen to the next piece."""

    def finish(self) -> list[Event]:
        """Listen to the end."""

    def reset(self) -> None:
        """Begin a new stream."""

    def close(self) -> None:
        """Take in nothing more."""


@dataclass(frozen=True)
class Played:
    """What became of one file."""

    input: str
    """Path of the file."""
    text: str
    """Of all utterances."""
    duration: float
    """Seconds of audio."""
    utterances: int
    """Number of `Final`s."""
    real_time_factor: float
    """Compute time divided by audio time."""
    streaming: Streaming
    runtime: Runtime
    event: Literal["played"] = "played"

    def __str__(self) -> str:
        return (
            f"{self.input}: {self.utterances} utterances in {self.duration:.2f} s, real-time "
            f"factor {self.real_time_factor:.3f}"
        )


@dataclass(frozen=True)
class EmissionDelay:
    """How long after its end a word was told, over all files."""

    clock: Literal["real time", "audio"]
    """Whether the files were played at the pace of speech, and the computing counts; or the delay
    is that of the audio which the stream had to hear."""
    words: int
    """Words that were told."""
    percentiles: tuple[Percentile, ...]
    """Of the seconds from the end of a word, as the recognizer has it, to the first event that has
    the word as it stayed."""
    event: Literal["emission delay"] = "emission delay"

    def __str__(self) -> str:
        known = (one for one in self.percentiles if one.seconds is not None)
        shown = ", ".join(f"{one.name} {1e3 * (one.seconds or 0):.0f} ms" for one in known)
        return f"emission delay ({self.clock}) of {self.words} words: {shown}"


class FirstTold(Generic[T]):
    """Finds the event that first had a word as it stayed."""

    def __init__(self) -> None:
        self._told: list[tuple[str, T]] = []

    def observe(self, event: Event, mark: T) -> list[tuple[Word, T]]:
        """Take in the next event; return the words of a `Final`, of a `Partial` none.

        Args:
            event: What the stream told.
            mark: Of the event: each word is returned with that of the event which first had it.
        """
        texts = [word.text for word in event.words]
        before = zip_longest(texts, self._told[: len(texts)])
        self._told = [old if old and old[0] == text else (text, mark) for text, old in before]
        if not isinstance(event, Final):
            return []
        marks, self._told = [mark for _, mark in self._told], []
        return list(zip(event.words, marks, strict=True))


class EmissionDelays:
    """Notes how long after its end each word was first told as it stayed."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        """One for each word of the `Final`s so far."""
        self._told = FirstTold[float]()

    def observe(self, event: Event, now: float) -> None:
        """Take in the next event, told at `now`: seconds on the clock of the words' times."""
        self.seconds += [told - word.end for word, told in self._told.observe(event, now)]


class Player:
    """Plays files to streams of one model.

    Args:
        open_stream: Returns a stream for audio of a sample rate, Hz.
        runtime: Of the model.
        piece_seconds: How much a stream is given at a time.
        real_time: Give it no piece before its last sample was spoken.

    Raises:
        UsageError: `piece_seconds` is no time.
    """

    def __init__(
        self,
        open_stream: Callable[[int], SpeechStream],
        runtime: Runtime,
        *,
        piece_seconds: float,
        real_time: bool,
    ) -> None:
        if not 0 < piece_seconds <= LONGEST_PIECE:
            raise UsageError(
                f"piece: got {1e3 * piece_seconds:g} ms, expected above 0 and up to "
                f"{1e3 * LONGEST_PIECE:g}; keep 100"
            )
        self._open_stream, self._runtime = open_stream, runtime
        self._piece_seconds, self._real_time = piece_seconds, real_time
        self._delays = EmissionDelays()

    def play(self, path: str) -> Iterator[Event | Played]:
        """Yield the events of a file as they come, then what became of it.

        Raises:
            InputNotFoundError: The file does not exist.
            InputError: It cannot be read.
        """
        rate, pieces = read_pieces(path, self._piece_seconds)
        stream, texts = self._open_stream(rate), list[str]()
        self._start, self._busy = time.perf_counter(), 0.0
        for event in self._events(stream, paced(pieces, rate) if self._real_time else pieces):
            texts += [event.text] if isinstance(event, Final) else []
            yield event
        yield Played(
            input=path,
            text=" ".join(texts),
            duration=stream.taken,
            utterances=len(texts),
            real_time_factor=self._busy / stream.taken,
            streaming=stream.streaming,
            runtime=self._runtime,
        )

    def emission_delay(self) -> EmissionDelay | None:
        """Return that of all files so far; none where no word was told."""
        seconds = np.array(self._delays.seconds)
        if not seconds.size:
            return None
        clock: Literal["real time", "audio"] = "real time" if self._real_time else "audio"
        return EmissionDelay(clock, seconds.size, percentiles(seconds))

    def _events(
        self, stream: SpeechStream, pieces: Iterator[NDArray[np.generic]]
    ) -> Iterator[Event]:
        for piece in pieces:
            yield from self._told(partial(stream.feed, piece))
        yield from self._told(stream.finish)

    def _told(self, listen: Callable[[], list[Event]]) -> list[Event]:
        before = time.perf_counter()
        events = listen()
        after = time.perf_counter()
        self._busy += after - before
        for event in events:
            self._delays.observe(event, after - self._start if self._real_time else event.position)
        return events
