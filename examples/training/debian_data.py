"""Fetch data sets that Debian ships as packages, without root and without installing anything."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).resolve().parents[2] / "build" / "data"


@dataclass(frozen=True)
class UnpackedPackage:
    """A Debian package unpacked into the cache."""

    root: Path
    """Folder that stands for `/` of the package."""
    name: str
    """Package name."""
    version: str
    """Debian version."""


def fetch_package(name: str, cache: Path = CACHE) -> UnpackedPackage:
    """Download and unpack a Debian package once; later calls find it in `cache`.

    Raises:
        RuntimeError: apt-get or dpkg-deb is missing or fails.
    """
    home = cache / name
    if not home.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            unpacked = Path(folder) / "unpacked"
            unpacked.mkdir()
            _run(name, ["apt-get", "download", name], Path(folder))
            [archive] = Path(folder).glob("*.deb")
            _run(name, ["dpkg-deb", "-x", archive.name, "unpacked/root"], Path(folder))
            # apt writes the epoch's colon as %3a.
            version = archive.stem.split("_")[1].replace("%3a", ":")
            (unpacked / "version").write_text(version + "\n")
            unpacked.rename(home)
    return UnpackedPackage(home / "root", name, (home / "version").read_text().strip())


def _run(name: str, command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise RuntimeError(
            f"package {name!r}: {command[0]} is not installed, expected Debian or Ubuntu; "
            f"run there and copy the folder {CACHE.name}/{name}"
        ) from error
    if done.returncode:
        raise RuntimeError(
            f"package {name!r}: `{' '.join(command)}` ended with {done.returncode} "
            f"({done.stderr.strip()}), expected 0; run `apt-get update` as root, or free disk space"
        )
