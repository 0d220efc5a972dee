"""What the Spanish voice learns from: sentences, and phones with the times of the teacher."""

import numpy as np
import pytest

from edgewright.text.spanish import SpanishPhonemizer
from edgewright.text.spanish.phones import NAMES

pytest.importorskip("pyworld")

from espeak_alignment import Sounded, align, alike, single_phones
from espeak_teacher import LEAD, TAIL, EspeakSpeech, EspeakTeacher, find_espeak, to_training_rate
from fastspeech2_data import token_of, vocabulary_of
from spanish_sentences import all_sentences, made_up, phrases
from translation_corpus import pairs

needs_espeak = pytest.mark.skipif(
    find_espeak() is None, reason="libespeak-ng is not installed: apt-get install libespeak-ng1"
)


def heard(text: str, step: float = 0.1) -> list[Sounded]:
    """Return signs of the IPA, one every `step` seconds; `_` is a pause."""
    return [Sounded(sign.strip("_"), step * i) for i, sign in enumerate(text.split())]


def tokens(text: str):
    (sentence,) = SpanishPhonemizer()(text)
    return sentence.tokens


def test_phones_take_the_times_of_the_teacher():
    phones = align(tokens("Sí, no."), heard("s i _ n o _"), lead=0.5, end=1.4)
    assert [token_of(phone) for phone in phones] == ["pau", "_s", "i1", "pau,", "_n", "o1", "pau."]
    ends = [phone.end for phone in phones]
    np.testing.assert_allclose(ends, [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.4])


def test_allophones_and_signs_for_two_phones():
    phones = align(tokens("Rey."), heard("r eɪ _"), lead=0.0, end=0.3)
    assert [phone.symbol for phone in phones] == ["pau", "rr", "e", "j", "pau"]
    assert phones[2].end == pytest.approx(0.16)  # 0.6 of the diphthong
    assert align(tokens("La boca."), heard("l a b o k a _"), lead=0.0, end=1.0) is not None
    assert alike("bh", "b")
    assert not alike("bh", "p")


def test_a_glide_between_vowels_belongs_to_the_first():
    signs = [Sounded(*one) for one in (("d", 0.0), ("i", 0.1), ("", 0.2), ("a", 0.25), ("", 0.4))]
    assert [one.symbol for one in single_phones(signs)] == ["d", "i", "a", "pau"]
    assert align(tokens("Día."), signs, lead=0.0, end=0.5)[2].end == pytest.approx(0.25)


def test_other_phones_and_pauses_are_refused():
    for signs in ("s e _", "s i", "s i _ n _", "", "s _ i _"):
        assert align(tokens("Sí."), heard(signs, step=0.2), lead=0.0, end=1.0) is None


def test_speech_is_resampled_with_silence_around_it():
    rate = 22050
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)
    waveform = to_training_rate(EspeakSpeech(tone, rate, ()))
    start = round(LEAD * 16000)
    assert len(waveform) == 16000 + start + round(TAIL * 16000)
    assert not waveform[:start].any()
    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    np.testing.assert_allclose(
        waveform[start + 100 : start + 15900], expected[100:15900], atol=0.01
    )


def test_held_out_sentences_are_not_learned():
    test, dev, training = all_sentences()
    assert min(map(len, (test, dev))) == 150
    held = {pair.spanish for split in ("test", "dev") for pair in pairs(split)}
    assert not held & set(training)
    assert not set(test) & set(dev)
    assert not {*test, *dev} & set(training)
    assert set(test) <= set(phrases("test"))


def test_made_up_sentences_can_be_read():
    made = list(made_up(["El niño lee.", "¿Quién llamó a la puerta?"], 20))
    assert made == list(made_up(["El niño lee.", "¿Quién llamó a la puerta?"], 20))
    assert len(set(made)) == 20
    vocabulary = vocabulary_of(NAMES)
    for text in made:
        assert {phone.symbol for phone in tokens(text)} - {"pau"}
    assert len(vocabulary) == 6 + 2 * len(NAMES)


@needs_espeak
def test_the_teacher_speaks_our_phones():
    teacher = EspeakTeacher()
    utterance = teacher("¿Dónde está la estación, por favor?")
    assert 1.0 < len(utterance.waveform) / 16000 < 4.0
    ends = [phone.end for phone in utterance.phones]
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(len(utterance.waveform) / 16000)
    loud = np.abs(utterance.waveform) > 0.01
    first = np.flatnonzero(loud)[0] / 16000
    assert abs(first - ends[0]) < 0.06
    assert teacher("Uno. Dos.") is None
