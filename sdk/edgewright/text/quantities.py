"""Numbers with what stands around them: signs, currencies, units, ordinals, ranges, fractions."""

import re
from typing import NamedTuple

from edgewright.text import numbers
from edgewright.text.reading import Item, Reading, words
from edgewright.text.tables import word_set
from edgewright.text.units import CURRENCIES, CURRENCY_CODES, UNITS

_WHOLE = r"\d{1,3}(?:,\d{3}){1,12}(?![\d])|\d{1,400}"
_NUMBER = re.compile(rf"(?P<whole>{_WHOLE})?(?:\.(?P<fraction>\d{{1,100}}))?(?!\d)")
_SIGN = re.compile(r"[-+±~≈](?=[$€£¥₹₩₽]?\.?\d)")
_PREFIX = re.compile(r"(?:US|CA|AU|NZ|HK)?(?P<symbol>[$€£¥₹₩₽])\s?(?=\.?\d)")
_SUFFIX_SYMBOL = re.compile(r"\s?(?P<symbol>[€£¥₹₩₽¢])")
_CODE = re.compile(r" ?(?P<code>USD|EUR|GBP|JPY|CHF|CNY|INR|CAD|AUD)\b")
_MAGNITUDE = re.compile(r"[ -]?(?P<word>thousand|million|billion|trillion)s?\b", re.IGNORECASE)
_LETTER = re.compile(r" ?(?P<letter>[KkMmBbTt]|bn|mn|MM|tn)\b")
_LETTERS = {"k": "thousand", "m": "million", "mm": "million", "mn": "million", "b": "billion",
            "bn": "billion", "t": "trillion", "tn": "trillion"}  # fmt: skip
_THOUSAND = re.compile(r"[kK](?![A-Za-z0-9])")
_ORDINAL = re.compile(r"(?:st|nd|rd|th)\b", re.IGNORECASE)
_DECADE = re.compile(r"'?s\b")
_UNIT = re.compile(
    r"( ?)(sq ft|[A-Za-zµ°%‰]{1,5}(?:/[A-Za-z]{1,3})?(?:\^[23])?)(?![A-Za-z0-9])"
    r"(?:\.(?=,| [a-z]))?"
)
_RANGE = re.compile(r"[-–](?=[$€£¥]?\d)")
_SLASH = re.compile(r"/(\d{1,3})(?![\d/])")
_MIXED = re.compile(r" (\d{1,3})/(\d{1,3})(?![\d/])")
_HEIGHT = re.compile(r"(\d{1,2})'(\d{1,2})(?:\"|'')")
_BY = re.compile(r"[x×](?=\d)")
_TIMES = re.compile(r" [x×](?= \d)")
_RATIO = re.compile(r":(?=\d)")
_YEARS = re.compile(r"[-–](?:1\d|20)\d\d(?!\d)")
_YEARS_AFTER = word_set(
    "in since by from until till year years before after circa around during early late mid of "
    "january february march april may june july august september october november december "
    "summer winter spring autumn fall to"
)
_LINKS = ((_RANGE, "to"), (_BY, "by"), (_TIMES, "times"), (_RATIO, "to"))
_SIGNS = {"-": "minus", "+": "plus", "±": "plus or minus", "~": "about", "≈": "about"}
_NO_PLURAL = word_set("this is was has its as us yes always perhaps")
_NEXT_WORD = re.compile(r" ([a-z]{3,})")


class _Number(NamedTuple):
    whole: str
    fraction: str | None
    grouped: bool

    @property
    def is_one(self) -> bool:
        return self.whole == "1" and self.fraction is None

    @property
    def counts_thousands(self) -> bool:
        """Whether a k behind it is a thousand, and no name as in 5K, 4K or 401k."""
        return self.fraction is not None or (int(self.whole) >= 20 and self.whole != "401")

    def words(self) -> list[str]:
        return numbers.decimal(self.whole, self.fraction)


def read_quantity(sentence: str, position: int, previous: str) -> Reading | None:
    """Read a number, its sign, its currency or unit, and the other end of a range."""
    if height := _HEIGHT.match(sentence, position):
        feet, inches = map(numbers.cardinal, height.groups())
        return Reading(words(feet, "foot", inches), height.end())
    sign = _SIGN.match(sentence, position)
    before: list[Item] = []
    if sign:
        if sign[0] in "-+" and position and sentence[position - 1].isalnum():
            return None
        before, position = words(_SIGNS[sign[0]]), sign.end()
    reading = _read_amount(sentence, position, previous)
    if reading is None:
        return None
    items, end = before + reading.items, reading.end
    for pattern, word in _LINKS:
        if link := pattern.match(sentence, end):
            return Reading(items + words(word), link.end())
    return Reading(items, end)


def _read_amount(sentence: str, position: int, previous: str) -> Reading | None:
    prefix = _PREFIX.match(sentence, position)
    start = prefix.end() if prefix else position
    match = _NUMBER.match(sentence, start)
    if not match or match.end() == start:
        return None
    whole = match["whole"] or "0"
    number = _Number(whole.replace(",", ""), match["fraction"], "," in whole)
    if prefix:
        return _read_money(sentence, match.end(), number, prefix["symbol"])
    return _read_plain(sentence, match.end(), number, previous)


def _read_money(sentence: str, end: int, number: _Number, symbol: str) -> Reading:
    magnitude, end = _magnitude(sentence, end, letters_count=True)
    one, many, minor_one, minor_many = CURRENCIES[symbol]
    if magnitude:
        return Reading(words(number.words(), magnitude, many), end)
    cents = number.fraction
    if not minor_one or cents is None or len(cents) != 2:
        return Reading(words(number.words(), one if number.is_one else many), end)
    major = words(numbers.cardinal(number.whole), one if number.whole == "1" else many)
    minor = words(numbers.cardinal(str(int(cents))), minor_one if cents == "01" else minor_many)
    if int(cents) == 0:
        return Reading(major, end)
    if int(number.whole) == 0:
        return Reading(minor, end)
    return Reading(major + words("and") + minor, end)


def _magnitude(sentence: str, end: int, *, letters_count: bool) -> tuple[str, int]:
    if match := _MAGNITUDE.match(sentence, end):
        return match["word"].lower(), match.end()
    if letters_count and (match := _LETTER.match(sentence, end)):
        return _LETTERS[match["letter"].lower()], match.end()
    return "", end


def _read_plain(sentence: str, end: int, number: _Number, previous: str) -> Reading:
    for rule in _WHOLE_RULES if number.fraction is None else _DECIMAL_RULES:
        if reading := rule(sentence, end, number):
            return reading
    if number.fraction is not None:
        return Reading(words(number.words()), end)
    return Reading(words(_year_words(number, sentence, end, previous)), end)


def _read_ordinal(sentence: str, end: int, number: _Number) -> Reading | None:
    match = _ORDINAL.match(sentence, end)
    return Reading(words(numbers.ordinal(number.whole)), match.end()) if match else None


def _read_decade(sentence: str, end: int, number: _Number) -> Reading | None:
    match = _DECADE.match(sentence, end)
    if not match:
        return None
    *before, last = _year_words(number, sentence, match.end(), "in")
    return Reading(words(before, numbers.plural(last)), match.end())


def _read_currency(sentence: str, end: int, number: _Number) -> Reading | None:
    for pattern in (_SUFFIX_SYMBOL, _CODE):
        if match := pattern.match(sentence, end):
            symbol = CURRENCY_CODES.get(match[0].strip(), match[0].strip())
            return _read_money(sentence, match.end(), number, symbol)
    return None


def _read_measure(sentence: str, end: int, number: _Number) -> Reading | None:
    magnitude, end = _magnitude(sentence, end, letters_count=False)
    if not magnitude and number.counts_thousands and (k := _THOUSAND.match(sentence, end)):
        magnitude, end = "thousand", k.end()
    unit, end = _unit(sentence, end, one=number.is_one and not magnitude)
    if magnitude and not unit and (code := _CODE.match(sentence, end)):
        unit, end = CURRENCIES[CURRENCY_CODES[code["code"]]][1], code.end()
    if not magnitude and not unit:
        return None
    return Reading(words(number.words(), magnitude, unit), end)


def _read_fraction(sentence: str, end: int, number: _Number) -> Reading | None:
    if match := _SLASH.match(sentence, end):
        read = numbers.fraction(number.whole, match[1]) if len(number.whole) < 4 else None
        if number.whole == "24" and match[1] == "7":
            return Reading(words("twenty four seven"), match.end())
        return Reading(words(read), match.end()) if read else None
    if match := _MIXED.match(sentence, end):
        read = numbers.fraction(match[1], match[2])
        if read and int(match[1]) < int(match[2]):
            read[0] = ("an" if match[2] == "8" else "a") if read[0] == "one" else read[0]
            return Reading(words(number.words(), "and", read), match.end())
    return None


_WHOLE_RULES = (_read_ordinal, _read_fraction, _read_currency, _read_decade, _read_measure)
_DECIMAL_RULES = (_read_currency, _read_measure)


def _unit(sentence: str, end: int, *, one: bool) -> tuple[str, int]:
    match = _UNIT.match(sentence, end)
    if not match:
        return "", end
    name = UNITS.get(match[2])
    if name is None or (match[1] and name.needs_touch):
        return "", end
    return name.one if one else name.many, match.end()


def _year_words(number: _Number, sentence: str, end: int, previous: str) -> list[str]:
    """Read a number of four digits as a year where it can be one, others as they are."""
    if number.grouped or len(number.whole) != 4 or number.whole[0] == "0":
        return number.words()
    value = int(number.whole)
    following = _NEXT_WORD.match(sentence, end)
    counted = following and following[1].endswith("s") and following[1] not in _NO_PLURAL
    likely = 1900 <= value <= 2099 and not (counted and previous not in _YEARS_AFTER)
    sure = previous in _YEARS_AFTER or _YEARS.match(sentence, end)
    return numbers.year(value) if likely or sure else number.words()
