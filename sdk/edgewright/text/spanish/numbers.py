"""Numbers as Spanish words (RAE, Ortografía and Diccionario panhispánico de dudas)."""

from typing import Literal

from edgewright.text.tables import word_list

Form = Literal["count", "masculine", "feminine"]
"""`count` stands alone (uno, veintiuno), the others before a noun (un, una; doscientas)."""

_SMALL = word_list(
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince "
    "dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro "
    "veinticinco veintiséis veintisiete veintiocho veintinueve"
)
_TENS = word_list("_ _ _ treinta cuarenta cincuenta sesenta setenta ochenta noventa")
_HUNDREDS = word_list(
    "_ ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos "
    "novecientos"
)
_SCALES = (
    ("millón", "millones"),
    ("billón", "billones"),
    ("trillón", "trillones"),
    ("cuatrillón", "cuatrillones"),
    ("quintillón", "quintillones"),
)
"""Of 10^6, 10^12 and so on: the long scale."""
MOST_DIGITS = 6 * (len(_SCALES) + 1)
"""Longer numbers are read digit by digit."""

_ORDINAL_UNITS = word_list(
    "_ primero segundo tercero cuarto quinto sexto séptimo octavo noveno décimo undécimo duodécimo "
    "decimotercero decimocuarto decimoquinto decimosexto decimoséptimo decimoctavo decimonoveno"
)
_ORDINAL_TENS = word_list(
    "_ _ vigésimo trigésimo cuadragésimo quincuagésimo sexagésimo septuagésimo octogésimo "
    "nonagésimo"
)
_ORDINAL_HUNDREDS = word_list(
    "_ centésimo ducentésimo tricentésimo cuadringentésimo quingentésimo sexcentésimo "
    "septingentésimo octingentésimo noningentésimo"
)
_SHORTENED = {
    "uno": "un",
    "veintiuno": "veintiún",
    "primero": "primer",
    "tercero": "tercer",
    "decimotercero": "decimotercer",
}
_FRACTIONS = {
    2: "medio", 3: "tercio", 10: "décimo", 100: "centésimo", 1000: "milésimo"
} | dict(zip(range(4, 10), _ORDINAL_UNITS[4:10], strict=True))  # fmt: skip


def cardinal(figures: str, form: Form = "count") -> list[str]:
    """Return the words of a whole number; one with leading zeros is read digit by digit."""
    if len(figures) > MOST_DIGITS or (len(figures) > 1 and figures[0] == "0"):
        return digits(figures)
    number = int(figures)
    if number == 0:
        return ["cero"]
    words: list[str] = []
    for power in range(len(_SCALES), -1, -1):
        group = number // 10 ** (6 * power) % 10**6
        if group and power:
            words += [*_below_million(group, "masculine"), _SCALES[power - 1][group > 1]]
        elif group:
            words += _below_million(group, form)
    return words


def _below_million(number: int, form: Form) -> list[str]:
    thousands, rest = divmod(number, 1000)
    words: list[str] = []
    if thousands > 1:
        words = _below_thousand(thousands, "feminine" if form == "feminine" else "masculine")
        if form == "feminine" and words[-1].endswith("una"):  # doscientas veintiún mil
            words[-1] = _SHORTENED[words[-1][:-1] + "o"]
    if thousands:
        words.append("mil")
    return words + (_below_thousand(rest, form) if rest else [])


def _below_thousand(number: int, form: Form) -> list[str]:
    if number == 100:
        return ["cien"]
    hundreds, rest = divmod(number, 100)
    words = []
    if hundreds:
        word = _HUNDREDS[hundreds]
        words.append(word[:-2] + "as" if form == "feminine" and hundreds > 1 else word)
    if rest >= 30:
        tens, unit = divmod(rest, 10)
        words += [_TENS[tens], *(["y", _in_form(_SMALL[unit], form)] if unit else [])]
    elif rest:
        words.append(_in_form(_SMALL[rest], form))
    return words


def _in_form(word: str, form: Form) -> str:
    if not word.endswith("uno") or form == "count":
        return word
    return word[:-1] + "a" if form == "feminine" else _SHORTENED[word]


def digits(figures: str) -> list[str]:
    """Return the words of each digit."""
    return [_SMALL[int(figure)] for figure in figures]


def decimal(whole: str, fraction: str | None, form: Form = "count") -> list[str]:
    """Return the words of a number and what is behind its decimal comma, or without one.

    Up to three figures are read as a number (`coma veinticinco`), leading zeros one by one.
    """
    if fraction is None:
        return cardinal(whole or "0", form)
    words = [*cardinal(whole or "0"), "coma"]
    zeros = len(fraction) - len(fraction.lstrip("0"))
    if len(fraction) > 3 or zeros == len(fraction):
        return words + digits(fraction)
    return words + digits(fraction[:zeros]) + cardinal(fraction[zeros:], form)


def ordinal(number: int, form: Form = "count") -> list[str]:
    """Return the words of an ordinal from 1 to 999; a larger number as it is counted."""
    if not 1 <= number <= 999:
        return cardinal(str(number), form)
    hundreds, rest = divmod(number, 100)
    words = [_ORDINAL_HUNDREDS[hundreds]] if hundreds else []
    if rest >= 20:
        words.append(_ORDINAL_TENS[rest // 10])
        rest %= 10
    if rest:
        words.append(_ORDINAL_UNITS[rest])
    if form == "feminine":
        return [f"{word[:-1]}a" for word in words]
    if form == "masculine":
        words[-1] = _SHORTENED.get(words[-1], words[-1])
    return words


def fraction(numerator: int, denominator: int) -> list[str] | None:
    """Return the words of a fraction such as tres cuartos, None if it is read otherwise."""
    if denominator not in _FRACTIONS or not 1 <= numerator < 100:
        return None
    name = _FRACTIONS[denominator] + ("s" if numerator > 1 else "")
    return [*cardinal(str(numerator), "masculine"), name]


def plural_tens(word: str) -> str:
    """Return the plural of a word of a number, such as `noventas`."""
    return word if word.endswith("s") else word + "s"
