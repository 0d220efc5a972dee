"""Pronunciations of CMUdict and of dictionaries, written down here by hand."""

import hashlib
import itertools
import lzma

import pytest

from edgewright.text import Phonemizer
from edgewright.text.letter_to_sound import LetterToSound
from edgewright.text.lexicon import Lexicon
from edgewright.text.phones import CODES, NAMES, SOUNDS, encode, syllable_starts


def phones(phonemize: Phonemizer, text: str) -> str:
    """Return phones with stress; "_" begins a word, "." a syllable inside one."""
    parts = []
    for token in (token for sentence in phonemize(text) for token in sentence.tokens):
        start = "_" if token.word_start else "." if token.syllable_start else ""
        stress = "" if token.stress is None else str(token.stress)
        parts.append(start + token.symbol + (token.word if token.symbol == "pau" else stress))
    return " ".join(parts)


KNOWN = {
    "Hello, world!": "_hh ax0 .l ow1 pau, _w er1 l d pau!",
    "the apple": "_dh iy0 _ae1 .p ax0 l pau.",
    "the hour": "_dh iy0 _aw1 .er0 pau.",
    "the use": "_dh ax0 _y uw0 s pau.",
    "a to of": "_ax0 _t ax0 _ah1 v pau.",
    "don't": "_d ow1 n t pau.",
    "It's John's bus's": "_ih1 t _s _jh aa1 n _z _b ah1 s _ax0 z pau.",
    "they've we'd I'll I'm": "_dh ey1 _v _w iy1 _d _ay1 _l _ay1 m pau.",
    "the boys' dog": "_dh ax0 _b oy1 z _d ao1 g pau.",
    "extra": "_eh1 k .s t r ax0 pau.",
    "FBI": "_eh1 f _b iy1 _ay1 pau.",
    "NASA": "_n ae1 .s ax0 pau.",
    "two CPUs": "_t uw1 _s iy1 _p iy1 _y uw1 z pau.",
    "the US and us": "_dh ax0 _y uw1 _eh1 s _ae1 n d _ah1 s pau.",
    "BlueZebra": "_b l uw1 _z iy1 .b r ax0 pau.",
    "a doorframe": "_ax0 _d ao1 r .f r ey1 m pau.",
    "www": "_d ah1 .b ax0 .l y uw0 _d ah1 .b ax0 .l y uw0 _d ah1 .b ax0 .l y uw0 pau.",
    "brrr": "_b er1 pau.",
    "googled": "_g uw1 .g ax0 l d pau.",
    "THIS IS A LOUD TEXT": "_dh ih1 s _ih1 z _ax0 _l aw1 d _t eh1 k s t pau.",
    "vitamin A": "_v ay1 .t ax0 .m ax0 n _ey1 pau.",
}


@pytest.mark.parametrize(("text", "expected"), KNOWN.items())
def test_known_words(phonemize: Phonemizer, text: str, expected: str) -> None:
    assert phones(phonemize, text) == expected


HOMOGRAPHS = [
    ("I will read it.", "r iy1 d"),
    ("I have read it.", "r eh1 d"),
    ("I read it yesterday.", "r eh1 d"),
    ("Read the page.", "r iy1 d"),
    ("They live here.", "l ih1 v"),
    ("A live show.", "l ay1 v"),
    ("Our lives matter.", "l ay1 v z"),
    ("She lives here.", "l ih1 v z"),
    ("To record it.", "r ax0 .k ao1 r d"),
    ("The record is old.", "r eh1 .k er0 d"),
    ("My project works.", "p r aa1 .jh eh0 k t"),
    ("They project growth.", "p r ax0 .jh eh1 k t"),
    ("Close the door.", "k l ow1 z"),
    ("It is close.", "k l ow1 s"),
    ("You use it.", "y uw1 z"),
    ("The wind blows.", "w ih1 n d"),
    ("To wind the clock.", "w ay1 n d"),
    ("They lead us.", "l iy1 d"),
    ("A present for you.", "p r eh1 .z ax0 n t"),
    ("We present it.", "p r iy0 .z eh1 n t"),
]


@pytest.mark.parametrize(("text", "expected"), HOMOGRAPHS)
def test_homographs(phonemize: Phonemizer, text: str, expected: str) -> None:
    assert f"_{expected}" in phones(phonemize, text)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("plick", "p l ih1 k"),
        ("snark", "s n aa1 r k"),
        ("zat", "z ae1 t"),
        ("fope", "f ow1 p"),
        ("thrint", "th r ih1 n t"),
        ("shoom", "sh uw1 m"),
        ("stroobing", "s t r uw1 b ih0 ng"),
    ],
)
def test_words_that_nobody_knows(text_data: tuple[bytes, bytes], word: str, expected: str) -> None:
    assert word not in Lexicon(text_data[0])
    assert LetterToSound(text_data[1])(word) == encode(expected)


def edit_distance(left: str, right: str) -> int:
    row = list(range(len(right) + 1))
    for i, one in enumerate(left, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(right, 1):
            last, row[j] = row[j], min(last + (one != other), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def test_phone_errors_on_words_that_the_model_never_saw(text_data: tuple[bytes, bytes]) -> None:
    lines = lzma.decompress(text_data[0]).decode().splitlines()[1:]
    pairs = [line.split("\t") for line in lines]
    held_out = [
        (word, codes)
        for word, codes in pairs
        if word.isalpha() and hashlib.sha256(word.encode()).digest()[0] % 20 == 0
    ][::12]
    model = LetterToSound(text_data[1])
    errors = sum(edit_distance(model(word), codes) for word, codes in held_out)
    assert len(held_out) > 400
    assert errors / sum(len(codes) for _, codes in held_out) < 0.11  # 9.5 % on all of them


@pytest.mark.parametrize(
    ("symbols", "starts"),
    [
        ("hh ax l ow", {0, 2}),
        ("eh k s t r ax", {0, 2}),
        ("ae t l ax s", {0, 2}),
        ("s ih ng er", {0, 3}),
        ("ay ax", {0, 1}),
        ("s", {0}),
    ],
)
def test_syllables(symbols: str, starts: set[int]) -> None:
    assert syllable_starts(symbols.split()) == starts


def test_codes_are_one_printable_character_each() -> None:
    assert len(CODES) == len(SOUNDS) == len(NAMES) == 56
    assert encode(" ".join(NAMES)) == CODES
    assert CODES.isprintable()
    assert all(left < right for left, right in itertools.pairwise(CODES))


def test_the_lexicon_finds_every_entry_and_nothing_else(text_data: tuple[bytes, bytes]) -> None:
    lexicon = Lexicon(text_data[0])
    lines = lzma.decompress(text_data[0]).decode().splitlines()[1:]
    for line in [*lines[:50], *lines[50:-50:997], *lines[-50:]]:
        word, codes = line.split("\t")
        assert lexicon.find(word) == codes
    for word in ("", "zzzzzz", "aaaaaaa", "é", "hel", "hellox", "\n", "a\t"):
        assert word not in lexicon
