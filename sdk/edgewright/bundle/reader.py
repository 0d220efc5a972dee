"""A bundle on disk, opened, checked and read."""

import hashlib
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from edgewright.bundle.archive import Archive
from edgewright.bundle.check import check_folder, check_manifest_bytes
from edgewright.bundle.files import (
    MANIFEST,
    MANIFEST_HASH,
    MANIFEST_LIMIT,
    check_file,
    read_limited,
)
from edgewright.bundle.golden import read_golden
from edgewright.bundle.manifest import Manifest, Variant
from edgewright.errors import (
    BundleError,
    BundleNotFoundError,
    IntegrityError,
    StateError,
    UsageError,
)
from edgewright.specs import Array

Check = Literal["all", "used"]
"""When files are hashed: all of them at opening, or each at its first use (for slow devices)."""


class Bundle:
    """An opened bundle; a context manager. What it hands out fits the hashes of the manifest.

    Safe for concurrent calls. Whoever may write to the folder while it is open may change what is
    read after the check: keep bundles where only their owner writes.
    """

    manifest: Manifest
    """The checked manifest."""
    digest: str
    """SHA-256 (hex) of `manifest.json`, which by its hashes stands for every byte of the bundle."""
    path: Path
    """The folder or zip file that was opened, absolute."""

    def __init__(self, path: Path, root: Path, manifest: Manifest, digest: str) -> None:
        """Use `Bundle.open`; this takes over `root`, a folder that was checked."""
        self.path, self.manifest, self.digest = path, manifest, digest
        self._root = root
        self._checked: set[str] = set()
        self._is_open = True
        self._remove: weakref.finalize[[str], Bundle] | None = None

    @classmethod
    def open(
        cls, path: str | Path, *, check: Check = "all", expected_digest: str | None = None
    ) -> "Bundle":
        """Open a bundle folder, or a zip of one, and check it.

        A zip is unpacked to a private temporary folder that lives as long as the bundle is open.

        Args:
            path: Bundle folder or zip file.
            check: `all` hashes every file now; `used` hashes a file when it is first asked for.
                Names, kinds and sizes of all files are checked now either way.
            expected_digest: SHA-256 (hex) that the manifest must have, as `manifest.sha256` says
                it; pins the content of the whole bundle.

        Raises:
            BundleNotFoundError: Nothing lies at `path`.
            FormatVersionError: The bundle needs a later reader.
            IntegrityError: Bytes, sizes or names are not those of the manifest.
            BundleError: The manifest breaks a rule of the format.
            UsageError: An argument is out of its range.
        """
        _check_arguments(path, check, expected_digest)
        location = _existing(path)
        if location.is_dir():
            bundle = cls._open_folder(location, location, expected_digest)
        else:
            bundle = cls._open_archive(location, expected_digest)
        if check == "all":
            try:
                for name in bundle.manifest.files:
                    bundle.file(name)
            except BaseException:
                bundle.close()
                raise
        return bundle

    @classmethod
    def _open_folder(cls, path: Path, root: Path, expected_digest: str | None) -> "Bundle":
        if not os.path.lexists(root / MANIFEST):
            raise IntegrityError(
                f"bundle '{path}': got a folder without {MANIFEST}, expected a bundle; check the "
                "path, or export the checkpoint that lies there"
            )
        manifest, digest = check_folder(root, expected_digest)
        return cls(path, root, manifest, digest)

    @classmethod
    def _open_archive(cls, path: Path, expected_digest: str | None) -> "Bundle":
        with Archive(path) as archive:
            data = archive.read_limited(MANIFEST, MANIFEST_LIMIT)
            line = archive.read_limited(MANIFEST_HASH, MANIFEST_LIMIT)
            manifest, _ = check_manifest_bytes(data, line, expected_digest)
            folder = tempfile.mkdtemp(prefix="edgewright-")
            try:
                archive.extract(manifest.files, Path(folder))
                bundle = cls._open_folder(path, Path(folder), expected_digest)
            except BaseException:
                shutil.rmtree(folder)
                raise
        bundle._remove = weakref.finalize(bundle, shutil.rmtree, folder)
        return bundle

    def __enter__(self) -> "Bundle":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the bundle; what a zip was unpacked to is removed."""
        self._is_open = False
        if self._remove is not None:
            self._remove()

    def file(self, name: str) -> Path:
        """Return where the listed file `name` lies on disk, once its bytes fit the manifest.

        Raises:
            BundleError: The manifest does not list `name`.
            IntegrityError: Its bytes are not those listed.
            StateError: The bundle is closed.
        """
        if not self._is_open:
            raise StateError(
                f"bundle '{self.path.name}': got a read of '{name}' after close; reopen"
            )
        entry = self.manifest.files.get(name)
        if entry is None:
            raise BundleError(
                f"file {name!r}: got no such entry in the manifest of '{self.path.name}', expected "
                f"one of {sorted(self.manifest.files)[:20]}; export the bundle again"
            )
        path = self._root / name
        if name not in self._checked:
            check_file(path, name, entry)
            self._checked.add(name)
        return path

    def read_bytes(self, name: str) -> bytes:
        """Return the bytes of the listed file `name`, checked as `file` does, and again here.

        Raises:
            BundleError: As `file`.
        """
        path, entry = self.file(name), self.manifest.files[name]
        data = read_limited(path, name, entry.bytes)
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise IntegrityError(
                f"file '{name}': got other bytes than when the bundle was opened, expected them "
                "unchanged; keep the bundle where nothing else writes"
            )
        return data

    def golden(self) -> Iterator[tuple[str, dict[str, Array], dict[str, Array]]]:
        """Yield file name, raw inputs and PyTorch outputs of every golden sample.

        Raises:
            BundleError: A file is not an `.npz` of plain arrays; pickles are never read.
        """
        for sample in self.manifest.golden.samples:
            inputs, outputs = read_golden(self.read_bytes(sample.file), sample.file)
            yield sample.file, inputs, outputs

    def variant(self, name: str) -> Variant:
        """Return the variant `name`.

        Raises:
            UsageError: There is none of that name.
        """
        variants = {variant.name: variant for variant in self.manifest.variants}
        if name not in variants:
            raise UsageError(
                f"variant: got {name!r}, expected one of {sorted(variants)}; "
                "`edgewright inspect` lists them"
            )
        return variants[name]


def _check_arguments(path: object, check: str, expected_digest: str | None) -> None:
    if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
        raise UsageError(
            f"bundle: got {path!r:.80}, expected the path of a bundle folder or zip as text or "
            "Path; name it"
        )
    if check not in ("all", "used"):
        raise UsageError(f"check: got {check!r}, expected 'all' or 'used'; pass one of them")
    if expected_digest is not None and not (
        isinstance(expected_digest, str) and re.fullmatch("[0-9a-fA-F]{64}", expected_digest)
    ):
        raise UsageError(
            f"expected_digest: got {expected_digest!r}, expected 64 hexadecimal digits; "
            f"copy them from {MANIFEST_HASH}"
        )


def _existing(path: str | Path) -> Path:
    try:
        return Path(path).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a circle of links
        raise BundleNotFoundError(
            f"bundle: got {str(path)!r}, where nothing can be found ({error}), expected a bundle "
            "folder or zip; check the path"
        ) from error
