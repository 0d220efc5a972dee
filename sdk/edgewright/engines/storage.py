"""Files and folders of the cache: their locks, sizes and times, and what cannot be written."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from edgewright.errors import CacheError, UsageError

_LONGEST_WRITE = 3600.0
"""Seconds without a byte after which half a file was left by a crash."""


@contextmanager
def held(lock: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock file, whose folder is made; whoever else wants it waits.

    Args:
        lock: The file.
        waiting: Called where someone else holds it, before the wait.

    Raises:
        CacheError: It cannot be made.
    """
    from filelock import FileLock, Timeout  # late: a load without TensorRT needs none

    with ExitStack() as stack:
        with writing(lock.parent):
            try:
                stack.enter_context(FileLock(lock, timeout=0))
            except Timeout:
                waiting()
                stack.enter_context(FileLock(lock))
        yield


@contextmanager
def held_if_free(lock: Path) -> Iterator[bool]:
    """Hold a lock file unless someone else does; say which."""
    from filelock import FileLock, Timeout

    with ExitStack() as stack:
        free = True
        try:
            stack.enter_context(FileLock(lock, timeout=0))
        except Timeout:
            free = False
        yield free


def lock_of(path: Path) -> Path:
    """Return the lock file of an entry that `path` is part of."""
    return path.with_suffix(".lock")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make a folder; say what to do where it, or a file in it, cannot be written.

    Raises:
        CacheError: Instead of what the system said.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except (OSError, UsageError) as error:
        raise CacheError(
            f"cache: got '{error}', expected to write to '{folder}'; make room there, or set "
            "EDGEWRIGHT_CACHE to another folder"
        ) from error


def being_written(path: Path) -> bool:
    """Whether someone may be writing a file: half of one, unless a crash left it long ago."""
    return path.suffix == ".partial" and time.time() - last_use(path) < _LONGEST_WRITE


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all in a folder; 0 where another process deleted it."""
    with suppress(OSError):
        if path.is_dir():
            return sum(map(size_of, path.iterdir()))
        return path.stat().st_size
    return 0


def last_use(path: Path) -> float:
    """Return when a file was last written or loaded, in seconds since 1970."""
    with suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def note_use(path: Path) -> None:
    """Have `last_use` say now, where that may be written."""
    with suppress(OSError):
        os.utime(path)
