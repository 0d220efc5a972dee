"""The table of docs/fastspeech2.md is what is read."""

import re
from pathlib import Path

import pytest

from edgewright.text.normalize import read
from edgewright.text.reading import Item
from edgewright.text.spanish.normalize import read as read_spanish

PAGE = Path(__file__).parents[3] / "docs" / "fastspeech2.md"


def table(header: str = "written") -> list[tuple[str, str]]:
    _, _, page = PAGE.read_text("utf-8").partition(f"| {header} | read |")
    lines = page.partition("\n\n")[0]
    return re.findall(r"^\| `(.+)` \| (.+) \|$", lines, re.MULTILINE)


def shown(items: list[Item]) -> str:
    kept = [item for item in items if item.text != "."]
    return " ".join(i.text.upper() if i.kind == "letter" else i.text.lower() for i in kept)


def test_the_tables_are_there() -> None:
    assert len(table()) > 30
    assert len(table("Spanish")) > 30


@pytest.mark.parametrize(("written", "expected"), table())
def test_documented_examples(written: str, expected: str) -> None:
    assert shown(read(written)) == expected


@pytest.mark.parametrize(("written", "expected"), table("Spanish"))
def test_documented_spanish_examples(written: str, expected: str) -> None:
    assert shown(read_spanish(written)) == expected
