"""Words as they are written: abbreviations, initials, Roman numerals, letters beside digits."""

import re

from edgewright.text import numbers
from edgewright.text.abbreviations import (
    ALWAYS,
    BARE,
    BEFORE_NUMBERS,
    PHRASES,
    WORDS_TOO,
)
from edgewright.text.reading import Item, Reading, letters, words
from edgewright.text.tables import word_set

_WORD = re.compile(r"[A-Za-z]{1,64}(?:'[A-Za-z]{1,64}){0,3}'?")
_DOTTED = re.compile(r"(?:[A-Za-z]\.){1,12}[A-Za-z](?![A-Za-z0-9])\.?|[Pp]h\.[Dd]\.?")
_ABBREVIATION = re.compile(r"([A-Za-z]{1,6})(?![A-Za-z'])(\.(?=[ ,;:)\-\"']|$))?")
_NUMBERED_BY = re.compile(r"([A-Za-z]{1,4})(\.)? ?(?=\d)")
_TITLE = re.compile(r"([Dd]r|[Ss]t)(?![A-Za-z'])(\.)?")
_END = re.compile(r"[\"') ]{0,20}$")
_NAME_AFTER = re.compile(r" [A-Z]")
_NAME_BEFORE = re.compile(r"(?:[A-Z][a-z']{0,30}|\d(?:st|nd|rd|th)) \Z")
_PHRASE = re.compile(r"(?:wwii?|w/o|w/|b/c|and/or|n/a)(?![A-Za-z])", re.IGNORECASE)
_INITIAL = re.compile(r"\. [A-Z]")
_ROMAN = re.compile(r"(?=[IVX])(X{0,3})(IX|IV|V?I{0,3})(?![A-Za-z0-9])")
_ROMAN_DIGITS = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
_NUMBERED = word_set(
    "chapter part volume act scene section book war bowl phase type class figure article appendix "
    "episode level stage mark title tier"
)
_NAMED = word_set(
    "henry louis elizabeth george charles edward james william richard philip pius benedict paul "
    "nicholas alexander frederick francis napoleon ramses catherine peter ivan mary leo gregory "
    "clement innocent john ferdinand gustav christian leopold victoria wilhelm"
)
_AFTER_FIRST = re.compile(r"(?:'s| (?:of|was|had|and|is|became|in)\b)")


def read_dotted(sentence: str, position: int, previous: str) -> Reading | None:
    """Read `e.g.`, `U.S.A.`, `p.m.`, `Ph.D.`."""
    match = _DOTTED.match(sentence, position)
    if not match:
        return None
    plain = match[0].replace(".", "")
    if plain.lower() in {"eg", "ie"}:
        return Reading(words(ALWAYS[plain.lower()]), match.end())
    return Reading(letters(plain), match.end())


def read_phrase(sentence: str, position: int, previous: str) -> Reading | None:
    """Read `w/o`, `and/or`, `WWII` and the like."""
    match = _PHRASE.match(sentence, position)
    return Reading(words(PHRASES[match[0].lower()]), match.end()) if match else None


def read_numbered(sentence: str, position: int, previous: str) -> Reading | None:
    """Read `No. 5`, `p. 12`, `vol 2`."""
    match = _NUMBERED_BY.match(sentence, position)
    name = BEFORE_NUMBERS.get(match[1].lower()) if match else None
    if not match or not name or not (match[2] or match[1].lower() in {"pp", "vol", "fig", "nos"}):
        return None
    return Reading(words(name), match.end())


def read_title(sentence: str, position: int, previous: str) -> Reading | None:
    """Read `Dr.` and `St.`: a title before a name, a street behind one."""
    match = _TITLE.match(sentence, position)
    if not match:
        return None
    start = max(0, position - 32)
    follows_name = start < position and _NAME_BEFORE.search(sentence, start, position)
    precedes_name = bool(_NAME_AFTER.match(sentence, match.end()))
    if not match[2] and not precedes_name:
        return None
    title, street = ("doctor", "drive") if match[1] in {"Dr", "dr"} else ("saint", "street")
    return Reading(words(street if follows_name and not previous.isdigit() else title), match.end())


def read_abbreviation(sentence: str, position: int, previous: str) -> Reading | None:
    """Read `Mr.`, `etc.`, and some without a dot."""
    match = _ABBREVIATION.match(sentence, position)
    lower = match[1].lower() if match else ""
    if not match or lower not in ALWAYS:
        return None
    if not match[2]:
        is_bare = lower in BARE and (match[1][0].isupper() or lower in {"vs", "etc"})
        return Reading(words(ALWAYS[lower]), match.end()) if is_bare else None
    if lower in WORDS_TOO:
        is_last = _END.match(sentence, match.end())
        if is_last or (WORDS_TOO[lower] and not match[1][0].isupper()):
            return None
    return Reading(words(ALWAYS[lower]), match.end())


def read_roman(sentence: str, position: int, previous: str) -> Reading | None:
    """Read Roman numerals behind `Chapter`, `World War` and the like, or behind a ruler's name."""
    if previous not in _NUMBERED and previous not in _NAMED:
        return None
    match = _ROMAN.match(sentence, position)
    if not match:
        return None
    figures = str(10 * len(match[1]) + _ROMAN_DIGITS.index(match[2]))
    if previous in _NUMBERED:
        return Reading(words(numbers.cardinal(figures)), match.end())
    if match[0] == "I" and not _AFTER_FIRST.match(sentence, match.end()):
        return None
    owner = "'s" if sentence.startswith("'s", match.end()) else ""
    *before, last = numbers.ordinal(figures)
    return Reading(words("the", before, last + owner), match.end() + len(owner))


def read_word(sentence: str, position: int, previous: str) -> Reading | None:
    """Read a word; one letter, or few beside a digit, by name."""
    match = _WORD.match(sentence, position)
    if not match:
        return None
    word, end = match[0], match.end()
    if word.endswith("'") and word[-2:-1] not in {"s", "n"}:
        word, end = word[:-1], end - 1
    beside_digit = sentence[end : end + 1].isdigit() or (
        position > 0 and sentence[position - 1].isdigit()
    )
    if beside_digit and len(word) <= 3 and (word.isupper() or len(word) <= 2):
        return Reading(letters(word), end)
    if len(word) == 1 and _is_letter(word, sentence, position, end):
        is_initial = word.isupper() and _INITIAL.match(sentence, end)
        return Reading(letters(word), end + 1 if is_initial else end)
    return Reading([Item(word)], end)


def _is_letter(word: str, sentence: str, position: int, end: int) -> bool:
    """Tell a single letter from the words `a`, `I` and `O`."""
    if word in {"a", "I"}:
        return False
    is_start = position < 20 and not any(map(str.isalnum, sentence[:position]))
    follows = sentence[end : end + 2]
    return not (word == "A" and is_start and follows[:1] == " " and follows[1:].isalpha())
