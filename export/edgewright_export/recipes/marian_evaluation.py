"""Sentences to translate, with or without translations, and the metrics of translators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edgewright.bench.statistics import bootstrap_interval
from edgewright.errors import InputError, InputNotFoundError
from edgewright.lines import split_lines
from edgewright.specs import Array
from edgewright.tasks.chrf import chrf_of, count_ngrams
from edgewright_export.calibrate import spread
from edgewright_export.evaluation import Evaluation, Floats, Measured
from edgewright_export.quantization.cache import digest_of
from edgewright_export.subject import Advance, Generator

HEADER = ("source", "target")


class Pair(NamedTuple):
    """A sentence and its translation by a person."""

    line: int
    """Of the table, from 1."""
    source: str
    target: str


@dataclass(frozen=True)
class ChrfEvaluation(Evaluation):
    """chrF of the translations that a subject finds by default."""

    sources: tuple[Array, ...]
    """Token ids of the sentences."""
    references: tuple[str, ...]
    """Their translations."""
    decode: Callable[[Sequence[int]], str]
    """Token ids of a translation to text."""

    @property
    def samples(self) -> int:
        """Number of sentences."""
        return len(self.sources)

    def measure(self, subject: Generator, advance: Advance) -> Measured:  # type: ignore[override]
        """Return the chrF of `subject` over all sentences."""
        rows = []
        for source, reference in zip(self.sources, self.references, strict=True):
            rows.append(count_ngrams(reference, self.decode(subject.generate(source).tolist())))
            advance(1)
        counts = np.stack(rows)
        return Measured(
            float(chrf_of(counts.sum(axis=0))),
            interval=lambda: bootstrap_interval(
                lambda draws: chrf_of(np.stack([counts[one].sum(axis=0) for one in draws])),
                len(counts),
            ),
        )

    def sha256(self) -> str:
        """Return the hash of sources and references."""
        pairs = zip(self.sources, self.references, strict=True)
        return digest_of([[source.tolist(), reference] for source, reference in pairs])


def next_token_agreement(logits: Floats, token_ids: Floats) -> float:
    """Return the share of rows whose largest logit is at the token that PyTorch has there."""
    return float(np.mean(np.argmax(logits, axis=-1) == token_ids))


def read_pairs(path: Path) -> list[Pair]:
    """Return the rows of a tab-separated table with the header `source`, `target`.

    Raises:
        InputNotFoundError: There is no such file.
        InputError: The header or a row differs, or there are no rows.
    """
    lines = _lines(path)
    if not lines or tuple(lines[0].split("\t")) != HEADER:
        raise InputError(
            f"{path}: got the header {lines[:1]}, expected 'source<TAB>target'; add that line"
        )
    pairs = [_pair(path, number, line) for number, line in enumerate(lines[1:], 2) if line]
    if not pairs:
        raise InputError(f"{path}: got no rows, expected at least one; add pairs of sentences")
    return pairs


def read_sources(path: Path, most: int) -> list[tuple[int, str]]:
    """Return up to `most` sentences, spread over all of a file, with their lines.

    Args:
        path: One sentence a line, or a table as `read_pairs` takes it.
        most: Sentences to return.

    Raises:
        InputNotFoundError: There is no such file.
        InputError: It cannot be used, or has no sentences.
    """
    if path.suffix.lower() == ".tsv":
        return spread([(pair.line, pair.source) for pair in read_pairs(path)], most)
    lines = [(number, line) for number, line in enumerate(_lines(path), 1) if line.strip()]
    if not lines:
        raise InputError(f"{path}: got no lines, expected one sentence a line; write some")
    return spread(lines, most)


def _pair(path: Path, number: int, line: str) -> Pair:
    columns = line.split("\t")
    if len(columns) != len(HEADER) or not all(column.strip() for column in columns):
        raise InputError(
            f"{path}, line {number}: got {len(columns)} columns ({line[:60]!r}), expected a "
            "sentence, a tab and its translation; correct the line"
        )
    return Pair(number, *columns)


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise InputNotFoundError(f"{path}: got no such file, expected sentences; check the path")
    try:
        return split_lines(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: got bytes that are no UTF-8 ({error}), expected text; convert the file"
        ) from error
