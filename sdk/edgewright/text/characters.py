"""Fold any Unicode text into the few characters that the reading rules know."""

import re
import unicodedata
from functools import lru_cache

from edgewright.text.tables import word_list

_SPELLED = {
    **dict.fromkeys("‘’‚‛`´ʼʻ′", "'"),
    **dict.fromkeys("“”„‟«»‹›″", '"'),
    **dict.fromkeys("‐‑−", "-"),
    **dict.fromkeys("–‒", "–"),  # an en dash between numbers is a range
    **dict.fromkeys("—―⸺", " -- "),
    **dict.fromkeys("•·‣◦▪", ","),
    **dict.fromkeys("、，", ", "),
    "。": ". ",
    "¿": "",
    "¡": "",
    "²": "^2",
    "³": "^3",
    "™": "",
    "®": "",
    "№": "No. ",
    "ß": "ss",
    "æ": "ae",
    "Æ": "Ae",
    "œ": "oe",
    "Œ": "Oe",
    "ø": "o",
    "Ø": "O",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "ð": "th",
    "Ð": "Th",
    "þ": "th",
    "Þ": "Th",
    "ı": "i",
}
_KEPT = frozenset("€£¥¢₹₩₽°±×÷≈≤≥≠√∞§©µ–")
_CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґ",
        word_list(
            "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya i yi ye g"
        ),
        strict=True,
    )
)
_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψως",
        word_list("a v g d e z i th i k l m n x o p r s t y f ch ps o s"),
        strict=True,
    )
)
_GREEK_WORD = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]+")
_MICRO = re.compile(r"[\u00b5\u03bc](?=[A-Za-z])")
_OHM = re.compile(r"(?<=[0-9kM ])[\u2126\u03a9](?![\u0370-\u03ff])")
_DIGIT_SPACE = re.compile(
    r"(?<=[0-9])(?:[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))| (?=000(?![0-9])))"
)
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_POWER = re.compile(
    rf"(?:(?<=[0-9)])|(?<![A-Za-z])(?<=[A-Za-z]))[{_SUPERSCRIPTS}]+|[⁺⁻][{_SUPERSCRIPTS}]+"
)
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")


def shown(text: str) -> str:
    """Return `text` without control characters and surrogates, with single spaces."""
    return " ".join(_UNSHOWABLE.sub(" ", text).split())


def fold(text: str) -> str:
    """Return ASCII and a few symbols: no accents, other scripts transliterated or left out.

    Cyrillic and Greek words are written in Latin letters, a single Greek letter by its name; what
    has no sound here (emoji, other scripts, control characters) becomes a space.
    """
    text = _POWER.sub(lambda power: "^" + unicodedata.normalize("NFKD", power[0]), text)
    text = _MICRO.sub("\N{MICRO SIGN}", _OHM.sub("ohm", _DIGIT_SPACE.sub(",", text)))
    return "".join(map(_fold_character, _GREEK_WORD.sub(_read_greek, text)))


def _read_greek(match: re.Match[str]) -> str:
    word = match[0]
    if len(word) > 1:
        return word
    name = re.search(r"LETTER (?:FINAL )?(\w+)", unicodedata.name(word, ""))
    return f" {name[1].lower().replace('lamda', 'lambda')} " if name else " "


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    if character in _SPELLED:
        return _SPELLED[character]
    if " " <= character <= "~" or character in _KEPT:
        return character
    category = unicodedata.category(character)
    if category in {"Cf", "Mn", "Mc", "Me"}:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "No" and "\u2044" in unicodedata.normalize("NFKD", character):
        return " " + unicodedata.normalize("NFKD", character).replace("\u2044", "/")
    return "".join(map(_fold_part, unicodedata.normalize("NFKD", character))) or " "


def _fold_part(character: str) -> str:
    """Return a character of a compatibility decomposition."""
    if "!" <= character <= "~" or character in _KEPT:
        return character
    if unicodedata.combining(character):
        return ""
    lower = character.lower()
    latin = _CYRILLIC.get(lower) or _GREEK.get(lower) or _SPELLED.get(character, " ")
    latin = latin.replace("_", "")
    return latin.capitalize() if character != lower else latin
