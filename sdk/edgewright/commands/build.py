"""`edgewright build BUNDLE --backend tensorrt`: engines for the GPU of this device."""

import argparse

from edgewright.backends.tensorrt_build import HARDWARE_COMPATIBILITY, BuildOptions
from edgewright.bundle import Bundle
from edgewright.commands.base import add_json_option
from edgewright.commands.output import emit
from edgewright.engines.build import build_engines, check_engines
from edgewright.errors import EngineBuildError, UsageError
from edgewright.progress import Progress


class BuildCommand:
    """Builds what the cache lacks. Ends with an error code where a graph was not taken."""

    help = "build TensorRT engines of a bundle for the GPU of this device"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the bundle and what to build."""
        parser.add_argument("bundle", metavar="BUNDLE", help="bundle folder or zip")
        parser.add_argument("--backend", choices=("tensorrt", "tensorrt-rtx"), required=True)
        parser.add_argument(
            "--variants", metavar="A,B", help="what to build (default: all that TensorRT takes)"
        )
        parser.add_argument(
            "--compatibility",
            choices=HARDWARE_COMPATIBILITY,
            help="other GPUs that may load the plans, where they are copied (default: none, where "
            "no engine is there)",
        )
        parser.add_argument(
            "--check", action="store_true", help="build, tell whether it can be done, keep nothing"
        )
        parser.add_argument(
            "--compute-capability",
            metavar="X.Y",
            help="with --check and tensorrt-rtx: of a GPU that is not here",
        )
        add_json_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Build, and print a line for each graph as it is done."""
        if args.compute_capability is not None and not args.check:
            raise UsageError(
                f"--compute-capability: got {args.compute_capability} without --check, expected "
                "both: engines are kept for the GPU that is here; add --check"
            )
        options = None
        if args.compatibility is not None or args.compute_capability is not None:
            compatibility = args.compatibility or HARDWARE_COMPATIBILITY[0]
            options = BuildOptions(compatibility, args.compute_capability)
        names = None if args.variants is None else [n.strip() for n in args.variants.split(",")]
        work = check_engines if args.check else build_engines
        with Bundle.open(args.bundle) as bundle, Progress() as progress:
            done = work(bundle, args.backend, progress, variants=names, options=options)
            failed = False
            for result in done:
                emit(result, as_json=args.json)
                failed |= result.problem is not None
        return EngineBuildError.exit_code if failed else 0
