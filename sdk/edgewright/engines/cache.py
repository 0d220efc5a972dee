"""Engines that were built on this device: found by what they depend on, checked before use.

Each is a plan beside its sidecar: `<key>.plan` and `<key>.json`, and `<key>.layers` with what
TensorRT says of its layers. The key is a hash of the `EngineIdentity`.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir

from edgewright import records, strict_json
from edgewright.backends.facts import EngineIdentity, EngineRecord
from edgewright.bundle.files import hash_stream
from edgewright.errors import BundleError, UsageError
from edgewright.output_file import complete_file

DEFAULT_LIMIT = 8 * 2**30
"""Bytes of plans that the cache holds."""


class EngineCache:
    """The engines below one folder; any number of processes may use it at once."""

    def __init__(self, folder: Path | None = None, limit: int | None = None) -> None:
        """Use `folder`, which is made when the first engine comes.

        Args:
            folder: `EDGEWRIGHT_CACHE` by default, or `edgewright` in the user's cache folder.
            limit: Bytes of plans; beyond them the oldest go. `EDGEWRIGHT_CACHE_BYTES` by default,
                or `DEFAULT_LIMIT`.
        """
        self.folder = (cache_folder() if folder is None else folder) / "engines"
        self._limit = limit

    @property
    def limit(self) -> int:
        """Bytes of plans that it holds.

        Raises:
            UsageError: The environment has no whole number of bytes.
        """
        return _default_limit() if self._limit is None else self._limit

    def records(self) -> tuple[EngineRecord, ...]:
        """Return the sidecars, the newest first; those that cannot be read are passed over."""
        found = (_read(path) for path in self.folder.glob("*.json"))
        return tuple(
            sorted((record for record in found if record), key=lambda r: r.built, reverse=True)
        )

    def load(self, identity: EngineIdentity, compatibility: str | None = None) -> bytes | None:
        """Return the plan of this identity, and compatibility if given, if it is there whole."""
        record = _read(self._path(identity, "json"))
        if record is None or record.identity != identity:
            return None
        if compatibility not in (None, record.compatibility):
            return None
        with suppress(FileNotFoundError):
            plan = self._path(identity, "plan").read_bytes()
            if hashlib.sha256(plan).hexdigest() == record.plan_sha256:
                return plan
        return None

    def store(self, record: EngineRecord, plan: bytes, layers: str | None = None) -> None:
        """Keep an engine, and let go of the oldest ones beyond the limit.

        The sidecar is written last: without it, a plan does not count.

        Raises:
            OSError: The folder cannot be written to.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with complete_file(self._path(record.identity, "plan")) as file:
            file.write_bytes(plan)
        if layers is not None:
            with complete_file(self._path(record.identity, "layers")) as file:
                file.write_text(layers, "utf-8")
        with complete_file(self._path(record.identity, "json")) as file:
            file.write_bytes(strict_json.dump(records.plain(record)))
        self._evict(record)

    @contextmanager
    def building(self, identity: EngineIdentity) -> Iterator[None]:
        """Let one process at a time build the engine of an identity; others wait.

        Whoever waited looks again with `load` before it builds.
        """
        import fcntl  # not on Windows, where nothing else needs it

        self.folder.mkdir(parents=True, exist_ok=True)
        with self._path(identity, "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def timing_cache(self, identity: EngineIdentity) -> bytes:
        """Return what earlier builds measured on the same GPU with the same TensorRT."""
        with suppress(FileNotFoundError):
            return self._timing_path(identity).read_bytes()
        return b""

    def keep_timing_cache(self, identity: EngineIdentity, content: bytes) -> None:
        """Keep what a build measured for those after it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with complete_file(self._timing_path(identity)) as file:
            file.write_bytes(content)

    def remove(self, record: EngineRecord) -> None:
        """Delete one engine; its sidecar goes first."""
        for suffix in ("json", "plan", "layers"):
            self._path(record.identity, suffix).unlink(missing_ok=True)

    def clear(self) -> int:
        """Delete everything; return the bytes of the plans."""
        freed = sum(path.stat().st_size for path in self.folder.glob("*.plan"))
        for pattern in ("*.json", "*.plan", "*.timing", "*.layers"):  # a lock may be held
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)
        return freed

    def _evict(self, newest: EngineRecord) -> None:
        total = 0
        for record in self.records():
            total += record.plan_bytes
            if total > self.limit and record.identity != newest.identity:
                self.remove(record)

    def _path(self, identity: EngineIdentity, suffix: str) -> Path:
        return self.folder / f"{_key(identity)}.{suffix}"

    def _timing_path(self, identity: EngineIdentity) -> Path:
        about = [identity.flavor, identity.version, identity.gpu, identity.compute_capability]
        return self.folder / f"{_digest(about)}.timing"


def graph_digest(files_sha256: Sequence[str]) -> str:
    """Return the digest of a graph: that of the hashes of its files, the ONNX file first."""
    return _digest(list(files_sha256))


def hash_files(files: Sequence[Path]) -> str:
    """Return `graph_digest` of files on disk."""
    hashes = []
    for path in files:
        with path.open("rb") as file:
            hashes.append(hash_stream(file))
    return graph_digest(hashes)


def stale(identity: EngineIdentity, kept: Sequence[EngineRecord]) -> str | None:
    """Say why no engine of `kept` serves; none where one has this identity.

    An engine of the same graph that differs in one thing only is named with it.
    """
    if any(record.identity == identity for record in kept):
        return None
    same_graph = [
        record.identity
        for record in kept
        if record.identity.graph_sha256 == identity.graph_sha256
        and record.identity.flavor == identity.flavor
    ]
    if not same_graph:
        return "no engine of it was built here"
    told = min((_differences(old, identity) for old in same_graph), key=len)
    return f"its engine is stale: built for {'; '.join(told)}"


def _differences(old: EngineIdentity, wanted: EngineIdentity) -> list[str]:
    before, now = records.plain(old), records.plain(wanted)
    return [
        f"{name.replace('_', ' ')} {_shown(before[name])}, here {_shown(now[name])}"
        for name in now
        if before[name] != now[name]
    ]


def _shown(value: object) -> str:
    return "; ".join(value) if isinstance(value, list) else str(value)


def _key(identity: EngineIdentity) -> str:
    return _digest(records.plain(identity))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _read(path: Path) -> EngineRecord | None:
    """Return a sidecar; none where there is none that this version reads."""
    try:
        return records.read(EngineRecord, json.loads(path.read_bytes()), path.name)
    except (OSError, ValueError, BundleError):
        return None


def cache_folder() -> Path:
    """Return where this device keeps what can be made again."""
    if own := os.environ.get("EDGEWRIGHT_CACHE"):
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    if shared:
        return Path(shared) / "edgewright"
    try:
        return Path.home() / ".cache" / "edgewright"
    except RuntimeError:  # a user without a home
        return Path(gettempdir()) / "edgewright"


def _default_limit() -> int:
    text = os.environ.get("EDGEWRIGHT_CACHE_BYTES", str(DEFAULT_LIMIT))
    if not text.isdecimal():
        raise UsageError(
            f"EDGEWRIGHT_CACHE_BYTES: got '{text}', expected a whole number of bytes; set one"
        )
    return int(text)
