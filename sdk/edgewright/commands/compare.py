"""`edgewright compare A B`: which is faster, and whether that can be claimed."""

import argparse
import sys

from edgewright.bench.compare import BLOCKS, CALLS, Side, compare_sides
from edgewright.commands.base import add_json_option
from edgewright.commands.output import emit
from edgewright.placement import DEVICES
from edgewright.progress import Progress


class CompareCommand:
    """Compares bundles, variants, devices, thread counts or installations of Edgewright."""

    help = "say which of two bundles, variants, devices or installations is faster"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the two sides and the inputs."""
        for side in ("a", "b"):
            parser.add_argument(
                side,
                metavar=f"{side.upper()}[#VARIANT]",
                help="bundle folder or zip, and a variant",
            )
        for side in ("a", "b"):
            name = side.upper()
            parser.add_argument(
                f"--threads-{side}",
                type=int,
                default=1,
                metavar="N",
                help=f"of {name} (default: 1)",
            )
            parser.add_argument(
                f"--device-{side}", choices=DEVICES, default="auto", help=f"of {name}"
            )
            parser.add_argument(
                f"--python-{side}", default=sys.executable, metavar="PYTHON",
                help=f"interpreter whose Edgewright runs {name} (default: this one)",
            )  # fmt: skip
        parser.add_argument(
            "--input", action="append", default=[], metavar="FILE", dest="inputs",
            help="file, or text to speak or translate, to ask about; repeatable (default: the "
            "golden samples)",
        )  # fmt: skip
        parser.add_argument(
            "--blocks",
            type=int,
            default=BLOCKS,
            metavar="N",
            help=f"(default: {BLOCKS}, the least)",
        )
        parser.add_argument(
            "--calls", type=int, default=CALLS, metavar="N",
            help=f"of each side in a block (default: {CALLS})",
        )  # fmt: skip
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the order")
        add_json_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Compare, print the ratio and the claim."""
        a, b = (
            Side.parse(
                getattr(args, side),
                threads=getattr(args, f"threads_{side}"),
                device=getattr(args, f"device_{side}"),
                python=getattr(args, f"python_{side}"),
            )
            for side in ("a", "b")
        )
        with Progress() as progress:
            found = compare_sides(
                a,
                b,
                inputs=tuple(args.inputs),
                blocks=args.blocks,
                calls=args.calls,
                seed=args.seed,
                progress=progress,
            )
        emit(found, as_json=args.json)
        return 0
