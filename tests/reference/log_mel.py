"""Log-mel features by the definition, in float64."""

import numpy as np


def window(config):
    n = np.arange(config.win_length)
    period = config.win_length if config.periodic else config.win_length - 1
    cosine = np.cos(2 * np.pi * n / period)
    if config.window == "hamming":
        return 0.54 - 0.46 * cosine
    return (0.5 - 0.5 * cosine) ** (0.85 if config.window == "povey" else 1.0)


def to_mel(config, hertz):
    hertz = np.asarray(hertz, np.float64)
    if config.mel_scale == "htk":
        return 1127 * np.log1p(hertz / 700)
    upper = 15 + 27 * np.log(np.maximum(hertz, 1000) / 1000) / np.log(6.4)
    return np.where(hertz < 1000, hertz / (200 / 3), upper)


def to_hertz(config, mel):
    if config.mel_scale == "htk":
        return 700 * np.expm1(mel / 1127)
    upper = 1000 * np.exp((np.maximum(mel, 15) - 15) * np.log(6.4) / 27)
    return np.where(mel < 15, mel * 200 / 3, upper)


def mel_filters(config):
    """Return the filters, shape (num_mel_bins, n_fft // 2 + 1)."""
    low, high = to_mel(config, [config.low_frequency, config.high_frequency])
    points = np.linspace(low, high, config.num_mel_bins + 2)
    hertz = to_hertz(config, points)
    bins = np.fft.rfftfreq(config.n_fft, 1 / config.sample_rate)
    if config.triangles == "mel":
        bins = to_mel(config, bins)
    else:
        points = hertz
    left, top, right = points[:-2, None], points[1:-1, None], points[2:, None]
    filters = np.maximum(
        0, np.minimum((bins - left) / (top - left), (right - bins) / (right - top))
    )
    if config.mel_norm == "slaney":
        filters *= 2 / (hertz[2:] - hertz[:-2])[:, None]
    return filters


def frames(config, waveform):
    x = np.asarray(waveform, np.float64) * config.input_scale
    if config.preemphasis_scope == "signal":
        x = np.concatenate([x[:1], x[1:] - config.preemphasis * x[:-1]])
    left = 0
    if config.padding != "none":
        mode = "constant" if config.padding == "zeros" else "reflect"
        x = np.pad(x, config.n_fft // 2, mode=mode)
        left = (config.n_fft - config.win_length) // 2
    length = config.win_length if config.padding == "none" else config.n_fft
    x = np.lib.stride_tricks.sliding_window_view(x, length)[:: config.hop_length]
    return x[:, left : left + config.win_length]


def log_mel(config, waveform):
    x = frames(config, waveform)
    if config.remove_dc:
        x = x - x.mean(axis=1, keepdims=True)
    if config.preemphasis_scope == "frame":
        x = x - config.preemphasis * np.concatenate([x[:, :1], x[:, :-1]], axis=1)
    spectrum = np.abs(np.fft.rfft(x * window(config), config.n_fft)) ** config.power
    mel = spectrum @ mel_filters(config).T
    mel = np.maximum(mel, config.floor) if config.floor_mode == "max" else mel + config.floor
    features = np.log(mel)
    if config.normalization == "none":
        return features
    if config.padding != "none":
        features = features[: len(waveform) // config.hop_length]
    return (features - features.mean(0)) / (features.std(0, ddof=1) + 1e-5)
