from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from edgewright import records
from edgewright.errors import InputError, InputTypeError, UsageError
from edgewright.features import LogMel, LogMelConfig
from edgewright.synthesis import GriffinLim, GriffinLimConfig
from reference import log_mel as log_mel_reference
from reference import synthesis as reference

MEL = LogMelConfig(
    sample_rate=22050,
    num_mel_bins=80,
    n_fft=1024,
    win_length=1024,
    hop_length=256,
    window="hann",
    periodic=True,
    padding="reflect",
    preemphasis=0.0,
    preemphasis_scope="signal",
    remove_dc=False,
    power=1.0,
    low_frequency=0.0,
    high_frequency=8000.0,
    mel_scale="slaney",
    triangles="hertz",
    mel_norm="slaney",
    input_scale=1.0,
    floor=1e-5,
    floor_mode="max",
    normalization="none",
)


def make_voice(num_samples, seed=0):
    """Harmonics of a gliding pitch, loud and silent in turn, over weak noise."""
    t = np.arange(num_samples) / 22050
    phase = 2 * np.pi * (140 * t + 12 * np.sin(2 * np.pi * t))
    voice = sum(np.sin(k * phase + k * k) / k for k in range(1, 30))
    noise = np.random.default_rng(seed).normal(0, 3e-3, num_samples)
    return (0.2 * voice * np.maximum(0, np.sin(8 * t)) + noise).astype(np.float32)


@pytest.fixture(scope="module")
def voice_mel():
    return LogMel(MEL)(make_voice(22050))


def mel_error(waveform, mel):
    """Mean absolute difference of the log-mel features of `waveform` to those wanted."""
    return np.abs(log_mel_reference.log_mel(MEL, waveform)[: len(mel)] - mel).mean()


def test_the_features_come_back_as_well_as_with_the_reference(voice_mel):
    waveform = GriffinLim(GriffinLimConfig(MEL))(voice_mel)
    assert (waveform.dtype, waveform.shape) == (np.float32, ((len(voice_mel) - 1) * 256,))
    errors = [
        mel_error(reference.griffin_lim(MEL, voice_mel, 60, 0.99, seed), voice_mel)
        for seed in range(2)
    ]
    assert mel_error(waveform, voice_mel) <= max(errors)


def test_more_iterations_come_nearer(voice_mel):
    errors = [
        mel_error(GriffinLim(GriffinLimConfig(MEL, iterations))(voice_mel), voice_mel)
        for iterations in (1, 8, 60)
    ]
    assert errors[0] > errors[1] > errors[2]


def test_the_level_comes_back(voice_mel):
    waveform, original = GriffinLim(GriffinLimConfig(MEL))(voice_mel), make_voice(22050)
    ratio = np.sqrt(np.mean(waveform**2) / np.mean(original**2))
    assert abs(20 * np.log10(ratio)) < 1.5


def test_every_convention_of_the_features_has_the_same_level(voice_mel):
    expected = np.sqrt(np.mean(GriffinLim(GriffinLimConfig(MEL, 8))(voice_mel) ** 2))
    for changes in ({"power": 2.0}, {"input_scale": 32768.0}, {"padding": "zeros"},
                    {"floor_mode": "add"}, {"mel_scale": "htk", "mel_norm": "none"}):  # fmt: skip
        config = replace(MEL, **changes)
        waveform = GriffinLim(GriffinLimConfig(config, 8))(LogMel(config)(make_voice(22050)))
        ratio = np.sqrt(np.mean(waveform**2)) / expected
        assert abs(20 * np.log10(ratio)) < 1.5, changes


def test_equal_calls_are_equal_bit_for_bit_on_any_thread(voice_mel):
    griffin_lim = GriffinLim(GriffinLimConfig(MEL, 4))
    expected = griffin_lim(voice_mel)
    with ThreadPoolExecutor(2) as pool:
        for waveform in pool.map(griffin_lim, [voice_mel, np.asfortranarray(voice_mel)]):
            np.testing.assert_array_equal(waveform, expected)


def test_silence_stays_silent():
    waveform = GriffinLim(GriffinLimConfig(MEL, 4))(np.full((30, 80), np.log(1e-5), np.float32))
    assert np.abs(waveform).max() < 1e-3
    nothing = GriffinLim(GriffinLimConfig(MEL, 4))(np.full((30, 80), -1e30, np.float32))
    assert np.abs(nothing).max() < 1e-20


@pytest.mark.parametrize("frames", [1, 2, 3, 8, 9])
def test_short_and_extreme_features(frames):
    griffin_lim = GriffinLim(GriffinLimConfig(MEL, 3))
    for value in (-50.0, 0.0, 50.0):
        waveform = griffin_lim(np.full((frames, 80), value, np.float32))
        assert len(waveform) == (frames - 1) * 256
        assert np.isfinite(waveform).all()


def test_wrong_features_are_refused():
    griffin_lim = GriffinLim(GriffinLimConfig(MEL))
    with pytest.raises(InputTypeError, match="'mel': got float64, expected a float32 array"):
        griffin_lim(np.zeros((9, 80)))
    for shape in ((0, 80), (80, 9)):
        with pytest.raises(InputError, match=r"'mel': got shape .*, expected \(frames, 80\)"):
            griffin_lim(np.zeros(shape, np.float32))
    with pytest.raises(InputError, match="remove the batch axis"):
        griffin_lim(np.zeros((1, 9, 80), np.float32))
    for value in (np.nan, np.inf, -np.inf, 51.0):
        with pytest.raises(InputError, match="'mel': got NaN, infinity or values above 50"):
            griffin_lim(np.full((9, 80), value, np.float32))


def test_settings_out_of_range_are_refused():
    for changes in ({"padding": "none"}, {"normalization": "per_feature"}, {"preemphasis": 0.97},
                    {"remove_dc": True}):  # fmt: skip
        with pytest.raises(UsageError, match="mel: got features with"):
            GriffinLim(GriffinLimConfig(replace(MEL, **changes)))
    with pytest.raises(UsageError, match="hop_length: got 1024, expected below win_length 1024"):
        GriffinLim(GriffinLimConfig(replace(MEL, hop_length=1024)))
    with pytest.raises(UsageError, match="n_fft: got 1023"):
        GriffinLim(GriffinLimConfig(replace(MEL, n_fft=1023)))
    with pytest.raises(UsageError, match="iterations: got 0, expected 1 to 10000"):
        GriffinLim(GriffinLimConfig(MEL, iterations=0))
    with pytest.raises(UsageError, match=r"momentum: got 1\.5, expected 0 to 1"):
        GriffinLim(GriffinLimConfig(MEL, momentum=1.5))


def test_the_settings_are_a_json_record():
    config = GriffinLimConfig(MEL, 32, 0.5)
    assert records.read(GriffinLimConfig, records.plain(config), "griffin_lim") == config
