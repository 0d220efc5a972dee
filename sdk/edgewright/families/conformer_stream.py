"""Speech that comes in pieces: words while it is spoken, utterances when they end."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edgewright.alone import Alone
from edgewright.audio import LiveAudio, Loudness, Waveform
from edgewright.ctc import CTCStream, CTCToken, Hypothesis, Sentence
from edgewright.endpointing import EndpointConfig, Endpointer
from edgewright.errors import StateError
from edgewright.families.conformer_config import ConformerCTCConfig
from edgewright.families.conformer_encoders import Encoder
from edgewright.families.conformer_graph import Logits
from edgewright.runtime import Runtime, Stopwatch
from edgewright.tasks.transcription import (
    AudioTimings,
    Ending,
    Event,
    Final,
    Partial,
    Streaming,
    Word,
)
from edgewright.transcript import Found, fit_words

BLOCK_SECONDS = 0.02
"""Pauses are looked for, and events told, where this many seconds of audio end: so events do not
depend on the pieces that audio comes in."""
LATE_SECONDS = 0.24
"""How much audio behind the end of speech is heard before a pause ends an utterance: the graph says
a last word a few frames late."""

SearchStream: TypeAlias = (
    CTCStream[tuple[CTCToken, ...]] | CTCStream[Hypothesis] | CTCStream[Sentence]
)


class Listener:
    """Decodes the logits of one utterance.

    Args:
        search: Finds tokens or words in logits that come in pieces.
        words: Turns what was found into words with times, given where the utterance begins.
    """

    def __init__(self, search: SearchStream, words: Callable[[Found, float], list[Word]]) -> None:
        self._search, self._words = search, words
        self._held: list[Logits] = []

    def feed(self, logits: Logits) -> None:
        """Take in what follows."""
        self._search.feed(logits)
        self._held.append(logits)

    def words(self, start: float) -> list[Word]:
        """Return the words so far; `start` is that of the first logits, seconds."""
        return self._words(self._search.best()[0], start)

    def drop(self, frames: int | None = None) -> int:
        """Begin the next utterance.

        Args:
            frames: Of this one; what follows on them belongs to the next. None: all.

        Returns:
            Frames that belong to the next.
        """
        held, self._held = self._held, []
        self._search.reset()
        if frames is None:
            return 0
        rest = np.concatenate(held)[frames:]
        self.feed(rest)
        return len(rest)


class TranscriptionStream:
    """A recognizer's answer to one stream of audio, for one caller at a time.

    `feed` pieces of any size, `finish` at the end; both return events, in this order and no other:

    - `Partial`s of an utterance, each of which may correct the one before, then its `Final`.
    - A `Final` never changes, and no utterance is told twice. Words are in time order over all
      `Final`s, without overlap; `position` never goes back.
    - Events do not depend on how the audio was cut into pieces. Where `streaming` is `states` and
      there is one utterance, its words are those of the model called on the whole audio.

    A call that raises `InputError` leaves the stream as it was. After `finish`, or after a call
    that was interrupted or failed otherwise, only `reset` is left. Memory does not grow with the
    length of the stream.
    """

    def __init__(
        self,
        encoder: Encoder,
        listener: Listener,
        config: ConformerCTCConfig,
        runtime: Runtime,
        *,
        sample_rate: int | None,
        endpoint: EndpointConfig | None,
    ) -> None:
        """Put the parts together; see `ConformerCTC.stream`."""
        rate = config.sample_rate
        self._audio = LiveAudio(rate, sample_rate)
        self._encoder, self._listener, self._runtime = encoder, listener, runtime
        self._endpointer = Endpointer(rate, endpoint, config.max_segment)
        self._loudness = Loudness(rate)
        self._rate, self._frame_seconds = rate, config.frame_seconds
        self._block = round(BLOCK_SECONDS * rate)
        self._alone = Alone("stream", "open one stream per caller")
        self._problem: str | None
        self._begin()

    @property
    def streaming(self) -> Streaming:
        """How it computes."""
        return self._encoder.streaming

    @property
    def position(self) -> float:
        """Seconds of audio that were taken in."""
        return self._num_samples / self._rate

    def feed(
        self,
        piece: NDArray[np.float32] | NDArray[np.int16],
        *,
        sample_rate: int | None = None,
    ) -> list[Event]:
        """Listen to the next piece.

        Args:
            piece: int16 or float32 in [-1, 1], (samples,) or (samples, channels), at least one
                sample; as many channels in every piece.
            sample_rate: Hz; where it is given, it must be that of the stream.

        Raises:
            InputTypeError: Another dtype.
            InputError: No samples, NaN, infinity, or another shape, rate or number of channels.
            StateError: The stream is finished or broken, or another thread is in it.
        """
        with self._alone:
            self._check_open()
            waveform = self._audio.feed(piece, sample_rate=sample_rate)
            self._problem = "was interrupted or failed"
            events = self._listen(waveform)
            self._problem = None
            return events

    def finish(self) -> list[Event]:
        """Listen to the end: the last `Final`, where something was said since the one before.

        Raises:
            StateError: The stream is finished or broken, or another thread is in it.
        """
        with self._alone:
            self._check_open()
            self._problem = "is finished"
            events = self._listen(self._audio.finish())
            self._hear(self._encoder.finish(self._watch))
            return [*events, *self._end("finish")]

    def reset(self) -> None:
        """Begin a new stream, whose events are those of a new object.

        Raises:
            StateError: Another thread is in the stream.
        """
        with self._alone:
            self._audio.reset()
            self._encoder.reset()
            self._endpointer.reset()
            self._begin()

    def close(self) -> None:
        """Take in nothing more; what was not finished is dropped."""
        self._problem = "is closed"

    def __enter__(self) -> "TranscriptionStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        self._problem = None
        self._num_samples = self._num_frames = 0
        self._heard_new = False
        self._loudness.reset()
        self._begin_utterance(None)

    def _begin_utterance(self, frames: int | None) -> None:
        """Begin the next utterance behind `frames` of this one, None for all."""
        carried = self._listener.drop(frames)
        self._endpointer.begin()
        if not carried:
            self._loudness.reset()
        self._start = (self._num_frames - carried) * self._frame_seconds
        self._audio_start = self.position
        self._told: tuple[str, ...] = ()
        self._watch = Stopwatch()

    def _check_open(self) -> None:
        if self._problem is not None:
            raise StateError(
                f"stream: got a call after it {self._problem}, expected an open one; call reset() "
                "for a new stream"
            )

    def _listen(self, waveform: Waveform) -> list[Event]:
        self._watch.resume()
        return [event for block in self._blocks(waveform) for event in self._advance(block)]

    def _blocks(self, waveform: Waveform) -> Iterator[Waveform]:
        """Cut at whole blocks of the stream."""
        while waveform.size:
            size = self._block - self._num_samples % self._block
            yield waveform[:size]
            waveform = waveform[size:]

    def _advance(self, block: Waveform) -> list[Event]:
        """Listen to a block, or a part of one."""
        self._num_samples += block.size
        self._endpointer.feed(block)
        self._loudness.feed(block)
        self._watch.lap("pre")
        self._hear(self._encoder.feed(block, self._watch))
        if self._num_samples % self._block:
            return []
        if self._endpointer.is_too_long:
            return self._end("length")
        if self._endpointer.is_pause and self._has_heard_speech:
            return self._end("pause")
        return self._tell() if self._heard_new else []

    def _hear(self, logits: Logits) -> None:
        if len(logits):
            self._num_frames += len(logits)
            self._listener.feed(logits)
            self._heard_new = True
            self._watch.lap("post")

    @property
    def _has_heard_speech(self) -> bool:
        heard = self._num_frames * self._frame_seconds
        return heard >= self._endpointer.speech_end + LATE_SECONDS

    def _words(self) -> tuple[Word, ...]:
        if self._loudness.is_silence:
            return ()
        words = self._listener.words(self._start)
        return tuple(fit_words(words, self._start, self.position, self._frame_seconds))

    def _tell(self) -> list[Event]:
        self._heard_new = False
        words = self._words()
        self._watch.lap("post")
        texts = tuple(word.text for word in words)
        if texts == self._told:
            return []
        self._told = texts
        return [Partial(" ".join(texts), words, self.position, self.streaming)]

    def _end(self, ending: Ending) -> list[Event]:
        """End the utterance; tell it where something was said."""
        self._heard_new = False
        words, frames = self._words(), None
        if ending == "length" and len(words) > 1:  # the last word may go on
            frames = round((words[-1].start - self._start) / self._frame_seconds)
            words = words[:-1]
        self._watch.lap("post")
        final = self._final(words, ending) if words else None
        self._begin_utterance(frames)
        return [] if final is None else [final]

    def _final(self, words: tuple[Word, ...], ending: Ending) -> Final:
        return Final(
            text=" ".join(word.text for word in words),
            words=words,
            position=self.position,
            speech_end=self._endpointer.speech_end if ending == "pause" else words[-1].end,
            ending=ending,
            timings=self._timings(),
            streaming=self.streaming,
            runtime=self._runtime,
        )

    def _timings(self) -> AudioTimings:
        timings = self._watch.timings()
        seconds = self.position - self._audio_start
        factor = timings.total / seconds if seconds else 0.0
        return AudioTimings(timings.pre, timings.run, timings.post, timings.total, factor)
