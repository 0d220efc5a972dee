"""Conformer recognizers with CTC: speech in, words with times out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from edgewright.audio import LEAST_RATE, MOST_RATE, Segment, is_silence, read_blocks, segments
from edgewright.ctc import BeamSearch, NgramModel, WordSearch, greedy_decode
from edgewright.errors import BundleError, InputError, UsageError
from edgewright.families.base import Model, Stopwatch, check_input, require, take
from edgewright.features import LogMel, LogMelConfig
from edgewright.specs import Array
from edgewright.tasks.transcribe import (
    DECODINGS,
    AudioTimings,
    Decoding,
    Transcribe,
    Transcription,
    Word,
)
from edgewright.transcript import (
    Boundary,
    Vocabulary,
    fit_words,
    hypothesis_words,
    read_lexicon,
    sentence_words,
)

Audio: TypeAlias = str | Path | NDArray[np.float32] | NDArray[np.int16]
"""A file, or int16 or float32 samples (samples,) or (samples, channels)."""
AnyAudio = TypeVar("AnyAudio", bound=Audio)
Search: TypeAlias = BeamSearch | WordSearch
"""Over the words of a lexicon, or over any."""

LONGEST_CHUNK = 1 << 16
"""Frames or samples to whose multiple an input may be padded."""
_VARIANCE_EPSILON = 1e-7  # Wav2Vec2FeatureExtractor.zero_mean_unit_var_norm


@dataclass(frozen=True)
class SearchConfig:
    """The beam search over a lexicon that is the default where a bundle carries one."""

    beam_width: int
    """Prefixes kept after each frame."""
    lm_weight: float
    """Factor of the language model's natural logarithm."""
    word_bonus: float
    """Added for each word, natural logarithm."""
    token_threshold: float
    """Natural logarithm below which a token is not tried."""
    beam_threshold: float
    """Prefixes this far below the best are dropped, natural logarithm."""
    lexicon: str = "assets/lexicon.txt"
    """Lines of a word, a tab and token ids separated by spaces."""
    language_model: str | None = "assets/lm.arpa"
    """Word n-gram; none for a lexicon alone."""


@dataclass(frozen=True)
class ConformerCTCConfig:
    """`manifest.config` of the family."""

    sample_rate: int
    """Of the audio that the graph or the features take, Hz."""
    features: LogMelConfig | None
    """None where the graph takes the waveform."""
    normalize_waveform: bool
    """Zero mean and unit variance of each segment (Wav2Vec2's `do_normalize`)."""
    blank_id: int
    special_ids: tuple[int, ...]
    """Tokens that are never text."""
    word_boundary: Boundary
    """`prefix` (U+2581 begins a word) or `separator` ("|" stands between words)."""
    chunk_frames: int
    """The input's time is padded to a multiple of this; 1 for none."""
    pad_value: float
    """What it is padded with: silence, in the domain of the features."""
    frame_seconds: float
    """Seconds of audio of one logits frame."""
    subsampling: tuple[tuple[int, int, int], ...]
    """(kernel, stride, padding) of each layer: n steps become (n + 2·padding − kernel) // stride +
    1."""
    search: SearchConfig | None
    """None: greedy decoding is the default."""
    max_segment: float
    """Longest audio given to the graph, seconds; longer audio is cut at pauses."""
    vocabulary: str = "assets/tokens.txt"
    """One token a line, in UTF-8; the index is the number of the line, from 0."""


class ConformerCTC(Model[ConformerCTCConfig]):
    """A recognizer. Safe for concurrent calls."""

    family = "conformer_ctc"
    task = Transcribe
    config_type = ConformerCTCConfig

    def _prepare(self, assets: Callable[[str], bytes]) -> None:
        config = self.config
        self._input = "waveform" if config.features is None else "features"
        self._masked = self._check_graph()
        _check_config(config)
        if config.features is not None:
            bins = config.features.num_mel_bins
            check_input(self.runners["model"], "features", (None, None, bins), "features")
        self._log_mel = None if config.features is None else LogMel(config.features)
        self._vocabulary = Vocabulary(
            assets(config.vocabulary), config.word_boundary, config.special_ids
        )
        size = self.runners["model"].outputs[0].shape[-1]
        if size != len(self._vocabulary.tokens) or not 0 <= config.blank_id < int(size):
            raise BundleError(
                f"{config.vocabulary}: got {len(self._vocabulary.tokens)} tokens and blank "
                f"{config.blank_id}, expected {size} as in 'logits'; export the bundle again"
            )
        self._lexicon = self._language_model = None
        if config.search is not None:
            self._lexicon = read_lexicon(assets(config.search.lexicon))
            if config.search.language_model is not None:
                data = assets(config.search.language_model)
                self._language_model = NgramModel.from_arpa(data)
            largest = max(self._lexicon.token_ids)
            require(largest < int(size), "search.lexicon", f"token {largest}", f"below {size}")
        self._search = self._beam()

    @overload
    def __call__(
        self,
        audio: list[AnyAudio] | tuple[AnyAudio, ...],
        *,
        sample_rate: int | None = None,
        decoding: Decoding = "default",
        beam_width: int | None = None,
        hotwords: Mapping[str, float] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> list[Transcription]: ...

    @overload
    def __call__(
        self,
        audio: Audio,
        *,
        sample_rate: int | None = None,
        decoding: Decoding = "default",
        beam_width: int | None = None,
        hotwords: Mapping[str, float] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Transcription: ...

    def __call__(
        self,
        audio: Audio | list[AnyAudio] | tuple[AnyAudio, ...],
        *,
        sample_rate: int | None = None,
        decoding: Decoding = "default",
        beam_width: int | None = None,
        hotwords: Mapping[str, float] | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Transcription | list[Transcription]:
        """Transcribe audio, or a list of it.

        Args:
            audio: Path, or int16 or float32 array (samples,) or (samples, channels); a list or
                tuple of these gives a list.
            sample_rate: Of arrays, Hz; the model's own by default. Files say theirs.
            decoding: `default` is the beam search where the bundle carries a lexicon, else greedy.
            beam_width: Prefixes kept by the beam search; the bundle's by default.
            hotwords: Words that the beam search prefers, and by how much (natural logarithm, 5 is
                much; below 0 avoids them). Where the bundle carries a lexicon, words of it.
            progress: Called after each segment with the seconds of this input that are done.

        Raises:
            InputError: The audio cannot be used; the message says which and why.
            UsageError: An unknown `decoding`; a `beam_width` or `hotwords` out of range or without
                a beam.
        """
        search = self._choose(decoding, beam_width, hotwords)
        if not isinstance(audio, (list, tuple)):
            return self._transcribe(audio, "audio", sample_rate, search, progress)
        return [
            self._transcribe(one, f"audio {index}", sample_rate, search, progress)
            for index, one in enumerate(audio)
        ]

    def infer(self, sample: Mapping[str, Array]) -> dict[str, Array]:
        """Map `waveform` float32 (samples,) at `sample_rate` to `logits` (frames, vocabulary)."""
        waveform = take(sample, "waveform", "float32", 1)
        logits = self._run(self._features(waveform.astype(np.float32, copy=False)))
        if not len(logits):
            raise InputError(
                f"sample 'waveform': got {waveform.size} samples, expected enough for one frame; "
                "pass longer audio"
            )
        return {"logits": logits}

    def _choose(
        self, decoding: Decoding, beam_width: int | None, hotwords: Mapping[str, float] | None
    ) -> Search | None:
        """Return the search to use; none for greedy."""
        if decoding not in DECODINGS:
            raise UsageError(
                f"decoding: got {decoding!r}, expected one of {', '.join(DECODINGS)}; choose one"
            )
        options = {"beam_width": beam_width, "hotwords": hotwords}
        given = {name: value for name, value in options.items() if value is not None}
        if decoding == "greedy" or (decoding == "default" and self.config.search is None):
            for name, value in given.items():
                raise UsageError(
                    f"{name}: got {value} with greedy decoding, expected none; "
                    "leave it out or ask for decoding 'beam'"
                )
            return None
        return self._beam(**given) if given else self._search

    def _beam(self, **options: Any) -> Search:
        search, vocabulary = self.config.search, self._vocabulary
        if search is None:
            return WordSearch(
                vocabulary.tokens,
                self.config.blank_id,
                separator_id=vocabulary.separator_id,
                special_ids=self.config.special_ids,
                **options,
            )
        return BeamSearch(
            self.config.blank_id,
            token_threshold=search.token_threshold,
            beam_threshold=search.beam_threshold,
            lexicon=self._lexicon,
            language_model=self._language_model,
            lm_weight=search.lm_weight,
            word_bonus=search.word_bonus,
            separator_id=vocabulary.separator_id,
            **{"beam_width": search.beam_width, **options},
        )

    def _transcribe(
        self,
        audio: Audio,
        name: str,
        sample_rate: int | None,
        search: Search | None,
        progress: Callable[[float], None] | None,
    ) -> Transcription:
        watch, rate = Stopwatch(), self.config.sample_rate
        words: list[Word] = []
        duration = 0.0
        blocks = read_blocks(audio, rate, source_rate=sample_rate, name=name)
        for segment in segments(blocks, rate, self.config.max_segment):
            duration = segment.start + segment.waveform.size / rate
            if not is_silence(segment.waveform, rate):
                words += self._segment_words(segment, search, watch)
            if progress is not None:
                progress(duration)
        watch.lap("pre")
        timings = watch.timings()
        factor = timings.total / duration if duration else 0.0
        return Transcription(
            str(audio) if isinstance(audio, (str, Path)) else name,
            " ".join(word.text for word in words),
            tuple(words),
            duration,
            AudioTimings(timings.pre, timings.run, timings.post, timings.total, factor),
            self.runtime,
        )

    def _segment_words(
        self, segment: Segment, search: Search | None, watch: Stopwatch
    ) -> list[Word]:
        features = self._features(segment.waveform)
        watch.lap("pre")
        logits = self._run(features)
        watch.lap("run")
        words = self._decode(logits, search, segment.start) if len(logits) else []
        # What comes in the silence behind the last chunk was said before it.
        end = segment.start + segment.waveform.size / self.config.sample_rate
        words = fit_words(words, segment.start, end, self.config.frame_seconds)
        watch.lap("post")
        return words

    def _decode(
        self, logits: NDArray[np.float32], search: Search | None, start: float
    ) -> list[Word]:
        seconds = self.config.frame_seconds
        if search is None:
            tokens = greedy_decode(logits, self.config.blank_id)
            return self._vocabulary.words(tokens, seconds, start)
        if isinstance(search, WordSearch):
            return sentence_words(search(logits)[0], seconds, start)
        return hypothesis_words(search(logits)[0], seconds, start)

    def _features(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the graph takes, without the batch: (frames, bins) or (samples,)."""
        if self.config.normalize_waveform and waveform.size:
            deviation = np.sqrt(np.var(waveform) + _VARIANCE_EPSILON)
            waveform = ((waveform - waveform.mean()) / deviation).astype(np.float32)
        if self._log_mel is None:
            return waveform
        if waveform.size < self._log_mel.min_samples:
            return np.zeros((0, self._log_mel.config.num_mel_bins), np.float32)
        return self._log_mel(waveform)

    def _run(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits, float32 (frames, vocabulary); none for too short an input."""
        steps = len(features)
        if self._num_frames(steps) < 1:
            return np.zeros((0, len(self._vocabulary.tokens)), np.float32)
        missing = -steps % self.config.chunk_frames
        widths = ((0, missing),) + ((0, 0),) * (features.ndim - 1)
        padded = np.pad(features, widths, constant_values=self.config.pad_value)
        arrays: dict[str, Array] = {self._input: padded[None]}
        if self._masked:
            arrays["attention_mask"] = (np.arange(len(padded)) < steps).astype(np.int64)[None]
        # A chunk's silence is heard too: a last word may come in it, as in training.
        frames = self._num_frames(len(padded))
        logits = self.runners["model"].run(arrays)["logits"][0, :frames]
        return np.ascontiguousarray(logits, np.float32)

    def _num_frames(self, steps: int) -> int:
        for kernel, stride, padding in self.config.subsampling:
            steps = max(0, (steps + 2 * padding - kernel) // stride + 1)
        return steps

    def _check_graph(self) -> bool:
        """Check the component's names and return whether it takes an attention mask."""
        names = {spec.name for runner in self.runners.values() for spec in runner.inputs}
        outputs = [spec.name for runner in self.runners.values() for spec in runner.outputs]
        fits = names - {"attention_mask"} == {self._input} and outputs == ["logits"]
        if set(self.runners) != {"model"} or not fits:
            raise BundleError(
                f"manifest: got components {sorted(self.runners)} with inputs {sorted(names)} and "
                f"outputs {outputs}, expected 'model' from '{self._input}' (and 'attention_mask') "
                "to 'logits'; export the bundle again"
            )
        return "attention_mask" in names


def _check_config(config: ConformerCTCConfig) -> None:
    rates = f"{LEAST_RATE} to {MOST_RATE} Hz"
    in_range = LEAST_RATE <= config.sample_rate <= MOST_RATE
    require(in_range, "sample_rate", config.sample_rate, rates)
    if config.features is not None:
        rate = config.features.sample_rate
        require(rate == config.sample_rate, "features.sample_rate", rate, f"{config.sample_rate}")
    chunks = 1 <= config.chunk_frames <= LONGEST_CHUNK
    require(chunks, "chunk_frames", config.chunk_frames, f"1 to {LONGEST_CHUNK}")
    for key in ("frame_seconds", "max_segment"):
        require(getattr(config, key) > 0, key, getattr(config, key), "seconds above 0")
    layers = all(k >= 1 and s >= 1 and p >= 0 for k, s, p in config.subsampling)
    require(layers, "subsampling", config.subsampling, "kernels and strides of 1, paddings of 0 up")
