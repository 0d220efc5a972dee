"""The loudness of speech: levels by their definition, and the limiter in pieces of any size."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewright.loudness import PEAK, Limiter, gain, loudest_part, rms_from_part, speech_rms

RATE = 8000
BLOCK = 160


def test_pauses_do_not_count() -> None:
    tone = np.sin(np.arange(BLOCK * 10) * 0.3).astype(np.float32) / 4
    silence = np.zeros(BLOCK * 30, np.float32)
    expected = np.sqrt(np.mean(tone.astype(np.float64) ** 2))
    assert speech_rms(np.concatenate([silence, tone, silence]), RATE) == pytest.approx(expected)
    assert speech_rms(silence, RATE) == 0.0
    assert speech_rms(np.zeros(0, np.float32), RATE) == 0.0


def test_gain_brings_speech_to_the_target() -> None:
    assert 20 * np.log10(0.02 * gain(0.02)) == pytest.approx(-23)
    assert gain(0.02, 2.0) == 2 * gain(0.02)
    assert gain(0.0, 2.0) == 1.0


def test_the_level_of_a_sentence_follows_from_its_loudest_part() -> None:
    """Blocks of noise whose mel is proportional to them, 30 dB apart and more, and a pause."""
    rng = np.random.default_rng(3)
    levels = np.repeat([1.0, 0.0, 0.5, 2.0, 0.03, 1.0], 10)[:, None]
    noise = rng.choice([-0.1, 0.1], (60, BLOCK))
    waveform = (levels * noise).astype(np.float32)
    mel = np.log(np.tile(7 * levels + 1e-6, 4)).astype(np.float32)
    part = loudest_part(mel, 10)
    assert (part.start, part.stop) == (30, 40)
    level = rms_from_part(mel, part, waveform[part].reshape(-1))
    assert level == pytest.approx(speech_rms(waveform.reshape(-1), RATE), rel=1e-5)
    assert loudest_part(mel, 1000) == slice(0, 60)
    assert rms_from_part(mel, slice(0, 60), np.zeros(60 * BLOCK, np.float32)) == 0.0


def limited(waveform: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    limiter = Limiter(RATE)
    starts = range(0, max(1, waveform.size), size)
    pieces = [
        limiter.feed(waveform[start : start + size], end=start + size >= waveform.size)
        for start in starts
    ]
    return np.concatenate(pieces)


@pytest.mark.parametrize("samples", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK, 1999])
def test_pieces_of_any_size_are_limited_as_the_whole(samples: int) -> None:
    rng = np.random.default_rng(samples)
    waveform = (rng.normal(size=samples) * rng.choice([0.1, 1.0], samples)).astype(np.float32)
    whole = limited(waveform, max(1, samples))
    assert whole.shape == waveform.shape
    for size in (1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK):
        np.testing.assert_array_equal(limited(waveform, size), whole)
    assert np.all(np.abs(whole) <= np.float32(PEAK))
    assert np.all(whole * waveform >= 0)


def test_what_does_not_exceed_the_peak_stays_as_it_is() -> None:
    waveform = np.random.default_rng(0).uniform(-PEAK, PEAK, 5000).astype(np.float32)
    np.testing.assert_array_equal(limited(waveform, 600), waveform)


def test_only_what_surrounds_a_peak_is_turned_down_and_without_a_jump() -> None:
    waveform = np.full(20 * BLOCK, 0.5, np.float32)
    waveform[10 * BLOCK + 30] = 2.0
    gains = limited(waveform, waveform.size) / waveform
    assert gains[10 * BLOCK + 30] == pytest.approx(PEAK / 2)
    around = slice(9 * BLOCK, 12 * BLOCK)
    assert np.all(np.delete(gains, np.r_[around]) == 1.0)
    assert np.abs(np.diff(gains)).max() <= 1.01 * (1 - PEAK / 2) / BLOCK
