"""From hidden states and spectra to a waveform: length regulator, STFT, ISTFT, Griffin-Lim."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewright import _core
from edgewright.errors import InputError, InputTypeError, UsageError
from edgewright.features import (
    LARGEST_SAMPLE,
    LogMelConfig,
    check_config,
    check_waveform,
)

MAX_FRAMES = 1_000_000
"""Most frames that one call expands to: three hours at 11.6 ms."""
_LARGEST_LOG_MEL = 50.0
_LARGEST_N_FFT = 65536
_MAX_SAMPLES = 2**31 - 1


def regulate_length(
    hidden: NDArray[np.float32], durations: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return each row of `hidden`, repeated as often as its duration says.

    The length regulator of FastSpeech 2 (Ren et al., 2021, section 2.2). Where all durations are 0,
    every row counts once, as in `transformers` (`FastSpeech2ConformerModel`), so that there is
    something to speak.

    Args:
        hidden: dtype float32, shape (time, dim).
        durations: dtype int64, shape (time,), frames, 0 or more; `MAX_FRAMES` in all.

    Returns:
        dtype float32, shape (sum of durations, dim).

    Raises:
        InputTypeError: Another dtype.
        InputError: Another shape, or durations out of range.
    """
    hidden = _check_array("hidden", hidden, np.float32, "(time, dim)")
    durations = _check_array("durations", durations, np.int64, "(time,)")
    if len(hidden) != len(durations):
        raise InputError(
            f"input 'durations': got {len(durations)} values, expected {len(hidden)}, one for each "
            "row of 'hidden'; cut both to the same tokens"
        )
    if durations.size and durations.min() < 0:
        raise InputError(
            f"input 'durations': got {durations.min()}, expected 0 or more frames; "
            "round and clip the predictor's output"
        )
    if not durations.any():
        durations = np.ones_like(durations)
    if durations.sum(dtype=np.float64) > MAX_FRAMES:  # float64: int64 sums could wrap
        raise InputError(
            f"input 'durations': got {durations.sum(dtype=np.float64):.0f} frames in all, expected "
            f"at most {MAX_FRAMES}; split the text into sentences"
        )
    return _core.regulate_length(hidden, durations, MAX_FRAMES)


def stft(
    waveform: NDArray[np.float32], n_fft: int, hop_length: int, win_length: int
) -> NDArray[np.complex64]:
    """Return the short-time spectra of `waveform`: periodic Hann window, centred, ends mirrored.

    Equal to `torch.stft(waveform, n_fft, hop_length, win_length, torch.hann_window(win_length),
    return_complex=True)`, transposed.

    Args:
        waveform: dtype float32, shape (samples,), more than n_fft // 2 samples, finite.
        n_fft: Points of the transform, even.
        hop_length: Samples from one frame to the next.
        win_length: Samples under the window, at most `n_fft`.

    Returns:
        dtype complex64, shape (1 + samples // hop_length, n_fft // 2 + 1).

    Raises:
        UsageError: Sizes out of range.
        InputTypeError: Another dtype.
        InputError: Another shape, too few samples, or values that are not finite.
    """
    _check_sizes(n_fft, hop_length, win_length)
    samples = check_waveform(waveform)
    if samples.size <= n_fft // 2:
        raise InputError(
            f"input 'waveform': got {samples.size} samples, expected more than {n_fft // 2} (half "
            "of n_fft); pass longer audio or pad it with zeros"
        )
    return _core.stft(samples, n_fft, hop_length, win_length)


def istft(
    spectrum: NDArray[np.complex64],
    n_fft: int,
    hop_length: int,
    win_length: int,
    length: int | None = None,
) -> NDArray[np.float32]:
    """Return the waveform whose `stft` is nearest to `spectrum` in the least-squares sense.

    Equal to `torch.istft` with a periodic Hann window; Griffin and Lim (1984), equation 6.

    Args:
        spectrum: dtype complex64, shape (frames, n_fft // 2 + 1), finite.
        n_fft: Points of the transform, even.
        hop_length: Samples from one frame to the next, below `win_length`.
        win_length: Samples under the window, at most `n_fft`.
        length: Samples to return, zeros behind the last frame; (frames - 1) * hop_length where not
            given.

    Returns:
        dtype float32, shape (length,).

    Raises:
        UsageError: Sizes out of range.
        InputTypeError: Another dtype.
        InputError: Another shape, or values that are not finite.
    """
    _check_sizes(n_fft, hop_length, win_length)
    if hop_length >= win_length:
        raise UsageError(
            f"hop_length: got {hop_length}, expected below win_length {win_length}; "
            "samples that no window covers cannot be restored"
        )
    bins = n_fft // 2 + 1
    spectrum = _check_array("spectrum", spectrum, np.complex64, "(frames, bins)")
    if spectrum.shape[0] < 1 or spectrum.shape[1] != bins:
        raise InputError(
            f"input 'spectrum': got shape {spectrum.shape}, expected (frames, {bins}) with at "
            "least one frame; transpose it or pass the n_fft that made it"
        )
    if not _core.largest_magnitude(spectrum.view(np.float32)) <= LARGEST_SAMPLE * n_fft:
        raise InputError(
            "input 'spectrum': got NaN, infinity or values above 1e9 * n_fft, expected finite "
            "spectra of samples from -1 to 1; check the model that made them"
        )
    length = (len(spectrum) - 1) * hop_length if length is None else length
    if not 0 <= length <= _MAX_SAMPLES:
        raise UsageError(f"length: got {length}, expected 0 to {_MAX_SAMPLES}; pass the samples")
    return _core.istft(spectrum, n_fft, hop_length, win_length, length)


@dataclass(frozen=True)
class IstftConfig:
    """The inverse STFT behind a model of spectra; a JSON record of bundles.

    The window is as long as the transform.
    """

    n_fft: int
    """Points of the transform, even, 2 to 65,536."""
    hop_length: int
    """Samples from one frame to the next, below `n_fft`."""


@dataclass(frozen=True)
class GriffinLimConfig:
    """How log-mel features become a waveform; a JSON record of bundles."""

    mel: LogMelConfig
    """Convention of the features: centred, without preemphasis, DC removal and normalization."""
    iterations: int = 60
    """Projections; each costs one STFT and one ISTFT. 1 to 10,000."""
    momentum: float = 0.99
    """Acceleration of the fast algorithm, 0 (plain Griffin-Lim) to 1."""


class GriffinLim:
    """Turns log-mel features into a waveform without a vocoder; deterministic, thread safe.

    Non-negative magnitudes whose mel values are those given, then phases by the fast Griffin-Lim
    algorithm (Perraudin, Balazs and Sondergaard, 2013) as in `librosa.griffinlim`, from random
    phases of a fixed seed. The steps stand above `cpp_ext/core/griffin_lim.h`.

    Raises:
        UsageError: A field of `config` is out of range, or its features cannot be inverted.
    """

    def __init__(self, config: GriffinLimConfig) -> None:
        _check_griffin_lim(config)
        self.config = config
        options = dataclasses.asdict(config.mel)
        self._kernel = _core.GriffinLim(options, config.iterations, config.momentum)

    def __call__(self, mel: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the waveform: dtype float32, shape ((frames - 1) * hop_length,).

        Its amplitude is that of the audio that has these features; nothing is clipped or levelled.

        Args:
            mel: dtype float32, shape (frames, num_mel_bins), natural logarithms as `LogMel` with
                `config.mel` makes them, at most 50; at least one frame.

        Raises:
            InputTypeError: Another dtype.
            InputError: Another shape, or values out of range.
        """
        mel = _check_array("mel", mel, np.float32, "(frames, num_mel_bins)")
        bins = self.config.mel.num_mel_bins
        if not 1 <= len(mel) <= MAX_FRAMES or mel.shape[1] != bins:
            raise InputError(
                f"input 'mel': got shape {mel.shape}, expected (frames, {bins}) with 1 to "
                f"{MAX_FRAMES} frames; transpose it or pass the features of this model"
            )
        if not (np.isfinite(mel).all() and mel.max() <= _LARGEST_LOG_MEL):
            raise InputError(
                "input 'mel': got NaN, infinity or values above 50, expected natural logarithms of "
                "mel values; check the input of the model, or run a variant of higher precision"
            )
        return self._kernel(mel)


def _check_griffin_lim(config: GriffinLimConfig) -> None:
    mel = config.mel
    check_config(mel)
    invertible = mel.padding != "none" and mel.normalization == "none"
    if not invertible or mel.preemphasis or mel.remove_dc:
        raise UsageError(
            "mel: got features with normalization, preemphasis, DC removal or without padding, "
            "expected plain centred log-mel; use the features of a synthesis model"
        )
    if mel.hop_length >= mel.win_length:
        raise UsageError(
            f"hop_length: got {mel.hop_length}, expected below win_length {mel.win_length}; "
            "samples that no window covers cannot be restored"
        )
    if not 1 <= config.iterations <= 10_000:
        raise UsageError(
            f"iterations: got {config.iterations}, expected 1 to 10000; 60 is a good start"
        )
    if not 0.0 <= config.momentum <= 1.0:
        raise UsageError(f"momentum: got {config.momentum}, expected 0 to 1; 0.99 is a good start")


def _check_sizes(n_fft: int, hop_length: int, win_length: int) -> None:
    if not 2 <= n_fft <= _LARGEST_N_FFT or n_fft % 2:
        raise UsageError(f"n_fft: got {n_fft}, expected an even number from 2 to 65536; round it")
    if not 1 <= win_length <= n_fft:
        raise UsageError(f"win_length: got {win_length}, expected 1 to {n_fft} (n_fft); shorten it")
    if hop_length < 1:
        raise UsageError(f"hop_length: got {hop_length}, expected 1 or more; pass samples")


def _check_array(name: str, array: NDArray[Any], dtype: type, shape: str) -> NDArray[Any]:
    """Return `array` in C order if it has `dtype` and as many axes as `shape` names."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        got = getattr(array, "dtype", type(array).__name__)
        raise InputTypeError(
            f"input '{name}': got {got}, expected a {np.dtype(dtype)} array; convert it"
        )
    if array.ndim != len(shape.strip("(),").split(",")):
        raise InputError(
            f"input '{name}': got shape {array.shape}, expected {shape}; remove the batch axis"
        )
    return np.ascontiguousarray(array)
