"""Conformer recognizers with CTC: Parakeet, Wav2Vec2-Conformer, and the project's own."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from edgewright.errors import CheckpointError
from edgewright.families.conformer_config import ConformerCTCConfig
from edgewright.specs import Array
from edgewright.transcript import Vocabulary
from edgewright_export.calibrate import Calibration
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.evaluation import AgreementEvaluation, Evaluation
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.quantization import QuantizationPlan
from edgewright_export.recipes import conformer_parakeet, conformer_streaming, conformer_wav2vec2
from edgewright_export.recipes.base import MAX_CALIBRATION_SAMPLES, SYNTHETIC_SAMPLES, Recipe
from edgewright_export.recipes.conformer_recognizer import Recognizer, RecognizerReference
from edgewright_export.recipes.conformer_search import Search, SearchOptions, read_search
from edgewright_export.recipes.speech_evaluation import (
    TextDecoder,
    WordErrorEvaluation,
    token_agreement,
)
from edgewright_export.recipes.speech_samples import Clips, read_transcripts, synthetic_speech
from edgewright_export.subject import Sample

GOLDEN_SECONDS = 3.0
"""Golden samples are cut to this, so that a bundle stays small."""
_LOADERS: dict[str, Callable[[Checkpoint], Recognizer]] = {
    conformer_parakeet.ARCHITECTURE: conformer_parakeet.load_parakeet,
    conformer_wav2vec2.ARCHITECTURE: conformer_wav2vec2.load_wav2vec2,
    conformer_streaming.ARCHITECTURE: conformer_streaming.load_streaming,
}


@dataclass(frozen=True)
class ConformerCTCOptions:
    """Options of the family in `edgewright.json`."""

    search: SearchOptions | None = None
    """With it the beam search is the default, and `lexicon.txt` is required."""
    max_segment: float = 30.0
    """Longest audio given to the graph, seconds; longer audio is cut at pauses."""


class ConformerCTCRecipe(Recipe):
    """A recognizer with its vocabulary, and perhaps a lexicon and a language model."""

    family = "conformer_ctc"
    architectures: ClassVar[tuple[str, ...]] = tuple(_LOADERS)

    def __init__(self, recognizer: Recognizer, search: Search | None, max_segment: float):
        self._recognizer, self._search = recognizer, search
        self._config = _config(recognizer, search, max_segment)

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
        search = None
        if options.search is not None:
            search = read_search(checkpoint, recognizer.table, options.search)
        return cls(recognizer, search, options.max_segment)

    @property
    def config(self) -> ConformerCTCConfig:
        """The runtime family's configuration record."""
        return self._config

    def components(self) -> dict[str, TracedComponent]:
        """Return the one graph: features or waveform, mask and states, to logits and states."""
        return {"model": self._recognizer.component()}

    def assets(self) -> dict[str, bytes]:
        """Return the vocabulary, and the lexicon and language model of the search."""
        files = {} if self._search is None else self._search.files
        return {self._config.vocabulary: self._recognizer.table.encode(), **files}

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
        """Return the loudest parts of a few samples."""
        longest = int(GOLDEN_SECONDS * self._config.sample_rate)
        waveforms = (sample["waveform"] for sample in super().golden(calibration))
        return [{"waveform": _loudest(waveform, longest)} for waveform in waveforms]

    def evaluation(self, path: Path | None, calibration: Calibration, seed: int) -> Evaluation:
        """Return the word error rate on a table, or agreement of tokens on `calibration`."""
        if path is not None:
            table = self._recognizer.table
            decoder = TextDecoder(
                Vocabulary(table.encode(), table.boundary, table.special_ids),
                table.blank_id,
                None if self._search is None else self._search.beam,
            )
            return WordErrorEvaluation(
                "word_error_rate", path.name, read_transcripts(path), self._clips, decoder
            )
        agree = token_agreement(self._config.blank_id)
        return AgreementEvaluation.create(
            "greedy_token_agreement", calibration, self.reference(), "logits", agree
        )

    def quantization(self) -> QuantizationPlan:
        """Quantize products and convolutions; LayerNorm, softmax and additions stay in fp32."""
        return QuantizationPlan(
            static=True, operators=("MatMul", "Gemm", "Conv"), keep=self._recognizer.sensitive
        )

    @property
    def _clips(self) -> Clips:
        return Clips(self._config.sample_rate, self._config.max_segment)


def _loudest(waveform: Array, longest: int) -> Array:
    """Return up to `longest` samples around the largest one."""
    start = int(np.argmax(np.abs(waveform))) - longest // 2
    start = max(0, min(start, waveform.size - longest))
    return waveform[start : start + longest]


def _config(
    recognizer: Recognizer, search: Search | None, max_segment: float
) -> ConformerCTCConfig:
    front, table = recognizer.front, recognizer.table
    return ConformerCTCConfig(
        sample_rate=front.sample_rate,
        features=front.features,
        normalize_waveform=front.normalize_waveform,
        blank_id=table.blank_id,
        special_ids=table.special_ids,
        word_boundary=table.boundary,
        chunk_frames=front.chunk_frames,
        flush_frames=front.flush_frames,
        pad_value=front.pad_value,
        frame_seconds=front.frame_seconds,
        subsampling=front.subsampling,
        search=None if search is None else search.config,
        max_segment=max_segment,
    )
