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
LETTERS = frozenset("ACGTRYSWKMBDHVN")
"""Nucleotides and IUPAC ambiguity codes, as the runtime takes them, in either case."""


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


def read_sequences(path: Path, window: int, count: int, bases: range) -> list[Array]:
    """Return up to `count` sequences of `path`: rows of a table, or windows of a FASTA file.

    Args:
        path: The file.
        window: Bases of a window.
        count: Sequences to return at most.
        bases: How many the model takes.

    Raises:
        InputError: The file cannot be used, or the model cannot take one of its sequences.
    """
    if _is_table(path):
        return spread([as_array(sequence) for sequence, _ in read_table(path, bases)], count)
    windows = list(itertools.islice(read_windows(path, window, window), 64 * count))
    for one in windows:
        _check_length(f"{path}, record '{one.name}'", len(one.sequence), bases)
    return spread([as_array(one.sequence) for one in windows], count)


def read_table(path: Path, bases: range) -> list[tuple[str, str]]:
    """Return the rows (sequence, label) of a tab-separated table with that header.

    Args:
        path: The table.
        bases: How many bases of a sequence the model takes.

    Raises:
        InputNotFoundError: There is no such file.
        InputError: The header or a row differs, there are no rows, or the model cannot take one.
    """
    lines = _lines(path)
    if not lines or tuple(lines[0].split("\t")) != HEADER:
        raise InputError(
            f"{path}: got the header {lines[:1]}, expected 'sequence<TAB>label'; add that line"
        )
    numbered = enumerate(lines[1:], start=2)
    rows = [_row(f"{path}, line {number}", line, bases) for number, line in numbered if line]
    if not rows:
        raise InputError(f"{path}: got no rows, expected at least one; add labelled sequences")
    return rows


def _row(where: str, line: str, bases: range) -> tuple[str, str]:
    columns = line.split("\t")
    if len(columns) != 2:
        raise InputError(
            f"{where}: got {len(columns)} columns, expected a sequence, a tab and a label; "
            "correct the line"
        )
    if unknown := sorted(set(columns[0].upper()) - LETTERS):
        raise InputError(
            f"{where}: got the letter {unknown[0]!r}, expected bases out of "
            f"{''.join(sorted(LETTERS))}; correct the sequence"
        )
    _check_length(where, len(columns[0]), bases)
    return columns[0], columns[1]


def _check_length(where: str, got: int, bases: range) -> None:
    if got not in bases:
        raise InputError(
            f"{where}: got {got} bases, expected {bases[0]} to {bases[-1]}, which the model takes; "
            "cut it or leave it out"
        )


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
