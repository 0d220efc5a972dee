"""Engines that were built on this device: found by what they depend on, checked before use.

Each is a plan beside its sidecar: `<key>.plan` and `<key>.json`, and `<key>.layers` with what
TensorRT says of its layers. The key is a hash of the `EngineIdentity`. Whoever builds or deletes an
engine holds `<key>.lock`, which stays. The engines of ONNX Runtime's TensorRT provider, which it
names itself, lie in a folder for each graph and machine and go together.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from tempfile import gettempdir

from edgewright import records, strict_json
from edgewright.backends.facts import EngineIdentity, EngineRecord, Facts
from edgewright.bundle.files import hash_stream
from edgewright.engines.storage import (
    being_written,
    held,
    held_if_free,
    last_use,
    lock_of,
    note_use,
    size_of,
    writing,
)
from edgewright.errors import BundleError, CacheError, UsageError
from edgewright.output_file import complete_file

DEFAULT_LIMIT = 8 * 2**30
"""Bytes that the cache holds."""


@dataclass(frozen=True)
class CacheEntry:
    """What lies in the cache under one name, and goes together."""

    name: str
    """Key of an engine, or `provider_key` of engines of ONNX Runtime; other names are those of
    timing caches and of what a crash left."""
    paths: tuple[str, ...]
    """Where it lies; the sidecar of an engine comes first, and ONNX Runtime's have one folder."""
    bytes: int
    used: str
    """When it was last written or loaded: ISO 8601, UTC."""
    record: EngineRecord | None
    """The sidecar of a whole engine."""


class EngineCache:
    """The engines below one folder; any number of processes may use it at once."""

    def __init__(self, folder: Path | None = None, limit: int | None = None) -> None:
        """Use `folder`, which is made when the first engine comes.

        Args:
            folder: `EDGEWRIGHT_CACHE` by default, or `edgewright` in the user's cache folder.
            limit: Bytes of everything in it; beyond them goes what was not used for longest.
                `EDGEWRIGHT_CACHE_BYTES` by default, or `DEFAULT_LIMIT`.
        """
        whole = cache_folder() if folder is None else folder
        self.folder = whole / "engines"
        self.provider_folder = whole / "onnxruntime"
        """Of the engines that ONNX Runtime builds."""
        self._limit = limit

    @property
    def limit(self) -> int:
        """Bytes that it holds.

        Raises:
            UsageError: The environment has no whole number of bytes.
        """
        return _default_limit() if self._limit is None else self._limit

    def records(self) -> tuple[EngineRecord, ...]:
        """Return the sidecars of the engines that are there, the newest first.

        A plan that is missing or of another size does not count; `load` looks at its bytes.
        """
        found = (self._whole(path) for path in self.folder.glob("*.json"))
        return tuple(
            sorted((record for record in found if record), key=lambda r: r.built, reverse=True)
        )

    def entries(self) -> tuple[CacheEntry, ...]:
        """Return everything that the cache holds, the last used first."""
        paths: dict[Path, list[Path]] = {}
        for folder in (self.folder, self.provider_folder):
            for path in sorted(folder.glob("*")):
                if path.suffix != ".lock":
                    paths.setdefault(path.with_suffix(""), []).append(path)
        found = (self._entry(where.name, together) for where, together in paths.items())
        return tuple(sorted(found, key=lambda entry: entry.used, reverse=True))

    def load(self, identity: EngineIdentity, compatibility: str | None = None) -> bytes | None:
        """Return the plan of this identity, and compatibility if given, if it is there whole."""
        record = self._whole(self._path(identity, "json"))
        if record is None or compatibility not in (None, record.compatibility):
            return None
        path = self._path(identity, "plan")
        with suppress(OSError):
            plan = path.read_bytes()
            if hashlib.sha256(plan).hexdigest() == record.plan_sha256:
                note_use(path)
                return plan
        return None

    def store(self, record: EngineRecord, plan: bytes) -> None:
        """Keep an engine, and let go of what was not used for longest beyond the limit.

        The sidecar is written last: without it, a plan does not serve.

        Raises:
            CacheError: The folder cannot be written to, or is full.
        """
        with writing(self.folder):
            with complete_file(self._path(record.identity, "plan")) as file:
                file.write_bytes(plan)
            self._path(record.identity, "layers").unlink(missing_ok=True)
            with complete_file(self._path(record.identity, "json")) as file:
                file.write_bytes(strict_json.dump(records.plain(record)))
        self._evict(self._path(record.identity, "json"))

    def keep_layers(self, identity: EngineIdentity, layers: str) -> None:
        """Keep what TensorRT says of the layers of an engine, beside it.

        Raises:
            CacheError: As `store`.
        """
        with writing(self.folder), complete_file(self._path(identity, "layers")) as file:
            file.write_text(layers, "utf-8")

    @contextmanager
    def building(
        self, identity: EngineIdentity, waiting: Callable[[], None] = lambda: None
    ) -> Iterator[None]:
        """Let one process at a time build the engine of an identity; others wait.

        Whoever waited looks again with `load` before it builds.

        Args:
            identity: Of the engine.
            waiting: Called where another process builds it, before the wait.

        Raises:
            CacheError: The folder cannot be written to.
        """
        with held(self._path(identity, "lock"), waiting):
            yield

    @contextmanager
    def provider_engines(self, key: str) -> Iterator[Path]:
        """Give ONNX Runtime the folder for its engines of a graph, for one process at a time.

        What a process left that died with the folder is deleted first: ONNX Runtime fails on an
        engine that is cut off. Afterwards goes what was not used for longest beyond the limit.

        Args:
            key: `provider_key` of the graph.

        Raises:
            CacheError: The folder cannot be written to.
        """
        folder = self.provider_folder / key
        in_use = folder / "in-use"
        with held(lock_of(folder)):
            with writing(folder):
                if in_use.exists():
                    shutil.rmtree(folder)
                    folder.mkdir()
                in_use.touch()
            try:
                yield folder
            finally:
                with suppress(OSError):
                    in_use.unlink()
            self._evict(folder)

    def timing_cache(self, identity: EngineIdentity) -> bytes:
        """Return what earlier builds measured on the same GPU with the same TensorRT."""
        with suppress(OSError):
            return self._timing_path(identity).read_bytes()
        return b""

    def keep_timing_cache(self, identity: EngineIdentity, content: bytes) -> None:
        """Keep what a build measured for those after it.

        Raises:
            CacheError: As `store`.
        """
        with writing(self.folder), complete_file(self._timing_path(identity)) as file:
            file.write_bytes(content)

    def clear(self) -> int:
        """Delete everything but what is being built, written or opened; return the bytes.

        Raises:
            CacheError: Entries cannot be deleted. The others are.
        """
        freed, refused = 0, []
        for entry in self.entries():
            try:
                freed += self._remove(entry)
            except OSError as error:
                refused.append(error)
        if refused:
            raise CacheError(
                f"cache: got '{refused[0]}', expected to delete all in '{self.folder.parent}'; "
                f"delete what is left of {len(refused)} of its entries by hand"
            ) from refused[0]
        return freed

    def _entry(self, name: str, paths: Sequence[Path]) -> CacheEntry:
        used = max(map(last_use, paths))
        return CacheEntry(
            name=name,
            paths=tuple(map(str, paths)),
            bytes=sum(map(size_of, paths)),
            used=datetime.fromtimestamp(used, timezone.utc).isoformat(timespec="microseconds"),
            record=self._whole(self.folder / f"{name}.json"),
        )

    def _whole(self, sidecar: Path) -> EngineRecord | None:
        """Return a sidecar that lies under its own name beside a plan of its size."""
        record = _read(sidecar)
        if record is None or sidecar.stem != _key(record.identity):
            return None
        return record if size_of(sidecar.with_suffix(".plan")) == record.plan_bytes else None

    def _evict(self, kept: Path) -> None:
        """Delete what was not used for longest beyond the limit, and never what has `kept`."""
        total = 0
        for entry in self.entries():
            total += entry.bytes
            if total > self.limit and str(kept) not in entry.paths:
                with suppress(OSError):  # what cannot be deleted stays
                    self._remove(entry)

    def _remove(self, entry: CacheEntry) -> int:
        """Delete an entry, unless someone works on it; return the bytes that this freed."""
        paths = [Path(path) for path in entry.paths]
        if any(map(being_written, paths)):
            return 0
        with held_if_free(lock_of(paths[0])) as free:
            for path in paths if free else ():
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
        return entry.bytes if free else 0

    def _path(self, identity: EngineIdentity, suffix: str) -> Path:
        return self.folder / f"{_key(identity)}.{suffix}"

    def _timing_path(self, identity: EngineIdentity) -> Path:
        about = [identity.flavor, identity.version, identity.gpu, identity.compute_capability]
        return self.folder / f"{_digest(about)}.timing"


def graph_digest(files_sha256: Sequence[str]) -> str:
    """Return the digest of a graph: that of the hashes of its files, the ONNX file first."""
    return _digest(list(files_sha256))


def provider_key(graph: str, facts: Facts) -> str:
    """Return what engines of ONNX Runtime's TensorRT provider depend on.

    It names them by the graph's structure, its own version and the compute capability, not by
    weights, the TensorRT that is installed, the GPU or the driver.

    Args:
        graph: `graph_digest` of it.
        facts: Of a machine with a GPU.
    """
    tensorrt = [found.version for found in facts.tensorrt if found.flavor == "tensorrt"]
    gpu = facts.nvidia.gpus[0]
    versions = [facts.onnxruntime.version, *tensorrt, facts.nvidia.major]
    return _digest([graph, gpu.name, gpu.compute_capability, *versions])


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
