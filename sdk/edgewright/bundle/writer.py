"""Writing a bundle so that it appears whole or not at all."""

import hashlib
import os
import secrets
import shutil
from dataclasses import replace
from pathlib import Path

from edgewright.bundle.archive import Archive, write_archive
from edgewright.bundle.check import check_folder
from edgewright.bundle.datasheet import datasheet
from edgewright.bundle.files import (
    MANIFEST,
    MANIFEST_HASH,
    MANIFEST_LIMIT,
    check_path,
    hash_stream,
    list_files,
)
from edgewright.bundle.manifest import FileEntry, Manifest, Variant
from edgewright.bundle.manifest_json import read_manifest, sha256_line, write_manifest
from edgewright.errors import BundleError, EdgewrightError, StateError, UsageError

README = "README.md"


class BundleWriter:
    """Collects the files of a bundle in a hidden folder beside `output`; a context manager.

    `finish` renames that folder (or its zip) to `output`. Leaving the `with` block without it, by
    an error, an interruption or a full disk, removes everything that was written.
    """

    folder: Path
    """Where the files of the bundle are written, by `add` or directly."""

    def __init__(
        self,
        output: str | Path,
        *,
        overwrite: bool = False,
        zip: bool = False,  # noqa: A002 - the word of the command line
    ) -> None:
        """Check that `output` may be written; nothing is created yet.

        Args:
            output: The bundle to write.
            overwrite: Whether a bundle that lies at `output` is replaced (at the very end).
            zip: Whether `output` becomes one zip file instead of a folder.

        Raises:
            UsageError: `output` exists and may not be replaced, its folder does not exist, or it
                lies in another bundle.
        """
        self._output = Path(os.path.abspath(output))  # noqa: PTH100 - keeps a link as such
        self._zip = zip
        _check_output(self._output, overwrite=overwrite)
        self._overwrite = overwrite
        self.folder = _sibling(self._output, "partial")
        self._archive = _sibling(self._output, "partial")
        self._is_open = False

    def __enter__(self) -> "BundleWriter":
        try:
            self.folder.mkdir()
        except OSError as error:
            raise UsageError(
                f"output: got '{self._output}', where nothing can be made ({error.strerror}), "
                "expected a folder that may be written to; pass another path or change its rights"
            ) from error
        except BaseException:  # an interruption after the folder was made: no `__exit__` follows
            self.__exit__()
            raise
        self._is_open = True
        return self

    def __exit__(self, *_: object) -> None:
        self._is_open = False
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self._archive.unlink(missing_ok=True)

    def add(self, name: str, data: bytes) -> None:
        """Write the new file `name` of the bundle.

        Raises:
            BundleError: `name` is not a safe path, or was written before.
            StateError: The writer is not open.
        """
        self._check_open()
        check_path(name, "new file")
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("xb") as file:
                file.write(data)
        except FileExistsError as error:
            raise BundleError(
                f"new file: got {name!r} twice, expected each file once; choose another name"
            ) from error

    def finish(self, manifest: Manifest) -> Path:
        """Complete the bundle, move it to the output and return its path.

        Sizes and hashes are filled in from the folder: `manifest.files` and every
        `receipt.bytes` are replaced, whatever they hold. The datasheet `README.md` is written.

        Raises:
            BundleError: What would be written is not a bundle that `Bundle.open` takes.
            StateError: The writer is not open.
        """
        self._check_open()
        _remove_empty_folders(self.folder)
        files = {name: _entry(self.folder / name) for name in sorted(list_files(self.folder))}
        manifest = replace(
            manifest,
            files=files,
            variants=tuple(_with_size(variant, files) for variant in manifest.variants),
        )
        (self.folder / README).write_text(datasheet(manifest), encoding="utf-8")
        manifest = replace(
            manifest, files=dict(sorted({**files, README: _entry(self.folder / README)}.items()))
        )
        data = write_manifest(manifest)
        line = sha256_line(hashlib.sha256(data).hexdigest())
        (self.folder / MANIFEST).write_bytes(data)
        (self.folder / MANIFEST_HASH).write_bytes(line)
        self._publish(manifest)
        return self._output

    def _publish(self, manifest: Manifest) -> None:
        source = self.folder
        names = [*manifest.files, MANIFEST, MANIFEST_HASH]
        if self._zip:
            write_archive(self.folder, names, self._archive)
            source = self._archive
        else:
            _sync_tree(self.folder, names)
        _move(source, self._output, overwrite=self._overwrite)
        _sync(self._output.parent)
        self._is_open = False

    def _check_open(self) -> None:
        if not self._is_open:
            raise StateError(
                f"writer of '{self._output.name}': got a call outside its `with` block or after "
                "finish, expected an open writer; make a new one"
            )


def is_bundle(path: Path) -> bool:
    """Whether a bundle of any content, and nothing else, lies at `path` (sizes, no hashes)."""
    try:
        if path.is_dir():
            check_folder(path)
        else:
            with Archive(path) as archive:
                read_manifest(archive.read_limited(MANIFEST, MANIFEST_LIMIT))
    except EdgewrightError:
        return False
    return True


def _check_output(output: Path, *, overwrite: bool) -> None:
    if not output.parent.is_dir():
        raise UsageError(
            f"output: got '{output}', whose folder does not exist, expected one in an existing "
            f"folder; make it with: mkdir -p '{output.parent}'"
        )
    if around := next((folder for folder in output.parents if _looks_like_bundle(folder)), None):
        raise UsageError(
            f"output: got '{output}', which lies in the bundle '{around}', expected a path outside "
            "of bundles; a bundle with a further file is refused, so pass another path"
        )
    if not os.path.lexists(output):
        return
    if not overwrite:
        raise UsageError(
            f"output: got '{output}', which exists, expected a new path; "
            "pass another, or replace it with --force"
        )
    if output.is_symlink() or not is_bundle(output):
        raise UsageError(
            f"output: got '{output}', which is not a bundle and nothing but a bundle, expected "
            "something that may be replaced; remove it yourself or pass another path"
        )


def _looks_like_bundle(folder: Path) -> bool:
    # The functions, unlike the methods of `Path`, say no where a folder is closed to us.
    return all(os.path.isfile(folder / name) for name in (MANIFEST, MANIFEST_HASH))  # noqa: PTH113


def _sibling(output: Path, suffix: str) -> Path:
    return output.with_name(f".{output.name}.{secrets.token_hex(4)}.{suffix}")


def _entry(path: Path) -> FileEntry:
    with path.open("rb") as file:
        return FileEntry(sha256=hash_stream(file), bytes=path.stat().st_size)


def _with_size(variant: Variant, files: dict[str, FileEntry]) -> Variant:
    used = {name for component in variant.components.values() for name in component.files}
    size = sum(files[name].bytes for name in used if name in files)
    return replace(variant, receipt=replace(variant.receipt, bytes=size))


def _remove_empty_folders(root: Path) -> None:
    for folder, _, _ in os.walk(root, topdown=False):
        if Path(folder) != root and not os.listdir(folder):  # noqa: PTH208 - as `os.walk` gives it
            Path(folder).rmdir()


def _move(source: Path, output: Path, *, overwrite: bool) -> None:
    """Rename `source` to `output`; what lay there is removed last, and put back on failure."""
    if not (overwrite and os.path.lexists(output)):
        if os.path.lexists(output):
            raise UsageError(
                f"output: got '{output}', which appeared meanwhile, expected a new path; "
                "pass another, or replace it with --force"
            )
        source.rename(output)
        return
    old = _sibling(output, "old")
    output.rename(old)
    try:
        source.rename(output)
    finally:
        if os.path.lexists(output):
            _remove(old)
        else:
            old.rename(output)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _sync_tree(root: Path, names: list[str]) -> None:
    for name in names:
        _sync(root / name)
    for folder, _, _ in os.walk(root):
        _sync(Path(folder))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
