"""Fast Griffin-Lim by the definition, in float64, on the pseudo-inverse of the mel filters."""

import numpy as np
import torch

from reference.log_mel import mel_filters


def spectrum(config, waveform):
    """Return the complex spectra of `waveform`, shape (bins, frames)."""
    window = torch.hann_window(config.win_length, dtype=torch.float64)
    return torch.stft(
        torch.as_tensor(waveform, dtype=torch.float64), config.n_fft, config.hop_length,
        config.win_length, window, return_complex=True,
    ).numpy()  # fmt: skip


def inverse(config, spectra):
    window = torch.hann_window(config.win_length, dtype=torch.float64)
    return torch.istft(
        torch.from_numpy(spectra), config.n_fft, config.hop_length, config.win_length, window
    ).numpy()


def griffin_lim(config, mel, iterations, momentum, seed):
    """Return a waveform whose log-mel features are near `mel` (frames, bins)."""
    wanted = np.maximum(0, np.linalg.pinv(mel_filters(config)) @ np.exp(mel.astype(np.float64)).T)
    wanted = wanted ** (1 / config.power)
    phases = np.exp(2j * np.pi * np.random.default_rng(seed).random(wanted.shape))
    previous = 0
    for _ in range(iterations):
        now = spectrum(config, inverse(config, wanted * phases))
        phases = now - momentum / (1 + momentum) * previous
        phases /= np.abs(phases) + 1e-16
        previous = now
    return inverse(config, wanted * phases)
