"""What every decoder asks of its logits and options."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from edgewright.arguments import whole_number
from edgewright.errors import InputError, InputTypeError, UsageError

MAX_BEAM_FRAMES = 20_000
"""Most frames of one beam search (its alignment takes frames × tokens bytes): over six minutes."""
MAX_BEAM_WIDTH = 4096
"""Most prefixes kept: 20,000 took over a minute for half a minute of audio."""
MAX_TOKEN_ID = 2**31 - 1
"""Largest index of a token."""
LARGEST_WEIGHT = 1000.0
"""Of a hotword, either way."""


@contextmanager
def input_errors() -> Iterator[None]:
    """Raise what the kernel finds in the logits as an InputError."""
    try:
        yield
    except ValueError as error:
        name, _, found = str(error).partition(": ")
        raise InputError(
            f"input '{name}': {found}; check the input of the model, or run a variant of higher "
            "precision"
        ) from error


def check_whole(name: str, value: object, least: int, most: int, advice: str) -> None:
    """Refuse what is no whole number from `least` to `most`.

    Raises:
        UsageError: Another type, or out of range.
    """
    expected = f"a whole number from {least} to {most}"
    if not least <= whole_number(name, value, expected) <= most:
        raise UsageError(f"{name}: got {value!r}, expected {expected}; {advice}")


def check_logits(logits: NDArray[np.float32], largest_id: int) -> NDArray[np.float32]:
    """Return float32 (frames, vocabulary) in C order, with a vocabulary that has `largest_id`.

    Raises:
        InputTypeError: Another dtype.
        InputError: Another shape.
        UsageError: `largest_id` outside the vocabulary.
    """
    if not isinstance(logits, np.ndarray) or logits.dtype != np.float32:
        got = getattr(logits, "dtype", type(logits).__name__)
        raise InputTypeError(f"input 'logits': got {got}, expected a float32 array; convert it")
    if logits.ndim != 2 or logits.shape[1] < 1:
        raise InputError(
            f"input 'logits': got shape {logits.shape}, expected (frames, vocabulary); pass one "
            "utterance at a time"
        )
    if not 0 <= largest_id < logits.shape[1]:
        raise UsageError(
            f"input 'logits': got a vocabulary of {logits.shape[1]}, expected one with the token "
            f"{largest_id}; give the blank_id and lexicon that belong to this model"
        )
    return np.ascontiguousarray(logits)


def check_frames(logits: NDArray[np.float32], num_before: int) -> None:
    """Refuse more frames than a beam search takes, of which `num_before` came before.

    Raises:
        InputError: Over `MAX_BEAM_FRAMES`.
    """
    if num_before + len(logits) > MAX_BEAM_FRAMES:
        behind = f" behind {num_before}" if num_before else ""
        raise InputError(
            f"input 'logits': got {len(logits)} frames{behind}, expected at most "
            f"{MAX_BEAM_FRAMES} for a beam search; cut the audio at pauses"
            + (" and call reset() there" if num_before else "")
        )


def check_hotwords(hotwords: object) -> dict[str, float]:
    """Return words and what each one adds, a natural logarithm.

    Raises:
        UsageError: Not a mapping from words to numbers of at most `LARGEST_WEIGHT` either way.
    """
    if not isinstance(hotwords, Mapping):
        raise UsageError(
            f"hotwords: got {type(hotwords).__name__}, expected a mapping from words to weights, "
            "such as {'edgewright': 5.0}"
        )
    weights: dict[str, float] = {}
    for word, weight in hotwords.items():
        if not isinstance(word, str) or not word.strip():
            raise UsageError(f"hotwords: got {word!r}, expected a word; leave it out")
        if isinstance(weight, bool) or not isinstance(weight, (int, float, np.number)):
            raise UsageError(f"hotwords: got {weight!r} for {word!r}, expected a number; 5 is much")
        weights[word] = float(weight)
        if not abs(weights[word]) <= LARGEST_WEIGHT:
            raise UsageError(
                f"hotwords: got {weight} for {word!r}, expected -1000 to 1000; 5 is much"
            )
    return weights


def check_thresholds(token_threshold: float, beam_threshold: float) -> None:
    """Refuse thresholds that keep nothing.

    Raises:
        UsageError: `token_threshold` above 0, or `beam_threshold` not above 0.
    """
    if math.isnan(token_threshold) or token_threshold > 0:
        raise UsageError(
            f"token_threshold: got {token_threshold}, expected a logarithm, 0 or below; keep the "
            "default"
        )
    if not beam_threshold > 0:
        raise UsageError(
            f"beam_threshold: got {beam_threshold}, expected above 0; keep the default"
        )
