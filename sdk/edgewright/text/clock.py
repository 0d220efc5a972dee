"""Times of day and dates."""

import re

from edgewright.text import numbers
from edgewright.text.reading import Item, Reading, letters, words
from edgewright.text.tables import word_list

_HALF = r"(?P<half>[AaPp])\.?\s?[Mm](?:\.|(?![A-Za-z]))"
_TIME = re.compile(rf"(\d{{1,2}}):(\d{{2}})(?::(\d{{2}})(?:\.\d{{1,6}})?)?(?![\d:])(?:\s?{_HALF})?")
_HOUR = re.compile(rf"(\d{{1,2}})\s?{_HALF}")
_UNTIL = re.compile(rf" ?[-–] ?(?=\d{{1,2}}(?::\d\d|\s?{_HALF.replace('?P<half>', '')}))")
_MONTHS = word_list(
    "january february march april may june july august september october november december"
)
_MONTH = (
    r"(?P<month>Jan(?:uary|\.)?|Feb(?:ruary|\.)?|Mar(?:ch|\.)?|Apr(?:il|\.)?|May|June?|July?|"
    r"Aug(?:ust|\.)?|Sept?(?:ember|\.)?|Oct(?:ober|\.)?|Nov(?:ember|\.)?|Dec(?:ember|\.)?)"
)
_YEAR = r"(?:,? (?P<year>\d{4})(?!\d))?"
_MONTH_DAY = re.compile(
    rf"{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:%/.,]\d|\d|[A-Za-z]){_YEAR}"
)
_DAY_MONTH = re.compile(rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH}(?![A-Za-z]){_YEAR}")
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?!\d)(?:T(?=\d\d:))?")
_SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?![\d/])")
_SHORT = re.compile(r"(\d{1,2})/(\d{1,2})()(?![\d/])")
_DOTS = re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})(?![\d.])")


def read_time(sentence: str, position: int, previous: str) -> Reading | None:
    """Read `3:45 pm`, `15:00`, `5 p.m.`, and the "to" before another of them."""
    reading = _read_moment(sentence, position)
    if reading and (until := _UNTIL.match(sentence, reading.end)):
        return Reading(reading.items + words("to"), until.end())
    return reading


def _read_moment(sentence: str, position: int) -> Reading | None:
    if match := _TIME.match(sentence, position):
        hour, minute = int(match[1]), int(match[2])
        if hour < 25 and minute < 60:
            items = words(_clock_words(hour, minute, afternoon=bool(match["half"])))
            if match[3]:
                items += words("and", numbers.cardinal(str(int(match[3]))), "seconds")
            return Reading(items + _half(match["half"]), match.end())
    if (match := _HOUR.match(sentence, position)) and 1 <= int(match[1]) <= 12:
        items = words(numbers.cardinal(str(int(match[1])))) + _half(match["half"])
        return Reading(items, match.end())
    return None


def _clock_words(hour: int, minute: int, *, afternoon: bool) -> list[str]:
    spoken = numbers.cardinal(str(hour))
    if minute:
        return [*spoken, *(["oh"] if minute < 10 else []), *numbers.cardinal(str(minute))]
    if afternoon:
        return spoken
    return [*spoken, "o'clock"] if 1 <= hour <= 12 else [*spoken, "hundred"]


def _half(letter: str | None) -> list[Item]:
    return letters(f"{letter}m") if letter else []


def read_date(sentence: str, position: int, previous: str) -> Reading | None:
    """Read `January 5, 2024`, `5 January`, `2024-01-05`, `1/5/2024` (month first), `5.1.2024`."""
    for pattern in (_MONTH_DAY, _DAY_MONTH, _ISO, _DOTS):
        if (match := pattern.match(sentence, position)) and (month := _month(match["month"])):
            if not 1 <= int(match["day"]) <= 31:
                continue
            is_day_first = pattern is _DAY_MONTH
            items = _date(month, match["day"], match["year"], previous, is_day_first=is_day_first)
            return Reading(items, match.end())
    match = _SLASHES.match(sentence, position)
    if not match and previous == "on":
        match = _SHORT.match(sentence, position)
    if match:
        first, second = int(match[1]), int(match[2])
        month, day = (first, second) if first <= 12 else (second, first)
        if 1 <= month <= 12 and 1 <= day <= 31:
            return Reading(_date(month, str(day), match[3], previous), match.end())
    return None


def _month(written: str) -> int:
    """Return 1 to 12, or 0."""
    if written.isdigit():
        return int(written) if int(written) <= 12 else 0
    start = written[:3].lower()
    return 1 + next(index for index, name in enumerate(_MONTHS) if name.startswith(start))


def _date(
    month: int, day: str, year: str | None, previous: str, *, is_day_first: bool = False
) -> list[Item]:
    name, spoken = _MONTHS[month - 1], numbers.ordinal(str(int(day)))
    article = [] if previous == "the" else ["the"]
    items = words(article, spoken, "of", name) if is_day_first else words(name, spoken)
    if year:
        number = int(year) if len(year) == 4 else int(year) + (1900 if int(year) >= 50 else 2000)
        items += words(numbers.year(number))
    return items
