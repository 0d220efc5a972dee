"""`edgewright report`: stored runs of `bench`, drawn, or several like ones as one."""

import argparse
from pathlib import Path

from edgewright.bench.report import require_libraries, write_report
from edgewright.bench.storage import read_runs
from edgewright.bench.summary import merge
from edgewright.commands.base import add_json_option
from edgewright.commands.bench import print_result
from edgewright.commands.output import emit
from edgewright.errors import UsageError
from edgewright.output_file import check_output
from edgewright.progress import Progress


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
        parser.add_argument("--html", metavar="FILE.html", help="write a report with pictures")
        parser.add_argument("--pictures", metavar="DIR", help="write its pictures there, as PNG")
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
        if args.html is not None:
            check_output(Path(args.html))
            require_libraries()
        pairs = zip(args.runs[::2], args.runs[1::2], strict=True)
        runs = [run for pair in pairs for run in read_runs(*map(Path, pair))]
        if args.merge:
            runs = [(merge(runs), [sample for _, samples in runs for sample in samples])]
        for result, _ in runs:
            if args.json:
                emit(result, as_json=True)
            else:
                print_result(result)
        if args.html is not None:
            with Progress() as progress:
                progress.start("writing the report")
                write_report(
                    runs,
                    Path(args.html),
                    bundle=None if args.bundle is None else Path(args.bundle),
                    pictures=None if args.pictures is None else Path(args.pictures),
                )
        return 0
