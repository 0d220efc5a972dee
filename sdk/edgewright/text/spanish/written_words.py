"""Words as they are written: abbreviations, capitals, Roman numerals, letters beside digits."""

import re

from edgewright.text.reading import Item, Reading, letters, words
from edgewright.text.spanish import numbers
from edgewright.text.spanish.abbreviations import ALWAYS, BARE, PHRASES, WORDS_TOO
from edgewright.text.tables import word_set

LETTER = "A-Za-záéíóúüñçÁÉÍÓÚÜÑÇ"
_WORD = re.compile(rf"[{LETTER}]{{1,64}}(?:'[{LETTER}]{{1,64}})*")
_DOTTED = re.compile(rf"(?:[{LETTER}]\.){{2,12}}")
_ABBREVIATION = re.compile(rf"([{LETTER}]{{1,6}})(?![{LETTER}'])(\.(?=[ ,;:)\-\"]|$))?")
_END = re.compile(r"[\"') ]{0,20}$")
_ROMAN = re.compile(r"(?=[IVXLC])(C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})(?![A-Za-z0-9])")
_ROMAN_TENS = {"": 0, "X": 10, "XX": 20, "XXX": 30, "XL": 40, "L": 50, "LX": 60, "LXX": 70,
               "LXXX": 80, "XC": 90}  # fmt: skip
_ROMAN_ONES = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
_NUMBERED = word_set(
    "siglo siglos capítulo tomo volumen parte acto escena libro título fase tipo clase nivel "
    "artículo anexo edición congreso"
)
_NAMED = word_set(
    "felipe carlos fernando alfonso isabel juan pablo pío luis enrique jorge eduardo guillermo "
    "benedicto napoleón alejandro pedro catalina nicolás gregorio león sancho ramiro jaime"
)
_SPELLED = word_set(
    "dni adn usb gps cpu ue uk dvd cd tv pc sms pbx ivr iax pdf url html http https www bbc cia "
    "fbi id ip it mp rrhh"
)
"""Capitals that are spelled although they have a vowel, or because they have none."""
_VOWELS = frozenset("aeiouáéíóúü")
_HARD = re.compile(r"[bcdfghjklmnpqrstvwxz]{3}|^[bcdfghjklmnpqrstvwxz]{2}(?<![bcfgpt][lr]|ch)")


def read_phrase(sentence: str, position: int, previous: str) -> Reading | None:
    """Read `EE. UU.`, `p. ej.`, `n.º 5`, `c/ Mayor`."""
    for written, said in PHRASES.items():
        if sentence.startswith(written, position):
            end = position + len(written)
            if written == "No." and not re.match(r" ?\d", sentence[end : end + 2]):
                continue
            if written == "D. " and not sentence[end : end + 1].isupper():
                continue
            if sentence[end : end + 1].isalpha() and written[-1] not in " /º":
                continue
            return Reading(_said(said), end)
    return None


def _said(text: str) -> list[Item]:
    """Return words; a eme is the name of two letters."""
    if text in {"a eme", "pe eme"}:
        return letters(f"{text[0]}m")
    return words(text)


def read_dotted(sentence: str, position: int, previous: str) -> Reading | None:
    """Read `O.N.U.` letter by letter."""
    match = _DOTTED.match(sentence, position)
    return Reading(letters(match[0].replace(".", "")), match.end()) if match else None


def read_abbreviation(sentence: str, position: int, previous: str) -> Reading | None:
    """Read `Sr.`, `etc.`, and some without a dot."""
    match = _ABBREVIATION.match(sentence, position)
    lower = match[1].lower() if match else ""
    if not match or lower not in ALWAYS or (position and sentence[position - 1].isdigit()):
        return None
    if not match[2] and (lower not in BARE or match[1].isupper()):
        return None
    if lower in WORDS_TOO and _END.match(sentence, match.end()):
        return None
    return Reading(words(ALWAYS[lower]), match.end())


def read_roman(sentence: str, position: int, previous: str) -> Reading | None:
    """Read Roman numerals behind `siglo`, `capítulo` and the like, or behind a ruler's name."""
    if previous not in _NUMBERED and previous not in _NAMED:
        return None
    match = _ROMAN.match(sentence, position)
    if not match or not match[0]:
        return None
    value = 100 * len(match[1]) + _ROMAN_TENS[match[2]] + _ROMAN_ONES.index(match[3])
    if previous in _NAMED and value <= 10:
        form: numbers.Form = "feminine" if previous in {"isabel", "catalina"} else "count"
        return Reading(words(numbers.ordinal(value, form)), match.end())
    return Reading(words(numbers.cardinal(str(value))), match.end())


def read_word(sentence: str, position: int, previous: str) -> Reading | None:
    """Read a word; capitals that are no word, and letters beside digits, by name."""
    match = _WORD.match(sentence, position)
    if not match:
        return None
    word, end = match[0].replace("'", ""), match.end()
    beside_digit = sentence[end : end + 1].isdigit() or (
        position > 0 and sentence[position - 1].isdigit()
    )
    is_short = len(word) <= 3 and (word.isupper() or len(word) == 1)
    if (beside_digit and is_short) or (len(word) == 1 and word.lower() not in "aeouy"):
        return Reading(letters(word), end)
    if is_spelled(word):
        return Reading(letters(word), end)
    return Reading([Item(word)], end)


def is_spelled(word: str) -> bool:
    """Tell whether capitals are read by the names of their letters."""
    lower = word.lower()
    if not word.isupper() or len(word) < 2:
        return False
    if lower in _SPELLED or _VOWELS.isdisjoint(lower):
        return True
    return len(word) <= 5 and bool(_HARD.search(lower))
