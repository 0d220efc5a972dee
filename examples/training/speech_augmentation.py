"""Log-mel features as another speaker, tempo, channel and level would make them, and masked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from speech_clips import NUM_MEL_BINS

LONGEST_PAUSE = 11  # frames of silence before an utterance


@dataclass(frozen=True)
class Augmentation:
    """How much an utterance is disturbed."""

    strength: float
    """0 (no masks) to 1 (masks of up to 14 bins and 20 frames), or more; a mask in time hides at
    most a third of the utterance."""
    variation: float = 1.0
    """0 (as recorded) to 1 (full changes of tempo, voice, channel and level)."""


@dataclass(frozen=True)
class Timing:
    """Where the frames of an utterance go; two views with the same timing correspond."""

    tempo: float
    """Frames that are gone on for each one that is written."""
    pause: int
    """Frames of silence before the first."""


def draw_timing(variation: float, rng: np.random.Generator) -> Timing:
    """Return a tempo of 1 up to 12 % and a pause of 0 to 11 frames."""
    tempo = 1.0 + variation * float(rng.uniform(-0.12, 0.12))
    return Timing(tempo, int(rng.integers(0, LONGEST_PAUSE + 1)))


def disturb(
    features: np.ndarray, augmentation: Augmentation, timing: Timing, rng: np.random.Generator
) -> np.ndarray:
    """Return float32 (frames, 80) of an utterance in another tempo, voice, channel and level.

    Voices change by stretching the mel axis, as in vocal tract length perturbation (Jaitly and
    Hinton 2013); masks are those of SpecAugment (Park et al. 2019).
    """
    amount = augmentation.variation
    item = _stretch(features.astype(np.float32), timing.tempo)
    item = _stretch(item.T, 1.0 + amount * rng.uniform(-0.1, 0.1), NUM_MEL_BINS).T
    channel = np.linspace(-1.0, 1.0, NUM_MEL_BINS) * rng.uniform(-1.0, 1.0)
    shift = amount * (channel + rng.uniform(-2.0, 1.0))
    item = _mask(np.maximum(item + shift.astype(np.float32), 0.0), augmentation.strength, rng)
    return np.pad(item, ((timing.pause, 0), (0, 0)))


def _stretch(item: np.ndarray, step: float, length: int | None = None) -> np.ndarray:
    """Read the rows of `item` every `step`, between rows linearly, beyond the end the last."""
    count = int((len(item) - 1) / step) if length is None else length
    positions = np.minimum(np.arange(count, dtype=np.float32) * np.float32(step), len(item) - 1.001)
    left = positions.astype(np.int64)
    weight = (positions - left).astype(np.float32)[:, None]
    return item[left] * (1.0 - weight) + item[left + 1] * weight


def _mask(item: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    mean = item.mean(0)
    for _ in range(2):
        width = int(rng.integers(0, 1 + round(14 * strength)))
        start = int(rng.integers(0, NUM_MEL_BINS + 1 - width))
        item[:, start : start + width] = mean[start : start + width]
    longest = min(round(20 * strength), len(item) // 3)  # a word said alone can be heard
    for _ in range(1 + len(item) // 150):
        width = int(rng.integers(0, 1 + longest))
        start = int(rng.integers(0, max(1, len(item) - width)))
        item[start : start + width] = mean
    return item
