"""Punctuation and other signs."""

import re

from edgewright.text.reading import Item, Reading, words
from edgewright.text.spanish import numbers

_MARKS = {",": ",", ".": ".", "?": "?", "!": "!", ";": "", ":": "", "(": "", ")": "", "[": "",
          "]": "", "{": "", "}": ""}  # fmt: skip
_SAID = {"&": "y", "@": "arroba", "+": "más", "=": "igual a", "%": "por ciento",
         "\\": "barra invertida", "°": "grados", "±": "más menos", "×": "por",
         "÷": "entre", "≈": "aproximadamente", "≤": "menor o igual que",
         "≥": "mayor o igual que", "≠": "distinto de", "$": "dólares", "€": "euros",
         "£": "libras", "¥": "yenes", "¢": "centavos", "²": "al cuadrado",
    "³": "al cubo",
    "½": "medio", "¼": "un cuarto",
         "¾": "tres cuartos"}  # fmt: skip
_DASH = re.compile(r"(?:-{2,}|[–-](?= |$))[-– ]{0,200}")
_LONG_NUMBER = re.compile(r"\d{1,400}")
_HASHTAG = re.compile(r"#(?=[A-Za-z_])")


def read_sign(sentence: str, position: int, previous: str) -> Reading:
    """Read any character; what has no sound is passed over."""
    sign = sentence[position]
    if number := _LONG_NUMBER.match(sentence, position):
        return Reading(words(numbers.digits(number[0])), number.end())
    if sign in _MARKS:
        return Reading([Item(_MARKS[sign], "pause")], position + 1)
    before = sentence[position - 1] if position else " "
    after = sentence[position + 1 : position + 2] or " "
    if sign in "-–":
        return _read_dash(sentence, position, before)
    if sign == '"':
        is_closing = before != " " and after in " ,.;:?!)"
        return Reading([Item("", "pause")] if is_closing else [], position + 1)
    return Reading(words(_said(sentence, position, before, after)), position + 1)


def _read_dash(sentence: str, position: int, before: str) -> Reading:
    dash = _DASH.match(sentence, position)
    if dash and (before == " " or len(dash[0].strip()) > 1):
        follows = sentence[dash.end() : dash.end() + 1]
        is_difference = len(dash[0].strip()) == 1 and follows.isdigit()
        if is_difference and position > 1 and sentence[position - 2].isdigit():
            return Reading(words("menos"), dash.end())
        return Reading([Item(",", "pause")], dash.end())
    return Reading([], position + 1)


def _said(sentence: str, position: int, before: str, after: str) -> str:
    sign = sentence[position]
    if sign in {before, after} and sign != "+":
        return ""  # rulers such as ==== and ###
    if sign == "#":
        return "hashtag" if _HASHTAG.match(sentence, position) else "número"
    if sign == "/":
        return "barra" if before.isalnum() and after.isalnum() else ""
    if sign in "<>":
        return {"<": "menor que", ">": "mayor que"}[sign] if after in " 0123456789" else ""
    if sign == "*":
        return "por" if before == after == " " or (before + after).isdigit() else ""
    return _SAID.get(sign, "")
