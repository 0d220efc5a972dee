"""The files of a bundle on disk: safe names, listing without following links, hashes."""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from edgewright.bundle.manifest import FileEntry
from edgewright.errors import BundleError, IntegrityError

MANIFEST = "manifest.json"
MANIFEST_HASH = "manifest.sha256"
MANIFEST_LIMIT = 16 * 2**20
"""Largest manifest that is read, bytes."""
CHUNK = 2**20
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}"
_NAME = re.compile(_PART)
_PATH = re.compile(rf"{_PART}(/{_PART}){{0,15}}")


def is_name(text: str) -> bool:
    """Whether `text` may name a variant, component, family or task: one safe part of a path."""
    return _NAME.fullmatch(text) is not None


def check_path(path: str, where: str) -> None:
    """Check that `path` is a relative POSIX path of safe parts.

    The parts are ASCII letters, digits, `_`, `.` and `-`, not beginning with `.` or `-`: what every
    file system takes, and nothing that leaves the bundle.

    Raises:
        BundleError: It is not.
    """
    if _PATH.fullmatch(path) is None:
        raise BundleError(
            f"{where}: got path {path[:120]!r}, expected a relative path such as "
            "'assets/vocab.txt' (letters, digits, '_', '.', '-', '/'); do not use this bundle"
        )


def open_regular(path: Path, shown: str) -> int:
    """Return a descriptor of the regular file `path`, neither following links nor blocking.

    Raises:
        IntegrityError: It is missing, a link, a device, a pipe, or not readable.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise IntegrityError(
            f"file '{shown}': got {error.strerror}, expected a readable regular file; "
            "copy or export the bundle again"
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _special(shown)
    return descriptor


def read_limited(path: Path, shown: str, limit: int) -> bytes:
    """Return the bytes of a regular file of at most `limit` bytes.

    Raises:
        IntegrityError: It is no such file, or larger.
    """
    with os.fdopen(open_regular(path, shown), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise IntegrityError(
                f"file '{shown}': got {size} bytes, expected at most {limit}; "
                "do not use this bundle"
            )
        return file.read(limit)


def check_file(path: Path, shown: str, entry: FileEntry) -> None:
    """Check the size, then the hash, of a regular file against its manifest entry.

    Raises:
        IntegrityError: It differs or cannot be read.
    """
    with os.fdopen(open_regular(path, shown), "rb") as file:
        _check_size(shown, os.fstat(file.fileno()).st_size, entry.bytes)
        got = hash_stream(file)
    if got != entry.sha256:
        raise IntegrityError(
            f"file '{shown}': got SHA-256 {got[:16]}…, expected {entry.sha256[:16]}…; "
            "copy or export the bundle again"
        )


def hash_stream(file: BinaryIO) -> str:
    """Return the SHA-256 (hex) of what is left to read in `file`."""
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def list_files(root: Path) -> Iterator[str]:
    """Yield the bundle path of every regular file under `root`.

    Raises:
        IntegrityError: There is a link, device, pipe or socket.
    """
    for entry in _scan(root):
        if entry.is_dir(follow_symlinks=False):
            yield from (f"{entry.name}/{below}" for below in list_files(root / entry.name))
        elif entry.is_file(follow_symlinks=False):
            yield entry.name
        else:
            raise _special(entry.name)


def check_listing(root: Path, sizes: Mapping[str, int]) -> None:
    """Check that under `root` lie exactly the files of `sizes` in these sizes, and no other folder.

    Raises:
        IntegrityError: Something else lies there, is missing, a link, or of another size.
    """
    inner = {folder for path in sizes for folder in folders(path)}
    missing = set(sizes)
    pending = [""]
    while pending:
        folder = pending.pop()
        for entry in _scan(root / folder):
            path = f"{folder}/{entry.name}" if folder else entry.name
            if _is_listed_folder(entry, path, inner, sizes):
                pending.append(path)
            else:
                _check_size(path, entry.stat(follow_symlinks=False).st_size, sizes[path])
                missing.remove(path)
    if missing:
        raise IntegrityError(
            f"file '{min(missing)}': got no such file ({len(missing)} missing), expected every "
            "file of the manifest; copy the bundle again"
        )


def _is_listed_folder(
    entry: os.DirEntry[str], path: str, inner: set[str], files: Mapping[str, int]
) -> bool:
    """Whether `entry` is a folder that holds listed files; False for a listed file."""
    is_folder, is_file = entry.is_dir(follow_symlinks=False), entry.is_file(follow_symlinks=False)
    if not is_folder and not is_file:
        raise _special(path)
    if path not in (inner if is_folder else files):
        raise IntegrityError(
            f"{'folder' if is_folder else 'file'} {path!r}: got what the manifest does not list, "
            "expected listed files only; remove it, or copy the bundle again"
        )
    return is_folder


def _check_size(shown: str, got: int, expected: int) -> None:
    if got != expected:
        raise IntegrityError(
            f"file '{shown}': got {got} bytes, expected {expected}; copy or export the bundle again"
        )


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise IntegrityError(
            f"folder '{folder.name}': got {error.strerror}, expected a readable folder; "
            "check its permissions"
        ) from error


def folders(path: str) -> list[str]:
    """Return the folders above `path`, from the outermost."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _special(shown: str) -> IntegrityError:
    return IntegrityError(
        f"file {shown!r}: got a link, pipe, socket or device, expected a regular file; "
        "copy the bundle with its links resolved"
    )
