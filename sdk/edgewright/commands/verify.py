"""`edgewright verify BUNDLE`: hashes, graph signatures and golden samples on this device."""

import argparse

from edgewright.commands.base import add_device_options, add_json_option
from edgewright.commands.output import emit, emit_table
from edgewright.errors import IntegrityError
from edgewright.verify import verify


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
        """Verify, print every check."""
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
