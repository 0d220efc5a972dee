"""JSON as files of the project use it: RFC 8259 read strictly, so that one text has one meaning."""

import json
import math
from typing import Any, NoReturn

from edgewright.errors import BundleError

MAX_DEPTH = 64
"""Deepest nesting that is accepted; real manifests need 8."""
MAX_KEY = 256
"""Longest key, characters: keys stand in messages."""
_ALLOWED_CONTROLS = frozenset("\t\n\r")


def parse(data: bytes, where: str) -> Any:
    """Return the value of the JSON text `data`.

    Refused beyond what `json` refuses: duplicate keys, `NaN` and infinities, numbers that overflow,
    nesting beyond `MAX_DEPTH`, keys beyond `MAX_KEY`, lone surrogates and control characters (a
    name is printed to terminals).

    Args:
        data: UTF-8 text.
        where: What is read, for messages.

    Raises:
        BundleError: The text is not such JSON.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
        _check_values(value)
    except (ValueError, RecursionError) as error:
        reason = "too deeply nested" if isinstance(error, RecursionError) else str(error)
        raise BundleError(
            f"{where}: got text that is not strict JSON ({reason}), expected one JSON value in "
            "UTF-8; export or copy the bundle again"
        ) from error
    return value


def dump(value: Any) -> bytes:
    """Return `value` as indented UTF-8 JSON, the keys in their own order."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"duplicate key {twice[:MAX_KEY]!r}")
    if too_long := [key for key in entries if len(key) > MAX_KEY]:
        raise ValueError(f"key {too_long[0][:40]!r}… of {len(too_long[0])} characters")
    return entries


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"number {text[:20]} is too large")
    return value


def _check_values(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item.keys()
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str):
                _check_text(item)
        level = below


def _check_text(text: str) -> None:
    text.encode("utf-8")  # a lone surrogate raises UnicodeEncodeError, a ValueError
    for character in text:
        if (character < " " or "\x7f" <= character < "\xa0") and character not in _ALLOWED_CONTROLS:
            raise ValueError(f"control character {character!r}")
