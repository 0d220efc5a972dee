"""Numbers with what stands around them: signs, currencies, units, ordinals, ranges, fractions."""

import re
from typing import NamedTuple

from edgewright.text.reading import Reading, words
from edgewright.text.spanish import numbers
from edgewright.text.spanish.numbers import Form
from edgewright.text.spanish.units import CURRENCIES, CURRENCY_CODES, UNITS, Unit
from edgewright.text.tables import word_set

_NUMBER = re.compile(
    r"(?P<whole>[1-9]\d{0,2}(?:\.\d{3}){1,12}(?!\d)|[1-9]\d{0,2}(?:,\d{3}){1,12}(?!\d)"
    r"|[1-9]\d{0,2}(?: \d{3}){1,12}(?!\d)|\d{1,400})"
    r"(?:(?P<mark>[.,])(?P<fraction>\d{1,100}))?"
)
_SIGN = re.compile(r"[-–+±~≈](?=[$€£¥]?\d)")
_SIGNS = {"-": "menos", "–": "menos", "+": "más", "±": "más menos", "~": "unos", "≈": "unos"}
_PREFIX = re.compile(r"(?P<code>US\$|[$€£¥]) ?(?=\d)")
_SUFFIX = re.compile(r" ?(?P<code>US\$|[$€£¥]|(?:EUR|USD|GBP|JPY|MXN|ARS|COP|CLP|PEN|CHF)\b)")
_MAGNITUDE = re.compile(r" (?P<word>mil(?:lones|lón)?)\b(?: de(?= ))?")
_UNIT = re.compile(r" ?([A-Za-zµ]{1,4}(?:/[a-z]{1,2})?[²³23]?|[°º][CF]?|%)(?![A-Za-z0-9])")
_ORDINAL = re.compile(r"(?:\.?(?P<sign>[ºª])|(?P<end>ro|ra|er|do|da|to|ta|mo|ma|vo|va|no|na)\b)")
_FRACTION = re.compile(r"/(\d{1,4})(?![\d/])")
_RANGE = re.compile(r"[-–](?=\d)")
_BY = re.compile(r" ?[x×] ?(?=\d)")
_PERIOD_END = re.compile(r"\.(?= |$)")
_NOUN = re.compile(r" (?:(?:nuev|buen|much|otr)[oa]s )?([a-záéíóúüñ]{2,})")
_FEMININE = re.compile(
    r"(?:as|iones|dades|tudes|veces|noches|tardes|calles|clases|llaves|flores)\Z"
)
_MASCULINE = word_set(
    "días mapas problemas sistemas programas idiomas temas planetas poemas síntomas dramas climas "
    "aviones camiones millones corazones gorriones atletas turistas taxistas artistas dentistas "
    "colegas"
)
_NO_NOUN = word_set("es más menos tras las los dos tres seis después antes entonces además quizás")


class _Number(NamedTuple):
    whole: str
    mark: str | None
    fraction: str | None

    @property
    def is_one(self) -> bool:
        return self.whole == "1" and self.fraction is None

    def words(self, form: Form = "count") -> list[str]:
        read = numbers.decimal(self.whole, self.fraction, form)
        return ["punto" if word == "coma" and self.mark == "." else word for word in read]


def read_quantity(sentence: str, position: int, previous: str) -> Reading | None:
    """Read a number, its sign, its currency or unit, and the "a" before the end of a range."""
    before: list[str] = []
    if sign := _SIGN.match(sentence, position):
        if position and sentence[position - 1].isalnum():
            return None
        before, position = [_SIGNS[sign[0]]], sign.end()
    prefix = _PREFIX.match(sentence, position)
    match = _NUMBER.match(sentence, prefix.end() if prefix else position)
    if not match:
        return None
    whole = re.sub(r"[., ]", "", match["whole"])
    number = _Number(whole, match["mark"], match["fraction"])
    if prefix:
        currency = CURRENCIES[CURRENCY_CODES[prefix["code"]]]
        reading = _money(sentence, match.end(), number, currency)
    else:
        reading = _plain(sentence, match.end(), number)
    items, end = words(before) + reading.items, reading.end
    for pattern, word in ((_RANGE, "a"), (_BY, "por")):
        if link := pattern.match(sentence, end):
            return Reading(items + words(word), link.end())
    return Reading(items, end)


def _plain(sentence: str, end: int, number: _Number) -> Reading:
    for rule in (_ordinal, _fraction, _measure):
        if reading := rule(sentence, end, number):
            return reading
    form = _form_before_noun(sentence, end, number)
    return Reading(words(number.words(form)), end)


def _form_before_noun(sentence: str, end: int, number: _Number) -> Form:
    """Guess from the next word what 21 and 200 count: masculine or feminine things, or nothing."""
    noun = _NOUN.match(sentence, end)
    if not noun or noun[1] in _NO_NOUN or (not number.is_one and not noun[1].endswith("s")):
        return "count"
    if number.is_one:
        if noun[1] in {"de", "del", "a", "al", "y", "o", "en", "por", "para", "con", "si", "no"}:
            return "count"
        return "feminine" if noun[1].endswith(("a", "ción", "dad")) else "masculine"
    is_feminine = _FEMININE.search(noun[1]) and noun[1] not in _MASCULINE
    return "feminine" if is_feminine else "masculine"


def _ordinal(sentence: str, end: int, number: _Number) -> Reading | None:
    match = _ORDINAL.match(sentence, end) if number.fraction is None else None
    if not match or len(number.whole) > 3 or sentence[end : end + 2] in {"ºC", "ºF"}:
        return None
    ending = match["sign"] or match["end"]
    form: Form = "count"
    if ending in {"ª"} or ending.endswith("a"):
        form = "feminine"
    elif ending == "er":
        form = "masculine"
    return Reading(words(numbers.ordinal(int(number.whole), form)), match.end())


def _fraction(sentence: str, end: int, number: _Number) -> Reading | None:
    match = _FRACTION.match(sentence, end) if number.fraction is None else None
    if not match or len(number.whole) > 2:
        return None
    read = numbers.fraction(int(number.whole), int(match[1]))
    return Reading(words(read), match.end()) if read else None


def _measure(sentence: str, end: int, number: _Number) -> Reading | None:
    magnitude, end = _magnitude(sentence, end)
    if match := _SUFFIX.match(sentence, end):
        currency = CURRENCIES[CURRENCY_CODES[match["code"]]]
        if magnitude:
            link = "de" if magnitude != "mil" else ""
            read = [*number.words("masculine"), magnitude, link, currency.many]
            return Reading(words(" ".join(read)), match.end())
        return _money(sentence, match.end(), number, currency)
    match = _UNIT.match(sentence, end)
    unit = UNITS.get(match[1]) if match else None
    if match and unit and not magnitude:
        form: Form = "feminine" if unit.is_feminine else "masculine"
        name = unit.one if number.is_one else unit.many
        form = "count" if match[1] == "%" else form
        return Reading(words(number.words(form), name), match.end())
    return Reading(words(number.words("masculine"), magnitude), end) if magnitude else None


def _magnitude(sentence: str, end: int) -> tuple[str, int]:
    match = _MAGNITUDE.match(sentence, end)
    return (match["word"], end + 1 + len(match["word"])) if match else ("", end)


def _money(sentence: str, end: int, number: _Number, currency: Unit) -> Reading:
    magnitude, after = _magnitude(sentence, end)
    if magnitude:
        read = [*number.words("masculine"), magnitude, "de" if magnitude != "mil" else ""]
        return Reading(words(" ".join(read), currency.many), after)
    form: Form = "feminine" if currency.is_feminine else "masculine"
    name = currency.one if number.whole == "1" else currency.many
    cents = number.fraction
    if currency.minor is None or cents is None or len(cents) != 2:
        name = currency.one if number.is_one else currency.many
        return Reading(words(number.words(form), name), end)
    major = words(numbers.cardinal(number.whole, form), name)
    if int(cents) == 0:
        return Reading(major, end)
    minor = words(numbers.cardinal(str(int(cents)), "masculine"), currency.minor[int(cents) != 1])
    return Reading(minor if int(number.whole) == 0 else major + words("con") + minor, end)
