"""Web and e-mail addresses, telephone numbers, versions."""

import re

from edgewright.text.reading import Item, Reading, letters, words
from edgewright.text.spanish import numbers
from edgewright.text.spanish.words import LETTER_NAMES
from edgewright.text.tables import word_set

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}")
_URL = re.compile(r"(?:https?|ftp)://[^\s<>\"]{1,2000}|www\.[^\s<>\"]{1,2000}", re.IGNORECASE)
_HOST = re.compile(
    r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.(?:com|org|net|edu|es|mx|ar|co|cl|pe|info|io)"
    r"\b(?![.@-]?[A-Za-z0-9])(?:/[^\s<>\"]{0,2000})?"
)
_PIECE = re.compile(r"[A-Za-z]+|[0-9]+|.")
_SAID = {".": "punto", "/": "barra", "-": "guion", "_": "guion bajo", "@": "arroba",
         ":": "dos puntos", "?": "interrogación", "=": "igual", "&": "y", "#": "numeral",
         "%": "por ciento", "+": "más", "~": "virgulilla"}  # fmt: skip
_KNOWN_LETTERS = word_set("www http https es mx ar co cl pe io")
_TRAILING = ".,;:!?)]}'"
_PHONES = tuple(
    re.compile(pattern + r"(?![\d-])")
    for pattern in (
        r"\+\d{1,3}(?:[ .-]\(?\d{1,6}\)?){2,6}|\+\d{9,15}",
        r"\(\d{2,4}\) ?\d{3,4}[ .-]\d{4}",
        r"\d{3}([ .-])\d{2}\1\d{2}\1\d{2}",
        r"\d{2,4}([ -])\d{3,4}\1\d{3,4}",
        r"\d{3,4}-\d{4}",
    )
)
_DIGITS = re.compile(r"\d+")
_SHORT = re.compile(r"\d{3}(?![\d:%/-]|[.,]\d)")
_CALLED = word_set("al marque llame marcar llamar marca llama código extensión clave pin")
_VERSION = re.compile(r"\d{1,10}(?:\.\d{1,10}){2,9}(?!\d)")


def read_address(sentence: str, position: int, previous: str) -> Reading | None:
    """Read an e-mail or web address or a host; the scheme is not read."""
    for pattern in (_URL, _EMAIL, _HOST):
        if match := pattern.match(sentence, position):
            written = match[0].rstrip(_TRAILING)
            end = match.start() + len(written)
            written = re.sub(r"^[a-z]+://", "", written, flags=re.IGNORECASE).rstrip("/")
            return Reading(_pieces(written), end) if written else None
    return None


def _pieces(written: str) -> list[Item]:
    items: list[Item] = []
    for piece in _PIECE.findall(written):
        if piece.isdecimal():
            items += words(numbers.cardinal(piece) if len(piece) < 3 else numbers.digits(piece))
        elif piece.lower() in _KNOWN_LETTERS or piece.lower() in LETTER_NAMES:
            items += letters(piece)
        else:
            items += words(piece if piece.isascii() and piece.isalpha() else _SAID.get(piece, ""))
    return items


def read_telephone(sentence: str, position: int, previous: str) -> Reading | None:
    """Read telephone numbers, and short ones that are called, digit by digit in groups."""
    if position and sentence[position - 1] in "0123456789-.$€£¥,":
        return None
    if previous in _CALLED and (short := _SHORT.match(sentence, position)):
        return Reading(words(numbers.digits(short[0])), short.end())
    for pattern in _PHONES:
        if match := pattern.match(sentence, position):
            items = words("más") if match[0][0] == "+" else []
            for index, group in enumerate(_DIGITS.findall(match[0])):
                items += [Item(",", "pause")] if index else []
                items += words(numbers.digits(group))
            return Reading(items, match.end())
    return None


def read_version(sentence: str, position: int, previous: str) -> Reading | None:
    """Read `1.2.3` and network addresses; groups of three figures are thousands."""
    match = _VERSION.match(sentence, position)
    if not match or all(len(part) == 3 for part in match[0].split(".")[1:]):
        return None
    first, *rest = match[0].split(".")
    items = words(numbers.cardinal(first))
    for part in rest:
        items += words("punto", numbers.cardinal(part))
    return Reading(items, match.end())
