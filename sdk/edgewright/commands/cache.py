"""`edgewright cache list|clear`: what the cache of TensorRT engines of this device holds."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from edgewright.commands.base import add_json_option
from edgewright.commands.output import emit, emit_table
from edgewright.engines.cache import CacheEntry, EngineCache

_HEADER = ("engine", "for", "MB", "last used")


@dataclass(frozen=True)
class Cleared:
    """What was deleted."""

    folder: str
    bytes: int

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
            emit(Cleared(str(cache.folder.parent), cache.clear()), as_json=args.json)
        elif args.json:
            for entry in cache.entries():
                emit(entry, as_json=True)
        else:
            title = f"{cache.folder.parent} (at most {cache.limit / 1e9:.1f} GB)"
            emit_table(title, _HEADER, [_row(entry) for entry in cache.entries()])
        return 0


def _row(entry: CacheEntry) -> tuple[str, ...]:
    paths = [Path(path) for path in entry.paths]
    if entry.record is None:
        what, kind = ", ".join(path.name for path in paths), _kind(paths[0])
    else:
        about, what = entry.record.identity, entry.record.bundle
        kind = f"{about.flavor} {about.version}, {about.gpu}, driver {about.driver_major}"
    return what, kind, f"{entry.bytes / 1e6:.1f}", entry.used


def _kind(path: Path) -> str:
    if path.is_dir():
        return "ONNX Runtime's TensorRT provider"
    return "timing cache" if path.suffix == ".timing" else "no whole engine"
