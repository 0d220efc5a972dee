"""The best token of each frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewright import _core
from edgewright.ctc.checks import check_logits, input_errors


@dataclass(frozen=True)
class CTCToken:
    """A token of a decoded sequence."""

    token_id: int
    """Index in the vocabulary."""
    start: int
    """First frame of the token's own run, without the blanks around it."""
    end: int
    """Last frame of the run + 1."""
    confidence: float
    """Mean probability of the token over these frames, 0 to 1."""


def greedy_decode(logits: NDArray[np.float32], blank_id: int) -> tuple[CTCToken, ...]:
    """Return the best token of each frame, with runs merged and blanks dropped.

    Args:
        logits: dtype float32, shape (frames, vocabulary): logits or log-probabilities. -inf stands
            for "impossible".
        blank_id: Index of the blank.

    Raises:
        InputTypeError: Another dtype.
        InputError: Another shape; NaN, +inf, or a frame of -inf alone.
        UsageError: `blank_id` outside the vocabulary.
    """
    logits = check_logits(logits, blank_id)
    with input_errors():
        columns = _core.ctc_greedy_decode(logits, blank_id)
    return tuple(map(CTCToken, *(column.tolist() for column in columns)))
