"""Cut a text into sentences."""

import re
from collections.abc import Iterator

from edgewright.text.abbreviations import BEFORE_NUMBERS, INSIDE, POSSIBLY_LAST
from edgewright.text.characters import shown
from edgewright.text.tables import word_set

_STOP = re.compile(r"[.!?…。！？]+[\"'”’)\]»]*|\n[ \t\r\f\v]*(?=\n)")
_WORD_BEFORE = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z]+\Z")
_WORD_AFTER = re.compile(r"[\s\"'“‘(\[«]*(\w*)")
_WIDE = "。！？"
_OPENERS = word_set(
    "the a an it he she they we i you but and in on at this that these there however when if so as "
    "for his her its my our your their what who why how where no not yes then after before"
)
_LAST = word_set("etc am pm max min")
"""Abbreviations before which a capital always begins a sentence."""
_LOOK = 24  # characters before and after a stop


def split(text: str) -> Iterator[str]:
    """Yield the sentences of a text, without surrounding space; none is empty.

    A sentence ends with . ! ? … before white space (unless the dot belongs to an abbreviation, or
    the text goes on in lower case after ! ? …), and at an empty line.
    """
    start = 0
    for match in _STOP.finditer(text):
        if _is_end(text, match):
            sentence = shown(text[start : match.end()])
            if sentence:
                yield sentence
            start = match.end()
    if rest := shown(text[start:]):
        yield rest


def _is_end(text: str, match: re.Match[str]) -> bool:
    stop, end = match[0], match.end()
    if stop[0] == "\n" or stop[0] in _WIDE:
        return True
    after = text[end : end + 1]
    if after and not after.isspace():
        return False
    following = _WORD_AFTER.match(text, end, end + _LOOK)
    word = following[1] if following else ""
    if stop[0] == "." and stop[:2] != "..":
        return not _is_abbreviation(text[max(0, match.start() - _LOOK) : match.start()], word)
    return not word[:1].islower()


def _is_abbreviation(before: str, following: str) -> bool:
    """Tell whether a dot after `before` belongs to it and the sentence goes on."""
    found = _WORD_BEFORE.search(before)
    if not found or not following:
        return False
    word = found[0].lower().replace(".", "")
    if word in INSIDE:
        return True
    if following[0].isdigit() and (word in POSSIBLY_LAST or word in BEFORE_NUMBERS):
        return True
    initial = len(word) == 1 and found[0].isupper() and word != "i"
    if word in _LAST:
        is_zone = len(following) > 1 and following.isupper()  # 5 p.m. EST
        return following[0].islower() or is_zone
    if initial or "." in found[0] or word in POSSIBLY_LAST:
        return following.lower() not in _OPENERS or following[0].islower()
    return False
