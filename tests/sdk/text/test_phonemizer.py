import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.families.phone_tokens import PhoneTokens, pieces
from edgewright.text import Phonemizer, Sentence
from edgewright.text.phones import CONSONANTS, PAUSE, VOWELS

ROOT = Path(__file__).parents[3]
PIECES = st.sampled_from(
    ["a", "A.", "1", "12:30", "$", "5", ".", ",", "...", "?!", "\n\n", " ", "-", "--", "'", '"',
     "(", ")", "é", "π", "日", "😀", "\x00", "\ud800", "@", "x@y.com", "https://", "Dr.", "%", "/",
     "½", "Jan", "IV", "Henry", "st", "'s", "#", "+", "°C", "km", "\u0301", "_", "\\", "^2", "~"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=80),
    st.lists(PIECES, max_size=25).map("".join),
    st.text(st.characters(categories=["Cs", "Cc", "So", "Nd", "No", "Lo"]), max_size=20),
)


@pytest.fixture(scope="module")
def tokenize() -> PhoneTokens:
    path = ROOT / "examples" / "checkpoints" / "fastspeech2-en" / "vocab.json"
    return PhoneTokens(json.loads(path.read_text("utf-8")), "flite", spaces=False)


def check(sentence: Sentence) -> None:
    tokens = sentence.tokens
    assert sentence.text == " ".join(sentence.text.split())
    sentence.text.encode()  # no surrogates
    assert tokens[0].symbol != PAUSE
    assert tokens[0].word_start
    assert (tokens[-1].symbol, tokens[-1].word in {".", "?", "!"}) == (PAUSE, True)
    for before, token in pairwise(tokens):
        assert not before.symbol == token.symbol == PAUSE
    for token in tokens:
        if token.symbol == PAUSE:
            assert token.word in {"", ",", ".", "?", "!"}
        assert (token.stress in {0, 1}) == (token.symbol in VOWELS)
        assert token.symbol in {PAUSE, *CONSONANTS, *VOWELS}
        assert token.syllable_start or not token.word_start


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_any_text_is_spoken_in_phones_that_the_voice_knows(
    phonemize: Phonemizer, tokenize: PhoneTokens, text: str
) -> None:
    for sentence in phonemize(text):
        check(sentence)
        for part in pieces(sentence.tokens, 20):
            assert tokenize(part)


@given(st.text(st.characters(categories=["Ll", "Lu"], max_codepoint=127), min_size=1, max_size=40))
@settings(deadline=None)
def test_no_word_is_silent(phonemize: Phonemizer, word: str) -> None:
    [sentence] = phonemize(word)
    check(sentence)


@pytest.mark.parametrize(
    "text",
    ["", "  ", "?!", "日本", "....", "😀", "\x00", "\ud800", "()", "-", "---", "'", "\u0301"],
)
def test_nothing_to_say(phonemize: Phonemizer, text: str) -> None:
    assert list(phonemize(text)) == []


HARD = [
    *("a", "A. ", "1", "...x", "$", "+1", "555-", "(", "https://", "a@", "- ", "\n", "é", "😀"),
    *("12:30 ", "max. ", "U.S. ", "aB", "1 2/"),
]


@pytest.mark.parametrize("unit", HARD)
def test_long_texts(phonemize: Phonemizer, unit: str) -> None:
    """Rules look a bounded way ahead; a rule that does not would not end here in minutes."""
    text = (unit * (100_000 // len(unit) + 1))[:100_000]
    for sentence in phonemize(text):
        assert sentence.tokens[-1].symbol == PAUSE


def test_prose_of_100_000_characters(phonemize: Phonemizer) -> None:
    text = "It was 1984, and Dr. Smith paid $3.50 for 2 kg of café au lait. " * 1600
    sentences = phonemize(text)
    assert len(sentences) == 1600
    assert {sentence.text for sentence in sentences} == {text[:63].strip()}


def test_the_same_text_gives_the_same_phones(
    text_data: tuple[bytes, bytes], phonemize: Phonemizer
) -> None:
    text = "Zorgblatt read 3 records, i.e. the NASA ones!"
    assert Phonemizer(*text_data)(text) == phonemize(text) == phonemize(text)


def test_words_are_those_that_are_read(phonemize: Phonemizer) -> None:
    [sentence] = phonemize("Mr. Lee's 2 cats, no?")
    words = [token.word for token in sentence.tokens if token.word_start or token.symbol == PAUSE]
    assert words == ["mister", "lee", "'s", "two", "cats", ",", "no", "?"]
    assert sentence.text == "Mr. Lee's 2 cats, no?"
