"""Allophones within a sentence: b d g between sounds, and nasals before consonants."""

from collections.abc import Sequence
from dataclasses import replace

from edgewright.text.phones import PAUSE, Phone
from edgewright.text.tables import word_set

_APPROXIMANT = {"b": "bh", "d": "dh", "g": "gh"}
_NASALS = word_set("m n ng ny")
_LABIAL = word_set("p b f")
_VELAR = word_set("k g x w gh")


def allophones(phones: Sequence[Phone]) -> tuple[Phone, ...]:
    """Return the phones as they sound beside each other, across words but not across pauses.

    b, d and g are stops at the beginning, behind nasals, and d behind l, otherwise approximants; n
    is m before p, b, v and f, and ng before k, g and j (Hualde, The Sounds of Spanish, 2005).
    """
    result: list[Phone] = []
    for index, phone in enumerate(phones):
        symbol = phone.symbol
        if symbol == "n" and index + 1 < len(phones):
            symbol = _nasal(phones[index + 1].symbol)
        elif symbol in _APPROXIMANT and result and not _is_stop(symbol, result[-1].symbol):
            symbol = _APPROXIMANT[symbol]
        result.append(phone if symbol == phone.symbol else replace(phone, symbol=symbol))
    return tuple(result)


def _nasal(following: str) -> str:
    if following in _LABIAL:
        return "m"
    return "ng" if following in _VELAR else "n"


def _is_stop(symbol: str, before: str) -> bool:
    return before == PAUSE or before in _NASALS or (symbol == "d" and before == "l")
