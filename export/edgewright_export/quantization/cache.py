"""Ranges kept from one export to the next, under a key of what they were computed from."""

import errno
import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgewright.errors import UsageError
from edgewright.output_file import complete_file
from edgewright_export.quantization.ranges import Ranges

Explain = Callable[[str], None]
"""Told one line for each graph: whether its ranges were found, and if not, why."""


@dataclass(frozen=True)
class CacheKey:
    """What the ranges of a graph were computed from; another processor may round differently."""

    model: str
    """SHA-256 of the fp32 graphs of all components, weights included."""
    data: str
    """SHA-256 of the calibration samples."""
    preprocessing: str
    """SHA-256 of the family's configuration and assets."""
    method: str
    """How ranges follow from the values, and the operators that are quantized."""
    versions: str
    """Of the libraries that computed them."""


class CalibrationCache:
    """A folder of JSON files, one for each graph and key; a file that does not fit is passed by.

    ONNX Runtime's own cache has no key: with the ranges of another model it quantizes to noise
    without a word.
    """

    def __init__(self, folder: str | Path, explain: Explain | None = None) -> None:
        """Keep ranges in `folder`, which is made where it is missing.

        Raises:
            UsageError: `folder` is no folder and cannot be made.
        """
        self._folder, self._explain = Path(folder), explain
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self._folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise UsageError(
                f"calibration cache {folder}: got '{error.strerror}', expected a folder that can "
                "be made and written; choose another"
            ) from error

    def find(self, component: str, key: CacheKey) -> dict[str, tuple[float, float]] | None:
        """Return the ranges of the graph `component`, none where they were never stored."""
        entry = _read(self._path(component, key))
        if entry is not None and entry["key"] == asdict(key):
            self._say(component, "found")
            return {name: (low, high) for name, (low, high) in entry["ranges"].items()}
        self._say(component, self._why_missed(component, key))
        return None

    def store(self, component: str, key: CacheKey, ranges: Ranges) -> None:
        """Keep the ranges of the graph `component`; a file that exists is whole."""
        content = {
            "key": asdict(key),
            "ranges": {name: list(ends) for name, ends in ranges.items()},
        }
        with complete_file(self._path(component, key)) as path:
            path.write_text(
                json.dumps({**content, "sha256": digest_of(content)}, indent=1), "utf-8"
            )

    def _why_missed(self, component: str, key: CacheKey) -> str:
        """Name the parts of the key in which the nearest entry differs."""
        wanted = asdict(key)
        paths = sorted(self._folder.glob(f"{component}-*.json"))
        entries = [entry for path in paths if (entry := _read(path)) is not None]
        damaged = len(paths) - len(entries)
        notes = [f"{damaged} damaged file(s) passed by"] if damaged else []
        if not entries:
            return "; ".join(("missed: no entry for this graph", *notes))
        differing = min((_differing(entry["key"], wanted) for entry in entries), key=len)
        if not differing:  # a file under a name that is not its key's
            return "; ".join(("missed: an entry lies under a wrong name", *notes))
        return "; ".join((f"missed: the nearest entry has {', '.join(differing)}", *notes))

    def _path(self, component: str, key: CacheKey) -> Path:
        return self._folder / f"{component}-{digest_of(asdict(key))[:16]}.json"

    def _say(self, component: str, what: str) -> None:
        if self._explain is not None:
            self._explain(f"calibration cache: {component}: {what}")


def _differing(stored: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    return [
        f"another {part} ({_shown(stored[part])}, now {_shown(wanted[part])})"
        for part in wanted
        if stored[part] != wanted[part]
    ]


def _shown(part: str) -> str:
    return f"{part[:12]}…" if re.fullmatch("[0-9a-f]{64}", part) else part


def _read(path: Path) -> dict[str, Any] | None:
    """Return an entry that is whole and of the right form, otherwise none."""
    try:
        entry = json.loads(path.read_text("utf-8"))
        content = {"key": entry["key"], "ranges": entry["ranges"]}
        CacheKey(**entry["key"])
        numbers = not any(math.isnan(end) for ends in entry["ranges"].values() for end in ends)
        whole = entry["sha256"] == digest_of(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return content if whole and numbers else None


def digest_of(content: object) -> str:
    """Return the SHA-256 (hex) of JSON content; bytes in it count by their own hash."""
    text = json.dumps(
        content, sort_keys=True, default=lambda data: hashlib.sha256(data).hexdigest()
    )
    return hashlib.sha256(text.encode()).hexdigest()
