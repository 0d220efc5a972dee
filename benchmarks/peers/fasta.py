"""A FASTA file by hand: windows, and what a tokenizer of k-mers reads of them."""

from pathlib import Path

WINDOW, STRIDE, K = 60, 1000, 3


def windows_of(path: str) -> list[str]:
    """Read a FASTA file of one record by hand and cut it; the last window ends with it."""
    bases = "".join(line.strip() for line in Path(path).read_text().splitlines()[1:]).upper()
    starts = sorted({*range(0, len(bases) - WINDOW + 1, STRIDE), len(bases) - WINDOW})
    return [bases[start : start + WINDOW] for start in starts]


def words(bases: str) -> str:
    """Return overlapping k-mers as words."""
    return " ".join(bases[i : i + K] for i in range(len(bases) - K + 1))
