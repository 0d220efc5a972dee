"""k-mer tokens in the DNABERT layout, and a BERT that learns k-mer embeddings from their bases."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import BertConfig, BertForSequenceClassification

BASES = "ATCG"  # DNABERT lists its k-mers in the product order of these letters
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
UNKNOWN_ID, START_ID, END_ID = 1, 2, 3


def vocabulary(k: int) -> list[str]:
    """Return the lines of `vocab.txt`: five special tokens, then all 4^k k-mers."""
    return [*SPECIAL_TOKENS, *("".join(kmer) for kmer in itertools.product(BASES, repeat=k))]


def base_codes(sequences: Sequence[str]) -> np.ndarray:
    """Turn sequences of one length into uint8 (number, length).

    A code is a position in `BASES`, or 4 for any other letter; case does not matter.
    """
    table = np.full(256, len(BASES), np.uint8)
    for code, base in enumerate(BASES):
        table[[ord(base), ord(base.lower())]] = code
    return table[np.array([list(sequence.encode("ascii")) for sequence in sequences], np.uint8)]


def token_ids(codes: np.ndarray, k: int) -> torch.Tensor:
    """Turn base codes (number, length) into int64 (number, length - k + 3): [CLS] k-mers [SEP]."""
    windows = np.lib.stride_tricks.sliding_window_view(codes, k, axis=1).astype(np.int64)
    ids = windows @ (4 ** np.arange(k - 1, -1, -1)) + len(SPECIAL_TOKENS)
    ids[(windows == len(BASES)).any(-1)] = UNKNOWN_ID
    return torch.from_numpy(np.pad(ids, ((0, 0), (1, 1)), constant_values=(START_ID, END_ID)))


class KmerBert(nn.Module):
    """BERT for training: the embedding of a k-mer is a free row plus a function of its bases.

    A free table of 4^k rows sees each rare 6-mer a few times only; the shared function lets
    k-mers with common bases learn from each other. `published` folds both into the ordinary
    table, so the saved model is a plain BERT.
    """

    def __init__(self, config: BertConfig, k: int) -> None:
        super().__init__()
        self.bert = BertForSequenceClassification(config)
        self.from_bases = nn.Sequential(
            nn.Linear(4 * k, 128), nn.GELU(), nn.Linear(128, config.hidden_size)
        )
        kmers = torch.tensor(list(itertools.product(range(4), repeat=k)))
        self.register_buffer(
            "bases", functional.one_hot(kmers, 4).flatten(1).float(), persistent=False
        )
        _start_positions(self.bert.bert.embeddings.position_embeddings.weight)

    def table(self) -> torch.Tensor:
        """Return the embedding of every token, float32 (vocabulary, hidden)."""
        shared = functional.pad(self.from_bases(self.bases), (0, 0, len(SPECIAL_TOKENS), 0))
        return self.bert.bert.embeddings.word_embeddings.weight + shared

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return logits (batch, labels) of ids (batch, tokens)."""
        logits: torch.Tensor = self.bert(
            inputs_embeds=functional.embedding(ids, self.table())
        ).logits
        return logits

    @torch.no_grad()
    def published(self) -> BertForSequenceClassification:
        """Return the plain BERT with the folded table, in evaluation mode."""
        self.bert.bert.embeddings.word_embeddings.weight.copy_(self.table())
        for layer in (self.from_bases[0], self.from_bases[2]):
            layer.weight.zero_()
            layer.bias.zero_()
        return self.bert.eval()


@torch.no_grad()
def _start_positions(weight: nn.Parameter) -> None:
    """Start from sinusoids (Vaswani et al. 2017, section 3.5), so that neighbours begin alike."""
    length, width = weight.shape
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(1e4) / width))
    angles = torch.arange(length)[:, None] * rates
    weight.copy_(0.05 * torch.stack((angles.sin(), angles.cos()), -1).flatten(1))


def save_dnabert(model: BertForSequenceClassification, k: int, folder: Path) -> None:
    """Save weights, configuration, `vocab.txt` and the tokenizer's settings."""
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary(k)) + "\n")
    settings = {"do_lower_case": False, "model_max_length": model.config.max_position_embeddings}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
