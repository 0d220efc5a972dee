"""Read a sentence as it is written: which words are spoken, and where one pauses."""

from edgewright.text.addresses import read_address, read_tag, read_telephone, read_version
from edgewright.text.characters import fold
from edgewright.text.clock import read_date, read_time
from edgewright.text.quantities import read_quantity
from edgewright.text.reading import Item, Rule
from edgewright.text.symbols import read_sign
from edgewright.text.written_words import (
    read_abbreviation,
    read_dotted,
    read_numbered,
    read_phrase,
    read_roman,
    read_title,
    read_word,
)

_NUMBER_RULES: tuple[Rule, ...] = (
    read_date,
    read_telephone,
    read_time,
    read_version,
    read_address,
    read_quantity,
)
_WORD_RULES: tuple[Rule, ...] = (
    read_dotted,
    read_date,
    read_address,
    read_phrase,
    read_numbered,
    read_title,
    read_abbreviation,
    read_roman,
    read_quantity,  # US$5
    read_word,
)
_SIGN_RULES: tuple[Rule, ...] = (read_telephone, read_quantity, read_tag)
_STRENGTH = ("", ",", ".", "!", "?")


def read(sentence: str) -> list[Item]:
    """Return the words of a sentence, the pauses between them, and that of its end.

    The end has the mark `?`, `!` or `.`; there is no pause at the beginning, nor are there two in a
    row. A sentence without words gives an empty list.
    """
    folded = " ".join(fold(sentence).split())
    items: list[Item] = []
    position, previous = 0, ""
    while position < len(folded):
        if folded[position] == " ":
            position += 1
            continue
        found, position = _read_one(folded, position, previous)
        for item in found:
            _append(items, item)
        previous = items[-1].text.lower() if items and items[-1].kind != "pause" else ""
    return _ended(items)


def _read_one(folded: str, position: int, previous: str) -> tuple[list[Item], int]:
    character = folded[position]
    rules = _SIGN_RULES
    if character.isalpha():
        rules = _WORD_RULES
    elif character.isdigit():
        rules = _NUMBER_RULES
    for rule in rules:
        if reading := rule(folded, position, previous):
            return reading.items, reading.end
    reading = read_sign(folded, position, previous)
    return reading.items, reading.end


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
