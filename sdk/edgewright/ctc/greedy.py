"""The best token of each frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewright import _core
from edgewright.ctc.checks import MAX_TOKEN_ID, check_logits, check_whole, input_errors
from edgewright.ctc.stream import CTCStream


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
    return _tokens(columns)


def greedy_stream(blank_id: int) -> CTCStream[tuple[CTCToken, ...]]:
    """Return a stream whose one result is the tokens of `greedy_decode`.

    Args:
        blank_id: Index of the blank.

    Raises:
        UsageError: `blank_id` is no index.
    """
    check_whole("blank_id", blank_id, 0, MAX_TOKEN_ID, "give the index of a token")
    kernel = _core.CtcGreedyStream(blank_id)
    return CTCStream(
        kernel,
        lambda logits, _: check_logits(logits, blank_id),
        lambda _: [_tokens(kernel.best())],
    )


def _tokens(columns: tuple[NDArray[np.generic], ...]) -> tuple[CTCToken, ...]:
    return tuple(map(CTCToken, *(column.tolist() for column in columns)))
