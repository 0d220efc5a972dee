"""What the reading rules hand to each other."""

from collections.abc import Callable, Iterable, Sequence
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


_STRENGTH = ("", ",", ".", "!", "?")


def read_folded(folded: str, rules_of: Callable[[str], Sequence[Rule]]) -> list[Item]:
    """Return the words of a folded sentence, the pauses between them, and that of its end.

    The end has the mark `?`, `!` or `.`; there is no pause at the beginning, nor are there two in a
    row. A sentence without words gives an empty list.

    Args:
        folded: Single spaces, no space at the ends.
        rules_of: The rules to try where a character begins; the last one always applies.
    """
    items: list[Item] = []
    position, previous = 0, ""
    while position < len(folded):
        if folded[position] == " ":
            position += 1
            continue
        readings = (rule(folded, position, previous) for rule in rules_of(folded[position]))
        reading = next(reading for reading in readings if reading)
        position = reading.end
        for item in reading.items:
            _append(items, item)
        previous = items[-1].text.lower() if items and items[-1].kind != "pause" else ""
    return _ended(items)


def _append(items: list[Item], item: Item) -> None:
    """Add an item; of neighbouring pauses the stronger one remains, and none comes first."""
    if item.kind != "pause":
        items.append(item)
    elif items and items[-1].kind == "pause":
        if _STRENGTH.index(item.text) > _STRENGTH.index(items[-1].text):
            items[-1] = item
    elif items:
        items.append(item)


def _ended(items: list[Item]) -> list[Item]:
    if not items:
        return []
    last = items[-1]
    if last.kind != "pause":
        return [*items, Item(".", "pause")]
    return items if last.text in {"?", "!"} else [*items[:-1], Item(".", "pause")]
