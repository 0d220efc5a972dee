from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.families.phone_tokens import PhoneTokens
from edgewright.text.phones import PAUSE
from edgewright.text.spanish import SpanishPhonemizer
from edgewright.text.spanish.phones import CONSONANTS, NAMES, VOWELS

PIECES = st.sampled_from(
    [*"a1$5.,¿¡ -'\"()éüñºªπ日😀\x00\ud800@%/½#+_\\²~\u0301", "A.", "12:30", "...",
     "?!", "\n\n", "--", "x@y.com", "https://", "Sr.", "EE. UU.", "de mayo", "IV", "siglo", "°C",
     "km", "y", "hi", "gü", "qu", "xc", "rr", "mente", "millones", "21", "personas"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=80),
    st.lists(PIECES, max_size=25).map("".join),
    st.text("abcdefghijklmnñopqrstuvwxyzáéíóúü ", max_size=40),
    st.text(st.characters(categories=["Cs", "Cc", "So", "Nd", "No", "Lo"]), max_size=20),
)
VOCABULARY = [*NAMES, *(f"_{name}" for name in NAMES), *(f"pau{mark}" for mark in ("", *",.?!"))]
TOKENIZE = PhoneTokens({name: i for i, name in enumerate(VOCABULARY)}, "flite", spaces=False)
phonemize = SpanishPhonemizer()


def written(text: str, *, distincion: bool = False) -> str:
    tokens = SpanishPhonemizer(distincion=distincion)(text)[0].tokens
    return " ".join(
        token.word if token.symbol == PAUSE else token.symbol + ("'" if token.stress else "")
        for token in tokens
    )


@given(TEXTS)
@settings(max_examples=400, deadline=None)
def test_any_text_is_spoken_in_phones_of_the_inventory(text: str) -> None:
    for sentence in phonemize(text):
        tokens = sentence.tokens
        assert sentence.text == " ".join(sentence.text.split())
        sentence.text.encode()  # no surrogates
        assert tokens[0].word_start
        assert (tokens[-1].symbol, tokens[-1].word in {".", "?", "!"}) == (PAUSE, True)
        for before, token in pairwise(tokens):
            assert not before.symbol == token.symbol == PAUSE
        for token in tokens:
            assert token.symbol in {PAUSE, *CONSONANTS, *VOWELS}
            assert (token.stress in {0, 1}) == (token.symbol in VOWELS)
            assert token.syllable_start or not token.word_start
        assert len(TOKENIZE(tokens)) == len(tokens) + 1  # a pause comes first


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("la dama", "l a dh a' m a ."),
        ("un dedo", "u' n d e' dh o ."),
        ("el dedo", "e l d e' dh o ."),
        ("Dedo, dedo", "d e' dh o , d e' dh o ."),
        ("un vino", "u' m b i' n o ."),
        ("el vino", "e l bh i' n o ."),
        ("un gato", "u' ng g a' t o ."),
        ("los gatos", "l o s gh a' t o s ."),
        ("con calma", "k o ng k a' l m a ."),
        ("enfermo", "e m f e' r m o ."),
        ("inmóvil", "i n m o' bh i l ."),
        ("¿Qué hora es?", "k e' o' r a e' s ?"),
        ("¡Ayúdeme!", "a y u' dh e m e !"),
        ("Por favor.", "p o r f a bh o' r ."),
        ("Con", "k o' n ."),
        ("a las", "a l a' s ."),
        ("a las, sí", "a l a' s , s i' ."),
        ("8 a. m.", "o' ch o a' e' m e ."),
    ],
)
def test_sounds_change_beside_others(text: str, expected: str) -> None:
    assert written(text) == expected


def test_seseo_is_the_default() -> None:
    assert written("Diez cenas") == "d j e' s s e' n a s ."
    assert written("Diez cenas", distincion=True) == "d j e' th th e' n a s ."


def test_sentences() -> None:
    text = "El Sr. Vega llega a las 8 p. m. ¿Lo conoce? ¡Sí!¡No! Son 3.500 euros... creo. "
    text += "EE. UU. y Perú."
    assert [sentence.text for sentence in phonemize(text)] == [
        "El Sr. Vega llega a las 8 p. m.",
        "¿Lo conoce?",
        "¡Sí!",
        "¡No!",
        "Son 3.500 euros... creo.",
        "EE. UU. y Perú.",
    ]
    assert list(phonemize("¿?  \n\n ...")) == []


def test_a_shouted_sentence_is_read_as_words() -> None:
    assert written("SALGA DE LA CASA") == written("salga de la casa")
    assert written("El DNI") == "e l d e' e' n e i' ."


def test_words_know_what_they_are() -> None:
    [sentence] = phonemize("Presione 2.")
    words = [token.word for token in sentence.tokens if token.word_start]
    assert words == ["presione", "dos"]
