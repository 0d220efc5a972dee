"""Pronounce one word: lexicon, endings, compounds, spelling, and at last letter-to-sound."""

import re
from functools import lru_cache
from typing import NamedTuple

from edgewright.text.letter_to_sound import LetterToSound
from edgewright.text.lexicon import Lexicon
from edgewright.text.phones import SYMBOL_OF_CODE, VOWELS, encode
from edgewright.text.spelling import camel_parts, is_spelled
from edgewright.text.tables import word_set

_SIBILANTS = word_set("s z sh zh ch jh")
_VOICELESS = word_set("p t k f th")
_ENDINGS = {"'ll": "l", "'ve": "v", "'d": "d", "'re": "er0", "'m": "m"}
_INTERJECTIONS = {
    "hmm": "hh ah1 m",
    "hm": "hh ah1 m",
    "mmm": "ah1 m",
    "shh": "sh ah1",
    "pst": "p ih1 s t",
    "psst": "p ih1 s t",
    "brr": "b er1",
    "tsk": "t ih1 s k",
    "nth": "eh1 n th",
}
_SUFFIXES = {"ness": "n ax0 s", "less": "l ax0 s", "ly": "l iy0"}
_PREFIXES = {"un": "ax0 n", "non": "n aa1 n", "re": "r iy0"}
_NO_PARTS = word_set("able ness less ally ates ated ship tion sion ment ious")
"""Endings that are also words, but sound otherwise behind a stem."""
_STRETCHED = re.compile(r"([A-Za-z])\1{2,}")  # soooo
_MOST_CACHED = 20_000
_LEAST_PART = 4  # letters of each part of a compound


class Spoken(NamedTuple):
    """A word, or the part of one that counts as a word."""

    word: str
    """In lower case."""
    codes: str
    """Phones, as in `edgewright.text.phones.CODES`."""


class Pronouncer:
    """The pronunciation of any word of the letters a to z and '."""

    def __init__(self, lexicon: Lexicon, letter_to_sound: LetterToSound) -> None:
        self._lexicon, self._letter_to_sound = lexicon, letter_to_sound
        self._cached = lru_cache(maxsize=_MOST_CACHED)(self._pronounce)

    def __call__(self, word: str, tag: str = "") -> tuple[Spoken, ...]:
        """Return what is spoken for a word, at least one part, each with phones.

        Args:
            word: As written, since capitals tell acronyms.
            tag: `n`, `v` or `j` where a homograph is sure to be one.
        """
        if tag and (codes := self._lexicon.find(f"{word.lower()}/{tag}")):
            return (Spoken(word.lower(), codes),)
        return self._cached(word)

    def letter(self, letter: str) -> Spoken:
        """Return the name of a letter."""
        name = "a/n" if letter == "a" else letter
        return Spoken(letter, self._lexicon.find(name) or self._letter_to_sound(letter))

    def _pronounce(self, word: str) -> tuple[Spoken, ...]:
        lower = word.lower()
        if "'" in lower and (codes := self._lexicon.find(lower)):
            return (Spoken(lower, codes),)
        stem, ending = _split_ending(lower)
        if ending:
            parts = self._cached(word[: len(stem)])
            return (*parts, Spoken(ending, _ending_codes(ending, parts[-1].codes)))
        plain = word.replace("'", "")
        short = _STRETCHED.sub(r"\1\1", plain)
        if self._known(short.lower()) and not self._known(lower):
            plain = short
        if is_spelled(plain, is_known=lower in self._lexicon):
            return self._spelled(plain)
        parts_of_name = [plain] if self._known(plain.lower()) else camel_parts(plain)
        if len(parts_of_name) > 1:
            return tuple(part for one in parts_of_name for part in self._cached(one))
        return self._read(_STRETCHED.sub(r"\1\1", plain.lower()))

    def _spelled(self, word: str) -> tuple[Spoken, ...]:
        """Return the names of the letters; a small s at the end is that of a plural."""
        if word[-1] == "s" and len(word) > 1 and word[:-1].isupper():
            *before, last = self._spelled(word[:-1])
            return (*before, Spoken(f"{last.word}s", _plural(last.codes)))
        return tuple(map(self.letter, word.lower()))

    def _read(self, word: str) -> tuple[Spoken, ...]:
        """Return a word of small letters."""
        codes = (
            self._known(word)
            or self._derived(word)
            or self._compound(word)
            or self._letter_to_sound(word)
        )
        return (Spoken(word, codes),) if codes else self._spelled(word)

    def _known(self, word: str) -> str | None:
        if word in _INTERJECTIONS:
            return encode(_INTERJECTIONS[word])
        return self._lexicon.find(word)

    def _derived(self, word: str) -> str | None:
        """Return the phones of an inflected word whose stem is known."""
        find = self._lexicon.find
        if word.endswith("s") and not word.endswith(("ss", "us")):
            stems = [word[:-1], *([word[:-2]] if word.endswith("es") else [])]
            if codes := next(filter(None, map(find, stems)), None):
                return _plural(codes)
        if word.endswith("ed") and (codes := find(word[:-1]) or find(word[:-2])):
            return codes + encode(_past_ending(_last(codes)))
        if word.endswith("ing") and (codes := find(f"{word[:-3]}e") or find(word[:-3])):
            return codes + encode("ih0 ng")
        for suffix, phones in _SUFFIXES.items():
            if word.endswith(suffix) and (codes := find(word.removesuffix(suffix))):
                return codes + encode(phones)
        for prefix, phones in _PREFIXES.items():
            rest = word.removeprefix(prefix)
            if rest != word and len(rest) >= _LEAST_PART and (codes := find(rest)):
                return encode(phones) + codes
        return None

    def _compound(self, word: str) -> str | None:
        """Return the phones of two known words written as one, the more even the better."""
        cuts = range(_LEAST_PART, len(word) - _LEAST_PART + 1)
        for cut in sorted(cuts, key=lambda cut: abs(2 * cut - len(word))):
            first = self._lexicon.find(word[:cut])
            second = self._lexicon.find(word[cut:])
            if first and second and word[cut:] not in _NO_PARTS:
                return first + second
        return None


def _split_ending(word: str) -> tuple[str, str]:
    """Split off an ending that flite speaks as a word, such as 's; the stem is not empty."""
    head, apostrophe, ending = word.rpartition("'")
    if head and apostrophe + ending in {*_ENDINGS, "'s"}:
        return head, apostrophe + ending
    if head and not ending:
        return head, ""
    return word, ""


def _ending_codes(ending: str, before: str) -> str:
    if ending == "'s":
        return encode(_plural_ending(_last(before)))
    needs_vowel = ending == "'ve" and _last(before) not in VOWELS
    return encode("ax0 v" if needs_vowel else _ENDINGS[ending])


def _plural(codes: str) -> str:
    return codes + encode(_plural_ending(_last(codes)))


def _plural_ending(last: str) -> str:
    if last in _SIBILANTS:
        return "ax0 z"
    return "s" if last in _VOICELESS else "z"


def _past_ending(last: str) -> str:
    if last in {"t", "d"}:
        return "ax0 d"
    return "t" if last in _VOICELESS or last in {"s", "sh", "ch"} else "d"


def _last(codes: str) -> str:
    """Return the last phone without stress."""
    return SYMBOL_OF_CODE[codes[-1]]
