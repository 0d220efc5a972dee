"""Web and e-mail addresses, names of files and hosts, telephone numbers, versions, hashtags."""

import re

from edgewright.text import numbers
from edgewright.text.reading import Item, Reading, letters, words
from edgewright.text.tables import word_set

_TOP_LEVELS = (
    "com|org|net|edu|gov|mil|int|info|io|ai|app|dev|co|uk|de|fr|es|it|nl|eu|us|ca|au|jp|cn|in|ch|at"
)
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}")
_URL = re.compile(r"(?:https?|ftp)://[^\s<>\"]{1,2000}|www\.[^\s<>\"]{1,2000}", re.IGNORECASE)
_HOST = re.compile(
    rf"[A-Za-z0-9-]{{1,63}}(?:\.[A-Za-z0-9-]{{1,63}}){{0,4}}\.(?:{_TOP_LEVELS})\b"
    r"(?![.@-]?[A-Za-z0-9])(?:/[^\s<>\"]{0,2000})?"
)
_FILE = re.compile(r"[A-Za-z0-9_-]{1,64}\.[a-z][a-z0-9]{0,4}(?![A-Za-z0-9@]|\.[A-Za-z0-9])")
_PIECE = re.compile(r"[A-Za-z]+|[0-9]+|.")
_SAID = {".": "dot", "/": "slash", "-": "dash", "_": "underscore", "@": "at", ":": "colon",
         "?": "question mark", "=": "equals", "&": "and", "#": "hash", "%": "percent",
         "+": "plus", "~": "tilde"}  # fmt: skip
_KNOWN_LETTERS = word_set("www http https uk us de fr es it nl eu io ai au jp cn ch")
_TRAILING = ".,;:!?)]}'"

_PHONES = tuple(
    re.compile(pattern + r"(?![\d-])")
    for pattern in (
        r"(?:\+?1[ .-]?)?\(\d{3}\)[ .-]?\d{3}[ .-]\d{4}",
        r"(?:\+?1[ .-])?\d{3}([ .-])\d{3}\1\d{4}",
        r"\+\d{1,5}(?:[ .-]\(?\d{1,6}\)?){2,6}|\+\d{9,15}",
        r"\d{3}-\d{4}",
        r"\d{2,5}(?:-\d{2,6}){2,5}",
        r"\d{4}(?: \d{4}){2,4}",
    )
)
_DIGITS = re.compile(r"\d+")
_EMERGENCY = re.compile(r"(?:911|999|112)(?![\d.,:%/-])")
_VERSION = re.compile(r"\d{1,10}(?:\.\d{1,10}){2,9}(?![\d])")
_HASHTAG = re.compile(r"#(?=[A-Za-z_])")
_HANDLE = re.compile(r"@(?=[A-Za-z_])")


def read_address(sentence: str, position: int, previous: str) -> Reading | None:
    """Read an e-mail or web address, a host, or a file name; the scheme is not read."""
    for pattern in (_URL, _EMAIL, _HOST, _FILE):
        if match := pattern.match(sentence, position):
            written = match[0].rstrip(_TRAILING)
            end = match.start() + len(written)
            written = re.sub(r"^[a-z]+://", "", written, flags=re.IGNORECASE).rstrip("/")
            if written.replace(".", "").isdigit() or not written:
                return None
            return Reading(_pieces(written), end)
    return None


def _pieces(written: str) -> list[Item]:
    items: list[Item] = []
    for piece in _PIECE.findall(written):
        if piece.isdigit():
            items += words(numbers.cardinal(piece) if len(piece) < 3 else numbers.digits(piece))
        elif piece.lower() in _KNOWN_LETTERS or (len(piece) == 1 and piece.isalpha()):
            items += letters(piece)
        else:
            items += words(piece if piece.isalpha() else _SAID.get(piece, ""))
    return items


def read_telephone(sentence: str, position: int, previous: str) -> Reading | None:
    """Read telephone and other numbers in groups digit by digit, with pauses between groups."""
    if position and sentence[position - 1] in "0123456789-.$€£¥,":
        return None
    if match := _EMERGENCY.match(sentence, position):
        is_called = previous in {"call", "dial", "calling", "dialing", "called", "dialed"}
        return Reading(words(numbers.digits(match[0])), match.end()) if is_called else None
    for pattern in _PHONES:
        if match := pattern.match(sentence, position):
            items = words("plus") if match[0][0] == "+" else []
            for index, group in enumerate(_DIGITS.findall(match[0])):
                items += [Item(",", "pause")] if index else []
                items += words(numbers.digits(group))
            return Reading(items, match.end())
    return None


def read_version(sentence: str, position: int, previous: str) -> Reading | None:
    """Read `1.2.3` and network addresses."""
    match = _VERSION.match(sentence, position)
    if not match:
        return None
    first, *rest = match[0].split(".")
    items = words(numbers.cardinal(first))
    for part in rest:
        items += words("dot" if len(rest) == 3 else "point", numbers.cardinal(part))
    return Reading(items, match.end())


def read_tag(sentence: str, position: int, previous: str) -> Reading | None:
    """Read the sign of `#word` and `@name`."""
    if match := _HASHTAG.match(sentence, position):
        return Reading(words("hashtag"), match.end())
    if match := _HANDLE.match(sentence, position):
        return Reading(words("at"), match.end())
    return None
