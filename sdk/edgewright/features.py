"""Log-mel features of a waveform, in the conventions of Kaldi, NeMo and librosa."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgewright import _core
from edgewright.errors import InputError, InputTypeError, UsageError

LARGEST_SAMPLE = 1e9
"""Largest magnitude of a sample: beyond it the power of a frame leaves float32."""
_LARGEST_N_FFT = 65536


@dataclass(frozen=True)
class LogMelConfig:
    """Every convention of a log-mel front end; a JSON record of bundles.

    Kaldi: `window="povey", padding="none", preemphasis_scope="frame", remove_dc=True, power=2.0,
    mel_scale="htk", triangles="mel", mel_norm="none", input_scale=32768.0`. NeMo:
    `window="hann", padding="zeros", preemphasis_scope="signal", mel_scale="slaney",
    triangles="hertz", mel_norm="slaney", floor_mode="add", normalization="per_feature"`.
    """

    sample_rate: int
    """Samples per second of the waveform, Hz."""
    num_mel_bins: int
    """Triangular filters, the features of one frame."""
    n_fft: int
    """Points of the Fourier transform; even, at most 65536."""
    win_length: int
    """Samples under the window, at most `n_fft`."""
    hop_length: int
    """Samples from one frame to the next."""
    window: Literal["povey", "hann", "hamming"]
    """Shape of the window; Povey is Hann to the power 0.85."""
    periodic: bool
    """Whether the window is one period of `win_length` (librosa) or symmetric (Kaldi, NeMo)."""
    padding: Literal["none", "zeros", "reflect"]
    """`none`: frames lie inside the waveform. Else n_fft // 2 samples are added at both ends."""
    preemphasis: float
    """Coefficient c of x[n] - c x[n-1], 0 to 1; 0 turns it off."""
    preemphasis_scope: Literal["frame", "signal"]
    """`frame`: inside each frame, its first sample times 1 - c (Kaldi). `signal`: before framing,
    the first sample as it is (NeMo)."""
    remove_dc: bool
    """Whether the mean of each frame is subtracted first (Kaldi)."""
    power: float
    """1.0: magnitudes enter the filters; 2.0: powers."""
    low_frequency: float
    """Left foot of the first filter, Hz."""
    high_frequency: float
    """Right foot of the last filter, Hz, at most half the sample rate."""
    mel_scale: Literal["htk", "slaney"]
    """Formula of the mel scale."""
    triangles: Literal["mel", "hertz"]
    """Axis over which the sides of the filters are straight: mel (Kaldi) or Hz (librosa)."""
    mel_norm: Literal["none", "slaney"]
    """`slaney` divides each filter by half its width in Hz."""
    input_scale: float
    """Factor on the waveform: 1.0, or 32768.0 for Kaldi's int16 range."""
    floor: float
    """Smallest mel value (`max`) or what is added to it (`add`), above 0."""
    floor_mode: Literal["max", "add"]
    """ln(max(x, floor)) or ln(x + floor)."""
    normalization: Literal["none", "per_feature"]
    """`per_feature`: (x - mean) / (std + 1e-5) of each bin over the frames of the waveform, std
    with frames - 1; a centred front end then leaves out the frame behind the last whole hop."""


class LogMel:
    """Computes log-mel features; thread safe, deterministic.

    Kaldi: `feat/feature-fbank.cc`. NeMo: `FilterbankFeatures` and its port in transformers,
    `ParakeetFeatureExtractor` (which keeps one masked frame of zeros at the end that is left out
    here). librosa: `feature.melspectrogram`. The steps stand above `cpp_ext/core/log_mel.h`.

    Raises:
        UsageError: A field of `config` is out of range.
    """

    def __init__(self, config: LogMelConfig) -> None:
        check_config(config)
        self.config = config
        self._kernel = _core.LogMel(dataclasses.asdict(config))

    def num_frames(self, num_samples: int) -> int:
        """Return the number of frames of `num_samples` samples; 0 where they are too few.

        Raises:
            UsageError: A negative number.
        """
        if num_samples < 0:
            raise UsageError(f"num_samples: got {num_samples}, expected 0 or more; pass a length")
        if num_samples < self.min_samples:
            return 0
        return self._kernel.num_frames(num_samples)

    @property
    def min_samples(self) -> int:
        """The shortest waveform that has a frame, in samples."""
        if self.config.padding == "none":
            return self.config.win_length
        least = self.config.n_fft // 2 + 1 if self.config.padding == "reflect" else 1
        if self.config.normalization == "per_feature":
            return max(least, self.config.hop_length)
        return least

    def __call__(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the features of `waveform`: dtype float32, shape (frames, num_mel_bins).

        Args:
            waveform: dtype float32, shape (samples,), range -1 to 1, at `config.sample_rate`.

        Raises:
            InputTypeError: Another dtype.
            InputError: Another shape, too few samples for one frame, or values that are not finite.
        """
        samples = check_waveform(waveform)
        if samples.size < self.min_samples:
            raise InputError(
                f"input 'waveform': got {samples.size} samples, expected at least "
                f"{self.min_samples} (one frame); pass longer audio or pad it with zeros"
            )
        return self._kernel(samples)


class LogMelStream:
    """Computes log-mel features of a waveform that comes in pieces; belongs to one caller.

    The frames are those of `LogMel` on the whole waveform, bit for bit, whatever the pieces. Each
    comes as soon as no later sample can change it; fewer samples than a window and a hop are kept.

    Args:
        log_mel: The features; not normalized over the whole waveform.

    Raises:
        UsageError: Features with `normalization="per_feature"`.
    """

    def __init__(self, log_mel: LogMel) -> None:
        if log_mel.config.normalization != "none":
            raise UsageError(
                f"normalization: got {log_mel.config.normalization!r}, expected 'none' in a stream,"
                " whose mean and deviation are not known yet; normalize with fixed values behind it"
            )
        self.log_mel = log_mel
        self._kernel = _core.LogMelStream(log_mel._kernel)
        self._num_samples = 0
        self._finished = False

    def feed(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the frames that are now complete: dtype float32, shape (frames, num_mel_bins).

        Args:
            waveform: dtype float32, shape (samples,), range -1 to 1; any number of samples.

        Raises:
            InputTypeError: Another dtype.
            InputError: Another shape, or values out of range.
            UsageError: The stream is finished.
        """
        if self._finished:
            raise UsageError("stream: got samples behind its end; call reset() for a new waveform")
        waveform = check_waveform(waveform)
        self._num_samples += len(waveform)
        return self._kernel.feed(waveform)

    def finish(self) -> NDArray[np.float32]:
        """Return the frames that reach behind the end; shape (0, num_mel_bins) without padding.

        A waveform shorter than `log_mel.min_samples` has no frames.

        Raises:
            UsageError: The stream is finished already.
        """
        if self._finished:
            raise UsageError("stream: got a second end; call reset() for a new waveform")
        self._finished = True
        if self._num_samples < self.log_mel.min_samples:
            return np.zeros((0, self.log_mel.config.num_mel_bins), np.float32)
        return self._kernel.finish()

    def reset(self) -> None:
        """Begin a new waveform, as with a new stream."""
        self._kernel.reset()
        self._num_samples = 0
        self._finished = False


def check_waveform(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `waveform` in C order, or raise.

    Args:
        waveform: dtype float32, shape (samples,), finite, magnitudes up to `LARGEST_SAMPLE`.

    Raises:
        InputTypeError: Another dtype.
        InputError: Another shape, or values out of range.
    """
    if not isinstance(waveform, np.ndarray) or waveform.dtype != np.float32:
        got = getattr(waveform, "dtype", type(waveform).__name__)
        raise InputTypeError(
            f"input 'waveform': got {got}, expected a float32 array; convert it (divide int16 "
            "samples by 32768)"
        )
    if waveform.ndim != 1:
        raise InputError(
            f"input 'waveform': got shape {waveform.shape}, expected (samples,); "
            "mix the channels to one"
        )
    waveform = np.ascontiguousarray(waveform)
    if not _core.largest_magnitude(waveform) <= LARGEST_SAMPLE:
        raise InputError(
            "input 'waveform': got NaN, infinity or magnitudes above 1e9, expected samples from "
            "-1 to 1; check how the audio was read"
        )
    return waveform


def check_config(config: LogMelConfig) -> None:
    """Raise `UsageError` where a field of `config` is out of range."""
    half = config.sample_rate / 2
    n_fft_ok = 2 <= config.n_fft <= _LARGEST_N_FFT and config.n_fft % 2 == 0
    _require(config.sample_rate >= 1, "sample_rate", config.sample_rate, "1 Hz or more")
    _require(n_fft_ok, "n_fft", config.n_fft, "an even number from 2 to 65536")
    _require(1 <= config.win_length <= config.n_fft, "win_length", config.win_length, "1 to n_fft")
    _require(config.hop_length >= 1, "hop_length", config.hop_length, "1 or more")
    _require(1 <= config.num_mel_bins <= 4096, "num_mel_bins", config.num_mel_bins, "1 to 4096")
    _require(0 <= config.preemphasis <= 1, "preemphasis", config.preemphasis, "0 to 1")
    _require(config.power in (1.0, 2.0), "power", config.power, "1.0 or 2.0")
    frequencies = (config.low_frequency, config.high_frequency)
    ordered = 0 <= frequencies[0] < frequencies[1] <= half
    _require(ordered, "low_frequency, high_frequency", frequencies, f"ascending, 0 to {half:g} Hz")
    _require(_is_positive(config.floor), "floor", config.floor, "a normal number above 0")
    _require(
        _is_positive(config.input_scale), "input_scale", config.input_scale, "a number above 0"
    )
    for field in dataclasses.fields(config):
        names = getattr(field.type, "__args__", ())
        value = getattr(config, field.name)
        _require(not names or value in names, field.name, repr(value), f"one of {list(names)}")


def _is_positive(value: float) -> bool:
    return float(np.finfo(np.float32).tiny) <= value and math.isfinite(value)


def _require(valid: bool, name: str, got: object, expected: str) -> None:
    if not valid:
        raise UsageError(f"{name}: got {got}, expected {expected}; correct the feature settings")
