"""Read a sentence as it is written: which words are spoken, and where one pauses."""

from edgewright.text.addresses import read_address, read_tag, read_telephone, read_version
from edgewright.text.characters import fold
from edgewright.text.clock import read_date, read_time
from edgewright.text.quantities import read_quantity
from edgewright.text.reading import Item, Rule, read_folded
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
    read_sign,
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
    read_sign,
)
_SIGN_RULES: tuple[Rule, ...] = (read_telephone, read_quantity, read_tag, read_sign)


def read(sentence: str) -> list[Item]:
    """Return the words of a sentence, the pauses between them, and that of its end.

    The end has the mark `?`, `!` or `.`; there is no pause at the beginning, nor are there two in a
    row. A sentence without words gives an empty list.
    """
    return read_folded(" ".join(fold(sentence).split()), _rules)


def _rules(character: str) -> tuple[Rule, ...]:
    if character.isalpha():
        return _WORD_RULES
    return _NUMBER_RULES if character.isdigit() else _SIGN_RULES
