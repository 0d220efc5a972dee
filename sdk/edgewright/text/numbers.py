"""Numbers as English words (American, without "and")."""

from edgewright.text.tables import word_list

_SMALL = word_list(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = word_list("_ _ twenty thirty forty fifty sixty seventy eighty ninety")
_SCALES = word_list(
    "_ thousand million billion trillion quadrillion quintillion sextillion septillion octillion "
    "nonillion decillion"
)
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
MOST_DIGITS = 3 * len(_SCALES)
"""Longer numbers are read digit by digit."""


def cardinal(figures: str) -> list[str]:
    """Return the words of a whole number; one with leading zeros is read digit by digit."""
    if len(figures) > MOST_DIGITS or (len(figures) > 1 and figures[0] == "0"):
        return digits(figures)
    if figures == "0":
        return ["zero"]
    words = []
    padded = figures.zfill(-(-len(figures) // 3) * 3)
    for start in range(0, len(padded), 3):
        group = int(padded[start : start + 3])
        scale = (len(padded) - start) // 3 - 1
        if group:
            words += _below_thousand(group) + ([_SCALES[scale]] if scale else [])
    return words


def _below_thousand(number: int) -> list[str]:
    words = [_SMALL[number // 100], "hundred"] if number >= 100 else []
    number %= 100
    if number >= 20:
        words.append(_TENS[number // 10])
        number %= 10
        return [*words, _SMALL[number]] if number else words
    return [*words, _SMALL[number]] if number else words


def digits(figures: str) -> list[str]:
    """Return the words of each digit."""
    return [_SMALL[int(figure)] for figure in figures]


def decimal(whole: str, fraction: str | None) -> list[str]:
    """Return the words of a number with the digits behind its point, or without a point."""
    words = cardinal(whole or "0")
    return words if fraction is None else [*words, "point", *digits(fraction)]


def ordinal(figures: str) -> list[str]:
    """Return the words of 1st, 22nd and so on."""
    *before, last = cardinal(figures)
    return [*before, ordinal_word(last)]


def ordinal_word(word: str) -> str:
    """Return the ordinal of the last word of a number."""
    if word in _ORDINALS:
        return _ORDINALS[word]
    return word[:-1] + "ieth" if word.endswith("y") else word + "th"


def plural(word: str) -> str:
    """Return the plural of a word of a number, such as `nineties`."""
    if word.endswith("y"):
        return word[:-1] + "ies"
    return word + ("es" if word.endswith("x") else "s")


def year(number: int) -> list[str]:
    """Return the words of a year: `nineteen eighty four`, `two thousand nine`."""
    century, rest = divmod(number, 100)
    if not 1010 <= number <= 2099 or 2000 <= number <= 2009:
        return cardinal(str(number))
    if rest == 0:
        return [*cardinal(str(century)), "hundred"]
    return [*cardinal(str(century)), *(["oh"] if rest < 10 else []), *cardinal(str(rest))]


def fraction(numerator: str, denominator: str) -> list[str] | None:
    """Return the words of a fraction, None if it is read otherwise."""
    top, bottom = int(numerator), int(denominator)
    if not 2 <= bottom <= 100 or not 1 <= top <= 100 or numerator[0] == "0":
        return None
    if top == bottom:
        return cardinal(numerator) * 2  # 50/50
    *before, last = cardinal(str(bottom))
    name = {2: "half", 4: "quarter"}.get(bottom) or ordinal_word(last)
    if top != 1:
        name = "halves" if bottom == 2 else name + "s"
    return [*cardinal(numerator), *before, name]
