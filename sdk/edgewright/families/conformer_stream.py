"""Speech that comes in pieces: words while it is spoken, utterances when they end."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from edgewright.alone import Alone
from edgewright.audio import LiveAudio, Waveform
from edgewright.ctc import MAX_BEAM_FRAMES
from edgewright.endpointing import EndpointConfig, Endpointer
from edgewright.errors import InputError, StateError
from edgewright.families.conformer_config import ConformerCTCConfig
from edgewright.families.conformer_encoders import Encoder
from edgewright.families.conformer_graph import Logits
from edgewright.families.conformer_utterance import Utterance
from edgewright.pauses import Loudness
from edgewright.runtime import Runtime, Stopwatch, Timings
from edgewright.tasks.transcription import (
    AudioTimings,
    Ending,
    Event,
    Final,
    Partial,
    Streaming,
    Word,
)

BLOCK_SECONDS = 0.02
"""Pauses are looked for, and events told, where this many seconds of audio end: so events do not
depend on the pieces that audio comes in."""
LATE_SECONDS = 0.24
"""How much audio behind the end of speech is heard before a pause ends an utterance: the graph says
a last word a few frames late."""
GOING_ON_SECONDS = 1.0
"""What was heard so lately may be the beginning of a word, or of more of one."""
_BROKEN = "was interrupted or failed"


class TranscriptionStream:
    """A recognizer's answer to one stream of audio, for one caller at a time.

    `feed` pieces of any size, `finish` at the end; both return events, in this order and no other:

    - `Partial`s of an utterance, each of which may correct the one before, then its `Final`; where
      all words were taken back, an empty `Partial` instead.
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
        utterance: Utterance,
        config: ConformerCTCConfig,
        runtime: Runtime,
        *,
        sample_rate: int | None,
        endpoint: EndpointConfig | None,
    ) -> None:
        """Put the parts together; see `ConformerCTC.stream`."""
        rate = config.sample_rate
        self._audio = LiveAudio(rate, sample_rate)
        self._encoder, self._utterance, self._runtime = encoder, utterance, runtime
        # What is carried over from one to the next is no longer than half of it.
        most = MAX_BEAM_FRAMES // 2 * config.frame_seconds
        self._longest = min(config.max_segment, most)
        self._endpointer = Endpointer(rate, endpoint, self._longest)
        self._loudness = Loudness(rate)
        self._rate, self._block = rate, round(BLOCK_SECONDS * rate)
        self._alone = Alone("stream", "open one stream per caller")
        self._is_closed = False
        self._problem: str | None
        self._begin()

    @property
    def streaming(self) -> Streaming:
        """How it computes."""
        return self._encoder.streaming

    @property
    def position(self) -> float:
        """Seconds of audio that were heard; resampling keeps the last few ms until more comes."""
        return self._num_samples / self._rate

    @property
    def taken(self) -> float:
        """Seconds of audio that were taken in."""
        return self._audio.seconds

    @property
    def timings(self) -> Timings:
        """Of all calls since the stream began."""
        return self._watch.timings()

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
            StateError: The stream is finished, closed or broken, or another thread is in it.
        """
        with self._call():
            try:
                waveform = self._audio.feed(piece, sample_rate=sample_rate)
            except InputError:  # before anything was taken in
                self._problem = None
                raise
            return self._listen(waveform)

    def finish(self) -> list[Event]:
        """Listen to the end: the last `Final`, where something was said since the one before.

        Raises:
            StateError: The stream is finished, closed or broken, or another thread is in it.
        """
        with self._call(then="is finished"):
            events = self._listen(self._audio.finish())
            self._loudness.finish()
            self._hear(self._encoder.finish(self._watch))
            self._update()
            return [*events, *self._end("finish")]

    def reset(self) -> None:
        """Begin a new stream, whose events are those of a new object.

        Raises:
            StateError: The stream is closed, or another thread is in it.
        """
        with self._alone:
            self._check_closed()
            self._problem = _BROKEN
            self._audio.reset()
            self._encoder.reset()
            self._endpointer.reset()
            self._utterance.reset()
            self._loudness.reset()
            self._begin()

    def close(self) -> None:
        """Take in nothing more; what was not finished is dropped. A call that runs goes on."""
        self._is_closed = True

    def __enter__(self) -> "TranscriptionStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> None:
        self._num_samples = 0
        self._heard_new = False
        self._watch = Stopwatch()
        self._begin_utterance()
        self._problem = None

    def _begin_utterance(self) -> None:
        self._endpointer.begin()
        self._audio_start = self.position
        self._words: tuple[Word, ...] = ()
        self._told: tuple[str, ...] = ()
        self._before = self.timings

    @contextmanager
    def _call(self, then: str | None = None) -> Iterator[None]:
        """Listen in this block; where it raises, the stream is broken.

        Args:
            then: Why no call may follow; None where one may.
        """
        with self._alone:
            self._check_closed()
            if self._problem is not None:
                raise StateError(
                    f"stream: got a call after it {self._problem}, expected an open one; call "
                    "reset() for a new stream"
                )
            self._problem = _BROKEN
            self._watch.resume()
            yield
            self._problem = then

    def _check_closed(self) -> None:
        if self._is_closed:
            raise StateError(
                "stream: got a call after it is closed, expected an open one; open another stream"
            )

    def _listen(self, waveform: Waveform) -> list[Event]:
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
        self._update()
        if self._endpointer.is_too_long:
            return self._end("length")
        return self._end("pause") if self._is_pause else self._tell()

    def _hear(self, logits: Logits) -> None:
        if len(logits):
            self._utterance.feed(logits)
            self._heard_new = True
            self._watch.lap("post")

    def _update(self) -> None:
        """Find the words of what was heard since the last time."""
        if self._heard_new:
            self._heard_new = False
            loud = self._loudness.last_loud > self._utterance.start
            self._words = self._utterance.words(self.position) if loud else ()
            self._watch.lap("post")

    @property
    def _is_pause(self) -> bool:
        """Whether a pause ends the utterance, and what was said before it was heard."""
        said = self._words[-1].end if self._words and not self._endpointer.has_speech else 0.0
        heard = self._utterance.heard >= max(self._endpointer.speech_end, said) + LATE_SECONDS
        return heard and self._endpointer.is_pause(said)

    def _tell(self) -> list[Event]:
        """Return a partial event where the words are others than those told."""
        texts = tuple(word.text for word in self._words)
        if texts == self._told:
            return []
        self._told = texts
        return [Partial(" ".join(texts), self._words, self.position, self.streaming)]

    def _end(self, ending: Ending) -> list[Event]:
        """End the utterance: tell it, or that nothing was said after all."""
        self._words, cut = self._settled(ending)
        events: list[Event] = [self._final(ending)] if self._words else self._tell()
        self._utterance.begin_next(cut)
        self._begin_utterance()
        return events

    def _settled(self, ending: Ending) -> tuple[tuple[Word, ...], float]:
        """Return the words that stay, and where the next utterance begins, seconds."""
        words, start, heard = self._words, self._utterance.start, self._utterance.heard
        lately = max(start, heard - GOING_ON_SECONDS)
        if not words:
            return words, lately
        last = words[-1]
        if ending == "pause" and self._endpointer.speech_end < last.start and last.end >= heard:
            return words[:-1], last.start  # it begins now
        if ending != "length":
            return words, heard
        if last.end > lately and last.start >= start + self._longest / 2:
            return words[:-1], last.start
        return words, min(heard, max(last.end, lately))

    def _final(self, ending: Ending) -> Final:
        words, speech_end = self._words, self._endpointer.speech_end
        if ending != "pause" or speech_end <= words[-1].start:
            speech_end = words[-1].end
        return Final(
            text=" ".join(word.text for word in words),
            words=words,
            position=self.position,
            speech_end=speech_end,
            ending=ending,
            timings=self._timings(),
            streaming=self.streaming,
            runtime=self._runtime,
        )

    def _timings(self) -> AudioTimings:
        timings = self.timings.since(self._before)
        seconds = self.position - self._audio_start
        factor = timings.total / seconds if seconds else 0.0
        return AudioTimings(timings.pre, timings.run, timings.post, timings.total, factor)
