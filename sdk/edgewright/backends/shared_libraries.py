"""Shared libraries that a shared library needs, and which of them are not to be found."""

import ctypes
import os
import re
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

_LINE = re.compile(r"^\s*(\S+) => (not found|\S+)", re.MULTILINE)
_WHEELS = ("nvidia/*/lib", "tensorrt_libs", "tensorrt_rtx_libs")
"""Folders of shared libraries in NVIDIA's wheels, below `site-packages`."""
_TIMEOUT_SECONDS = 10.0


def find_needed(library: Path, folders: Collection[Path] = ()) -> dict[str, bool]:
    """Return by name what `library` needs, and whether the dynamic loader finds it.

    Nothing is loaded: `ldd` of the C library lists. Where it does not answer, the answer is empty.

    Args:
        library: A shared library.
        folders: Where the loader is to look too.
    """
    path = os.pathsep.join([os.environ.get("LD_LIBRARY_PATH", ""), *map(str, folders)])
    environment = {**os.environ, "LD_LIBRARY_PATH": path.strip(os.pathsep), "LC_ALL": "C"}
    command = ["ldd", str(library)]
    try:
        told = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    return {name: place != "not found" for name, place in _LINE.findall(told)}


def wheel_folders() -> tuple[Path, ...]:
    """Return the folders in which installed wheels of NVIDIA keep shared libraries."""
    return tuple(
        folder
        for entry in dict.fromkeys(sys.path)
        if Path(entry).is_dir()
        for pattern in _WHEELS
        for folder in sorted(Path(entry).glob(pattern))
    )


def load_from_wheels(names: Collection[str]) -> None:
    """Load those of `names` that lie in a wheel, in this order; libraries that need them find them.

    The loader knows a loaded library by its name, wherever it lies. What fails to load shows where
    it is needed.
    """
    for name in names:
        for folder in wheel_folders():
            if (folder / name).exists():
                with suppress(OSError):
                    ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
                break
