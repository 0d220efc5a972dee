"""Times of day and dates."""

import re

from edgewright.text.reading import Item, Reading, words
from edgewright.text.spanish import numbers
from edgewright.text.tables import word_list

_HALF = r"(?: ?(?P<half>[ap])\. ?m\.?| ?(?P<short>[ap]m)\b)"
_TIME = re.compile(
    rf"(?P<hour>\d{{1,2}})[:.](?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?![\d:.,]\d|\d)"
    rf"(?:{_HALF}|(?P<h> ?(?:h|hs|hrs)\b\.?))?",
    re.IGNORECASE,
)
_HOUR = re.compile(rf"(?P<hour>\d{{1,2}}){_HALF}", re.IGNORECASE)
_UNTIL = re.compile(r" ?[-–] ?(?=\d{1,2}[:.]\d\d)")
MONTHS = word_list(
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
)
_FIRST = re.compile(rf"1(?:\.?º)?(?= de (?:{'|'.join(MONTHS)})\b)")
_SLASHES = re.compile(
    r"(?P<day>\d{1,2})([/.-])(?P<month>\d{1,2})\2(?P<year>\d{4}|\d{2})(?![\d/.-]\d|\d)"
)
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?!\d)(?:T(?=\d\d:))?")


def read_time(sentence: str, position: int, previous: str) -> Reading | None:
    """Read `15:30`, `3:45 p. m.`, `8 a. m.`, `20:15 h`, and the "a" before another of them."""
    match = _TIME.match(sentence, position) or _HOUR.match(sentence, position)
    if not match or int(match["hour"]) > 24:
        return None
    found = match.groupdict()
    if match[0][len(match["hour"])] == "." and not _is_clock(found, previous):
        return None
    items = words(numbers.cardinal(str(int(match["hour"])), "feminine"))
    items += _minutes(found.get("minute"))
    if found.get("h"):
        items += words("horas")
    if second := found.get("second"):
        items += words("y", numbers.cardinal(str(int(second)), "masculine"), "segundos")
    if half := found.get("half") or found.get("short"):
        items += [Item(half[0].lower(), "letter"), Item("m", "letter")]
    end = match.end()
    if until := _UNTIL.match(sentence, end):
        return Reading(items + words("a"), until.end())
    return Reading(items, end)


def _is_clock(found: dict[str, str | None], previous: str) -> bool:
    """Tell 15.30 h and las 15.30 from a decimal."""
    return bool(found.get("h") or found.get("half") or found.get("short")) or previous in {
        "las",
        "la",
    }


def _minutes(minute: str | None) -> list[Item]:
    if minute is None or minute == "00":
        return []
    return words("cero" if minute[0] == "0" else "", numbers.cardinal(str(int(minute))))


def read_date(sentence: str, position: int, previous: str) -> Reading | None:
    """Read `3/5/2024`, `03-05-2024`, `2024-05-03`, and the 1 of `1 de mayo`."""
    if first := _FIRST.match(sentence, position):
        return Reading(words("primero"), first.end())
    match = _ISO.match(sentence, position) or _SLASHES.match(sentence, position)
    if not match or not (1 <= int(match["month"]) <= 12 and 1 <= int(match["day"]) <= 31):
        return None
    day = "primero" if int(match["day"]) == 1 else numbers.cardinal(str(int(match["day"])))
    year = numbers.cardinal(match["year"])
    month = MONTHS[int(match["month"]) - 1]
    return Reading(words(day, "de", month, "de", year), match.end())
