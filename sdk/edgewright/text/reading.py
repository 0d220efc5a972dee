"""What the reading rules hand to each other."""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple


class Item(NamedTuple):
    """A word, the name of a letter, or a pause."""

    text: str
    """Letters and ', in any case; or the mark of a pause."""
    kind: Literal["word", "letter", "pause"] = "word"


class Reading(NamedTuple):
    """What a rule read."""

    items: list[Item]
    end: int
    """Where it stopped."""


Rule = Callable[[str, int, str], Reading | None]
"""A rule takes a folded sentence, a position, and the word read before (in lower case); it returns
None if it does not apply there."""


def words(*parts: str | Iterable[str]) -> list[Item]:
    """Return words, given one by one, several in a string, or as lists of words."""
    return [
        Item(word) for part in parts for word in (part.split() if isinstance(part, str) else part)
    ]


def letters(text: str) -> list[Item]:
    """Return the names of letters, digits left out."""
    return [Item(one.lower(), "letter") for one in text if one.isalpha()]
