"""Pronounce one Spanish word: nuclei and glides, stress, and where the letters are names."""

import re
from collections.abc import Sequence
from functools import lru_cache

from edgewright.text.spanish.letters import Letter, letters
from edgewright.text.spanish.phones import Sound
from edgewright.text.spanish.words import LETTER_NAMES, NO_ADVERBS, RESPELLED, UNSTRESSED

_MOST_CACHED = 20_000
_GLIDE_OF = {"i": "j", "u": "w"}
_CONSONANT_OF = {"i": "y", "u": "w"}
_STRETCHED = re.compile(r"([a-záéíóúüñ])\1{2,}")  # síííí
_PLAIN_ENDING = re.compile(r"[aeiouáéíóú][ns]?\Z")
_ADVERB = re.compile(r"(\w{2,}[aelrnsz])(mente)\Z")


class Pronouncer:
    """The pronunciation of any word of Spanish letters. Safe for concurrent calls."""

    def __init__(self, *, distincion: bool = False) -> None:
        self._distincion = distincion
        self._cached = lru_cache(maxsize=_MOST_CACHED)(self._pronounce)

    def __call__(self, word: str, *, is_stressed: bool = False) -> tuple[Sound, ...]:
        """Return the sounds of a word, at least one.

        Args:
            word: In small letters.
            is_stressed: Whether it has a stress even if it is one of those that usually have none.
        """
        sounds = self._cached(word)
        if word in UNSTRESSED and not is_stressed:
            return tuple(Sound(symbol, None if s is None else 0) for symbol, s in sounds)
        return sounds

    def letter(self, letter: str) -> tuple[Sound, ...]:
        """Return the sounds of the name of a letter."""
        return self._cached(LETTER_NAMES.get(letter, letter))

    def _pronounce(self, word: str) -> tuple[Sound, ...]:
        plain = _STRETCHED.sub(r"\1", word)
        if " " in plain:
            return tuple(sound for part in plain.split() for sound in self._cached(part))
        plain = RESPELLED.get(plain, plain)
        adverb = _ADVERB.match(plain)
        if adverb and plain not in NO_ADVERBS:
            return self._cached(adverb[1]) + self._cached(adverb[2])
        found = letters(plain, distincion=self._distincion)
        if not any(letter.is_vowel for letter in found):
            named = (LETTER_NAMES[one] for one in plain if one in LETTER_NAMES)
            return tuple(sound for name in named for sound in self._cached(name))
        return sounds(found, plain)


def sounds(found: Sequence[Letter], word: str) -> tuple[Sound, ...]:
    """Return the sounds of a word with its stress.

    Args:
        found: What `letters` returned; at least one vowel.
        word: As written, in small letters.
    """
    kinds = _kinds(found)
    nuclei = [index for index, kind in enumerate(kinds) if kind == "nucleus"]
    stressed = _stressed(found, nuclei, word)
    result = []
    for index, (letter, kind) in enumerate(zip(found, kinds, strict=True)):
        if kind == "nucleus":
            result.append(Sound(letter.symbol, int(index == stressed)))
        elif kind == "glide":
            result.append(Sound(_GLIDE_OF[letter.symbol]))
        elif kind == "between":
            result.append(Sound(_CONSONANT_OF[letter.symbol]))
        else:
            result.append(Sound(letter.symbol))
    return tuple(result)


def _kinds(found: Sequence[Letter]) -> list[str]:
    """Tell nuclei, glides, consonants, and i and u between vowels, which begin a syllable."""
    kinds = ["consonant"] * len(found)
    start = 0
    while start < len(found):
        end = start
        while end < len(found) and found[end].is_vowel:
            end += 1
        if end > start:
            kinds[start:end] = _vowel_kinds(found[start:end])
        start = end + 1
    return kinds


def _vowel_kinds(run: Sequence[Letter]) -> list[str]:
    """Tell which vowels that stand together are nuclei."""
    kinds = ["glide" if letter.is_weak else "nucleus" for letter in run]
    if "nucleus" not in kinds:
        return _weak_kinds(run)
    for index in range(1, len(run) - 1):
        if kinds[index] == "glide" and kinds[index - 1] == kinds[index + 1] == "nucleus":
            kinds[index] = "between"  # paranoia, aldehuela
    for index in range(1, len(run)):
        same = run[index].symbol == run[index - 1].symbol
        if same and "glide" in (kinds[index - 1], kinds[index]):
            kinds[index - 1] = kinds[index] = "nucleus"  # tiíto
    return kinds


def _weak_kinds(run: Sequence[Letter]) -> list[str]:
    """Of i and u together the second one is the nucleus, but not y at the end (muy)."""
    if len(run) == 1:
        return ["nucleus"]
    if run[-1].is_final_y:
        return ["glide"] * (len(run) - 2) + ["nucleus", "glide"]
    if run[-1].symbol == run[-2].symbol:
        return ["glide"] * (len(run) - 2) + ["nucleus", "nucleus"]
    return ["glide"] * (len(run) - 1) + ["nucleus"]


def _stressed(found: Sequence[Letter], nuclei: Sequence[int], word: str) -> int:
    """Return the nucleus with the stress: the accent, or as the end of the word says."""
    for index in nuclei:
        if found[index].is_accented:
            return index
    if len(nuclei) > 1 and _PLAIN_ENDING.search(word):
        return nuclei[-2]
    return nuclei[-1]
