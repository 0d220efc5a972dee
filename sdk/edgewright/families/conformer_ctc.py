"""Conformer recognizers with CTC: speech in, words with times out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from edgewright.audio import read_blocks
from edgewright.ctc import (
    BeamSearch,
    NgramModel,
    WordSearch,
    greedy_decode,
    greedy_stream,
)
from edgewright.endpointing import EndpointConfig
from edgewright.errors import BundleError, InputError, UsageError
from edgewright.families.base import Model, Stopwatch, require, take
from edgewright.families.conformer_config import ConformerCTCConfig, check_config
from edgewright.families.conformer_encoders import ChunkEncoder, WindowConfig, WindowEncoder
from edgewright.families.conformer_graph import ConformerGraph
from edgewright.families.conformer_stream import TranscriptionStream
from edgewright.families.conformer_utterance import Utterance
from edgewright.pauses import Segment, is_silence, segments
from edgewright.specs import Array
from edgewright.tasks.transcribe import Transcribe
from edgewright.tasks.transcription import (
    DECODINGS,
    AudioTimings,
    Decoding,
    Transcription,
    Word,
)
from edgewright.transcript import (
    Found,
    FrameClock,
    Vocabulary,
    fit_words,
    found_words,
    read_lexicon,
)

Audio: TypeAlias = str | Path | NDArray[np.float32] | NDArray[np.int16]
"""A file, or int16 or float32 samples (samples,) or (samples, channels)."""
AnyAudio = TypeVar("AnyAudio", bound=Audio)
Search: TypeAlias = BeamSearch | WordSearch
"""Over the words of a lexicon, or over any."""

DEFAULT_ENDPOINT = EndpointConfig()
DEFAULT_WINDOW = WindowConfig()


class ConformerCTC(Model[ConformerCTCConfig]):
    """A recognizer. Safe for concurrent calls."""

    family = "conformer_ctc"
    task = Transcribe
    config_type = ConformerCTCConfig

    def _prepare(self, assets: Callable[[str], bytes]) -> None:
        config = self.config
        check_config(config)
        self._graph = ConformerGraph(config, self.runners)
        self._vocabulary = Vocabulary(
            assets(config.vocabulary), config.word_boundary, config.special_ids
        )
        size = self._graph.num_tokens
        if size != len(self._vocabulary.tokens) or not 0 <= config.blank_id < size:
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
            require(largest < size, "search.lexicon", f"token {largest}", f"below {size}")
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

    def stream(
        self,
        *,
        sample_rate: int | None = None,
        decoding: Decoding = "default",
        beam_width: int | None = None,
        hotwords: Mapping[str, float] | None = None,
        endpoint: EndpointConfig | None = DEFAULT_ENDPOINT,
        window: WindowConfig = DEFAULT_WINDOW,
    ) -> TranscriptionStream:
        """Listen to audio that comes in pieces; any number of streams at a time.

        Args:
            sample_rate: Of the pieces, Hz; the model's own by default.
            decoding: As in a call on whole audio.
            beam_width: As in a call on whole audio.
            hotwords: As in a call on whole audio.
            endpoint: When an utterance ends; None for not before the stream does, or before it is
                `config.max_segment` long.
            window: How a graph without states, which takes whole audio, hears a stream.

        Raises:
            InputError: A rate that is not taken.
            UsageError: As in a call on whole audio.
        """
        search, graph = self._choose(decoding, beam_width, hotwords), self._graph
        found = greedy_stream(self.config.blank_id) if search is None else search.stream()
        return TranscriptionStream(
            ChunkEncoder(graph) if graph.keeps_states else WindowEncoder(graph, window),
            Utterance(found, self._words, self.config.frame_seconds),
            self.config,
            self.runtime,
            sample_rate=sample_rate,
            endpoint=endpoint,
        )

    def infer(self, sample: Mapping[str, Array]) -> dict[str, Array]:
        """Map `waveform` float32 (samples,) at `sample_rate` to `logits` (frames, vocabulary)."""
        waveform = _waveform(sample)
        logits = self._graph.run(self._graph.features(waveform))
        if not len(logits):
            raise InputError(
                f"sample 'waveform': got {waveform.size} samples, expected enough for one frame; "
                "pass longer audio"
            )
        return {"logits": logits}

    def prove(self, sample: Mapping[str, Array]) -> dict[str, Array]:
        """Return `logits` and, of a graph with states, `stream_logits`, from pieces of 0.1 s.

        Both are float32 (frames, vocabulary), and PyTorch's are those of the whole utterance.
        """
        answer = self.infer(sample)
        if not self._graph.keeps_states:
            return answer
        waveform, size = _waveform(sample), self.config.sample_rate // 10
        pieces = [waveform[start : start + size] for start in range(0, waveform.size, size)]
        encoder, watch = ChunkEncoder(self._graph), Stopwatch()
        heard = [encoder.feed(piece, watch) for piece in pieces] + [encoder.finish(watch)]
        return {**answer, "stream_logits": np.concatenate(heard)}

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
            blank_penalty=search.blank_penalty,
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
        features = self._graph.features(segment.waveform)
        watch.lap("pre")
        logits = self._graph.run(features)
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
        blank_id = self.config.blank_id
        found = greedy_decode(logits, blank_id) if search is None else search(logits)[0]
        return self._words(found, FrameClock(self.config.frame_seconds, start))

    def _words(self, found: Found, clock: FrameClock) -> list[Word]:
        return found_words(found, self._vocabulary, clock)


def _waveform(sample: Mapping[str, Array]) -> NDArray[np.float32]:
    return take(sample, "waveform", "float32", 1).astype(np.float32, copy=False)
