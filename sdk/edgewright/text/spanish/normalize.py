"""Read a Spanish sentence as it is written: which words are spoken, and where one pauses."""

from edgewright.text.reading import Item, Rule, read_folded
from edgewright.text.spanish.addresses import read_address, read_telephone, read_version
from edgewright.text.spanish.characters import fold
from edgewright.text.spanish.clock import read_date, read_time
from edgewright.text.spanish.quantities import read_quantity
from edgewright.text.spanish.symbols import read_sign
from edgewright.text.spanish.written_words import (
    read_abbreviation,
    read_dotted,
    read_phrase,
    read_roman,
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
    read_phrase,
    read_dotted,
    read_address,
    read_abbreviation,
    read_roman,
    read_quantity,  # US$5
    read_word,
    read_sign,
)
_SIGN_RULES: tuple[Rule, ...] = (read_telephone, read_quantity, read_sign)


def read(sentence: str) -> list[Item]:
    """Return the words of a sentence, the pauses between them, and that of its end.

    The end has the mark `?`, `!` or `.`; there is no pause at the beginning, nor are there two in a
    row. A sentence without words gives an empty list.
    """
    return read_folded(fold(sentence), _rules)


def _rules(character: str) -> tuple[Rule, ...]:
    if character.isalpha() and character not in "ºª":
        return _WORD_RULES
    return _NUMBER_RULES if character.isdecimal() else _SIGN_RULES
