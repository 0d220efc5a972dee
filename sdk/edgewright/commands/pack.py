"""`edgewright pack BUNDLE -o OUT`: a slim copy with the variants that one device needs."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from edgewright.bundle import Bundle
from edgewright.bundle.pack import pack
from edgewright.commands.base import add_json_option
from edgewright.commands.output import emit


@dataclass(frozen=True)
class Packed:
    """What was written."""

    output: str
    digest: str
    """SHA-256 (hex) of the new manifest, to pin with `expected_digest`."""
    variants: tuple[str, ...]
    bytes: int
    """Sum of the sizes of its files."""

    def __str__(self) -> str:
        return f"{self.output}: {', '.join(self.variants)}, {self.bytes} bytes, {self.digest}"


class PackCommand:
    """Writes a bundle with fewer variants, as a folder or as a zip."""

    help = "write a slim copy of a bundle"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the bundles and what to keep."""
        parser.add_argument("bundle", metavar="BUNDLE", help="bundle folder or zip")
        parser.add_argument("-o", "--output", metavar="OUT.edge", required=True, help="new bundle")
        parser.add_argument("--variants", metavar="A,B", help="what to keep (default: all)")
        parser.add_argument("--zip", action="store_true", help="write one zip instead of a folder")
        parser.add_argument("--force", action="store_true", help="replace an existing bundle")
        add_json_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Pack, print what was written."""
        variants = args.variants
        if variants is not None:
            variants = [name.strip() for name in variants.split(",")]
        output = pack(
            Path(args.bundle),
            Path(args.output),
            variants=variants,
            zip=args.zip,
            overwrite=args.force,
        )
        with Bundle.open(output) as bundle:
            manifest = bundle.manifest
            packed = Packed(
                str(args.output),
                bundle.digest,
                tuple(variant.name for variant in manifest.variants),
                sum(entry.bytes for entry in manifest.files.values()),
            )
        emit(packed, as_json=args.json)
        return 0
