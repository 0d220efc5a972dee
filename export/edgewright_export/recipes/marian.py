"""Marian translators in the layout of `Helsinki-NLP/opus-mt-*`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import transformers

from edgewright.bundle.manifest import SizeRange
from edgewright.errors import InputError
from edgewright.families.marian import MarianConfig
from edgewright.families.marian_decoder import FIRST_CAPACITY, capacity
from edgewright.specs import Array
from edgewright_export.calibrate import Calibration
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.evaluation import AgreementEvaluation, Evaluation, Floats
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.quantization import QuantizationPlan
from edgewright_export.recipes.base import MAX_CALIBRATION_SAMPLES, SYNTHETIC_SAMPLES, Recipe
from edgewright_export.recipes.marian_evaluation import (
    ChrfEvaluation,
    next_token_agreement,
    read_pairs,
    read_sources,
)
from edgewright_export.recipes.marian_graphs import MarianSource, MarianStep
from edgewright_export.recipes.marian_reference import MarianReference
from edgewright_export.recipes.marian_search import read_search
from edgewright_export.recipes.marian_vocabulary import VocabularyFiles, read_vocabulary_files
from edgewright_export.sizes import BATCH, lengths
from edgewright_export.subject import Sample

LONGEST_SYNTHETIC = 24
"""Tokens of the longest source that is made up."""
TARGET_TOKENS = 32
"""Tokens of the translations that quantized graphs are observed with and judged by."""
USUAL_BEAMS = 8
USUAL_TOKENS = 128
"""Engines serve as many beams, and have a range of their own for sentences of as many tokens."""
GOLDEN_LOGITS = 2**19
"""Numbers of a golden sample's output at most, so that a bundle stays small."""


@dataclass(frozen=True)
class MarianOptions:
    """Options of the family in `edgewright.json`."""

    num_beams: int | None = None
    """Hypotheses kept by default; those of `generation_config.json` without it."""
    max_target_length: int | None = None
    """Longest translation in tokens; `max_length` - 1 of `generation_config.json` without it."""
    least_confidence: float = 0.0
    """Confidence below which a translation is doubtful, 0 to 1."""


class MarianRecipe(Recipe):
    """A `MarianMTModel` with its SentencePiece models and vocabulary."""

    family = "marian"
    architectures: ClassVar[tuple[str, ...]] = ("MarianMTModel",)

    def __init__(self, model: Any, files: VocabularyFiles, config: MarianConfig):
        self._model, self._files, self._config = model, files, config

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> "MarianRecipe":
        """Read weights, vocabulary and generation settings of `checkpoint`.

        Raises:
            CheckpointError: Something is missing or cannot be used.
        """
        options = checkpoint.family_options(MarianOptions)
        model = checkpoint.load(transformers.MarianMTModel)
        files = read_vocabulary_files(checkpoint, model.config)
        search = read_search(checkpoint, model.config, options.num_beams, options.max_target_length)
        positions = model.config.max_position_embeddings
        config = MarianConfig(
            pad_id=model.config.pad_token_id,
            max_source_tokens=positions,
            max_target_tokens=positions,
            search=search,
            target_vocabulary=files.target_vocabulary,
            least_confidence=options.least_confidence,
        )
        return cls(model, files, config)

    @property
    def config(self) -> MarianConfig:
        """The runtime family's configuration record."""
        return self._config

    def components(self) -> dict[str, TracedComponent]:
        """Return the encoder, and the decoder's step."""
        source, step, config = MarianSource(self._model), MarianStep(self._model), self._config
        names, sources = ("token_ids", "attention_mask"), _tokens(1, config.max_source_tokens)
        encoder = TracedComponent(
            module=source,
            inputs=self._source(2, 7),
            outputs=source.outputs,
            dynamic={name: {0: "batch", 1: "source"} for name in names},
            ranges={"batch": BATCH, "source": sources},
            probes=(self._source(1, 1), self._source(3, 19)),
        )
        sizes = ((2, 3, 7, 5), (1, 1, 3, 2), (3, 4, 11, 9))
        inputs, *probes = (self._step(source, step, *size) for size in sizes)
        decoder = TracedComponent(
            module=step,
            inputs=inputs,
            outputs=("logits", *(f"next_{name}" for name in step.states)),
            dynamic={name: step.dynamic_axes(name) for name in inputs},
            ranges={
                "batch": BATCH,
                "beams": (SizeRange(1, 4, max(USUAL_BEAMS, config.search.num_beams)),),
                "source": sources,
                "time": _tokens(FIRST_CAPACITY, capacity(config.max_target_tokens)),
            },
            probes=tuple(probes),
        )
        return {"encoder": encoder, "decoder": decoder}

    def assets(self) -> dict[str, bytes]:
        """Return the SentencePiece models and the vocabulary."""
        return dict(self._files.data)

    def reference(self) -> MarianReference:
        """Return PyTorch: a forward without a cache, and `generate()`."""
        return MarianReference(self._model, self._config.search)

    def calibration(self, path: Path | None, seed: int) -> Calibration:
        """Return the sentences of the text file `path` (one a line), or random tokens."""
        if path is None:
            sources = self._random_sources(np.random.default_rng(seed))
            return Calibration([self._sample(one) for one in sources], "synthetic samples")
        texts = read_sources(path, MAX_CALIBRATION_SAMPLES)
        sources = [self._encode(text, path, number) for number, text in texts]
        return Calibration([self._sample(one) for one in sources], path.name)

    def golden(self, calibration: Calibration) -> list[Sample]:
        """Return a few samples, with translations so short that their logits stay small."""
        most = max(2, GOLDEN_LOGITS // self._vocabulary_size)
        return [
            {**sample, "target_ids": sample["target_ids"][:most]}
            for sample in super().golden(calibration)
        ]

    def evaluation(self, path: Path | None, calibration: Calibration, seed: int) -> Evaluation:
        """Return chrF on the table `path`, or agreement of next tokens on `calibration`."""
        if path is None:
            expected = tuple(map(self._next_tokens, calibration.samples))
            return AgreementEvaluation(
                "next_token_agreement", calibration.data, calibration.samples, expected,
                next_token_agreement, "logits",
            )  # fmt: skip
        pairs = read_pairs(path)
        sources = tuple(self._encode(pair.source, path, pair.line) for pair in pairs)
        references = tuple(pair.target for pair in pairs)
        return ChrfEvaluation("chrf", path.name, sources, references, self._files.tokens.decode)

    def quantization(self) -> QuantizationPlan:
        """Quantize products and the table of embeddings, with dynamic scales; positions stay exact.

        A scale follows each step's own values, and needs no sentences of the source language to
        calibrate on.
        """
        return QuantizationPlan(operators=("MatMul", "Gemm", "Gather"), keep=("*embed_positions*",))

    @property
    def _vocabulary_size(self) -> int:
        return int(self._model.final_logits_bias.shape[1])

    def _encode(self, text: str, path: Path, line: int) -> Array:
        ids = self._files.tokens.encode(text, f"{path}, line {line}")
        if ids.size > (most := self._config.max_source_tokens):
            raise InputError(
                f"{path}, line {line}: got {ids.size} tokens, expected at most {most}; split it"
            )
        return ids

    def _random_sources(self, generator: np.random.Generator) -> list[Array]:
        search, size = self._config.search, self._model.config.vocab_size
        special = {self._config.pad_id, search.eos_id, search.start_id}
        text = np.array([one for one in range(size) if one not in special])
        longest = min(LONGEST_SYNTHETIC, self._config.max_source_tokens - 1)
        lengths = np.linspace(1, longest, SYNTHETIC_SAMPLES).astype(int)
        return [np.concatenate([generator.choice(text, int(n)), [search.eos_id]]) for n in lengths]

    def _next_tokens(self, sample: Sample) -> Floats:
        """Return the likeliest tokens alone: logits of all samples would take too much memory."""
        tokens = self.reference().infer(sample)["logits"].argmax(axis=-1)
        return np.asarray(tokens, np.float32)

    def _sample(self, source: Array) -> Sample:
        target = self.reference().greedy(source, TARGET_TOKENS)
        return {"token_ids": source, "target_ids": target}

    def _source(self, batch: int, tokens: int) -> dict[str, torch.Tensor]:
        """Return random ids, the last row of several padded by a third."""
        generator = torch.Generator().manual_seed(tokens)
        size = self._model.config.vocab_size
        ids = torch.randint(0, size, (batch, tokens), generator=generator)
        mask = torch.ones_like(ids)
        if batch > 1:
            mask[-1, tokens - tokens // 3 :] = 0
        return {"token_ids": ids, "attention_mask": mask}

    def _step(  # noqa: PLR0917 - sizes in the order of the axes
        self, source: MarianSource, step: MarianStep, batch: int, beams: int, tokens: int, time: int
    ) -> dict[str, torch.Tensor]:
        """Return random inputs of a step, with sentences of different lengths."""
        generator = torch.Generator().manual_seed(time)
        inputs = self._source(batch, tokens)
        memory = source(*inputs.values())
        size = batch, beams
        states = {
            name: torch.randn((*size, step.heads, time, step.size), generator=generator)
            for name in step.states[:-1]
        }
        return {
            "token_ids": torch.randint(0, self._vocabulary_size, size, generator=generator),
            "parents": torch.randint(0, beams, size, generator=generator),
            "attention_mask": inputs["attention_mask"],
            **dict(zip(source.outputs, memory, strict=True)),
            **states,
            step.states[-1]: torch.arange(batch) % time,
        }


def _tokens(least: int, most: int) -> tuple[SizeRange, ...]:
    return lengths(least, min(USUAL_TOKENS, most), most)
