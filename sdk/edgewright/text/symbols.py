"""Punctuation and other signs."""

import re

from edgewright.text import numbers
from edgewright.text.reading import Item, Reading, words

_MARKS = {",": ",", ".": ".", "?": "?", "!": "!", ";": "", ":": "", "(": "", ")": "", "[": "",
          "]": "", "{": "", "}": ""}  # fmt: skip
_SAID = {"&": "and", "@": "at", "+": "plus", "=": "equals", "%": "percent", "\\": "backslash",
         "°": "degrees", "±": "plus or minus", "×": "times", "÷": "divided by",
         "≈": "is about", "≤": "is at most", "≥": "is at least", "≠": "is not equal to",
         "√": "square root of", "∞": "infinity", "©": "copyright", "§": "section", "$": "dollars",
         "€": "euros", "£": "pounds", "¥": "yen", "¢": "cents", "₹": "rupees", "₩": "won",
         "₽": "rubles", "µ": "micro"}  # fmt: skip
_DASH = re.compile(r"(?:-{2,}|[–-](?= |$))[-– ]{0,200}")
_LONG_NUMBER = re.compile(r"\d{1,400}")
_LETTER = re.compile(r"[A-Za-z]")
_NEGATIVE = re.compile(r"\^-(?=[0-9A-Za-z])")
_SHARP = re.compile(r"(?<![A-Za-z0-9])[A-G]#(?![A-Za-z0-9])")
_SQUARE = re.compile(r"\^([23])(?!\d)")


def read_sign(sentence: str, position: int, previous: str) -> Reading:
    """Read any character; what has no sound is passed over."""
    sign = sentence[position]
    if number := _LONG_NUMBER.match(sentence, position):
        return Reading(words(numbers.digits(number[0])), number.end())
    if (
        sign == "."
        and sentence[position - 1 : position] in {"", " "}
        and _LETTER.match(sentence, position + 1)
    ):
        return Reading(words("dot"), position + 1)
    if sign in _MARKS:
        return Reading([Item(_MARKS[sign], "pause")], position + 1)
    before = sentence[position - 1] if position else " "
    after = sentence[position + 1 : position + 2] or " "
    if sign == '"':
        is_closing = before != " " and after in " ,.;:?!)"
        return Reading([Item("", "pause")] if is_closing else [], position + 1)
    if sign in "-–":
        return _read_dash(sentence, position, before, after)
    return _read_symbol(sentence, position, before, after)


def _read_dash(sentence: str, position: int, before: str, after: str) -> Reading:
    is_difference = before == " " and after == " " and sentence[position + 2 : position + 3]
    if is_difference and sentence[position + 2].isdigit() and sentence[position - 2].isdigit():
        return Reading(words("minus"), position + 1)
    dash = _DASH.match(sentence, position)
    if dash and (before == " " or len(dash[0].strip()) > 1):
        return Reading([Item(",", "pause")], dash.end())
    return Reading([], position + 1)


def _read_symbol(sentence: str, position: int, before: str, after: str) -> Reading:
    sign, end = sentence[position], position + 1
    if square := _SQUARE.match(sentence, position):
        return Reading(words("squared" if square[1] == "2" else "cubed"), square.end())
    if negative := _NEGATIVE.match(sentence, position):
        return Reading(words("to the power of minus"), negative.end())
    if position and _SHARP.match(sentence, position - 1):
        return Reading(words("sharp"), end)
    if sign in {after, before} and sign != "+":
        return Reading([], end)  # rulers such as ==== and ###
    between_digits = before.isdigit() and after.isdigit()
    said = _SAID.get(sign, "")
    if sign == "#":
        said = "number" if after.isdigit() else "hash"
    elif sign == "/":
        said = "slash" if before.isalnum() and after.isalnum() else ""
    elif sign == "^":
        said = "to the power of" if after.isalnum() else ""
    elif sign in "<>":
        said = {"<": "less than", ">": "greater than"}[sign] if after in " 0123456789" else ""
    elif sign == "*":
        said = "times" if between_digits or (before == after == " ") else ""
    elif sign == "~":
        said = "about" if after.isdigit() else ""
    return Reading(words(said), end)
