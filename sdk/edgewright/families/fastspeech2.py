"""FastSpeech 2: text in, speech out.

Components: `encoder` (token ids to hidden states and durations), the length regulator in C++,
`decoder` (frames to mel), and `vocoder` (mel to waveform, or to spectra for the inverse STFT in
C++), or Griffin-Lim in C++ where there is none.
"""

import math
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, overload

import numpy as np
from numpy.typing import NDArray

from edgewright.errors import InputError, InputTypeError, UsageError
from edgewright.families.base import Model, Stopwatch, float_row, take
from edgewright.families.chunk_vocoder import WHOLE, ChunkVocoder
from edgewright.families.fastspeech2_config import (
    SCALES,
    FastSpeech2Config,
    check_config,
    check_graphs,
    read_vocabulary,
)
from edgewright.families.front_ends import FrontEnd, make_front_end
from edgewright.families.phone_tokens import PAUSE, PhoneTokens, Token, pieces
from edgewright.specs import Array
from edgewright.synthesis import regulate_length
from edgewright.tasks.speak import Phoneme, Speak, Speech, SpeechChunk, sum_timings

if TYPE_CHECKING:
    from edgewright.text import Sentence

LEAST_SCALE, MOST_SCALE = 0.25, 4.0
"""Range of speaking rate, pitch scale and energy scale."""
_PROVEN_SECONDS = 0.1
_SHOWN = 60


@dataclass(frozen=True)
class _Scales:
    speaking_rate: float
    pitch_scale: float
    energy_scale: float


class FastSpeech2(Model[FastSpeech2Config]):
    """A voice. Safe for concurrent calls."""

    family = "fastspeech2"
    task = Speak
    config_type = FastSpeech2Config

    def _prepare(self, assets: Callable[[str], bytes]) -> None:
        config = self.config
        check_config(config)
        check_graphs(self.runners, config)
        vocabulary = read_vocabulary(assets(config.vocabulary))
        self._tokens = PhoneTokens(vocabulary, config.style, spaces=config.spaces)
        self._vocoder = ChunkVocoder(config, self.runners)
        self._text_data = tuple(map(assets, config.text_data))
        self._front_end: FrontEnd | None = None
        self._lock = threading.Lock()

    @overload
    def __call__(
        self,
        text: list[str] | tuple[str, ...],
        *,
        speaking_rate: float = 1.0,
        pitch_scale: float = 1.0,
        energy_scale: float = 1.0,
    ) -> list[Speech]: ...

    @overload
    def __call__(
        self,
        text: str,
        *,
        speaking_rate: float = 1.0,
        pitch_scale: float = 1.0,
        energy_scale: float = 1.0,
    ) -> Speech: ...

    def __call__(
        self,
        text: str | list[str] | tuple[str, ...],
        *,
        speaking_rate: float = 1.0,
        pitch_scale: float = 1.0,
        energy_scale: float = 1.0,
    ) -> Speech | list[Speech]:
        """Speak a text, or each of a list.

        Args:
            text: Any text; numbers, abbreviations and unknown words are spoken, what has no sound
                is skipped. `stream` gives the audio piece by piece.
            speaking_rate: 2 is twice as fast; 0.25 to 4, as the others.
            pitch_scale: Factor on the fundamental frequency.
            energy_scale: Factor on the loudness.

        Raises:
            InputTypeError: `text` is no string.
            InputError: There is nothing to speak.
            UsageError: A scale is out of range, or the voice does not take it.
        """
        scales = _Scales(speaking_rate, pitch_scale, energy_scale)
        if not isinstance(text, (list, tuple)):
            return self._speak("text", text, scales)
        return [self._speak(f"text {index}", one, scales) for index, one in enumerate(text)]

    @property
    def stream_unit(self) -> Literal["chunk", "sentence"]:
        """What `stream` yields: chunks of sentences where the vocoder can, or whole sentences."""
        return "sentence" if self.config.context is None else "chunk"

    def stream(
        self,
        text: str,
        *,
        chunk_seconds: float | None = None,
        speaking_rate: float = 1.0,
        pitch_scale: float = 1.0,
        energy_scale: float = 1.0,
    ) -> Generator[SpeechChunk, None, None]:
        """Speak chunk by chunk, or sentence by sentence where `stream_unit` says so.

        The chunks joined are what a call returns: bit for bit where the graphs are int8, within
        the rounding of their precision where they are not. Close the generator to stop speaking.
        Memory holds the phones of the text, the mel of a sentence and the audio of a chunk.

        Args:
            text: As of a call.
            chunk_seconds: Audio of a chunk, rounded to frames, one at least; by default chunks
                grow from 0.4 s to 6.4 s. The first of a sentence is up to 40 ms shorter, the last
                has what remains.
            speaking_rate: As of a call.
            pitch_scale: As of a call.
            energy_scale: As of a call.

        Yields:
            At least one chunk.

        Raises:
            InputTypeError: `text` is no string.
            UsageError: A scale or `chunk_seconds` is out of range, or the voice does not take it.
            InputError: There is nothing to speak; raised where the first chunk is taken.
        """
        scales = _Scales(speaking_rate, pitch_scale, energy_scale)
        return self._chunks("text", text, scales, self._vocoder.sizes(chunk_seconds))

    def infer(self, sample: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the mel with given durations, beside the durations that the model predicts.

        Args:
            sample: `token_ids` and `durations`, int64 (tokens,) each.

        Returns:
            `durations` int64 (tokens,), `mel` float32 (frames, bins), and `waveform` float32
            (samples,) where there is a vocoder, before its loudness is set.
        """
        token_ids = take(sample, "token_ids", "int64", 1).astype(np.int64, copy=False)
        durations = take(sample, "durations", "int64", 1).astype(np.int64, copy=False)
        hidden, predicted = self._encode(token_ids, _Scales(1.0, 1.0, 1.0))
        mel = self._decode(hidden, durations)
        answer: dict[str, Array] = {"durations": predicted, "mel": mel}
        if "vocoder" in self.runners:
            answer["waveform"] = self._vocoder(mel)
        return answer

    def prove(self, sample: Mapping[str, Array]) -> dict[str, Array]:
        """Return what `infer` does and, of a voice that speaks in chunks, `stream_waveform`.

        It is the waveform in chunks of 0.1 s, and PyTorch's is that of the whole mel.
        """
        answer = self.infer(sample)
        if self.config.context is None:
            return answer
        mel = answer["mel"].astype(np.float32, copy=False)
        parts = self._vocoder.pieces(mel, self._vocoder.sizes(_PROVEN_SECONDS), Stopwatch())
        return {**answer, "stream_waveform": np.concatenate([waveform for waveform, _ in parts])}

    def _speak(self, name: str, text: str, scales: _Scales) -> Speech:
        chunks = list(self._chunks(name, text, scales, WHOLE))
        waveform = np.concatenate([chunk.waveform for chunk in chunks])
        return Speech(
            text,
            waveform,
            self.config.sample_rate,
            tuple(phoneme for chunk in chunks for phoneme in chunk.phonemes),
            waveform.size / self.config.sample_rate,
            sum_timings([chunk.timings for chunk in chunks]),
            self.runtime,
        )

    def _chunks(
        self, name: str, text: str, scales: _Scales, sizes: Sequence[int]
    ) -> Generator[SpeechChunk, None, None]:
        """Check the arguments, and speak in chunks of `sizes` frames."""
        if not isinstance(text, str):
            raise InputTypeError(
                f"input '{name}': got {type(text).__name__}, expected a string; decode it first"
            )
        self._check_scales(scales)
        return self._spoken(name, text, scales, sizes)

    def _spoken(
        self, name: str, text: str, scales: _Scales, sizes: Sequence[int]
    ) -> Generator[SpeechChunk, None, None]:
        watch, rate = Stopwatch(), self.config.sample_rate
        told, number, position = watch.timings(), 0, 0
        for sentence in self._phonemize(text):
            parts = self._parts(sentence)
            number += bool(parts)
            for part, tokens in enumerate(parts, 1):
                watch.lap("pre")
                mel, phonemes = self._read_aloud(tokens, position / rate, scales, watch)
                heard = self._vocoder.levelled(mel, scales.energy_scale, sizes, watch)
                for waveform, at_end in heard:
                    start, position = position / rate, position + waveform.size
                    begun = sum(one.start < position / rate or at_end for one in phonemes)
                    timings = watch.timings()
                    yield SpeechChunk(
                        sentence.text,
                        number - 1,
                        waveform,
                        rate,
                        phonemes[:begun],
                        start,
                        at_end and part == len(parts),
                        timings.since(told),
                        self.runtime,
                    )
                    phonemes, told = phonemes[begun:], timings
                    watch.resume()  # the caller's time is not ours
        if not number:
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
            raise InputError(
                f"input '{name}': got {shown!r}, in which nothing can be spoken, expected words or "
                "numbers; write them in Latin letters"
            )

    def _phonemize(self, text: str) -> "Sequence[Sentence]":
        with self._lock:
            if self._front_end is None:  # late, for verifying and infer() need no text
                self._front_end = make_front_end(self.config.language, *self._text_data)
        return self._front_end(text)

    def _parts(self, sentence: "Sentence") -> list[tuple[Token, ...]]:
        """Return the tokens of a sentence, cut where it is too long, without what is silent."""
        return [
            self._tokens(phones)
            for phones in pieces(sentence.tokens, self.config.max_phones)
            if any(phone.symbol != PAUSE for phone in phones)
        ]

    def _read_aloud(
        self, tokens: tuple[Token, ...], start: float, scales: _Scales, watch: Stopwatch
    ) -> tuple[NDArray[np.float32], tuple[Phoneme, ...]]:
        """Return the mel, float32 (frames, bins), and when its phonemes are spoken."""
        token_ids = np.array([token.token_id for token in tokens], np.int64)
        hidden, durations = self._encode(token_ids, scales)
        mel = self._decode(hidden, durations)
        frame_seconds = self.config.hop_length / self.config.sample_rate
        watch.lap("run")
        return mel, _timed(tokens, durations, start, frame_seconds)

    def _encode(
        self, token_ids: NDArray[np.int64], scales: _Scales
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return hidden states (tokens, size) and durations (tokens,), not all of them 0."""
        runner = self.runners["encoder"]
        taken = {spec.name for spec in runner.inputs}
        arrays: dict[str, Array] = {
            name: np.array([getattr(scales, name)], np.float32) for name in SCALES if name in taken
        }
        answer = runner.run({"token_ids": token_ids[None], **arrays})
        hidden = float_row(answer["hidden"])
        durations = answer["durations"][0].astype(np.int64, copy=False)
        if not durations.any():  # as `transformers` has it, so that there is something to hear
            durations = np.ones_like(durations)
        return hidden, durations

    def _decode(
        self, hidden: NDArray[np.float32], durations: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return the mel, float32 (frames, bins)."""
        frames = regulate_length(hidden, durations)
        mel = self.runners["decoder"].run({"frames": frames[None]})["mel"]
        return float_row(mel)

    def _check_scales(self, scales: _Scales) -> None:
        taken = {spec.name for spec in self.runners["encoder"].inputs}
        for name in SCALES:
            value = getattr(scales, name)
            number = isinstance(value, (int, float, np.integer, np.floating))
            if not number or not math.isfinite(value) or not LEAST_SCALE <= value <= MOST_SCALE:
                raise UsageError(
                    f"{name}: got {value!r}, expected {LEAST_SCALE} to {MOST_SCALE}; choose within"
                )
            if value != 1 and name not in taken and name != "energy_scale":
                raise UsageError(
                    f"{name}: got {value}, expected 1, for this voice cannot change it; export it "
                    "with the statistics that docs/fastspeech2.md names"
                )


def _timed(
    tokens: Sequence[Token], durations: NDArray[np.int64], start: float, frame_seconds: float
) -> tuple[Phoneme, ...]:
    ends = (start + np.cumsum(durations) * frame_seconds).tolist()
    starts = [start, *ends[:-1]]
    return tuple(
        Phoneme(token.symbol, start, end, token.word)
        for token, start, end in zip(tokens, starts, ends, strict=True)
    )
