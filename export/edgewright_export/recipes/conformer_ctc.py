"""Conformer recognizers with CTC: Parakeet, Wav2Vec2-Conformer, and the project's own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from edgewright.ctc import BeamSearch, NgramModel
from edgewright.errors import BundleError, CheckpointError, UsageError
from edgewright.families.conformer_ctc import ConformerCTCConfig, SearchConfig
from edgewright.transcript import Vocabulary, read_lexicon
from edgewright_export.calibrate import Calibration
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.evaluation import AgreementEvaluation, Evaluation
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.quantize import QuantizationPlan
from edgewright_export.recipes import conformer_parakeet, conformer_streaming, conformer_wav2vec2
from edgewright_export.recipes.base import MAX_CALIBRATION_SAMPLES, SYNTHETIC_SAMPLES, Recipe
from edgewright_export.recipes.conformer_recognizer import Recognizer, RecognizerReference
from edgewright_export.recipes.conformer_tokens import LEXICON, spell_lexicon
from edgewright_export.recipes.speech_evaluation import (
    TextDecoder,
    WordErrorEvaluation,
    token_agreement,
)
from edgewright_export.recipes.speech_samples import Clips, read_transcripts, synthetic_speech
from edgewright_export.subject import Sample

LANGUAGE_MODEL = "lm.arpa"
GOLDEN_SECONDS = 5.0
"""Golden samples are cut to this, so that a bundle stays small."""
_LOADERS: dict[str, Callable[[Checkpoint], Recognizer]] = {
    conformer_parakeet.ARCHITECTURE: conformer_parakeet.load_parakeet,
    conformer_wav2vec2.ARCHITECTURE: conformer_wav2vec2.load_wav2vec2,
    conformer_streaming.ARCHITECTURE: conformer_streaming.load_streaming,
}


@dataclass(frozen=True)
class SearchOptions:
    """Settings of the beam search over `lexicon.txt` and, where there is one, `lm.arpa`."""

    beam_width: int = 32
    """Prefixes kept after each frame."""
    lm_weight: float = 0.5
    """Factor of the language model's natural logarithm."""
    word_bonus: float = 0.0
    """Added for each word, natural logarithm."""
    token_threshold: float = -7.0
    """Natural logarithm below which a token is not tried."""
    beam_threshold: float = 14.0
    """Prefixes this far below the best are dropped, natural logarithm."""


@dataclass(frozen=True)
class ConformerCTCOptions:
    """Options of the family in `edgewright.json`."""

    search: SearchOptions | None = None
    """With it the beam search is the default, and `lexicon.txt` is required."""
    max_segment: float = 30.0
    """Longest audio given to the graph, seconds; longer audio is cut at pauses."""


@dataclass(frozen=True)
class _Texts:
    """The files of a bundle that make words."""

    lexicon: bytes | None
    language_model: bytes | None


class ConformerCTCRecipe(Recipe):
    """A recognizer with its vocabulary, and perhaps a lexicon and a language model."""

    family = "conformer_ctc"
    architectures: ClassVar[tuple[str, ...]] = tuple(_LOADERS)

    def __init__(self, recognizer: Recognizer, texts: _Texts, config: ConformerCTCConfig):
        self._recognizer, self._texts, self._config = recognizer, texts, config
        self._decoder = _decoder(recognizer, texts, config)

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> "ConformerCTCRecipe":
        """Read weights, front end, vocabulary and search of `checkpoint`.

        Raises:
            CheckpointError: Something is missing or cannot be used.
        """
        options = checkpoint.family_options(ConformerCTCOptions)
        if not options.max_segment >= 1.0:
            raise CheckpointError(
                f"options: got max_segment {options.max_segment}, expected 1 second or more; "
                "correct the option"
            )
        recognizer = _LOADERS[checkpoint.architecture](checkpoint)
        texts = _read_texts(checkpoint, recognizer, options)
        return cls(recognizer, texts, _config(recognizer, texts, options))

    @property
    def config(self) -> ConformerCTCConfig:
        """The runtime family's configuration record."""
        return self._config

    def components(self) -> dict[str, TracedComponent]:
        """Return the one graph: features or waveform, and the mask of padding, to logits."""
        front = self._recognizer.front
        example = front.example(2, 2.4)
        return {
            "model": TracedComponent(
                module=self._recognizer.graph,
                inputs=example,
                outputs=("logits",),
                dynamic={name: {0: "batch", 1: "time"} for name in example},
                # Uneven lengths: a graph must not have learned a divisor from the example.
                probes=(
                    front.example(1, 0.2031),
                    front.example(2, 1.0459),
                    front.example(3, 2.9077),
                ),
            )
        }

    def assets(self) -> dict[str, bytes]:
        """Return the vocabulary, and the lexicon and language model of the search."""
        files = {self._config.vocabulary: self._recognizer.table.encode()}
        search = self._config.search
        if search is not None and self._texts.lexicon is not None:
            files[search.lexicon] = self._texts.lexicon
            if search.language_model is not None and self._texts.language_model is not None:
                files[search.language_model] = self._texts.language_model
        return files

    def reference(self) -> RecognizerReference:
        """Return PyTorch behind the original library's feature extractor."""
        return RecognizerReference(self._recognizer)

    def calibration(self, path: Path | None, seed: int) -> Calibration:
        """Return pieces of the audio files in the folder `path`, or synthetic audio."""
        if path is None:
            generator, rate = np.random.default_rng(seed), self._config.sample_rate
            seconds = np.linspace(1.0, 4.0, SYNTHETIC_SAMPLES)
            waveforms = [synthetic_speech(generator, length, rate) for length in seconds]
            data = "synthetic samples"
        else:
            waveforms = self._clips.read_folder(path, MAX_CALIBRATION_SAMPLES)
            data = path.name
        return Calibration([{"waveform": waveform} for waveform in waveforms], data)

    def golden(self, calibration: Calibration) -> list[Sample]:
        """Return the beginnings of a few samples."""
        longest = int(GOLDEN_SECONDS * self._config.sample_rate)
        return [{"waveform": s["waveform"][:longest]} for s in super().golden(calibration)]

    def evaluation(self, path: Path | None, calibration: Calibration, seed: int) -> Evaluation:
        """Return the word error rate on a table, or agreement of tokens on `calibration`."""
        if path is not None:
            return WordErrorEvaluation(
                "word_error_rate", path.name, read_transcripts(path), self._clips, self._decoder
            )
        agree = token_agreement(self._config.blank_id)
        return AgreementEvaluation.create(
            "greedy_token_agreement", calibration, self.reference(), "logits", agree
        )

    def quantization(self) -> QuantizationPlan:
        """Quantize products and convolutions; LayerNorm, softmax and additions stay in fp32."""
        return QuantizationPlan(static=True, operators=("MatMul", "Gemm", "Conv"))

    @property
    def _clips(self) -> Clips:
        return Clips(self._config.sample_rate, self._config.max_segment)


def _read_texts(
    checkpoint: Checkpoint, recognizer: Recognizer, options: ConformerCTCOptions
) -> _Texts:
    if options.search is None:
        return _Texts(None, None)
    lexicon = spell_lexicon(checkpoint.read_bytes(LEXICON), recognizer.table)
    has_model = checkpoint.has(LANGUAGE_MODEL)
    return _Texts(lexicon, checkpoint.read_bytes(LANGUAGE_MODEL) if has_model else None)


def _config(
    recognizer: Recognizer, texts: _Texts, options: ConformerCTCOptions
) -> ConformerCTCConfig:
    front, table, search = recognizer.front, recognizer.table, None
    if options.search is not None:
        search = SearchConfig(**vars(options.search))
        if texts.language_model is None:
            search = SearchConfig(**vars(options.search), language_model=None)
    return ConformerCTCConfig(
        sample_rate=front.sample_rate,
        features=front.features,
        normalize_waveform=front.normalize_waveform,
        blank_id=table.blank_id,
        special_ids=table.special_ids,
        word_boundary=table.boundary,
        chunk_frames=front.chunk_frames,
        pad_value=front.pad_value,
        frame_seconds=front.frame_seconds,
        subsampling=front.subsampling,
        search=search,
        max_segment=options.max_segment,
    )


def _decoder(recognizer: Recognizer, texts: _Texts, config: ConformerCTCConfig) -> TextDecoder:
    """Return what the runtime decodes with by default.

    Raises:
        CheckpointError: The search cannot be built.
    """
    table = recognizer.table
    vocabulary = Vocabulary(table.encode(), table.boundary, table.special_ids)
    if config.search is None or texts.lexicon is None:
        return TextDecoder(vocabulary, table.blank_id, None)
    settings: dict[str, Any] = {
        name: getattr(config.search, name) for name in SearchOptions.__dataclass_fields__
    }
    try:
        model = None
        if texts.language_model is not None:
            model = NgramModel.from_arpa(texts.language_model)
        search = BeamSearch(
            table.blank_id,
            lexicon=read_lexicon(texts.lexicon),
            language_model=model,
            separator_id=vocabulary.separator_id,
            **settings,
        )
    except (BundleError, UsageError) as error:
        raise CheckpointError(
            f"search: got '{error}', expected a lexicon, a language model and settings that the "
            "beam search takes; correct them"
        ) from error
    return TextDecoder(vocabulary, table.blank_id, search)
