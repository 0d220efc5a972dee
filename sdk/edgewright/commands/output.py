"""Printing results: JSON for programs, text for pipes, colours for terminals."""

import json
import sys
from typing import Any

import numpy as np

from edgewright.records import plain


def emit(record: Any, *, as_json: bool) -> None:
    """Print one result on standard output, as a line of JSON or as its text."""
    if as_json:
        print(to_json(record), flush=True)
    elif sys.stdout.isatty():
        from rich.console import Console

        Console().print(str(record), markup=False, soft_wrap=True)
    else:
        print(record, flush=True)


def to_json(record: Any) -> str:
    """Return a result as one line of JSON.

    A trailing underscore, which keeps a field from being a Python keyword, is left out of the key.
    """
    value = plain(record)
    if isinstance(value, dict):
        value = {key.removesuffix("_"): item for key, item in value.items()}
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_array_as_list)


def _array_as_list(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} has no JSON form")


def emit_table(title: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print a table: with lines and colours on a terminal, tab-separated elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row), flush=True)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, title=title)
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    Console().print(table)


_STYLES = {
    "ok": "green",
    "works": "green",
    "failed": "bold red",
    "missing": "red",
    "skipped": "yellow",
    "untested": "yellow",
}
