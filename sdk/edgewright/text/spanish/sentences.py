"""Cut a Spanish text into sentences."""

import re
from collections.abc import Iterator

from edgewright.text.characters import shown
from edgewright.text.spanish.abbreviations import INSIDE, PHRASES, POSSIBLY_LAST

_STOP = re.compile(r"[.!?…]+[\"'”’)\]»]*|\n[ \t\r\f\v]*(?=\n)")
_WORD_BEFORE = re.compile(r"(?:[^\W\d_]\. ?)*[^\W\d_]+\Z")
_WORD_AFTER = re.compile(r"[\s\"'“‘(\[«¿¡]*(\w*)")
_PHRASES = tuple(phrase.strip() for phrase in PHRASES if ". " in phrase.strip())
_LOOK = 24  # characters before and after a stop


def split(text: str) -> Iterator[str]:
    """Yield the sentences of a text, without surrounding space; none is empty.

    A sentence ends with . ! ? … before white space (unless the dot belongs to an abbreviation, or
    the text goes on in lower case after ! ? …), at an empty line, and before ¿ or ¡ behind a stop.
    """
    start = 0
    for match in _STOP.finditer(text):
        if _is_end(text, match):
            if sentence := shown(text[start : match.end()]):
                yield sentence
            start = match.end()
    if rest := shown(text[start:]):
        yield rest


def _is_end(text: str, match: re.Match[str]) -> bool:
    stop, end = match[0], match.end()
    if stop[0] == "\n":
        return True
    after = text[end : end + 1]
    if after and not after.isspace() and after not in "¿¡":
        return False
    following = _WORD_AFTER.match(text, end, end + _LOOK)
    word = following[1] if following else ""
    if stop[0] == "." and stop[:2] != "..":
        if _is_inside_phrase(text, match.start()):
            return False
        return not _is_abbreviation(text[max(0, match.start() - _LOOK) : match.start()], word)
    return not word[:1].islower()


def _is_inside_phrase(text: str, position: int) -> bool:
    """Tell whether a dot stands inside `a. m.`, `EE. UU.` and the like, and does not end them."""
    return any(
        text.startswith(phrase, position - index)
        for phrase in _PHRASES
        for index in range(1, min(len(phrase) - 1, position + 1))
        if phrase[index] == "."
    )


def _is_abbreviation(before: str, following: str) -> bool:
    """Tell whether a dot after `before` belongs to it and the sentence goes on."""
    found = _WORD_BEFORE.search(before)
    if not found or not following:
        return False
    word = re.sub(r"[. ]", "", found[0]).lower()
    if word in INSIDE and word != "km":
        return True
    is_initial = len(found[0]) == 1 and word not in {"y", "a", "o"}
    if is_initial or "." in found[0] or word in POSSIBLY_LAST:
        return following[0].islower() or following[0].isdigit() or is_initial
    return False
