"""The table of docs/fastspeech2.md is what is read."""

import re
from pathlib import Path

import pytest

from edgewright.text.normalize import read

PAGE = Path(__file__).parents[3] / "docs" / "fastspeech2.md"


def table() -> list[tuple[str, str]]:
    _, _, page = PAGE.read_text("utf-8").partition("| written | read |")
    lines = page.partition("\n\n")[0]
    return re.findall(r"^\| `(.+)` \| (.+) \|$", lines, re.MULTILINE)


def test_the_table_is_there() -> None:
    assert len(table()) > 30


@pytest.mark.parametrize(("written", "expected"), table())
def test_documented_examples(written: str, expected: str) -> None:
    items = [item for item in read(written) if item.text != "."]
    assert " ".join(i.text.upper() if i.kind == "letter" else i.text.lower() for i in items) == (
        expected
    )
