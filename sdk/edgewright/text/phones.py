"""Phones of flite's cmulex, how the data files write them, and where syllables begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from edgewright.text.tables import word_list

PAUSE = "pau"
CONSONANTS = word_list("p b t d k g ch jh f v th dh s z sh zh hh m n ng l r w y")
VOWELS = word_list("aa ae ah ao aw ax ay eh er ey ih iy ow oy uh uw")
"""`ax` is the reduced vowel, which CMUdict writes `AH0`."""

SOUNDS: tuple[tuple[str, int | None], ...] = (
    *((symbol, None) for symbol in CONSONANTS),
    *((symbol, stress) for stress in (0, 1) for symbol in VOWELS),
)
"""Every phone with its stress; the data files write number n as the character `CODES[n]`."""
CODES = "".join(map(chr, range(ord("0"), ord("0") + len(SOUNDS))))
NAMES = tuple(symbol + ("" if stress is None else str(stress)) for symbol, stress in SOUNDS)
"""The same phones as text, such as `ow1`."""
SYMBOL_OF_CODE = {code: symbol for code, (symbol, _) in zip(CODES, SOUNDS, strict=True)}
_SOUND_OF_CODE = dict(zip(CODES, SOUNDS, strict=True))
_CODE_OF_NAME = dict(zip(NAMES, CODES, strict=True))

_ONSETS = frozenset(
    tuple(onset.split("-"))
    for onset in word_list(
        "s-t-r s-p-y s-p-r s-p-l s-k-y s-k-w s-k-r s-k-l z-w z-l v-y v-r v-l th-w th-r t-y t-w t-r "
        "sh-w sh-r sh-n sh-m sh-l s-w s-v s-t s-r s-p s-n s-m s-l s-k s-f p-y p-w p-r p-l n-y m-y "
        "m-r l-y k-y k-w k-r k-l hh-y hh-w hh-r hh-l g-y g-w g-r g-l f-y f-r f-l d-y d-w d-r b-y "
        "b-w b-r b-l"
    )
)
"""Consonants that begin a syllable together, as flite divides words."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone of a sentence, or a pause."""

    symbol: str
    """Phone of the language (for English that of flite's cmulex) in lower case, or `pau`."""
    stress: int | None
    """0 or 1 on vowels, otherwise None."""
    word_start: bool
    """Whether a word begins here; `'s`, `'ll`, `'d` and `'ve` count as words, as in flite."""
    word: str
    """The word that it belongs to, in lower case as it is read; the mark of a pause."""
    syllable_start: bool = False
    """Whether a syllable begins here, as flite divides words."""


def pause(mark: str) -> Phone:
    """Return the pause of a punctuation mark, one of ",.?!" or nothing."""
    return Phone(PAUSE, None, False, mark)


def encode(names: str) -> str:
    """Return how the data files write phones such as `hh ax0 l ow1`.

    Raises:
        KeyError: A phone is unknown.
    """
    return "".join(_CODE_OF_NAME[name] for name in names.split())


def word_phones(word: str, codes: str) -> tuple[Phone, ...]:
    """Return the phones of a word; `codes` are characters of `CODES`."""
    sounds = [_SOUND_OF_CODE[code] for code in codes]
    starts = syllable_starts([symbol for symbol, _ in sounds])
    return tuple(
        Phone(symbol, stress, index == 0, word, index in starts)
        for index, (symbol, stress) in enumerate(sounds)
    )


def syllable_starts(symbols: Sequence[str]) -> frozenset[int]:
    """Return where syllables begin: each vowel takes the longest possible onset before it."""
    vowels = [index for index, symbol in enumerate(symbols) if symbol in VOWELS]
    starts = {0}
    for before, vowel in pairwise(vowels):
        start = vowel
        while start - 1 > before and _is_onset(symbols[start - 1 : vowel]):
            start -= 1
        starts.add(start)
    return frozenset(starts)


def _is_onset(symbols: Sequence[str]) -> bool:
    if len(symbols) == 1:
        return symbols[0] != "ng"
    return tuple(symbols) in _ONSETS
