"""The phones of the Spanish front end, with ASCII names, and where syllables begin."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from edgewright.text.phones import Phone
from edgewright.text.tables import word_list, word_set

VOWELS = word_list("a e i o u")
"""Each with stress 0 or 1."""
GLIDES = word_list("j w")
"""i and u that are no syllable of their own: viuda, cuando, rey, deuda."""
IPA = {
    "p": "p", "b": "b", "t": "t", "d": "d", "k": "k", "g": "ɡ", "bh": "β", "dh": "ð", "gh": "ɣ",
    "ch": "tʃ", "f": "f", "th": "θ", "s": "s", "sh": "ʃ", "x": "x", "y": "ʝ", "m": "m", "n": "n",
    "ny": "ɲ", "ng": "ŋ", "l": "l", "r": "ɾ", "rr": "r", "j": "j", "w": "w",
    "a": "a", "e": "e", "i": "i", "o": "o", "u": "u",
}  # fmt: skip
"""Every phone in the signs of the IPA. `th` occurs only with distinción, `sh` only in loans."""
CONSONANTS = tuple(name for name in IPA if name not in VOWELS)
NAMES = (*CONSONANTS, *(f"{vowel}{stress}" for stress in (0, 1) for vowel in VOWELS))
"""Consonants, and vowels with their stress, such as `o1`: what a vocabulary has."""

_LIQUID_ONSETS = word_set("p b bh t d dh k g gh f")
_ONSETS_WITHOUT_L = word_set("d dh")


class Sound(NamedTuple):
    """A phone of a word."""

    symbol: str
    """One of `VOWELS` or `CONSONANTS`."""
    stress: int | None = None
    """0 or 1 on vowels, otherwise None."""


def word_phones(word: str, sounds: Sequence[Sound]) -> list[Phone]:
    """Return the phones of a word with its syllables marked."""
    starts = syllable_starts([sound.symbol for sound in sounds])
    return [
        Phone(sound.symbol, sound.stress, index == 0, word, index in starts)
        for index, sound in enumerate(sounds)
    ]


def syllable_starts(symbols: Sequence[str]) -> frozenset[int]:
    """Return where syllables begin: glides stay with their vowel, p b t d k g f with l or r.

    As in the Spanish of America, t and l begin a syllable together (a-tle-ta); d and l do not.
    """
    nuclei = [index for index, symbol in enumerate(symbols) if symbol in VOWELS]
    starts = {0}
    for before, nucleus in pairwise(nuclei):
        start = nucleus
        if start - 1 > before and symbols[start - 1] in GLIDES:
            start -= 1
        if start - 1 > before and symbols[start - 1] not in GLIDES:
            start -= 1
            if start - 1 > before and _is_onset(symbols[start - 1], symbols[start]):
                start -= 1
        starts.add(start)
    return frozenset(starts)


def _is_onset(first: str, second: str) -> bool:
    if second == "l":
        return first in _LIQUID_ONSETS and first not in _ONSETS_WITHOUT_L
    return second == "r" and first in _LIQUID_ONSETS
