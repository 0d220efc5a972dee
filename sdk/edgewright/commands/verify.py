"""`edgewright verify BUNDLE`: hashes, graph signatures and golden samples on this device."""

import argparse
import sys
from contextlib import suppress

from edgewright.backends import BACKENDS
from edgewright.backends.tensorrt import TensorRt
from edgewright.bundle import Bundle
from edgewright.commands.base import add_device_options, add_json_option
from edgewright.commands.output import emit, emit_table
from edgewright.engines.build import build_engines
from edgewright.errors import BundleError, IntegrityError
from edgewright.probe import probe
from edgewright.progress import Progress
from edgewright.verify import verify


def _build_engines(path: str) -> None:
    """Build what the first usable TensorRT lacks; what fails is told and not verified.

    Of a bundle that does not open nothing is built; `verify` tells why.
    """
    usable = [fact for fact in probe().devices if fact.device == "tensorrt" and not fact.problem]
    for backend in (BACKENDS[fact.backend] for fact in usable[:1]):
        if issubclass(backend, TensorRt):
            with suppress(BundleError), Bundle.open(path) as bundle, Progress() as progress:
                for engine in build_engines(bundle, backend.flavor, progress):
                    if engine.problem:
                        print(engine, file=sys.stderr)


class VerifyCommand:
    """Ends with the exit code of a failed check unless everything holds."""

    help = "re-check a bundle on this device"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the bundle and the checkpoint."""
        parser.add_argument("bundle", metavar="BUNDLE", help="bundle folder or zip")
        parser.add_argument(
            "--checkpoint", metavar="FOLDER", help="also compare it with what it was exported from"
        )
        add_device_options(parser)
        add_json_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Verify, print every check. On TensorRT, engines that are missing are built first."""
        if args.device == "tensorrt":
            _build_engines(args.bundle)
        found = verify(
            args.bundle, device=args.device, threads=args.threads, checkpoint=args.checkpoint
        )
        if args.json:
            emit(found, as_json=True)
        else:
            rows: list[tuple[str, ...]] = [
                (check.status, check.name, check.detail) for check in found.checks
            ]
            rows.append(("ok" if found.ok else "failed", "bundle", args.bundle))
            emit_table("verify", ("status", "check", "detail"), rows)
        return 0 if found.ok else IntegrityError.exit_code
