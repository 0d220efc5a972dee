import numpy as np
import pytest
import soxr
from synthetic_speech import in_a_room, over_telephone, varied_speech

RATE = 16_000


def tone(hertz, seconds=1.0):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE, dtype=np.float32)


class Beeper:
    """Says every text as a tone of 440 Hz."""

    def speak(self, text, rng):
        return tone(440.0, 0.1 * len(text))


def test_a_telephone_passes_its_band_only():
    voice, hiss = tone(1000.0), tone(5500.0)
    inside = slice(2000, -2000)
    heard = over_telephone(voice + hiss)
    assert heard.dtype == np.float32
    assert heard.shape == voice.shape
    error = heard[inside] - voice[inside]
    assert 20.0 < 10 * np.log10(np.mean(voice**2) / np.mean(error**2)) < 45.0  # eight bits
    assert np.abs(over_telephone(hiss)[inside]).max() < 0.01


@pytest.mark.parametrize("level", [1.0, 0.1, 0.01])
def test_the_telephone_codes_quiet_speech_as_well_as_loud(level):
    waveform = level * tone(700.0)
    narrow = soxr.resample(soxr.resample(waveform, RATE, 8000), 8000, RATE)
    error = over_telephone(waveform) - narrow
    assert 10 * np.log10(np.mean(narrow**2) / np.mean(error**2)) > 25.0


def test_a_room_answers_for_as_long_as_it_sounds():
    click = np.zeros(RATE, np.float32)
    click[0] = 1.0
    for seed in range(8):
        heard = in_a_room(click, np.random.default_rng(seed))
        assert heard.shape == click.shape
        assert heard[0] > 0.5
        tail = heard[1:]
        assert 10**-1.2 * 0.9 < np.sum(tail**2) < 1.2  # -12 to 0 dB
        assert np.abs(tail[int(0.6 * RATE) :]).max() < 1e-6
        early, late = np.sum(tail[:800] ** 2), np.sum(tail[1600:2400] ** 2)
        assert 10 * np.log10(early / late) > 60.0 * 0.1 / 0.6 * 0.6


def test_speech_is_varied_by_the_seed_alone():
    texts = ["short", "a longer text"]
    first = list(varied_speech(Beeper(), texts, 3, disturbed=0.5))
    again = list(varied_speech(Beeper(), texts, 3, disturbed=0.5))
    other = list(varied_speech(Beeper(), texts, 4, disturbed=0.5))
    assert [text for text, _ in first] == texts
    for (_, one), (_, same), (_, another) in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one, same)
        assert not np.array_equal(one, another)
        assert one.dtype == np.float32
        assert np.abs(one).max() <= 1.1
