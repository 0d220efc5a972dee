"""What a command of the command line is, and the options that mean the same in all of them."""

import argparse
from typing import Protocol

from edgewright.placement import DEVICES


class Command(Protocol):
    """One word after `edgewright`."""

    help: str
    """What it does, in one line."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what it takes."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; return the exit code."""


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument(
        "--json", action="store_true", help="one JSON object per result on standard output"
    )


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Add `--device` and `--threads`."""
    parser.add_argument("--device", choices=DEVICES, default="auto", help="(default: auto)")
    parser.add_argument(
        "--threads", type=int, metavar="N", help="of the model (default: cores, ≤ 4)"
    )


def add_load_options(parser: argparse.ArgumentParser) -> None:
    """Add everything that `load` takes from the command line."""
    add_device_options(parser)
    parser.add_argument(
        "--precision", default="auto", metavar="P", help="auto, fp32, int8, … (default: auto)"
    )
    parser.add_argument(
        "--no-strict",
        action="store_true",
        help="warn, instead of failing, where device or precision cannot be had",
    )
