"""Greedy words of CTC logits, and the word error rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer


def greedy_words(logits: np.ndarray, tokenizer: Tokenizer, blank_id: int = 0) -> str:
    """Return the text of the best path of logits (frames, vocabulary)."""
    best = logits.argmax(-1)
    starts = np.append(True, best[1:] != best[:-1])
    pieces = [tokenizer.id_to_token(int(i)) for i in best[starts & (best != blank_id)]]
    return " ".join("".join(pieces).replace("\u2581", " ").split())


def word_errors(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Return the least number of substitutions, insertions and deletions of words."""
    costs = list(range(len(heard) + 1))
    for row, word in enumerate(reference, 1):
        diagonal, costs[0] = costs[0], row
        for column, other in enumerate(heard, 1):
            changed = diagonal + (word != other)
            diagonal = costs[column]
            costs[column] = min(changed, diagonal + 1, costs[column - 1] + 1)
    return costs[-1]


def word_error_rate(references: Sequence[str], heard: Sequence[str]) -> float:
    """Return errors over reference words, summed over all clips."""
    errors = sum(word_errors(a.split(), b.split()) for a, b in zip(references, heard, strict=True))
    return errors / max(1, sum(len(text.split()) for text in references))
