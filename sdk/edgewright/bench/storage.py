"""Results and samples of runs as files."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from edgewright.bench.result import BenchResult, Sample
from edgewright.output_file import complete_file
from edgewright.records import plain


def write_result(results: Sequence[BenchResult], path: Path) -> None:
    """Write results as a JSON list."""
    with complete_file(path) as file:
        file.write_text(json.dumps([plain(one) for one in results], indent=1) + "\n", "utf-8")


def write_samples(measured: Iterable[tuple[BenchResult, Sequence[Sample]]], path: Path) -> None:
    """Write every sample as a line of JSON; `result` is the index of its result."""
    with complete_file(path) as file, file.open("w", encoding="utf-8") as lines:
        for result, (_, samples) in enumerate(measured):
            for sample in samples:
                lines.write(json.dumps({"result": result, **sample._asdict()}) + "\n")
