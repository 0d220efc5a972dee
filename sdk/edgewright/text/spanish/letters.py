"""Letters to sounds: the rules of Spanish spelling, before stress and allophones."""

import re
from typing import NamedTuple

from edgewright.text.tables import word_list

_ACCENTED = dict(zip("áéíóú", "aeiou", strict=True))
_FRONT = "eiéí"
_VOWEL = "aeiouáéíóúü"
_JOTA = re.compile(r"m[eé]xic|mexiquens|oaxac|tex(?:as|an)|ximen|javier|xavier")
"""Words whose x is the sound of j."""
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), symbols)
    for pattern, symbols in (
        (r"\b[mgc](?=n)|\bp(?=[tns])", ""),
        (r"ch", "ch"),
        (r"ll", "y"),
        (r"rr|\br|(?<=[nls])r|(?<=\bsub)r(?=ay|og)", "rr"),
        (r"r", "r"),
        (rf"qu(?=[{_FRONT}])|q(?!u)|qu?(?=[^{_VOWEL}]|\b)|c?k|c(?![{_FRONT}y])|q", "k"),
        (rf"sc(?=[{_FRONT}])", "SC"),
        (rf"(?<=x)c(?=[{_FRONT}])|c(?=[{_FRONT}y])|z+", "C"),
        (rf"gu(?=[{_FRONT}])|g(?![{_FRONT}])", "g"),
        (r"g|j", "x"),
        (r"\bx", "s"),
        (r"x", "k s"),
        (r"(?<!\bde)(?<!\btra)sh", "sh"),
        (rf"\bhi(?=[eé])|(?<=\bdes)hi(?=e)|y(?=[{_VOWEL}])", "y"),
        (r"ph", "f"),
        (r"wh|w", "w"),
        (r"b+|v", "b"),
        (r"d+", "d"),
        (r"f+", "f"),
        (r"m+", "m"),
        (r"p+", "p"),
        (r"s+", "s"),
        (r"t+", "t"),
        (r"n", "n"),
        (r"l", "l"),
        (r"ñ", "ny"),
        (r"h|'", ""),
    )
)
"""The first that matches where one stands; C is the sound of z, SC that of sc before e and i."""


class Letter(NamedTuple):
    """A consonant, or a vowel that is not yet a nucleus or a glide."""

    symbol: str
    """Name of a consonant, or one of a e i o u."""
    is_vowel: bool = False
    """Whether it is a vowel letter."""
    is_accented: bool = False
    """Whether it is written with an accent."""
    is_final_y: bool = False
    """Whether it is the y of rey, which is never a nucleus behind a vowel."""

    @property
    def is_weak(self) -> bool:
        """Whether it can be a glide: i and u without an accent."""
        return self.is_vowel and self.symbol in {"i", "u"} and not self.is_accented


def letters(word: str, *, distincion: bool) -> list[Letter]:
    """Return the sounds of the letters of a word in small letters.

    Args:
        word: Letters a to z, á é í ó ú ü ñ; any other character is passed over.
        distincion: Whether z, and c before e and i, are θ rather than s.
    """
    found: list[Letter] = []
    position = 0
    has_jota = bool(_JOTA.search(word))
    while position < len(word):
        character = word[position]
        match = None
        for pattern, symbols in _RULES:
            if match := pattern.match(word, position):
                if has_jota and match[0] == "x":
                    symbols = "x"  # noqa: PLW2901
                found += map(Letter, _with_z(symbols, found, distincion=distincion))
                break
        if match is None:
            found += _vowel(character)
        position = match.end() if match else position + 1
    return found


def _with_z(symbols: str, before: list[Letter], *, distincion: bool) -> tuple[str, ...]:
    """Return symbols with the sound of z for C: s behind s is one s (piscina, exceso)."""
    if symbols == "SC":
        return ("s", "th") if distincion else ("s",)
    if symbols != "C":
        return word_list(symbols)
    if distincion:
        return ("th",)
    return () if before and before[-1].symbol == "s" else ("s",)


def _vowel(character: str) -> list[Letter]:
    if character in _ACCENTED:
        return [Letter(_ACCENTED[character], is_vowel=True, is_accented=True)]
    if character == "ü":
        return [Letter("u", is_vowel=True)]
    if character == "y":
        return [Letter("i", is_vowel=True, is_final_y=True)]
    return [Letter(character, is_vowel=True)] if character in "aeiou" else []
