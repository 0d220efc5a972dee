"""Checks of what callers pass, where Python's own error would not name the argument."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from edgewright.errors import UsageError


def whole_number(name: str, value: Any, expected: str) -> int:
    """Return a whole number, of Python or NumPy, as an int; True and False are none.

    Args:
        name: Of the argument.
        value: What came.
        expected: What may come, for the message.

    Raises:
        UsageError: It is no whole number.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise UsageError(f"{name}: got {value!r:.80}, expected {expected}; pass a whole number")
    return int(value)


def names(name: str, values: Iterable[str]) -> list[str]:
    """Return a list of names; one text is none, though its letters can be iterated over.

    Raises:
        UsageError: It is a text, or no iterable of texts.
    """
    given = list(values) if isinstance(values, Iterable) and not isinstance(values, str) else None
    if given is None or not all(isinstance(item, str) for item in given):
        raise UsageError(
            f"{name}: got {values!r:.80}, expected a list of names; write ['fp32'] even for one"
        )
    return given
