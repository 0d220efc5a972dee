"""From a mel to a waveform: Griffin-Lim, a graph of samples, or a graph of spectra."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewright.backends.base import Runner
from edgewright.families.base import float_row
from edgewright.synthesis import GriffinLim, GriffinLimConfig, IstftConfig, istft

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """Frames of a mel that a vocoder is given for the sake of some of them."""

    frames: slice
    """Of the mel: those to be heard, and those around that their samples depend on."""
    heard: slice
    """Of `frames`: those to be heard."""
    is_last: bool
    """Whether the mel ends with those to be heard."""


def window_around(heard: slice, num_frames: int, context: int) -> Window:
    """Return the window of a mel of `num_frames` whose frames `heard` are to be heard.

    Args:
        heard: Of the mel.
        num_frames: Of the mel.
        context: Frames each way that a sample depends on.
    """
    first, last = max(0, heard.start - context), min(num_frames, heard.stop + context)
    inner = slice(heard.start - first, heard.stop - first)
    return Window(slice(first, last), inner, heard.stop == num_frames)


def windows(num_frames: int, sizes: Sequence[int], context: int) -> Iterator[Window]:
    """Cut a mel into windows.

    Args:
        num_frames: Of the mel, 1 or more.
        sizes: Frames to be heard of each window, 1 or more; the last holds for all that follow.
        context: Frames each way that a sample depends on.
    """
    stop = 0
    for size in itertools.chain(sizes, itertools.repeat(sizes[-1])):
        start, stop = stop, min(stop + size, num_frames)
        yield window_around(slice(start, stop), num_frames, context)
        if stop == num_frames:
            return


class Vocoder(ABC):
    """Two steps, so that the time of a graph and that of a kernel are told apart."""

    @abstractmethod
    def run(self, mel: Floats) -> Floats:
        """Return what `finish` takes, of a mel float32 (frames, bins)."""

    @abstractmethod
    def finish(self, made: Floats) -> Floats:
        """Return the waveform, float32 (frames * hop,)."""

    def __call__(self, mel: Floats) -> Floats:
        """Return the waveform of a mel: float32 (frames, bins) -> (frames * hop,)."""
        return self.finish(self.run(mel))


class GriffinLimVocoder(Vocoder):
    """No graph: the mel is inverted by an iterative kernel."""

    def __init__(
        self, config: GriffinLimConfig, scale: Sequence[float], offset: Sequence[float]
    ) -> None:
        """Keep the convention; the mel times `scale` plus `offset` is a natural-log mel."""
        self._griffin_lim, self._hop_length = GriffinLim(config), config.mel.hop_length
        self._scale, self._offset = np.asarray(scale, np.float32), np.asarray(offset, np.float32)

    def run(self, mel: Floats) -> Floats:
        """Return the natural-log mel."""
        return (mel * self._scale + self._offset).astype(np.float32, copy=False)

    def finish(self, made: Floats) -> Floats:
        """Invert it."""
        return _to_whole_frames(self._griffin_lim(made), len(made), self._hop_length)


class WaveformVocoder(Vocoder):
    """A graph that gives samples, such as HiFi-GAN."""

    def __init__(self, runner: Runner) -> None:
        """Keep the graph `mel` -> `waveform`."""
        self._runner = runner

    def run(self, mel: Floats) -> Floats:
        """Return the waveform."""
        return float_row(self._runner.run({"mel": mel[None]})["waveform"])

    def finish(self, made: Floats) -> Floats:
        """Return it as it is."""
        return made


class SpectrumVocoder(Vocoder):
    """A graph that gives short-time spectra, behind it the inverse STFT of the runtime."""

    def __init__(self, runner: Runner, config: IstftConfig) -> None:
        """Keep the graph `mel` -> `spectrum` (batch, frames, n_fft / 2 + 1, 2)."""
        self._runner, self._config = runner, config

    def run(self, mel: Floats) -> Floats:
        """Return the spectrum, float32 (frames, bins, 2)."""
        return float_row(self._runner.run({"mel": mel[None]})["spectrum"])

    def finish(self, made: Floats) -> Floats:
        """Add up its frames."""
        config, spectrum = self._config, np.ascontiguousarray(made).view(np.complex64)[..., 0]
        waveform = istft(spectrum, config.n_fft, config.hop_length, config.n_fft)
        return _to_whole_frames(waveform, len(made), config.hop_length)


def _to_whole_frames(waveform: Floats, frames: int, hop_length: int) -> Floats:
    """Pad with zeros what ends at the centre of the last frame."""
    return np.pad(waveform, (0, frames * hop_length - waveform.size))
