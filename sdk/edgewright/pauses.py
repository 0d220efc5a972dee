"""Where audio is silent: cut at its pauses, or followed as it comes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewright.audio import Waveform

SILENCE_DBFS = -60.0
"""Root mean square (0 dBFS: 1.0) that no 20 ms of silence reaches."""
_SILENCE = 10 ** (SILENCE_DBFS / 10)
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, eq=False)
class Segment:
    """A piece of audio between two pauses."""

    start: float
    """Seconds from the beginning of the audio."""
    waveform: Waveform


def segments(blocks: Iterator[Waveform], sample_rate: int, max_seconds: float) -> Iterator[Segment]:
    """Cut a stream at its pauses into segments of at most `max_seconds`.

    A cut is in the quietest 20 ms of the last half of what fits; the segments put together are the
    stream.
    """
    most = max(2, int(max_seconds * sample_rate))
    held, position = np.zeros(0, np.float32), 0
    for block in blocks:
        held = np.concatenate((held, block))
        while held.size > most:
            cut = _quietest(held[:most], most // 2, int(_PAUSE_SECONDS * sample_rate))
            yield Segment(position / sample_rate, held[:cut])
            held, position = held[cut:], position + cut
    if held.size:
        yield Segment(position / sample_rate, held)


def is_silence(waveform: Waveform, sample_rate: int) -> bool:
    """Return whether every 20 ms of a waveform stay below `SILENCE_DBFS`."""
    window = max(1, int(_PAUSE_SECONDS * sample_rate))
    return bool(_powers(waveform, window).max() < _SILENCE)


class Loudness:
    """Follows where a stream was loud last, in windows of 20 ms; belongs to one caller."""

    def __init__(self, sample_rate: int) -> None:
        self._window, self._rate = max(1, int(_PAUSE_SECONDS * sample_rate)), sample_rate
        self._held: Waveform
        self._num_samples: int
        self.last_loud: float
        """Seconds from the beginning to the end of the last window that is no silence; 0: none."""
        self.reset()

    def feed(self, waveform: Waveform) -> None:
        """Listen to what comes next."""
        held = np.concatenate((self._held, waveform))
        self._num_samples += waveform.size
        whole = held.size - held.size % self._window
        self._held = held[whole:]
        self._note(held[:whole], self._num_samples - held.size)

    def finish(self) -> None:
        """Judge what is left, which is shorter than a window."""
        self._note(self._held, self._num_samples - self._held.size)

    def _note(self, waveform: Waveform, begin: int) -> None:
        loud = np.flatnonzero(_powers(waveform, self._window) >= _SILENCE)
        if loud.size:
            end = begin + min((int(loud[-1]) + 1) * self._window, waveform.size)
            self.last_loud = end / self._rate

    def reset(self) -> None:
        """Begin a new stream."""
        self._held = np.zeros(0, np.float32)
        self._num_samples, self.last_loud = 0, 0.0


def _quietest(waveform: Waveform, first: int, window: int) -> int:
    """Return the middle of the quietest window that begins at `first` or later; ties: the last."""
    powers = _powers(waveform[first:], max(1, window))
    index = powers.size - 1 - int(np.argmin(powers[::-1]))
    return min(first + index * max(1, window) + window // 2, waveform.size - 1)


def _powers(waveform: Waveform, window: int) -> NDArray[np.float64]:
    """Return the mean squares of windows side by side; the last may be shorter."""
    starts = np.arange(0, waveform.size, window)
    sums = np.add.reduceat(np.square(waveform, dtype=np.float64), starts)
    means: NDArray[np.float64] = sums / np.minimum(window, waveform.size - starts)
    return means
