"""What `bench` and `report` do with runs: the table of one, and the page of several."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from edgewright.bench.report import require_libraries, write_report
from edgewright.bench.report.tables import (
    carried,
    kept_pace,
    megabytes,
    milliseconds,
    percentile_cell,
)
from edgewright.bench.result import BenchResult, Parts, Sample
from edgewright.commands.output import emit_table
from edgewright.errors import UsageError
from edgewright.output_file import check_output
from edgewright.progress import Progress


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """Add `--html` and `--pictures`."""
    parser.add_argument(
        "--html", metavar="FILE.html", help="write a report with pictures (extra `report`)"
    )
    parser.add_argument(
        "--pictures", metavar="DIR", help="write the pictures of the report there, as PNG"
    )


def check_report_options(args: argparse.Namespace) -> None:
    """Check, before a long run, that what was asked for can be written.

    Raises:
        UsageError: The page cannot be written there, or only its pictures are wanted.
        MissingDependencyError: A library that draws it is not installed.
    """
    if args.html is not None:
        check_output(Path(args.html))
        require_libraries()
    elif args.pictures is not None:
        raise UsageError(
            f"--pictures: got '{args.pictures}' without --html, expected both; the pictures are "
            "those of the report"
        )


def draw_report(
    runs: Sequence[tuple[BenchResult, Sequence[Sample]]],
    args: argparse.Namespace,
    bundle: str | None,
) -> None:
    """Write the page that `--html` asks for, if it does."""
    if args.html is None:
        return
    with Progress() as progress:
        progress.start("writing the report")
        write_report(
            runs,
            Path(args.html),
            bundle=None if bundle is None else Path(bundle),
            pictures=None if args.pictures is None else Path(args.pictures),
        )


def print_result(result: BenchResult) -> None:
    """Print what was found as a table."""
    subject, settings = result.subject, result.settings
    title = (
        f"{subject.bundle}, {subject.variant} on {subject.provider}, {subject.threads} threads, "
        f"{settings.scenario}"
    )
    name = f"{subject.bundle} {subject.variant}"
    emit_table(title, ("", "what", "value"), [(name, *row) for row in _rows(result)])


def _parts(parts: Parts) -> Iterator[tuple[str, str]]:
    found = {"audio": parts.audio, "pre": parts.pre, "run": parts.run, "post": parts.post,
             "rest": parts.rest}  # fmt: skip
    known = {name: milliseconds(part) for name, part in found.items() if part is not None}
    yield " / ".join(known), " / ".join(known.values())


def _rows(result: BenchResult) -> Iterator[tuple[str, str]]:
    settings = result.settings
    burst = f" of {settings.burst} inputs" if settings.burst > 1 else ""
    yield result.unit, f"{result.queries}{burst} ({len(settings.inputs)} different inputs)"
    if result.pace is not None:
        yield "measured", "emission delay of a word: from its end to the event that has it"
    for percentile in result.percentiles:
        yield percentile.name, percentile_cell(percentile).text
    mean, least, most = map(milliseconds, (result.mean, result.least, result.most))
    yield "mean", f"{mean} ({least} to {most})"
    told = "inputs" if result.pace is None else "words"
    yield "throughput", f"{result.throughput:.2f} {told} a second"
    yield from _parts(result.parts)
    if result.first_output is not None:
        yield "first output", carried(result.first_output)
    if result.pace is not None:
        yield "kept pace", kept_pace(result.pace)
    if result.real_time_factor is not None:
        yield "real-time factor", f"{result.real_time_factor:.4f}"
    if result.in_time is not None and result.settings.bound is not None:
        yield "in time", f"{result.in_time:.2%} within {milliseconds(result.settings.bound)}"
    if result.jitter is not None:
        yield "jitter", milliseconds(result.jitter)
    yield (
        "cold start",
        f"load {milliseconds(result.cold.load)}, first answer {milliseconds(result.cold.first)}",
    )
    usage = result.usage
    yield "cpu / wall", f"{usage.cpu_per_wall:.2f}, {usage.preemptions} preemptions"
    steady = "" if usage.steady_bytes is None else f"{megabytes(usage.steady_bytes)} at the end, "
    yield "memory", f"{steady}{megabytes(usage.peak_bytes)} at most"
    yield "graphs", megabytes(result.subject.model_bytes)
    if usage.joules is not None:
        yield "energy (estimate)", f"{usage.joules / result.queries:.3g} J a query, all processes"
    for warned in result.warnings:
        yield warned.kind, warned.text
