"""The score of one window, and the files that many of them are written to.

Coordinates are 0-based and half-open, on the forward strand of the record: a window of strand `-`
was scored on the reverse complement of bases start to end.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from edgewright.output_file import complete_file
from edgewright.records import plain


@dataclass(frozen=True)
class WindowScore:
    """Label probabilities of one window of a record, on one strand."""

    name: str
    """Of the record: the first word of its header."""
    start: int
    """First base, 0-based, on the forward strand."""
    end: int
    """One past the last base."""
    strand: str
    """`+` or `-`."""
    label: str
    """The most probable one."""
    scores: dict[str, float]
    """Softmax probability by label."""

    @property
    def score(self) -> float:
        """Probability of `label`."""
        return self.scores[self.label]

    def __str__(self) -> str:
        place = f"{self.name}\t{self.start}\t{self.end}\t{self.strand}"
        return f"{place}\t{self.label}\t{self.score:.4f}"


def write_windows(output: Path, rows: Iterator[WindowScore]) -> int:
    """Write `rows` in the format of the suffix of `output`; return how many there were.

    The file appears, or is replaced, only when it is complete.
    """
    with (
        complete_file(output) as partial,
        partial.open("x", encoding="utf-8", newline="\n") as file,
    ):
        return WRITERS[output.suffix](file, rows)


def _write_tsv(file: TextIO, rows: Iterator[WindowScore]) -> int:
    """Columns name, start, end, strand, label, score, and one per label; a header line."""
    count = 0
    for count, row in enumerate(rows, start=1):
        if count == 1:
            labels = "\t".join(map(_one_cell, row.scores))
            file.write(f"name\tstart\tend\tstrand\tlabel\tscore\t{labels}\n")
        scores = "\t".join(f"{score:.6f}" for score in row.scores.values())
        place = f"{row.name}\t{row.start}\t{row.end}\t{row.strand}"
        file.write(f"{place}\t{_one_cell(row.label)}\t{row.score:.6f}\t{scores}\n")
    return count


def _write_bed(file: TextIO, rows: Iterator[WindowScore]) -> int:
    """BED 6: chrom, start, end, name (the label), score (0 to 1000), strand."""
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007
        label, score = _one_cell(row.label), round(1000 * row.score)
        file.write(f"{row.name}\t{row.start}\t{row.end}\t{label}\t{score}\t{row.strand}\n")
    return count


def _one_cell(label: str) -> str:
    """Return a label without blanks, which would end a cell of the file."""
    return "_".join(label.split())


def _write_jsonl(file: TextIO, rows: Iterator[WindowScore]) -> int:
    """One JSON object a line, as the command prints with `--json`."""
    count = 0
    for count, row in enumerate(rows, start=1):  # noqa: B007
        file.write(json.dumps(plain(row), ensure_ascii=False, allow_nan=False) + "\n")
    return count


WRITERS: dict[str, Callable[[TextIO, Iterator[WindowScore]], int]] = {
    ".tsv": _write_tsv,
    ".bed": _write_bed,
    ".jsonl": _write_jsonl,
}
"""Writer of each file format, by suffix."""
