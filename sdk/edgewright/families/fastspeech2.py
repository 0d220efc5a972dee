"""FastSpeech 2: text in, speech out.

Components: `encoder` (token ids to hidden states and durations), the length regulator in C++,
`decoder` (frames to mel), and `vocoder` (mel to waveform, or to spectra for the inverse STFT in
C++), or Griffin-Lim in C++ where there is none.
"""

import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import NDArray

from edgewright import strict_json
from edgewright.backends.base import Runner
from edgewright.errors import BundleError, InputError, InputTypeError, UsageError
from edgewright.families.base import Model, Stopwatch, float_row, require, take
from edgewright.families.front_ends import FrontEnd, Language, make_front_end
from edgewright.families.phone_tokens import PAUSE, PhoneTokens, Style, Token, pieces
from edgewright.families.vocoders import (
    GriffinLimVocoder,
    SpectrumVocoder,
    Vocoder,
    WaveformVocoder,
)
from edgewright.loudness import level
from edgewright.specs import Array
from edgewright.synthesis import GriffinLimConfig, IstftConfig, regulate_length
from edgewright.tasks.speak import Phoneme, Speak, Speech, sum_timings

if TYPE_CHECKING:
    from edgewright.text import Sentence

LEAST_SCALE, MOST_SCALE = 0.25, 4.0
"""Range of speaking rate, pitch scale and energy scale."""
_SCALES = ("speaking_rate", "pitch_scale", "energy_scale")
_SHOWN = 60


@dataclass(frozen=True)
class FastSpeech2Config:
    """`manifest.config` of the family."""

    sample_rate: int
    """Of the waveform, samples per second."""
    hop_length: int
    """Samples of one mel frame."""
    style: Style
    """How the vocabulary writes phones."""
    spaces: bool
    """Whether a space token stands between words."""
    griffin_lim: GriffinLimConfig | None
    """How a mel becomes a waveform; none where the bundle has a vocoder."""
    mel_scale: tuple[float, ...]
    """One, or one a bin: the decoder's mel times this plus `mel_offset` is the natural-log mel that
    Griffin-Lim takes."""
    mel_offset: tuple[float, ...]
    """One, or one a bin."""
    istft: IstftConfig | None = None
    """How the spectra of a vocoder become a waveform; none where it gives a waveform."""
    max_phones: int = 200
    """Longer sentences are cut, after a pause or before a word."""
    vocabulary: str = "assets/vocab.json"
    """JSON object {token: id}."""
    language: Language = "en"
    """Of the texts: which front end reads them."""
    lexicon: str | None = "assets/lexicon.xz"
    """Pronunciations of English; none for Spanish."""
    letter_to_sound: str | None = "assets/letter_to_sound.xz"
    """The model for unknown words of English; none for Spanish."""

    @property
    def text_data(self) -> tuple[str, ...]:
        """Assets that the front end needs."""
        return tuple(name for name in (self.lexicon, self.letter_to_sound) if name is not None)


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
        _check_config(config)
        _check_graphs(self.runners, config)
        vocabulary = _read_vocabulary(assets(config.vocabulary))
        self._tokens = PhoneTokens(vocabulary, config.style, spaces=config.spaces)
        self._vocoder = _make_vocoder(config, self.runners)
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
                is skipped. `sentences` holds the audio of one sentence only.
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

    def sentences(
        self,
        text: str,
        *,
        speaking_rate: float = 1.0,
        pitch_scale: float = 1.0,
        energy_scale: float = 1.0,
    ) -> Iterator[Speech]:
        """Speak sentence by sentence: memory holds the text's phones and one sentence of audio.

        Arguments and errors are those of a call; times of phonemes count from the beginning of
        their sentence.

        Yields:
            At least one sentence; long ones come in several parts.
        """
        yield from self._sentences("text", text, _Scales(speaking_rate, pitch_scale, energy_scale))

    def infer(self, sample: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the mel with given durations, beside the durations that the model predicts.

        Args:
            sample: `token_ids` and `durations`, int64 (tokens,) each.

        Returns:
            `durations` int64 (tokens,), `mel` float32 (frames, bins), and `waveform` float32
            (samples,) where there is a vocoder.
        """
        token_ids = take(sample, "token_ids", "int64", 1).astype(np.int64, copy=False)
        durations = take(sample, "durations", "int64", 1).astype(np.int64, copy=False)
        hidden, predicted = self._encode(token_ids, _Scales(1.0, 1.0, 1.0))
        mel = self._decode(hidden, durations)
        answer: dict[str, Array] = {"durations": predicted, "mel": mel}
        if "vocoder" in self.runners:
            answer["waveform"] = self._vocoder(mel)
        return answer

    def _speak(self, name: str, text: str, scales: _Scales) -> Speech:
        parts = list(self._sentences(name, text, scales))
        starts = np.cumsum([0.0, *(part.duration for part in parts)])
        phonemes = (
            Phoneme(one.symbol, start + one.start, start + one.end, one.word)
            for part, start in zip(parts, starts.tolist(), strict=False)
            for one in part.phonemes
        )
        return Speech(
            text,
            np.concatenate([part.waveform for part in parts]),
            self.config.sample_rate,
            tuple(phonemes),
            float(starts[-1]),
            sum_timings([part.timings for part in parts]),
            self.runtime,
        )

    def _sentences(self, name: str, text: str, scales: _Scales) -> Iterator[Speech]:
        if not isinstance(text, str):
            raise InputTypeError(
                f"input '{name}': got {type(text).__name__}, expected a string; decode it first"
            )
        self._check_scales(scales)
        watch, spoken = Stopwatch(), False
        for sentence in self._phonemize(text):
            for phones in pieces(sentence.tokens, self.config.max_phones):
                if all(phone.symbol == PAUSE for phone in phones):
                    continue
                tokens = self._tokens(phones)
                watch.lap("pre")
                yield self._say(sentence.text, tokens, scales, watch)
                watch, spoken = Stopwatch(), True
        if not spoken:
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

    def _say(
        self, text: str, tokens: tuple[Token, ...], scales: _Scales, watch: Stopwatch
    ) -> Speech:
        token_ids = np.array([token.token_id for token in tokens], np.int64)
        hidden, durations = self._encode(token_ids, scales)
        mel = self._decode(hidden, durations)
        vocoded = self._vocoder.run(mel)
        watch.lap("run")
        waveform, config = self._vocoder.finish(vocoded), self.config
        waveform = level(waveform, config.sample_rate, gain=scales.energy_scale)
        phonemes = _timed(tokens, durations, config.hop_length / config.sample_rate)
        watch.lap("post")
        seconds = waveform.size / config.sample_rate
        return Speech(
            text, waveform, config.sample_rate, phonemes, seconds, watch.timings(), self.runtime
        )

    def _encode(
        self, token_ids: NDArray[np.int64], scales: _Scales
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return hidden states (tokens, size) and durations (tokens,), not all of them 0."""
        runner = self.runners["encoder"]
        taken = {spec.name for spec in runner.inputs}
        arrays: dict[str, Array] = {
            name: np.array([getattr(scales, name)], np.float32) for name in _SCALES if name in taken
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
        for name in _SCALES:
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
    tokens: Sequence[Token], durations: NDArray[np.int64], frame_seconds: float
) -> tuple[Phoneme, ...]:
    ends = (np.cumsum(durations) * frame_seconds).tolist()
    starts = [0.0, *ends[:-1]]
    return tuple(
        Phoneme(token.symbol, start, end, token.word)
        for token, start, end in zip(tokens, starts, ends, strict=True)
    )


def _make_vocoder(config: FastSpeech2Config, runners: Mapping[str, Runner]) -> Vocoder:
    if config.griffin_lim is not None:
        return GriffinLimVocoder(config.griffin_lim, config.mel_scale, config.mel_offset)
    if config.istft is not None:
        return SpectrumVocoder(runners["vocoder"], config.istft)
    return WaveformVocoder(runners["vocoder"])


def _check_graphs(runners: Mapping[str, Runner], config: FastSpeech2Config) -> None:
    """Raise a BundleError unless the components and their signatures are those of the family."""
    outputs = {"encoder": ["durations", "hidden"], "decoder": ["mel"]}
    if config.griffin_lim is None:
        outputs["vocoder"] = ["waveform" if config.istft is None else "spectrum"]
    got = {name: sorted(spec.name for spec in runner.outputs) for name, runner in runners.items()}
    if got != outputs:
        raise BundleError(
            f"manifest: got components with outputs {got}, expected {outputs}; export it again"
        )
    required = {"encoder": {"token_ids"}, "decoder": {"frames"}, "vocoder": {"mel"}}
    for name, runner in runners.items():
        inputs = {spec.name for spec in runner.inputs}
        optional = set(_SCALES) if name == "encoder" else set()
        if not required[name] <= inputs <= required[name] | optional:
            raise BundleError(
                f"component '{name}': got inputs {sorted(inputs)}, expected "
                f"{sorted(required[name])} and at most {sorted(optional)}; export it again"
            )
    if config.istft is not None:
        sizes = runners["vocoder"].outputs[0].shape[2:]
        fits = sizes == (config.istft.n_fft // 2 + 1, 2)
        require(fits, "istft", config.istft, f"that of spectra {sizes}")


def _check_config(config: FastSpeech2Config) -> None:
    if min(config.sample_rate, config.hop_length, config.max_phones) < 1:
        raise BundleError(
            f"manifest.config: got sample_rate {config.sample_rate}, hop_length "
            f"{config.hop_length} and max_phones {config.max_phones}, expected 1 or more; export "
            "the bundle again"
        )
    expected_data = 2 if config.language == "en" else 0
    require(
        len(config.text_data) == expected_data, "lexicon, letter_to_sound", config.text_data,
        f"{expected_data} files for the language '{config.language}'",
    )  # fmt: skip
    if config.griffin_lim is not None:
        mel = config.griffin_lim.mel
        got, expected = (mel.sample_rate, mel.hop_length), (config.sample_rate, config.hop_length)
        require(got == expected, "griffin_lim.mel", got, f"rate and hop {expected} as beside it")
    if config.istft is not None:
        _check_istft(config, config.istft)
    bins = config.griffin_lim.mel.num_mel_bins if config.griffin_lim else 1
    for name, values in (("mel_scale", config.mel_scale), ("mel_offset", config.mel_offset)):
        if len(values) not in {1, bins}:
            raise BundleError(
                f"manifest.config.{name}: got {len(values)} values, expected 1 or {bins}; export "
                "the bundle again"
            )


def _check_istft(config: FastSpeech2Config, istft: IstftConfig) -> None:
    require(config.griffin_lim is None, "istft", "it beside griffin_lim", "one of them")
    sizes = istft.n_fft in range(2, 65537, 2) and istft.hop_length < istft.n_fft
    require(sizes, "istft", istft, "an even n_fft up to 65536, above hop_length")
    hop = config.hop_length
    require(istft.hop_length == hop, "istft", istft, f"the hop_length beside it, {hop}")


def _read_vocabulary(data: bytes) -> dict[str, int]:
    vocabulary = strict_json.parse(data, "vocabulary")
    if not isinstance(vocabulary, dict) or not all(
        type(value) is int and value >= 0 for value in vocabulary.values()
    ):
        raise BundleError(
            "vocabulary: got something else, expected an object {token: id}; export it again"
        )
    return vocabulary
