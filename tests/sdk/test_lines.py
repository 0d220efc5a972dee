"""Lines end where editors end them."""

import pytest

from edgewright.lines import split_lines
from edgewright.transcript import read_lexicon


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("\n", [""]),
        ("a\nb", ["a", "b"]),
        ("a\r\n\r\nb\n", ["a", "", "b"]),
        ("a\u2028b\x0cc\x85d\x1ce\rf\n", ["a\u2028b\x0cc\x85d\x1ce\rf"]),
    ],
)
def test_lines(text: str, lines: list[str]) -> None:
    assert split_lines(text) == lines


def test_a_word_of_a_lexicon_may_hold_what_other_programs_cut_at() -> None:
    assert read_lexicon("a\u2028b\t1 2\r\nc\t3\n".encode()).words == ("a\u2028b", "c")
