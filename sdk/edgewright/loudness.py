"""The loudness of synthetic speech: one level for every sentence, never clipped.

Level: the root mean square over what carries speech (within 30 dB of the loudest 20 ms, or frame of
the mel) becomes -23 dBFS. Where a sample would exceed 0.99 of full scale, the gain falls around it.
"""

import math

import numpy as np
from numpy.typing import NDArray

TARGET_DBFS = -23.0
"""Root mean square over speech, dB relative to full scale (1.0)."""
PEAK = 0.99
"""Largest magnitude of a sample."""
_BLOCK_SECONDS = 0.02
_SPEECH_RANGE_DB = 30.0
_SILENCE = 1e-6


def gain(rms: float, scale: float = 1.0) -> float:
    """Return the factor that brings speech to the target loudness; 1 for silence.

    Args:
        rms: Root mean square over speech, such as `speech_rms`.
        scale: Factor on the target's amplitude; 2 is 6 dB louder.
    """
    return 1.0 if rms < _SILENCE else scale * 10 ** (TARGET_DBFS / 20) / rms


def speech_rms(waveform: NDArray[np.float32], sample_rate: int) -> float:
    """Return the root mean square over the blocks within 30 dB of the loudest; 0 if empty.

    Args:
        waveform: float32 (samples,), finite, of any amplitude.
        sample_rate: Samples per second.
    """
    size = _block_size(sample_rate)
    padded = np.pad(waveform.astype(np.float64), (0, -waveform.size % size))
    return _rms(np.square(padded).reshape(-1, size).mean(axis=1))


def loudest_part(mel: NDArray[np.float32], num_frames: int) -> slice:
    """Return the frames in a row that have most energy, `num_frames` or all.

    Args:
        mel: float32 (frames, bins), natural logarithms of magnitudes, at least one frame.
        num_frames: 1 or more.
    """
    length = min(num_frames, len(mel))
    start = int(np.convolve(_mel_energies(mel), np.ones(length), "valid").argmax())
    return slice(start, start + length)


def rms_from_part(mel: NDArray[np.float32], part: slice, waveform: NDArray[np.float32]) -> float:
    """Return the root mean square over the speech of a sentence of which only a part is audio yet.

    The mel says how loud the sentence is beside its part, over the frames within 30 dB of the
    loudest: with the loudest 1.6 s that is `speech_rms` within fractions of a decibel.

    Args:
        mel: float32 (frames, bins) of the sentence, natural logarithms of magnitudes.
        part: Frames of which there is audio.
        waveform: float32 (samples,), their audio.
    """
    energies = _mel_energies(mel)
    audio = np.square(waveform.astype(np.float64)).mean()
    return _rms(energies) * math.sqrt(audio / energies[part].mean())


def _mel_energies(mel: NDArray[np.float32]) -> NDArray[np.float64]:
    energies: NDArray[np.float64] = np.exp(2 * mel.astype(np.float64)).sum(axis=1)
    return energies


def _rms(energies: NDArray[np.float64]) -> float:
    if energies.size == 0:
        return 0.0
    speech = energies >= energies.max() * 10 ** (-_SPEECH_RANGE_DB / 10)
    return math.sqrt(energies[speech].mean())


def _block_size(sample_rate: int) -> int:
    return max(1, int(sample_rate * _BLOCK_SECONDS))


class Limiter:
    """Keeps every sample within `PEAK`; what comes in pieces of any size comes out as in one.

    Each block of 20 ms has the factor that brings its peak down to `PEAK`, 1 where it is lower. At
    the border of two blocks the gain is the lower of their factors, between borders it is linear,
    so it never exceeds a block's own factor and never jumps.
    """

    def __init__(self, sample_rate: int) -> None:
        self._size = _block_size(sample_rate)
        self._held = np.zeros(0, np.float32)  # from the beginning of a block
        self._before = 1.0  # factor of the block before

    def feed(self, waveform: NDArray[np.float32], *, end: bool = False) -> NDArray[np.float32]:
        """Return what is certain by now: all but the last whole block, or all at the `end`.

        Args:
            waveform: float32 (samples,), of any amplitude.
            end: Whether nothing comes behind it.

        Returns:
            float32 (samples,), magnitudes at most `PEAK`.
        """
        held = np.concatenate([self._held, waveform])
        if end:
            blocks = np.pad(held, (0, -held.size % self._size)).reshape(-1, self._size)
        else:
            blocks = held[: held.size // self._size * self._size].reshape(-1, self._size)
        factors = PEAK / np.maximum(np.abs(blocks).max(axis=1), PEAK).astype(np.float64)
        count = len(blocks) if end else max(0, len(blocks) - 1)
        around = np.array([self._before, *factors, *[1.0] * end])
        limited = _ramped(blocks[:count], np.minimum(around[:-1], around[1:]))
        ready: NDArray[np.float32] = limited.reshape(-1)[: held.size]
        self._held = held[ready.size :]
        self._before = float(around[count])
        return ready


def _ramped(blocks: NDArray[np.float32], borders: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return `blocks`, (blocks, samples), with a gain that is linear between its `borders`."""
    first, last = borders[: len(blocks), None], borders[1 : len(blocks) + 1, None]
    ramp = np.arange(blocks.shape[1]) / blocks.shape[1]
    gains: NDArray[np.float64] = first + (last - first) * ramp
    return (blocks * gains).astype(np.float32)
