"""The `export` command; PyTorch is imported only when it runs."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgewright.bundle.manifest import Manifest, Target, Variant
from edgewright.commands.base import add_json_option
from edgewright.commands.output import emit, emit_table
from edgewright.errors import UsageError
from edgewright.families import FAMILIES
from edgewright.progress import Progress


class ExportCommand:
    """`edgewright export CHECKPOINT -o OUT.edge`."""

    help = "turn a checkpoint folder into a bundle"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what the command takes."""
        add = parser.add_argument
        add("checkpoint", metavar="CHECKPOINT", help="folder in the Hugging Face layout")
        add("-o", "--output", metavar="OUT.edge", required=True, help="bundle to write")
        add("--family", choices=list(FAMILIES), help="(default: by the checkpoint's architecture)")
        add(
            "--variants",
            default="fp32,int8",
            metavar="NAMES",
            help="of fp32, fp16, int8, int8-reduced (x86 without VNNI), int8-trt (TensorRT), int8w "
            "(weights only) (default: fp32,int8)",
        )
        add("--calibration", metavar="PATH", help="real samples (default: synthetic ones)")
        add(
            "--calibration-method",
            choices=("min-max", "percentile", "entropy"),
            default="min-max",
            help="how ranges of activations follow from the samples (default: min-max)",
        )
        add(
            "--calibration-cache",
            metavar="DIR",
            help="folder that keeps these ranges for the next export of the same model, data, "
            "preprocessing, method and versions",
        )
        add(
            "--explain-cache",
            action="store_true",
            help="say for each graph whether its ranges were found there, and if not, why",
        )
        add(
            "--evaluation",
            metavar="PATH",
            help="labelled samples, or an environment id, for the task metric "
            "(default: agreement with PyTorch on the calibration samples)",
        )
        add(
            "--budget",
            metavar="BOUNDS",
            help="search for the smallest and fastest form of every variant within these, such as "
            "'top1>=99%%', 'wer<=+0.005' or 'mel>=30dB' (default: the gates of the family)",
        )
        add(
            "--search-journal",
            metavar="FILE",
            help="where the search notes its measurements; the same command goes on from there",
        )
        add("--options", metavar="FILE", help="JSON of what config.json does not carry")
        add(
            "--require",
            action="append",
            default=[],
            metavar="NAME",
            help="variant without which there is to be no bundle; may be repeated",
        )
        add("--seed", type=int, default=0, metavar="N", help="of everything random (default: 0)")
        add("--zip", action="store_true", help="write one zip file instead of a folder")
        add("--force", action="store_true", help="replace the bundle at OUT.edge")
        add_json_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Export, then print the receipt of every variant."""
        if args.explain_cache and args.calibration_cache is None:
            raise UsageError(
                "--explain-cache: got no --calibration-cache, expected its folder; name one"
            )
        if args.search_journal is not None and args.budget is None:
            raise UsageError(
                "--search-journal: got no --budget, expected one to search within; name both"
            )
        notes: list[str] = []
        with Progress() as progress, _explained(notes, wanted=args.explain_cache):
            progress.start("Loading PyTorch")
            from edgewright_export.export import export

            manifest = export(
                args.checkpoint,
                args.output,
                family=args.family,
                variants=_names(args.variants),
                calibration=args.calibration,
                calibration_method=args.calibration_method,
                calibration_cache=args.calibration_cache,
                explain_cache=notes.append,
                evaluation=args.evaluation,
                budget=args.budget,
                search_journal=args.search_journal,
                options=args.options,
                require=[name for given in args.require for name in _names(given)],
                force=args.force,
                zip=args.zip,
                seed=args.seed,
                progress=progress,
            )
        _print(manifest, Path(args.output), as_json=args.json)
        return 0


@contextmanager
def _explained(notes: list[str], *, wanted: bool) -> Iterator[None]:
    """Print what the cache said, also where the export fails."""
    try:
        yield
    finally:
        if wanted:
            print(
                *notes or ["calibration cache: no variant wants ranges"], sep="\n", file=sys.stderr
            )


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _print(manifest: Manifest, output: Path, *, as_json: bool) -> None:
    if as_json:
        for variant in manifest.variants:
            emit(variant, as_json=True)
        for rejection in manifest.rejected:
            emit(rejection, as_json=True)
        return
    header = ("variant", "size", "metric", "value", "PyTorch", "asked for", "difference", "latency")
    rows = [_row(variant) for variant in manifest.variants]
    rows += [(item.variant, "left out", item.why, *[""] * 5) for item in manifest.rejected]
    emit_table(f"{output}: {manifest.name} {manifest.version}", header, rows)


def _row(variant: Variant) -> tuple[str, ...]:
    receipt = variant.receipt
    metric, parity = receipt.metric, receipt.parity
    relative = parity.max_abs / parity.scale if parity.scale else parity.max_abs
    return (
        variant.name,
        f"{receipt.bytes / 1e6:.2f} MB",
        f"{metric.name} ({metric.samples} of {metric.data})",
        f"{metric.value:.4g}",
        f"{metric.reference:.4g}",
        f"{'≤' if metric.less_is_better else '≥'} {metric.minimum:.4g}",
        f"{relative:.1e}",
        "; ".join(_speed(target) for target in variant.targets),
    )


def _speed(target: Target) -> str:
    if target.latency_ratio is None:
        return target.verdict
    low, high = target.latency_interval
    return f"{target.latency_ratio:.2f} × fp32 [{low:.2f}, {high:.2f}], {target.verdict}"
