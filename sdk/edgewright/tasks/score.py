"""Nucleotide sequences to label probabilities: one sequence, or every window of a genome."""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgewright.errors import UsageError
from edgewright.output_file import check_output
from edgewright.progress import Progress
from edgewright.runtime import Runtime, Timings
from edgewright.sequence import read_records
from edgewright.specs import Array
from edgewright.tasks.base import Query, Task
from edgewright.tasks.window_files import WRITERS, WindowScore, write_windows


@dataclass(frozen=True)
class Scores:
    """Label probabilities of one sequence."""

    label: str
    """The most probable one."""
    scores: dict[str, float]
    """Softmax probability by label, in the order of the checkpoint."""
    timings: Timings
    runtime: Runtime

    @property
    def score(self) -> float:
        """Probability of `label`."""
        return self.scores[self.label]

    def __str__(self) -> str:
        rest = ", ".join(f"{name} {score:.3f}" for name, score in self.scores.items())
        return f"{self.label} ({rest})"


@dataclass(frozen=True, eq=False)
class TokenScores:
    """Label probabilities of every k-mer of one sequence."""

    labels: tuple[str, ...]
    """The most probable one of each k-mer; k-mer i starts at base i."""
    probabilities: NDArray[np.float32]
    """float32 (k-mers, labels), in [0, 1]."""
    timings: Timings
    runtime: Runtime

    def __str__(self) -> str:
        return " ".join(self.labels)


@dataclass(frozen=True, eq=False)
class Embedding:
    """Mean of the last hidden states over the k-mers of one sequence."""

    vector: NDArray[np.float32]
    """float32 (hidden,)."""
    timings: Timings
    runtime: Runtime

    def __str__(self) -> str:
        head = ", ".join(f"{value:.4f}" for value in self.vector[:4])
        return f"[{head}, …] ({self.vector.size} values)"


@dataclass(frozen=True)
class ScanSummary:
    """What a scan wrote to a file."""

    output: str
    windows: int
    """Rows written; both strands of a window are two."""
    seconds: float
    runtime: Runtime

    def __str__(self) -> str:
        return f"{self.output}: {self.windows} rows in {self.seconds:.1f} s, {self.runtime}"


class Scorer(Protocol):
    """A model that this task's command can run."""

    runtime: Runtime

    def scan(
        self,
        path: str | Path,
        *,
        window: int | None,
        stride: int | None,
        both_strands: bool,
        progress: Callable[[int], None] | None,
    ) -> Iterator[WindowScore]:
        """Score every window of a file."""


def _size(path: Path) -> int | None:
    """Return the bytes of a file; none where that cannot be told, as for a pipe."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:  # opening the file says why
        return None


class Score(Task):
    """`edgewright score BUNDLE FASTA`."""

    key = "score"
    help = "score every window of a FASTA or FASTQ file"

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the file and the windows."""
        parser.add_argument("fasta", metavar="FASTA", help="FASTA or FASTQ file, plain or gzip")
        parser.add_argument(
            "--window", type=int, metavar="BASES", help="bases of a window (default: the bundle's)"
        )
        parser.add_argument(
            "--stride", type=int, metavar="BASES", help="from start to start (default: the window)"
        )
        parser.add_argument(
            "--strand", choices=("both", "forward"), default="both", help="(default: both)"
        )
        parser.add_argument(
            "-o", "--output", metavar="FILE", help=f"write {', '.join(WRITERS)} instead of printing"
        )

    @classmethod
    def run(cls, model: Scorer, args: argparse.Namespace) -> Iterator[Any]:
        """Yield every window, or write them and yield a summary."""
        output = None if args.output is None else Path(args.output)
        if output is not None and output.suffix not in WRITERS:
            raise UsageError(
                f"output: got '{output.name}', expected a name ending in {', '.join(WRITERS)}; "
                "the suffix chooses the format"
            )
        if output is not None:
            check_output(output)
        source = Path(args.fasta)
        total = _size(source)
        with Progress() as progress:
            progress.start(f"scoring {source.name}", total, unit="bytes")
            rows = model.scan(
                source,
                window=args.window,
                stride=args.stride,
                both_strands=args.strand == "both",
                progress=progress.advance_to,
            )
            if output is None:
                yield from rows
            else:
                start = time.perf_counter()
                count = write_windows(output, rows)
                seconds = time.perf_counter() - start
                yield ScanSummary(str(output), count, seconds, model.runtime)

    @classmethod
    def queries(
        cls, model: Any, samples: Mapping[str, Mapping[str, Array]], inputs: Sequence[str]
    ) -> list[Query]:
        """Score the beginning of each record of FASTA or FASTQ files, all that fits at once."""
        ask = model.embed if model.config.head == "embedding" else model
        asked = [
            (f"{path}: {run.name}", run.sequence)
            for path in inputs
            for run in read_records(path)
            if run.start == 0
        ] or [(file, sample["sequence"].tobytes()) for file, sample in samples.items()]
        return [
            Query(name, partial(ask, sequence[: model.max_bases].decode("ascii")))
            for name, sequence in asked
        ]
