from dataclasses import replace

import kaldi_native_fbank
import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from transformers import ParakeetFeatureExtractor, SeamlessM4TFeatureExtractor
from transformers.audio_utils import mel_filter_bank

from edgewright import records
from edgewright.errors import BundleError, InputError, InputTypeError, UsageError
from edgewright.features import LogMel, LogMelConfig, LogMelStream
from reference import log_mel as reference

KALDI = LogMelConfig(
    sample_rate=16000,
    num_mel_bins=80,
    n_fft=512,
    win_length=400,
    hop_length=160,
    window="povey",
    periodic=False,
    padding="none",
    preemphasis=0.97,
    preemphasis_scope="frame",
    remove_dc=True,
    power=2.0,
    low_frequency=20.0,
    high_frequency=8000.0,
    mel_scale="htk",
    triangles="mel",
    mel_norm="none",
    input_scale=32768.0,
    floor=1.1920928955078125e-07,
    floor_mode="max",
    normalization="none",
)
NEMO = replace(
    KALDI,
    window="hann",
    padding="zeros",
    preemphasis_scope="signal",
    remove_dc=False,
    low_frequency=0.0,
    mel_scale="slaney",
    triangles="hertz",
    mel_norm="slaney",
    input_scale=1.0,
    floor=2.0**-24,
    floor_mode="add",
    normalization="per_feature",
)
LIBROSA = replace(
    NEMO,
    sample_rate=22050,
    n_fft=1024,
    win_length=1024,
    hop_length=256,
    periodic=True,
    padding="reflect",
    preemphasis=0.0,
    power=1.0,
    low_frequency=80.0,
    high_frequency=7600.0,
    floor=1e-5,
    floor_mode="max",
    normalization="none",
)
CONFIGS = pytest.mark.parametrize(
    "config", [KALDI, NEMO, LIBROSA], ids=["kaldi", "nemo", "librosa"]
)


def make_voice(num_samples, seed=0, sample_rate=16000):
    """Harmonics of a gliding pitch in syllables, noise 60 dB below, and near-silence between."""
    rng = np.random.default_rng(seed)
    t = np.arange(num_samples) / sample_rate
    phase = 2 * np.pi * (120 * t + 15 * np.sin(2 * np.pi * t))
    voice = sum(np.sin(k * phase) / k for k in range(1, 25))
    envelope = np.maximum(0, np.sin(2 * np.pi * 2.5 * t)) ** 2
    waveform = 0.2 * voice * envelope + 2e-4 * rng.normal(size=num_samples)
    return waveform.astype(np.float32)


def kaldi_native(config, waveform):
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.window_type = config.window
    options.mel_opts.num_bins = config.num_mel_bins
    fbank = kaldi_native_fbank.OnlineFbank(options)
    fbank.accept_waveform(config.sample_rate, (waveform * config.input_scale).tolist())
    fbank.input_finished()
    return np.stack([fbank.get_frame(i) for i in range(fbank.num_frames_ready)])


@CONFIGS
@pytest.mark.parametrize("num_samples", [1200, 4001, 48000])
def test_equals_the_definition(config, num_samples):
    waveform = make_voice(num_samples, sample_rate=config.sample_rate)
    got, expected = LogMel(config)(waveform), reference.log_mel(config, waveform)
    assert (got.dtype, got.shape) == (np.float32, expected.shape)
    assert LogMel(config).num_frames(num_samples) == len(got)
    error = np.abs(got - expected)
    # float32 transforms: relative errors of the loudest bin's 1e-7 reach the quietest bins' logs.
    assert error.max() <= 1e-2
    assert error.mean() <= 1e-5


@pytest.mark.parametrize("changes", [
    {"n_fft": 400, "hop_length": 100}, {"n_fft": 402, "win_length": 201}, {"n_fft": 486},
    {"n_fft": 1000, "win_length": 999}, {"n_fft": 514, "power": 1.0},
    {"window": "hamming", "hop_length": 500}, {"mel_scale": "slaney", "triangles": "mel"},
])  # fmt: skip
@CONFIGS
def test_every_size_and_scale_equals_the_definition(config, changes):
    config = replace(config, **{"win_length": 400} | changes)
    waveform = make_voice(9000, seed=1, sample_rate=config.sample_rate)
    error = np.abs(LogMel(config)(waveform) - reference.log_mel(config, waveform))
    assert error.max() <= 1e-2
    assert error.mean() <= 2e-5


@pytest.mark.parametrize("window", ["povey", "hamming"])
@pytest.mark.parametrize("amplitude", [1.0, 1e-3])
def test_parity_with_kaldi_native_fbank(window, amplitude):
    config = replace(KALDI, window=window)
    waveform = amplitude * make_voice(32123, seed=2)
    got, theirs = LogMel(config)(waveform), kaldi_native(config, waveform)
    assert got.shape == theirs.shape
    assert np.abs(got - theirs).max() <= 1e-2


def test_parity_with_the_kaldi_port_of_transformers():
    waveform = make_voice(20000, seed=8)
    expected = SeamlessM4TFeatureExtractor()._extract_fbank_features(waveform)
    error = np.abs(LogMel(KALDI)(waveform) - expected)
    assert error.max() <= 1e-2
    assert error.mean() <= 1e-5


@pytest.mark.parametrize("num_samples", [400, 1600, 16000, 32123])
def test_parity_with_nemo(num_samples):
    waveform = make_voice(num_samples, seed=3)
    output = ParakeetFeatureExtractor()(waveform, sampling_rate=16000, return_tensors="np")
    valid = output["attention_mask"][0].astype(bool)
    expected = output["input_features"][0][valid]
    np.testing.assert_allclose(LogMel(NEMO)(waveform), expected, rtol=0, atol=1e-4)


def test_small_deviations_are_normalized_in_full():
    """A steady tone: float32 statistics would lose what little its bins change."""
    waveform = np.sin(np.arange(16_000) * 0.3).astype(np.float32)
    raw = LogMel(replace(NEMO, normalization="none"))(waveform).astype(np.float64)
    raw = raw[: LogMel(NEMO).num_frames(len(waveform))]
    expected = (raw - raw.mean(0)) / (raw.std(0, ddof=1) + 1e-5)
    assert raw[10:-10].std(0).min() < 5e-3
    np.testing.assert_allclose(LogMel(NEMO)(waveform), expected, rtol=0, atol=2e-5)


def test_parity_with_torch_stft_and_the_filters_of_transformers():
    waveform = make_voice(30000, seed=4, sample_rate=22050)
    window = torch.hann_window(1024, dtype=torch.float64)
    spectrum = torch.stft(
        torch.from_numpy(waveform).double(), 1024, 256, window=window, return_complex=True
    ).abs()
    filters = mel_filter_bank(513, 80, 80, 7600, 22050, norm="slaney", mel_scale="slaney")
    expected = np.log(np.maximum(spectrum.numpy().T @ filters, 1e-5))
    # float32 against float64: 1e-7 of the loudest bin is 1e-4 of bins 60 dB below it.
    np.testing.assert_allclose(LogMel(LIBROSA)(waveform), expected, rtol=0, atol=1e-3)


@CONFIGS
def test_silence_is_the_floor_and_loud_noise_is_finite(config):
    features = LogMel(replace(config, normalization="none"))(np.zeros(4000, np.float32))
    np.testing.assert_allclose(features, np.log(config.floor), rtol=1e-6)
    noise = np.random.default_rng(5).normal(0, 1e6, 4000).astype(np.float32)
    assert np.isfinite(LogMel(config)(noise)).all()


@pytest.mark.parametrize(("config", "least"), [(KALDI, 400), (NEMO, 160), (LIBROSA, 513)])
def test_the_shortest_waveform_has_one_frame(config, least):
    log_mel = LogMel(config)
    assert len(log_mel(np.ones(least, np.float32))) == log_mel.num_frames(least) >= 1
    assert np.isfinite(log_mel(np.ones(least + 1, np.float32))).all()
    for num_samples in (0, 1, least - 1):
        assert log_mel.num_frames(num_samples) == 0
        with pytest.raises(InputError, match=f"'waveform': got {num_samples} samples, expected"):
            log_mel(np.zeros(num_samples, np.float32))


def test_a_frame_does_not_depend_on_its_neighbours():
    waveform, log_mel = make_voice(8000, seed=6), LogMel(KALDI)
    whole = log_mel(waveform)
    for first in (1, 5, 8, 13):
        part = log_mel(waveform[first * 160 : first * 160 + 1400])
        np.testing.assert_array_equal(part, whole[first : first + len(part)])


def test_views_are_read_in_their_own_order():
    channels = np.random.default_rng(7).normal(0, 0.1, (3, 4000)).astype(np.float32)
    log_mel = LogMel(KALDI)
    np.testing.assert_array_equal(
        log_mel(np.asfortranarray(channels)[1]), log_mel(channels[1].copy())
    )
    np.testing.assert_array_equal(log_mel(channels[0][::-2]), log_mel(channels[0][::-2].copy()))


def test_wrong_waveforms_are_refused():
    log_mel = LogMel(KALDI)
    with pytest.raises(InputTypeError, match="'waveform': got int16, expected a float32 array"):
        log_mel(np.zeros(4000, np.int16))
    with pytest.raises(InputTypeError, match="got list"):
        log_mel([0.0] * 4000)
    with pytest.raises(InputError, match=r"got shape \(4000, 2\), expected \(samples,\)"):
        log_mel(np.zeros((4000, 2), np.float32))
    for value in (np.nan, np.inf, -2e9):
        with pytest.raises(InputError, match="'waveform': got NaN, infinity or magnitudes"):
            log_mel(np.full(4000, value, np.float32))
    with pytest.raises(UsageError, match="num_samples: got -1"):
        log_mel.num_frames(-1)


@pytest.mark.parametrize(("field", "value"), [
    ("sample_rate", 0), ("n_fft", 511), ("n_fft", 2**20), ("win_length", 513), ("win_length", 0),
    ("hop_length", 0), ("num_mel_bins", 0), ("preemphasis", 1.5), ("power", 3.0), ("floor", 0.0),
    ("high_frequency", 8001.0), ("low_frequency", 8000.0), ("input_scale", float("inf")),
    ("window", "blackman"), ("padding", "edge"), ("floor", float("nan")),
])  # fmt: skip
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(UsageError, match=f"{field}.*: got .*, expected"):
        LogMel(replace(KALDI, **{field: value}))


def test_the_settings_are_a_json_record():
    assert records.read(LogMelConfig, records.plain(NEMO), "features") == NEMO
    with pytest.raises(BundleError, match=r"features\.window"):
        records.read(LogMelConfig, {**records.plain(NEMO), "window": "blackman"}, "features")


STREAMED = {
    "kaldi": KALDI,
    "librosa": LIBROSA,
    "preemphasized": replace(NEMO, normalization="none"),
    "mirrored": replace(NEMO, normalization="none", padding="reflect", win_length=333),
}
VOICE = make_voice(16_000)


@pytest.mark.parametrize("name", STREAMED)
@given(
    size=st.integers(0, 6000),
    cuts=st.lists(st.integers(0, 6000), max_size=12).map(sorted),
)
@example(size=6000, cuts=list(range(1, 400)))
@example(size=513, cuts=[1, 512])
def test_a_stream_is_the_whole_bit_for_bit(name, size, cuts):
    log_mel = LogMel(STREAMED[name])
    stream = LogMelStream(log_mel)
    waveform = VOICE[:size]
    for _ in range(2):
        pieces = [stream.feed(piece) for piece in np.split(waveform, np.minimum(cuts, size))]
        features = np.concatenate([*pieces, stream.finish()])
        if size < log_mel.min_samples:
            assert features.shape == (0, 80)
        else:
            np.testing.assert_array_equal(features, log_mel(waveform))
        stream.reset()


def test_a_stream_gives_a_frame_as_soon_as_it_is_complete():
    stream = LogMelStream(LogMel(KALDI))
    assert len(stream.feed(VOICE[:399])) == 0
    assert len(stream.feed(VOICE[399:400])) == 1
    assert len(stream.feed(VOICE[400:2000])) == 10


def test_what_cannot_stream_is_refused():
    with pytest.raises(UsageError, match="'per_feature', expected 'none' in a stream"):
        LogMelStream(LogMel(NEMO))
    stream = LogMelStream(LogMel(KALDI))
    with pytest.raises(InputTypeError, match="got int16"):
        stream.feed(np.zeros(3, np.int16))
    stream.finish()
    with pytest.raises(UsageError, match="behind its end"):
        stream.feed(VOICE)
    with pytest.raises(UsageError, match="second end"):
        stream.finish()
