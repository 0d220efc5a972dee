"""`edgewright cache list|clear`: the TensorRT engines that were built on this device."""

import argparse
from dataclasses import dataclass

from edgewright.backends.facts import EngineRecord
from edgewright.commands.base import add_json_option
from edgewright.commands.output import emit, emit_table
from edgewright.engines.cache import EngineCache

_HEADER = ("engine", "for", "MB", "built")


@dataclass(frozen=True)
class Cleared:
    """What was deleted."""

    folder: str
    bytes: int
    """Of the plans."""

    def __str__(self) -> str:
        return f"{self.folder}: freed {self.bytes / 1e6:.1f} MB"


class CacheCommand:
    """Shows the engines, or deletes them."""

    help = "list or clear the TensorRT engines of this device"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what to do."""
        parser.add_argument("action", choices=("list", "clear"))
        add_json_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Do it."""
        cache = EngineCache()
        if args.action == "clear":
            emit(Cleared(str(cache.folder), cache.clear()), as_json=args.json)
        elif args.json:
            for record in cache.records():
                emit(record, as_json=True)
        else:
            title = f"{cache.folder} (at most {cache.limit / 1e9:.1f} GB)"
            emit_table(title, _HEADER, [_row(record) for record in cache.records()])
        return 0


def _row(record: EngineRecord) -> tuple[str, ...]:
    about = record.identity
    kind = f"{about.flavor} {about.version}, {about.gpu}, driver {about.driver_major}"
    return record.bundle, kind, f"{record.plan_bytes / 1e6:.1f}", record.built
