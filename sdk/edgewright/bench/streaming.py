"""Recordings played to streams at the pace of speech: a word that is told is a sample.

A piece is given when its last sample was spoken. The schedule is absolute: a piece that is given
late does not move the later ones, nor the recordings that follow, as speech does not wait.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from queue import SimpleQueue
from threading import Event as Flag
from typing import TYPE_CHECKING

from edgewright.audio import PIECE_SECONDS
from edgewright.bench.result import Pace, Sample
from edgewright.bench.summary import total_pace
from edgewright.errors import InputError
from edgewright.runtime import Timings
from edgewright.specs import Array
from edgewright.tasks.base import Recording
from edgewright.tasks.live import FirstTold, SpeechStream
from edgewright.tasks.transcription import Event, Final

if TYPE_CHECKING:
    from edgewright.bench.scenarios import Recorder

PATIENCE = 5.0
"""Seconds of audio in which something must be told, at least: windows are waited for."""
LONGEST_UTTERANCE = 60.0
"""Seconds after which what was told should have been told for good."""
WARM_SECONDS = 5.0
"""Audio of the first recording that is heard before the run."""


@dataclass(frozen=True)
class Call:
    """One call of a stream. Times are seconds from the beginning of the run."""

    due: float
    """When the last sample that it was given was spoken."""
    begun: float
    ended: float
    timings: Timings


class Words:
    """Turns what one stream tells into samples.

    Args:
        name: Of the recording.
        start: When its first sample was spoken, seconds from the beginning of the run.
    """

    def __init__(self, name: str, start: float) -> None:
        self._name, self._start = name, start
        self._told = FirstTold[Call]()
        self._open: list[Call] = []
        """Those that told something of the utterance that goes on."""

    def observe(self, event: Event, call: Call) -> Iterator[Sample]:
        """Yield the words that are now known to stay, each as the call told it that first had it.

        Parts are those of that call. What was computed before it is not part of the delay.
        """
        self._open.append(call)
        told = self._told.observe(event, call)
        for index, (word, first) in enumerate(told):
            due = self._start + word.end
            yield Sample(
                input=self._name,
                due=due,
                begun=first.begun,
                latency=first.ended - due,
                pre=first.timings.pre,
                run=first.timings.run,
                post=first.timings.post,
                waited=first.due - due,
                first=None if index else self._first_output(self._start + word.start, call),
            )
        if isinstance(event, Final):
            self._open = []

    def _first_output(self, start: float, last: Call) -> float:
        """Return the seconds from `start` to the first event; one before it told another thing."""
        return next((one.ended for one in self._open if one.ended >= start), last.ended) - start


class Caller:
    """Plays recordings one after the other, each to a stream of its own."""

    def __init__(self, run: "Streams", recordings: Iterator[Recording], start: float) -> None:
        self._run, self._recordings, self._start = run, recordings, start
        self._calls = self._late = self._ended = 0
        self._audio = self._computing = 0.0

    @property
    def pace(self) -> Pace:
        """How its streams kept up so far."""
        return Pace(
            PIECE_SECONDS, self._calls, self._late, self._ended, self._audio, self._computing
        )

    def play(self) -> None:
        """Play until the run ends."""
        for recording in self._recordings:
            if self._run.is_over:
                return
            self._play(recording)

    def _play(self, recording: Recording) -> None:
        stream, rate, pieces = recording.open(PIECE_SECONDS)
        words, spoken, end = Words(recording.input, self._start), 0, self._start
        for piece in pieces:
            spoken += len(piece)
            end = self._start + spoken / rate
            if self._run.wait_until(end):
                self._cut(stream, words)
                return
            self._audio += len(piece) / rate
            self._listen(stream, partial(stream.feed, piece), words, end)
            self._run.check_told(end)
        self._listen(stream, stream.finish, words, end)
        self._ended += 1
        self._start = end

    def _cut(self, stream: SpeechStream, words: Words) -> None:
        """Keep what was told of the utterance in which the run ended, and nothing that is new."""
        now = self._run.now()
        call = Call(now, now, now, stream.timings)
        for event in stream.finish():
            for sample in words.observe(event, call):
                if sample.begun < now:
                    self._run.answers.put(sample)

    def _listen(
        self, stream: SpeechStream, listen: Callable[[], list[Event]], words: Words, due: float
    ) -> None:
        before, begun = stream.timings, self._run.now()
        events = listen()
        call = Call(due, begun, self._run.now(), stream.timings.since(before))
        self._calls += 1
        self._late += call.ended > due + PIECE_SECONDS
        self._computing += call.ended - begun
        for event in events:
            self._run.told.set()
            for sample in words.observe(event, call):
                self._run.answers.put(sample)


class Streams:
    """Several callers at the same time.

    Args:
        turns: For each caller, what it plays.
        starts: For each, when it begins, seconds from the beginning of the run.
        recorder: Gets the words, and says when they are enough.
        seconds: Of audio, within which something must have been told, or within `PATIENCE`.
    """

    def __init__(
        self,
        turns: Sequence[Iterator[Recording]],
        starts: Sequence[float],
        recorder: "Recorder",
        seconds: float,
    ) -> None:
        self._recorder, self._patience = recorder, max(seconds, PATIENCE)
        self._over = Flag()
        self._callers = [Caller(self, *one) for one in zip(turns, starts, strict=True)]
        self.answers: SimpleQueue[Sample | BaseException] = SimpleQueue()
        self.told = Flag()
        """Whether anything was told."""

    def run(self) -> None:
        """Play until the recorder has enough.

        Raises:
            InputError: A recording cannot be read, or nothing was told in time.
        """
        pool = ThreadPoolExecutor(len(self._callers))
        try:
            for caller in self._callers:
                pool.submit(self._work, caller)
            while not self._recorder.is_done:
                self._keep(self.answers.get())
        finally:
            self._over.set()
            try:
                pool.shutdown()
            finally:
                self._recorder.pace = total_pace([caller.pace for caller in self._callers])
                while not self.answers.empty():
                    if isinstance(answer := self.answers.get(), Sample):
                        self._recorder.add(answer)

    @property
    def is_over(self) -> bool:
        """Whether callers are to stop."""
        return self._over.is_set()

    def now(self) -> float:
        """Return the seconds since the beginning of the run."""
        return self._recorder.now()

    def wait_until(self, due: float) -> bool:
        """Wait, and return whether the run is over."""
        return self._over.wait(max(0.0, due - self.now()))

    def check_told(self, heard: float) -> None:
        """Give up where no word was told, or none for good, in so many seconds of audio.

        Raises:
            InputError: It is so.
        """
        patience = self._patience + (LONGEST_UTTERANCE if self.told.is_set() else 0.0)
        if heard >= patience and len(self._recorder) == 0:
            raise InputError(
                f"inputs: got audio in which no word was told within {patience:g} s, "
                "expected speech; play other files (--input), or longer (--tier)"
            )

    def _work(self, caller: Caller) -> None:
        try:
            caller.play()
        except BaseException as error:  # noqa: BLE001 - it is raised where samples are kept
            self.answers.put(error)

    def _keep(self, answer: Sample | BaseException) -> None:
        if not isinstance(answer, Sample):
            raise answer
        self._recorder.add(answer)


def warm_up(recordings: Sequence[Recording]) -> float:
    """Hear the beginning of a recording as fast as it goes; return the seconds to its first event.

    Where nothing is told, those to its end.
    """
    began, first = time.perf_counter(), None
    stream, _, pieces = recordings[0].open(PIECE_SECONDS)
    for listen in _calls(stream, pieces):
        if listen() and first is None:
            first = time.perf_counter() - began
    return time.perf_counter() - began if first is None else first


def _calls(stream: SpeechStream, pieces: Iterator[Array]) -> Iterator[Callable[[], list[Event]]]:
    for piece in takewhile(lambda _: stream.taken < WARM_SECONDS, pieces):
        yield partial(stream.feed, piece)
    yield stream.finish
