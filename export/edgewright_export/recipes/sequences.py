"""Sequences for calibration and evaluation, from FASTA or from `sequence<TAB>label` tables."""

import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgewright.errors import InputError, InputNotFoundError
from edgewright.sequence import read_windows
from edgewright.specs import Array
from edgewright_export.calibrate import spread

HEADER = ("sequence", "label")


def as_array(sequence: str | bytes) -> Array:
    """Return a sequence as uint8 ASCII, `(bases,)`."""
    data = sequence.encode("ascii") if isinstance(sequence, str) else sequence
    return np.frombuffer(data, dtype=np.uint8).copy()


def random_sequences(generator: np.random.Generator, lengths: NDArray[np.int64]) -> list[Array]:
    """Return sequences of `lengths`, letters drawn evenly, each with one unknown letter (N)."""
    sequences = []
    for length in lengths:
        sequence = generator.choice(np.frombuffer(b"ACGT", dtype=np.uint8), int(length))
        sequence[generator.integers(length)] = ord("N")
        sequences.append(sequence)
    return sequences


def read_sequences(path: Path, window: int, count: int) -> list[Array]:
    """Return up to `count` sequences of `path`: rows of a table, or windows of a FASTA file.

    Raises:
        InputError: The file cannot be used.
    """
    if _is_table(path):
        sequences = [as_array(sequence) for sequence, _ in read_table(path)]
    else:
        windows = itertools.islice(read_windows(path, window, window), 64 * count)
        sequences = [as_array(window.sequence) for window in windows]
    return spread(sequences, count)


def read_table(path: Path) -> list[tuple[str, str]]:
    """Return the rows (sequence, label) of a tab-separated table with that header.

    Raises:
        InputNotFoundError: There is no such file.
        InputError: The header or a row differs, or there are no rows.
    """
    lines = _lines(path)
    if not lines or tuple(lines[0].split("\t")) != HEADER:
        raise InputError(
            f"{path}: got the header {lines[:1]}, expected 'sequence<TAB>label'; add that line"
        )
    rows = [tuple(line.split("\t")) for line in lines[1:] if line]
    for number, row in enumerate(rows, start=2):
        if len(row) != 2 or not row[0].isascii() or not row[0]:
            raise InputError(
                f"{path}, line {number}: got {len(row)} columns, expected a sequence of ASCII "
                "letters, a tab and a label; correct the line"
            )
    if not rows:
        raise InputError(f"{path}: got no rows, expected at least one; add labelled sequences")
    return [(row[0], row[1]) for row in rows]


def label_indices(path: Path, names: list[str], labels: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the class index of every name.

    Raises:
        InputError: A name is no label of the model.
    """
    unknown = sorted(set(names) - set(labels))
    if unknown:
        raise InputError(
            f"{path}: got the labels {unknown[:5]}, expected some of {list(labels)} as in "
            "config.json's id2label; rename them"
        )
    return np.array([labels.index(name) for name in names], dtype=np.int64)


def _is_table(path: Path) -> bool:
    return path.suffix.lower() == ".tsv"


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise InputNotFoundError(f"{path}: got no such file, expected a table; check the path")
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: got bytes that are no UTF-8 ({error}), expected text; convert the file"
        ) from error
