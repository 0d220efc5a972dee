"""`edgewright inspect BUNDLE`: the datasheet, or the manifest as JSON."""

import argparse
import sys

from edgewright.bundle import Bundle
from edgewright.bundle.datasheet import datasheet
from edgewright.commands.base import add_json_option
from edgewright.commands.output import emit


class InspectCommand:
    """Prints what a bundle says about itself, after its hashes were checked."""

    help = "print the datasheet of a bundle"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the bundle."""
        parser.add_argument("bundle", metavar="BUNDLE", help="bundle folder or zip")
        add_json_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Print it."""
        with Bundle.open(args.bundle) as bundle:
            if args.json:
                emit(bundle.manifest, as_json=True)
            elif sys.stdout.isatty():
                from rich.console import Console
                from rich.markdown import Markdown

                Console().print(Markdown(datasheet(bundle.manifest)))
            else:
                print(datasheet(bundle.manifest))
        return 0
