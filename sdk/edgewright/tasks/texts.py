"""Texts of a command: arguments, or the lines of a file."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from edgewright.errors import InputError, InputNotFoundError
from edgewright.lines import split_lines

STDIN = "-"
"""As the name of a file: standard input."""


class Text(NamedTuple):
    """One text of the command."""

    number: int
    """Of the line in the file, or of the argument, from 1."""
    text: str
    place: str
    """Where it was given, in the words of messages."""


def add_texts(parser: argparse.ArgumentParser, what: str) -> None:
    """Add `TEXT…`, none or more.

    Args:
        parser: Of the command.
        what: Is done with a text: "text to speak".
    """
    # With "*" argparse takes no text together with BUNDLE, and then none behind an option.
    texts = parser.add_argument(
        "texts", metavar="TEXT", nargs="+", default=[],
        help=f"{what}; one that begins with - comes last, behind --",
    )  # fmt: skip
    texts.required = False


def given_texts(texts: Sequence[str], purpose: str) -> list[Text]:
    """Return the arguments `texts`.

    Args:
        texts: As they came.
        purpose: What is to be done with them, for messages: "spoken".

    Raises:
        InputError: One is blank.
    """
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            raise InputError(
                f"text {number}: got an empty one, expected words; remove it or write what is to "
                f"be {purpose}"
            )
    return [Text(number, text, f"text {number}") for number, text in enumerate(texts, 1)]


def read_texts(file: str, purpose: str) -> list[Text]:
    """Return the lines of a UTF-8 file, or of standard input, that are not blank.

    Args:
        file: Its path; `-` for standard input.
        purpose: What is to be done with them, for messages: "spoken".

    Raises:
        InputNotFoundError: There is no such file.
        InputError: It is not UTF-8, or blank.
    """
    path = Path(file)
    if file != STDIN and not path.is_file():
        raise InputNotFoundError(
            f"--file: got '{path}', which is no file, expected one text a line; check the path"
        )
    shown = "standard input" if file == STDIN else f"'{path}'"
    try:
        data = sys.stdin.buffer.read() if file == STDIN else path.read_bytes()
        lines = split_lines(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(
            f"--file: got {shown}, which is not UTF-8 ({error.reason}), expected text; convert it"
        ) from error
    texts = [
        Text(number, line, f"line {number} of {shown}")
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    if not texts:
        raise InputError(
            f"--file: got {shown}, which is blank, expected one text a line; write what is to be "
            f"{purpose}"
        )
    return texts
