"""`edgewright bench BUNDLE…`: latency, throughput and what a run takes of the machine."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from edgewright.bench.result import BenchResult, Sample
from edgewright.bench.run import Options, bench_bundle
from edgewright.bench.scenarios import SCENARIOS, TIERS
from edgewright.bench.storage import write_result, write_samples
from edgewright.commands.base import add_device_options, add_json_option
from edgewright.commands.output import emit
from edgewright.commands.runs import (
    add_report_options,
    check_report_options,
    draw_report,
    print_result,
)
from edgewright.errors import UsageError
from edgewright.output_file import check_output
from edgewright.progress import Progress

INTERRUPTED = 130
_TIERS = ", ".join(
    f"{name}: {t.queries} queries and {t.seconds:.0f} s" for name, t in TIERS.items()
)
_SCENARIOS = "; ".join(f"{name}: {kind.help}" for name, kind in SCENARIOS.items())


class BenchCommand:
    """Measures bundles one after the other; `compare` is for differences."""

    help = "measure latency, throughput, memory and their percentiles"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the bundles and what is asked of them."""
        parser.add_argument("bundles", metavar="BUNDLE", nargs="+", help="bundle folder or zip")
        parser.add_argument(
            "--scenario", choices=SCENARIOS, default="single-stream", help=_SCENARIOS
        )
        parser.add_argument(
            "--tier", choices=TIERS, default="quick",
            help=f"at least so many queries and so long ({_TIERS}; default: quick)",
        )  # fmt: skip
        parser.add_argument(
            "--input", action="append", default=[], metavar="FILE", dest="inputs",
            help="file, or text to speak or translate, to ask about; repeatable (default: the "
            "golden samples)",
        )  # fmt: skip
        parser.add_argument("--variant", metavar="NAME", help="(default: as --precision says)")
        parser.add_argument(
            "--precision", default="auto", metavar="P", help="auto, fp32, int8, … (default: auto)"
        )
        parser.add_argument(
            "--rate", type=float, metavar="HZ", help="queries a second (server, control)"
        )
        parser.add_argument(
            "--bound", type=float, metavar="MS", help="an answer within it is in time (server, "
            "control)",
        )  # fmt: skip
        parser.add_argument(
            "--workers", type=int, metavar="N",
            help="callers at once (default: as cores allow; streaming: 1)",
        )  # fmt: skip
        parser.add_argument(
            "--seed", type=int, default=0, metavar="S", help="of order and arrivals"
        )
        parser.add_argument("-o", "--output", metavar="FILE.json", help="write the results there")
        parser.add_argument(
            "--samples", metavar="FILE.jsonl", help="write every query there, a line each"
        )
        add_report_options(parser)
        add_device_options(parser)
        add_json_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Measure and print each bundle; end with 130 where the last run was interrupted."""
        _check_outputs(args)
        found: list[tuple[BenchResult, list[Sample]]] = []
        try:
            for bundle in args.bundles:
                with Progress() as progress:
                    found.append(bench_bundle(bundle, _options(args), progress=progress))
                result, _ = found[-1]
                if args.json:
                    emit(result, as_json=True)
                else:
                    print_result(result)
                if result.interrupted:
                    break
        finally:
            if found:
                _store(found, args)
        return INTERRUPTED if found[-1][0].interrupted else 0


def _check_outputs(args: argparse.Namespace) -> None:
    given = [one for one in (args.output, args.samples, args.html) if one is not None]
    targets = [check_output(Path(output)) for output in given]
    if len(set(targets)) < len(targets):
        raise UsageError(
            f"--output, --samples, --html: got {', '.join(given)}, expected a file each; rename one"
        )
    check_report_options(args)


def _store(found: Sequence[tuple[BenchResult, Sequence[Sample]]], args: argparse.Namespace) -> None:
    if args.output is not None:
        write_result([result for result, _ in found], Path(args.output))
    if args.samples is not None:
        write_samples(found, Path(args.samples))
    draw_report(found, args, args.bundles[0])


def _options(args: argparse.Namespace) -> Options:
    return Options(
        scenario=args.scenario,
        tier=args.tier,
        variant=args.variant,
        precision=args.precision,
        device=args.device,
        threads=args.threads,
        inputs=tuple(args.inputs),
        rate=args.rate,
        bound=None if args.bound is None else args.bound / 1e3,
        workers=args.workers,
        seed=args.seed,
    )
