"""DNABERT: BERT over k-mers of DNA, with a head for sequences, for tokens, or none."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import nn

from edgewright.errors import CheckpointError, UsageError
from edgewright.families.dnabert import DNABERTConfig
from edgewright.specs import Array
from edgewright.tasks.metrics import auc, top1
from edgewright_export.calibrate import Calibration
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.evaluation import (
    AgreementEvaluation,
    Evaluation,
    LabelledEvaluation,
    cosine,
    right_class,
    same_class,
)
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.quantization import QuantizationPlan
from edgewright_export.recipes.base import (
    MAX_CALIBRATION_SAMPLES,
    SYNTHETIC_SAMPLES,
    Recipe,
)
from edgewright_export.recipes.kmers import (
    SPECIAL_TOKENS,
    kmer_words,
    read_vocabulary,
    token_ids,
)
from edgewright_export.recipes.labels import read_labels
from edgewright_export.recipes.sequences import (
    label_indices,
    random_sequences,
    read_sequences,
    read_table,
)
from edgewright_export.sizes import BATCH, lengths
from edgewright_export.subject import Sample

VOCABULARY = "assets/vocab.txt"


@dataclass(frozen=True)
class DNABERTOptions:
    """Options of the family in `edgewright.json`."""

    k: int | None = None
    """Letters of a k-mer; only checked, for `vocab.txt` tells it."""
    window: int | None = None
    """Bases of one window; by default as many as the model's positions allow."""


@dataclass(frozen=True)
class _Architecture:
    """How the answer is taken from a class of transformers."""

    head: str
    """`sequence`, `token` or `embedding`."""
    encoder: str | None = None
    """Attribute that holds the encoder of a class whose own head is not exported."""
    unused: tuple[str, ...] = ()
    """Weights that old versions stored and that the answer does not depend on."""
    arguments: tuple[str, ...] = ()
    """Parts of the class that are left out when it is built."""


_POSITIONS = "*embeddings.position_ids"
_ARCHITECTURES = {
    "BertForSequenceClassification": _Architecture("sequence", unused=(_POSITIONS,)),
    "BertForTokenClassification": _Architecture("token", unused=(_POSITIONS, "bert.pooler.*")),
    "BertForMaskedLM": _Architecture("embedding", "bert", (_POSITIONS, "bert.pooler.*")),
    "BertModel": _Architecture(
        "embedding", unused=(_POSITIONS, "pooler.*"), arguments=("add_pooling_layer",)
    ),
}


class DNABERTRecipe(Recipe):
    """A BERT with a complete k-mer vocabulary."""

    family = "dnabert"
    architectures: ClassVar[tuple[str, ...]] = tuple(_ARCHITECTURES)

    def __init__(self, model: nn.Module, vocabulary: tuple[str, ...], config: DNABERTConfig):
        self._model, self._vocabulary, self._config = model, vocabulary, config

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> "DNABERTRecipe":
        """Read weights and vocabulary of `checkpoint`.

        Raises:
            CheckpointError: Something is missing or cannot be used.
        """
        options = checkpoint.family_options(DNABERTOptions)
        vocabulary = read_vocabulary(checkpoint.read_bytes("vocab.txt"))
        architecture = _ARCHITECTURES[checkpoint.architecture]
        model = checkpoint.load(
            getattr(transformers, checkpoint.architecture),
            unused=architecture.unused,
            **dict.fromkeys(architecture.arguments, False),
        )
        config = _family_config(model.config, vocabulary, architecture.head, options)
        encoder = getattr(model, architecture.encoder) if architecture.encoder else model
        return cls(encoder, vocabulary, config)

    @property
    def config(self) -> DNABERTConfig:
        """The runtime family's configuration record."""
        return self._config

    def components(self) -> dict[str, TracedComponent]:
        """Return the one graph: token ids and their mask to logits or hidden states."""
        output = "hidden" if self._config.head == "embedding" else "logits"
        names = ("token_ids", "attention_mask")
        longest = self._config.max_tokens
        tops = (min(length, longest) for length in (64, 256, 512))
        return {
            "model": TracedComponent(
                module=_Bert(self._model, self._config.head),
                inputs=self._example(2, min(self._typical_tokens(), longest)),
                outputs=(output,),
                dynamic={name: {0: "batch", 1: "time"} for name in names},
                ranges={
                    "batch": BATCH,
                    "time": lengths(3, *tops),
                },
                probes=(self._example(1, 3), self._example(3, longest)),
            )
        }

    def assets(self) -> dict[str, bytes]:
        """Return the vocabulary."""
        return {VOCABULARY: ("\n".join(self._vocabulary) + "\n").encode()}

    def reference(self) -> "DNABERTReference":
        """Return PyTorch behind k-mers that are looked up one by one."""
        return DNABERTReference(self._model, self._vocabulary, self._config)

    def calibration(self, path: Path | None, seed: int) -> Calibration:
        """Return the sequences of `path` (FASTA or a table), or random ones of several lengths."""
        if path is None:
            generator = np.random.default_rng(seed)
            shortest = min(2 * self._config.k, self._config.window)
            lengths = np.linspace(shortest, self._config.window, SYNTHETIC_SAMPLES).astype(np.int64)
            sequences, data = random_sequences(generator, lengths), "synthetic samples"
        else:
            sequences = read_sequences(
                path, self._config.window, MAX_CALIBRATION_SAMPLES, self._bases
            )
            data = path.name
        return Calibration([{"sequence": sequence} for sequence in sequences], data)

    def evaluation(self, path: Path | None, calibration: Calibration, seed: int) -> Evaluation:
        """Return AUC (two classes) or top-1 on a labelled table, or agreement on `calibration`."""
        if path is None:
            return self._agreement(calibration)
        if self._config.head != "sequence":
            raise UsageError(
                f"evaluation: got {path} for the head '{self._config.head}', expected none: a "
                "table has one label a sequence; leave --evaluation away"
            )
        rows = read_table(path, self._bases)
        labels = label_indices(path, [label for _, label in rows], self._config.labels)
        inputs = [{"sequence": np.frombuffer(row[0].encode(), np.uint8)} for row in rows]
        if len(self._config.labels) == 2:
            return LabelledEvaluation("auc", path.name, inputs, labels, _binary_auc)
        return LabelledEvaluation("top1", path.name, inputs, labels, top1, hits=right_class)

    def _agreement(self, calibration: Calibration) -> Evaluation:
        if self._config.head == "embedding":
            return AgreementEvaluation.create(
                "cosine_agreement", calibration, self.reference(), "embedding", cosine
            )
        return AgreementEvaluation.create(
            "top1_agreement", calibration, self.reference(), "logits", same_class
        )

    def quantization(self) -> QuantizationPlan:
        """Quantize the table of k-mers too: in small models it is most of the weights.

        For the shipped promoter model: 0.47 instead of 1.35 MB, AUC 0.8292 instead of 0.8293.
        """
        return QuantizationPlan(operators=("MatMul", "Gemm", "Gather"))

    @property
    def _bases(self) -> range:
        """How many bases of a sequence the model takes."""
        k = self._config.k
        return range(k, self._config.max_tokens - 2 + k)

    def _typical_tokens(self) -> int:
        return self._config.window - self._config.k + 3

    def _example(self, batch: int, tokens: int) -> dict[str, torch.Tensor]:
        """Return random ids, the last row of several padded by a third."""
        generator = torch.Generator().manual_seed(batch)
        ids = torch.randint(
            len(SPECIAL_TOKENS), len(self._vocabulary), (batch, tokens), generator=generator
        )
        mask = torch.ones_like(ids)
        if batch > 1:
            mask[-1, tokens - tokens // 3 :] = 0
        return {"token_ids": ids * mask, "attention_mask": mask}


class DNABERTReference:
    """PyTorch on k-mers that are made and looked up one by one."""

    def __init__(self, model: nn.Module, vocabulary: tuple[str, ...], config: DNABERTConfig):
        self._model, self._vocabulary, self._config = model, vocabulary, config

    def infer(self, sample: Sample) -> dict[str, Array]:
        """Return the output for one sequence (uint8 ASCII, `(bases,)`).

        The rows of `[CLS]` and `[SEP]` are no answer, and are left out.
        """
        words = kmer_words(sample["sequence"], self._config.k)
        ids = torch.tensor([token_ids(words, self._vocabulary)])
        with torch.inference_mode():
            answer = self._model(input_ids=ids, attention_mask=torch.ones_like(ids))
        if self._config.head == "embedding":
            return {"embedding": answer.last_hidden_state[0, 1:-1].mean(dim=0).numpy()}
        logits = answer.logits[0]
        return {"logits": (logits if self._config.head == "sequence" else logits[1:-1]).numpy()}


class _Bert(nn.Module):
    def __init__(self, model: nn.Module, head: str):
        super().__init__()
        self.model, self._field = model, "last_hidden_state" if head == "embedding" else "logits"

    def forward(self, token_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        answer = self.model(input_ids=token_ids, attention_mask=attention_mask)
        output: torch.Tensor = getattr(answer, self._field)
        return output


def _family_config(
    config: Any, vocabulary: tuple[str, ...], head: str, options: DNABERTOptions
) -> DNABERTConfig:
    if config.vocab_size != len(vocabulary):
        raise CheckpointError(
            f"vocab.txt: got {len(vocabulary)} tokens, expected {config.vocab_size} as config.json "
            "says; use the file that the checkpoint was trained with"
        )
    k, max_tokens = len(vocabulary[-1]), config.max_position_embeddings
    longest = max_tokens - 2 + k - 1
    window = options.window or longest
    if options.k not in (None, k):
        raise CheckpointError(
            f"options: got k {options.k}, expected {k}, the length of the words in vocab.txt; "
            "correct the option"
        )
    if not k <= window <= longest:
        raise CheckpointError(
            f"options: got window {window}, expected {k} … {longest} bases, what {max_tokens} "
            "positions hold; correct the option"
        )
    return DNABERTConfig(
        k=k,
        head=head,
        labels=() if head == "embedding" else read_labels(config),
        max_tokens=max_tokens,
        window=window,
        vocabulary=VOCABULARY,
    )


def _binary_auc(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    return auc(logits[:, 1] - logits[:, 0], labels == 1)
