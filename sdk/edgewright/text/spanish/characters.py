"""Fold any text into Spanish letters and the few signs that the reading rules know."""

import unicodedata
from functools import lru_cache

from edgewright.text.characters import fold as fold_to_ascii

_KEPT = frozenset("áéíóúüñçÁÉÍÓÚÜÑÇ¿¡ºª€£¥¢°±×÷≈≤≥≠–½¼¾²³")
_SPELLED = {"№": "n.º ", "\N{NO-BREAK SPACE}": " "}


def fold(text: str) -> str:
    """Return letters of Spanish, ASCII, and a few symbols; other accents are dropped.

    Cyrillic and Greek words are written in Latin letters; what has no sound here (emoji, other
    scripts, control characters) becomes a space.
    """
    composed = unicodedata.normalize("NFC", text)
    return " ".join("".join(map(_fold_character, composed)).split())


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    if character in _KEPT:
        return character
    if character in _SPELLED:
        return _SPELLED[character]
    return fold_to_ascii(character)
