"""What fills the slots of the translation corpus: its table, numbers, times and dates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgewright.text import numbers as english
from edgewright.text.spanish import numbers as spanish
from edgewright.text.tables import word_list

GENDERS = ("m", "f", "mp", "fp")
_FORMS: Mapping[str, spanish.Form] = {"": "masculine", "f": "feminine", "n": "count"}
_MONTHS = {
    "January": ("enero", 31), "February": ("febrero", 28), "March": ("marzo", 31),
    "April": ("abril", 30), "May": ("mayo", 31), "June": ("junio", 30), "July": ("julio", 31),
    "August": ("agosto", 31), "September": ("septiembre", 30), "October": ("octubre", 31),
    "November": ("noviembre", 30), "December": ("diciembre", 31),
}  # fmt: skip
"""Their Spanish names and their days."""
_PAST_THE_HOUR = {
    "{0} o'clock": "{0}",
    "{0} thirty": "{0} y media",
    "half past {0}": "{0} y media",
    "a quarter past {0}": "{0} y cuarto",
    "a quarter to {0}": "{0} menos cuarto",
    "{0} ten": "{0} y diez",
    "{0} twenty": "{0} y veinte",
    "{0} forty": "{0} cuarenta",
}
_HALVES = {"a.m.": ("de la mañana", range(5, 12)), "p.m.": ("de la tarde", range(1, 8))}
_DIGIT_GROUPS = word_list(
    "307 412 158 246 583 629 704 815 936 120 251 364 478 590 607 718 829 941 205 316 "
    "4021 1947 2583 3670 5508 6194 7732 8416 9059 1206 2874 3391 4765 5943 6627 7180 8250 9314"
)


class CorpusError(ValueError):
    """A file of the corpus breaks a rule; the message names the row."""


@dataclass(frozen=True)
class Filler:
    """What stands in a slot."""

    english: str
    """Words, in lower case but for names."""
    spanish: Mapping[str, str]
    """The same by form: "" as a rule, "f" before feminine nouns, "n" in counting."""
    gender: str = ""
    """m, f, mp or fp where other words agree with it, otherwise empty."""


def read_slots(corpus: Path) -> dict[str, list[Filler]]:
    """Return the fillers of every slot: those of `slots.tsv`, numbers, times and dates.

    Raises:
        CorpusError: A row does not have four columns, or its gender is unknown.
    """
    slots: dict[str, list[Filler]] = {}
    for slot, words, translation, gender in read_rows(corpus / "slots.tsv"):
        if gender not in ("", *GENDERS):
            raise CorpusError(
                f"slots.tsv, {slot} {words!r}: gender {gender!r}, expected one of {GENDERS}"
            )
        slots.setdefault(slot, []).append(Filler(words, {"": translation}, gender))
    return {
        **slots,
        **_number_slots(),
        "time": list(_times()),
        "morning": list(_hours(range(6, 11))),
        "evening": list(_hours(range(7, 12))),
        "date": list(_dates()),
    }


def read_rows(path: Path) -> Iterator[list[str]]:
    """Yield the rows of a table; its first line is the header, lines with # are comments.

    Raises:
        CorpusError: A row does not have four columns.
    """
    for number, line in enumerate(path.read_text("utf-8").splitlines()[1:], 2):
        if line and not line.startswith("#"):
            row = line.split("\t")
            if len(row) != 4:
                raise CorpusError(f"{path.name}:{number}: {len(row)} columns, expected 4")
            yield row


def _number_slots() -> dict[str, list[Filler]]:
    digits = [Filler(*_spelled(str(figure))) for figure in range(10)]
    return {
        "count": [_counted(number) for number in range(2, 100)],
        "small": [_counted(number) for number in range(2, 11)],
        "minutes": [_counted(number) for number in (*range(5, 61, 5), 90)],
        "digit": digits,
        "digits": [Filler(*_spelled(figures)) for figures in _DIGIT_GROUPS],
        "ordinal": [_ordinal(number) for number in range(1, 11)],
    }


def _spelled(figures: str) -> tuple[str, dict[str, str]]:
    return " ".join(english.digits(figures)), {"": " ".join(spanish.digits(figures))}


def _counted(number: int) -> Filler:
    forms = {key: " ".join(spanish.cardinal(str(number), form)) for key, form in _FORMS.items()}
    return Filler(_hyphenated(english.cardinal(str(number))), forms)


def _ordinal(number: int) -> Filler:
    forms = {key: " ".join(spanish.ordinal(number, form)) for key, form in _FORMS.items()}
    return Filler(_hyphenated(english.ordinal(str(number))), forms)


def _hyphenated(words: list[str]) -> str:
    return re.sub(r"(ty) (?=\w)", r"\1-", " ".join(words))


def _times() -> Iterator[Filler]:
    yield from _hours(range(1, 13))
    for half, (part, hours) in _HALVES.items():
        for hour in hours:
            name, nombre = _hour(hour)
            yield Filler(f"{name} {half}", {"": f"{nombre} {part}"})
    yield Filler("noon", {"": "el mediodía"})
    yield Filler("midnight", {"": "la medianoche"})


def _hours(hours: range) -> Iterator[Filler]:
    for hour in hours:
        name, nombre = _hour(hour)
        for written, escrito in _PAST_THE_HOUR.items():
            yield Filler(written.format(name), {"": escrito.format(nombre)})


def _hour(hour: int) -> tuple[str, str]:
    [name], [nombre] = english.cardinal(str(hour)), spanish.cardinal(str(hour))
    return name, "la una" if hour == 1 else f"las {nombre}"


def _dates() -> Iterator[Filler]:
    for month, (mes, days) in _MONTHS.items():
        for day in range(1, days + 1):
            dia = "primero" if day == 1 else spanish.cardinal(str(day))[0]
            if day > 30:
                dia = "treinta y uno"
            written = f"{_hyphenated(english.ordinal(str(day)))} of {month}"
            yield Filler(written, {"": f"{dia} de {mes}"})
