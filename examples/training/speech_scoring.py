"""Greedy words of CTC logits."""

from __future__ import annotations

import numpy as np
from tokenizers import Tokenizer


def greedy_words(logits: np.ndarray, tokenizer: Tokenizer, blank_id: int = 0) -> str:
    """Return the text of the best path of logits (frames, vocabulary)."""
    best = logits.argmax(-1)
    starts = np.append(True, best[1:] != best[:-1])
    pieces = [tokenizer.id_to_token(int(i)) for i in best[starts & (best != blank_id)]]
    return " ".join("".join(pieces).replace("\u2581", " ").split())
