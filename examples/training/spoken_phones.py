"""What a teacher says: a waveform, and which phone sounds when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SAMPLE_RATE = 16_000  # Hz, of everything that a voice learns from


@dataclass(frozen=True)
class SpokenPhone:
    """A phone of an utterance."""

    symbol: str
    """Phone of the language in lower case (for English that of flite's cmulex), or "pau"."""
    stress: int | None
    """0 or 1 on vowels, otherwise None."""
    syllable_start: bool
    """Whether a syllable begins here."""
    mark: str
    """Punctuation mark behind the word before a pause: one of ",.?!" or empty."""
    end: float
    """End in seconds."""


@dataclass(frozen=True)
class Utterance:
    """What the teacher said."""

    waveform: np.ndarray
    """float32 (samples,) in [-1, 1), 16 kHz."""
    phones: tuple[SpokenPhone, ...]
    """Phones in time order, pauses included."""


Teacher = Callable[[str], Utterance | None]
"""Speaks a sentence; None where phones and speech do not fit each other."""
