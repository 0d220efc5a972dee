"""The loudness of synthetic speech: one level for every sentence, never clipped.

Level: the root mean square over the 20 ms blocks that carry speech (within 30 dB of the loudest
block) becomes -23 dBFS. Where that would lift a sample above 0.99 of full scale, the whole sentence
is turned down until its peak is 0.99; nothing is limited or clipped.
"""

import numpy as np
from numpy.typing import NDArray

TARGET_DBFS = -23.0
"""Root mean square over speech, dB relative to full scale (1.0)."""
PEAK = 0.99
"""Largest magnitude of a sample."""
_BLOCK_SECONDS = 0.02
_SPEECH_RANGE_DB = 30.0
_SILENCE = 1e-6


def level(
    waveform: NDArray[np.float32], sample_rate: int, *, gain: float = 1.0
) -> NDArray[np.float32]:
    """Return `waveform` at the target loudness.

    Args:
        waveform: float32 (samples,), finite, of any amplitude.
        sample_rate: Samples per second.
        gain: Factor on the target's amplitude; 2 is 6 dB louder.

    Returns:
        float32 (samples,), magnitudes at most `PEAK`; silence stays as it is.
    """
    rms = speech_rms(waveform, sample_rate)
    if rms < _SILENCE:
        return waveform
    factor = gain * 10 ** (TARGET_DBFS / 20) / rms
    factor = min(factor, PEAK / float(np.abs(waveform).max()))
    return (waveform * np.float32(factor)).astype(np.float32, copy=False)


def speech_rms(waveform: NDArray[np.float32], sample_rate: int) -> float:
    """Return the root mean square over the blocks within 30 dB of the loudest; 0 if empty."""
    size = max(1, int(sample_rate * _BLOCK_SECONDS))
    padded = np.pad(waveform.astype(np.float64), (0, -waveform.size % size))
    if padded.size == 0:
        return 0.0
    energies = np.square(padded).reshape(-1, size).mean(axis=1)
    speech = energies >= energies.max() * 10 ** (-_SPEECH_RANGE_DB / 10)
    return float(np.sqrt(energies[speech].mean()))
