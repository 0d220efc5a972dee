"""Sentences to calibrate a voice on: the lines of a file, or a few written for this project."""

from pathlib import Path

from edgewright.errors import InputError, InputNotFoundError
from edgewright.lines import split_lines

DEFAULT = (
    "The kettle began to sing before anyone had spoken.",
    "Please leave your umbrella by the door.",
    "Why would a small boat cross such a wide river at night?",
    "Seven grey geese flew over the valley, slowly and without a sound.",
    "Nobody thought of the garden until the roses opened.",
    "Turn left at the church, then follow the narrow street to the harbour.",
    "She measured the flour, added water, and waited.",
    "Is this the train to the coast?",
    "He paid forty two dollars for a chair with three legs.",
    "Thunder rolled behind the hills, but the children kept playing.",
    "A judge should listen first and speak last.",
    "The machine answers quickly, quietly, and always in the same way.",
    "Fresh bread, strong cheese, and a jug of cold milk stood on the table.",
    "What a strange and beautiful noise!",
    "Their journey took longer than either of them had planned.",
    "Goodbye, and thank you for the oranges.",
)


def read_texts(path: Path, most: int) -> list[str]:
    """Return up to `most` lines of the UTF-8 file `path` that are not blank.

    Raises:
        InputNotFoundError: There is no such file.
        InputError: It is no text, or has no lines.
    """
    if not path.is_file():
        raise InputNotFoundError(
            f"texts: got '{path}', which is no file, expected one sentence a line; check the path"
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"texts: got '{path}', which is not UTF-8 ({error.reason}), expected text; convert it"
        ) from error
    lines = [line for line in split_lines(text) if line.strip()]
    if not lines:
        raise InputError(
            f"texts: got '{path}' without lines, expected one sentence a line; write some"
        )
    return lines[:most]
