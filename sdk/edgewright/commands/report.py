"""`edgewright report`: stored runs of `bench`, drawn, or several like ones as one."""

import argparse
from pathlib import Path

from edgewright.bench.storage import read_runs
from edgewright.bench.summary import merge
from edgewright.commands.base import add_json_option
from edgewright.commands.output import emit
from edgewright.commands.runs import (
    add_report_options,
    check_report_options,
    draw_report,
    print_result,
)
from edgewright.errors import UsageError


class ReportCommand:
    """Draws what was measured elsewhere, on a device without matplotlib, say."""

    help = "draw or merge stored runs of bench"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the files of the runs."""
        parser.add_argument(
            "runs", metavar="FILE", nargs="+",
            help="FILE.json (of bench -o) and FILE.jsonl (of bench --samples), pair by pair",
        )  # fmt: skip
        parser.add_argument(
            "--merge", action="store_true", help="like runs as one, for higher percentiles"
        )
        add_report_options(parser)
        parser.add_argument(
            "--bundle", metavar="BUNDLE", help="draw what only the bundle can tell, measured here"
        )
        add_json_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Read, merge, print and draw."""
        if len(args.runs) % 2:
            raise UsageError(
                f"runs: got {len(args.runs)} files, expected pairs: FILE.json of `bench -o`, then "
                "FILE.jsonl of `bench --samples`; name both"
            )
        check_report_options(args)
        pairs = zip(args.runs[::2], args.runs[1::2], strict=True)
        runs = [run for pair in pairs for run in read_runs(*map(Path, pair))]
        if args.merge:
            runs = [(merge(runs), [sample for _, samples in runs for sample in samples])]
        for result, _ in runs:
            if args.json:
                emit(result, as_json=True)
            else:
                print_result(result)
        draw_report(runs, args, args.bundle)
        return 0
