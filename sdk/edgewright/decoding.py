"""From logits to answers."""

import math

import numpy as np
from numpy.typing import NDArray

from edgewright import _core
from edgewright.errors import InputError, InputTypeError, UsageError


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the softmax over the last axis: dtype float32, the shape of `logits`, range 0 to 1.

    Args:
        logits: dtype float32, shape (…, classes), finite.

    Raises:
        InputTypeError: Another dtype.
        InputError: No classes, or values that are not finite.
    """
    return _core.softmax(_rows(logits)).reshape(logits.shape)


def softmax_top_k(
    logits: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the classes of the `k` largest logits, largest first, and their softmax.

    Equal logits come in the order of their class.

    Args:
        logits: dtype float32, shape (…, classes), finite.
        k: At least 1; all classes are returned if there are fewer than `k`.

    Returns:
        Indices, dtype int64, and probabilities, dtype float32, range 0 to 1; both of shape
        (…, min(k, classes)).

    Raises:
        InputTypeError: Another dtype.
        InputError: No classes, or values that are not finite.
        UsageError: `k` is below 1.
    """
    if k < 1:
        raise UsageError(f"k: got {k}, expected at least 1; ask for one result or more")
    rows = _rows(logits)
    shape = (*logits.shape[:-1], min(k, logits.shape[-1]))
    indices, probabilities = _core.softmax_top_k(rows, shape[-1])
    return indices.reshape(shape), probabilities.reshape(shape)


def _rows(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Check `logits` and return them as (rows, classes) in C order."""
    if not isinstance(logits, np.ndarray) or logits.dtype != np.float32:
        got = getattr(logits, "dtype", type(logits).__name__)
        raise InputTypeError(f"input 'logits': got {got}, expected a float32 array; convert it")
    if logits.ndim < 1 or logits.shape[-1] < 1:
        raise InputError(
            f"input 'logits': got shape {logits.shape}, expected (…, classes) with at least one "
            "class; pass the output of the model as it is"
        )
    is_small = math.isfinite(np.vdot(logits, logits))  # quicker than to look at each of a few
    if not (is_small or np.isfinite(logits).all()):
        raise InputError(
            "input 'logits': got NaN or infinity, expected finite numbers; "
            "check the input of the model, or run a variant of higher precision"
        )
    return np.ascontiguousarray(logits).reshape(-1, logits.shape[-1])
