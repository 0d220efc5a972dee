"""Copies of the stored bundle to damage, and the means to make a damage fit the hashes again."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[2] / "data"

Edit = Callable[[Callable[[dict[str, Any]], object]], None]


@pytest.fixture(scope="session")
def stored() -> Path:
    return DATA / "bundle_v1.edge"


@pytest.fixture(scope="session")
def stored_zip() -> Path:
    return DATA / "bundle_v1_zip.edge"


@pytest.fixture
def folder(stored: Path, tmp_path: Path) -> Path:
    return shutil.copytree(stored, tmp_path / "copy.edge")


@pytest.fixture
def archive(stored_zip: Path, tmp_path: Path) -> Path:
    return shutil.copyfile(stored_zip, tmp_path / "copy_zip.edge")


@pytest.fixture
def write_manifest(folder: Path) -> Callable[[bytes], None]:
    """Return a function that replaces the manifest of `folder`, with a hash that fits."""

    def write(data: bytes) -> None:
        (folder / "manifest.json").write_bytes(data)
        line = f"{hashlib.sha256(data).hexdigest()}  manifest.json\n"
        (folder / "manifest.sha256").write_text(line)

    return write


@pytest.fixture
def edit(folder: Path, write_manifest: Callable[[bytes], None]) -> Edit:
    """Return a function that changes the manifest of `folder` and lists its files anew."""

    def apply(change: Callable[[dict[str, Any]], object]) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        for name, entry in manifest["files"].items():
            data = (folder / name).read_bytes()
            entry |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        change(manifest)
        write_manifest(json.dumps(manifest).encode())

    return apply
