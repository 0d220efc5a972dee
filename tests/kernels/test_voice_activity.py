from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.errors import InputError, InputTypeError, UsageError
from edgewright.voice_activity import VoiceActivity, VoiceActivityConfig
from reference import voice_activity as reference

RATE = 16_000
CONFIG = VoiceActivityConfig()
CLIPS = sorted((Path(__file__).parents[2] / "examples" / "data" / "speech").glob("*.flac"))


def noise(level_db, seconds, seed=0):
    """White noise, level_db of full scale."""
    size = round(seconds * RATE)
    samples = np.random.default_rng(seed).normal(0, 10 ** (level_db / 20), size)
    return samples.astype(np.float32)


def tone(frequency, amplitude, seconds):
    times = np.arange(round(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * frequency * times)).astype(np.float32)


def vowel(seconds, pitch=140):
    """Harmonics of a steady pitch under a formant at 600 Hz."""
    harmonics = np.arange(pitch, 4000, pitch)
    parts = [tone(f, 0.05 / (1 + ((f - 600) / 200) ** 2), seconds) for f in harmonics]
    return np.sum(parts, axis=0, dtype=np.float32)


def changing(size, seed):
    """Noise whose level jumps every few frames between silence and loud."""
    rng = np.random.default_rng(seed)
    gains = 10 ** rng.uniform(-5, 0, size // 700 + 1) * rng.integers(0, 2, size // 700 + 1)
    return (rng.normal(0, 0.3, size) * np.repeat(gains, 700)[:size]).astype(np.float32)


def decide(waveform, rate=RATE, config=CONFIG):
    return VoiceActivity(rate, config).feed(waveform)


def in_pieces(detector, waveform, size):
    pieces = [waveform[start : start + size] for start in range(0, len(waveform), size)]
    return np.concatenate([detector.feed(piece) for piece in pieces])


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("seed", [0, 1])
def test_equals_the_definition(rate, seed):
    waveform = changing(5 * rate, seed)
    config = replace(CONFIG, noise_window=0.7)
    expected = reference.voice_activity(waveform, rate, config)
    got = decide(waveform, rate, config)
    assert (got.dtype, got.shape) == (np.bool_, (len(waveform) // round(rate / 100),))
    np.testing.assert_array_equal(got, expected)
    assert 0.1 < got.mean() < 0.9


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(0, 16_000),
    speech_margin_db=st.floats(1, 30),
    share=st.floats(0, 1),
    attack=st.floats(0, 0.2),
    hangover=st.floats(0, 0.3),
    noise_window=st.floats(0.1, 1),
    high_pass_frequency=st.floats(20, 1000),
)
def test_every_setting_equals_the_definition(seed, size, speech_margin_db, share, **settings):
    config = VoiceActivityConfig(
        speech_margin_db=speech_margin_db, silence_margin_db=share * speech_margin_db, **settings
    )
    waveform = changing(size, seed)
    expected = reference.voice_activity(waveform, RATE, config)
    np.testing.assert_array_equal(decide(waveform, config=config), expected)


@pytest.mark.parametrize("size", [1, 79, 159, 160, 161, 5000])
def test_a_stream_is_the_whole_bit_for_bit(size):
    waveform = changing(40_000, 2)
    detector, whole = VoiceActivity(RATE), decide(waveform)
    np.testing.assert_array_equal(in_pieces(detector, waveform, size), whole)
    detector.feed(waveform[:77])
    detector.reset()
    np.testing.assert_array_equal(in_pieces(detector, waveform, size), whole)


def test_a_decision_comes_as_soon_as_its_frame_is_complete():
    detector = VoiceActivity(RATE)
    assert [len(detector.feed(np.zeros(size, np.float32))) for size in (159, 0, 1, 319, 1)] == [
        0, 0, 1, 1, 1,
    ]  # fmt: skip


@pytest.mark.parametrize(("rate", "samples"), [(8000, 80), (11_025, 110), (16_000, 160)])
def test_frames_are_ten_milliseconds_rounded(rate, samples):
    detector = VoiceActivity(rate)
    assert detector.frame_samples == samples
    assert detector.frame_seconds == samples / rate
    assert len(detector.feed(np.zeros(samples, np.float32))) == 1


def test_a_view_is_read_in_its_own_order():
    waveform = changing(32_000, 3)
    np.testing.assert_array_equal(decide(waveform[::-2]), decide(waveform[::-2].copy()))


@pytest.mark.parametrize("clip", CLIPS, ids=lambda path: path.stem)
@pytest.mark.parametrize("noise_db", [-90, -60])
def test_speech_and_the_silence_behind_it_are_found(clip, noise_db):
    speech, rate = soundfile.read(clip, dtype="float32")
    assert rate == RATE
    waveform = noise(noise_db, 3.5 + len(speech) / RATE)
    waveform[2 * RATE : 2 * RATE + len(speech)] += speech
    found = decide(waveform)
    inside = slice(200, 200 + len(speech) // 160)
    assert not found[:200].any()
    loud = loud_frames(speech)
    missed = loud & ~found[inside]
    assert missed.sum() <= 3 + 0.015 * loud.sum()  # 3: the attack
    assert not found[-130:].any()  # from 0.2 s behind the clip


def loud_frames(speech):
    """Return which frames are within 25 dB of the loudest one."""
    levels = np.array(reference.levels(speech, RATE, CONFIG.high_pass_frequency))
    return levels > levels.max() - 25


def all_clips(pause):
    """Return the clips one after the other, `pause` seconds of silence between."""
    gap = np.zeros(round(pause * RATE), np.float32)
    return np.concatenate([np.r_[gap, soundfile.read(clip, dtype="float32")[0]] for clip in CLIPS])


def test_speech_in_noise_is_found():
    speech = all_clips(0.5)
    loud = speech[np.abs(speech) > 1e-3]
    level = 10 * np.log10(np.mean(loud**2))
    found = decide(speech + noise(level - 10, len(speech) / RATE))
    clean = decide(speech)
    assert found[clean].mean() > 0.75
    assert not found[250:][~clean[250:]].any()


def test_speech_may_begin_at_once_and_need_not_pause():
    speech = np.trim_zeros(all_clips(0.0))
    found = decide(speech)
    assert found[loud_frames(speech)].mean() > 0.97
    assert found[:20].any()


def test_a_quieter_recording_gets_nearly_the_same_decisions():
    speech = all_clips(0.5)
    assert (decide(speech) == decide(speech * np.float32(0.1))).mean() > 0.94


def test_offset_and_hum_under_speech_change_nothing():
    speech = all_clips(0.5)
    below = tone(50, 0.1, len(speech) / RATE)[: len(speech)] + np.float32(0.2)
    assert (decide(speech) == decide(speech + below)).mean() > 0.98


def test_a_held_vowel_is_speech_to_its_end():
    found = decide(np.r_[noise(-70, 1), vowel(2) + noise(-70, 2), noise(-70, 1)])
    assert not found[:100].any()
    assert found[104:300].all()
    assert not found[315:].any()


@pytest.mark.parametrize("level_db", [-70, -50, -30, -10])
def test_steady_noise_ends_as_silence(level_db):
    found = decide(np.r_[np.zeros(RATE, np.float32), noise(level_db, 20)])
    assert not found[:100].any()
    assert not found[400:].any()
    assert found[110:350].all() == (level_db > CONFIG.least_level_db)


@pytest.mark.parametrize("waveform", [
    np.zeros(RATE, np.float32), np.full(RATE, 0.5, np.float32), np.full(RATE, -1, np.float32),
    tone(50, 0.1, 3), tone(60, 0.05, 3) + np.float32(0.2),
], ids=["silence", "offset", "negative offset", "hum", "hum and offset"])  # fmt: skip
def test_what_is_no_speech(waveform):
    assert not decide(waveform.astype(np.float32)).any()


@pytest.mark.parametrize("burst", [
    np.ones(1, np.float32), np.ones(RATE, np.float32), tone(1000, 1, 0.01), noise(-6, 0.01),
], ids=["click", "offset", "tone", "noise"])  # fmt: skip
def test_a_click_is_no_speech_wherever_it_falls(burst):
    for start in range(RATE, RATE + 160, 8):
        waveform = np.r_[np.zeros(start, np.float32), burst, np.zeros(RATE, np.float32)]
        assert not decide(waveform).any()


def test_wrong_waveforms_are_refused_and_change_nothing():
    detector = VoiceActivity(RATE)
    with pytest.raises(InputTypeError, match="'waveform': got int16, expected a float32 array"):
        detector.feed(np.zeros(400, np.int16))
    with pytest.raises(InputError, match=r"got shape \(400, 2\), expected \(samples,\)"):
        detector.feed(np.zeros((400, 2), np.float32))
    for value in (np.nan, np.inf, -2e9):
        with pytest.raises(InputError, match="'waveform': got NaN, infinity or magnitudes"):
            detector.feed(np.full(400, value, np.float32))
    waveform = changing(16_000, 4)
    np.testing.assert_array_equal(detector.feed(waveform), decide(waveform))


@pytest.mark.parametrize("rate", [0, 7999, 192_001, 16_000.0, "16000", True])
def test_sample_rates_out_of_range_are_refused(rate):
    with pytest.raises(UsageError, match=r"sample_rate: got .*, expected 8000 to 192000 Hz"):
        VoiceActivity(rate)


@pytest.mark.parametrize(("field", "value"), [
    ("high_pass_frequency", 19), ("high_pass_frequency", 1001.0), ("speech_margin_db", 0.5),
    ("silence_margin_db", 8.5), ("silence_margin_db", -1), ("least_level_db", 1.0),
    ("least_level_db", float("nan")), ("attack", -0.01), ("attack", 2), ("hangover", "0.1"),
    ("hangover", float("inf")), ("noise_window", 0.05), ("noise_window", True),
])  # fmt: skip
def test_settings_out_of_range_are_refused(field, value):
    with pytest.raises(UsageError, match=f"{field}: got .*, expected .* to"):
        VoiceActivity(RATE, replace(CONFIG, **{field: value}))
