"""The zip form of a bundle: one deterministic archive, read without trusting it.

What Edgewright writes has stored members in order of their names, dated 1980, and ends with a
comment that holds the SHA-256 of all bytes before that hash, so that any change of the archive
shows. Archives of other programs (no comment; stored or deflated) are read too: what they hold is
checked against the manifest like a folder.
"""

import hashlib
import os
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

from edgewright.bundle.files import CHUNK, MANIFEST, MANIFEST_HASH, MANIFEST_LIMIT, open_regular
from edgewright.bundle.manifest import FileEntry
from edgewright.errors import BundleError, IntegrityError

_COMMENT = b"edgewright-bundle sha256 "
_HASH_SIZE = 64
_END = b"PK\5\6" + bytes(18)
"""The end record of a zip without a comment, up to its figures."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = stat.S_IFREG | 0o644
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    RuntimeError,  # with NotImplementedError: what `zipfile` raises for encryption and old methods
    ValueError,
    OverflowError,
    OSError,
)
"""What `zipfile` raises on broken archives."""


def write_archive(folder: Path, names: Iterable[str], path: Path) -> None:
    """Write the files `names` of `folder` as the new archive `path`."""
    with zipfile.ZipFile(path, "x") as archive:
        archive.comment = _COMMENT + b"0" * _HASH_SIZE
        for name in sorted(names):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.create_system = 3  # Unix, whatever writes it: equal bundles give equal archives
            member.external_attr = _MODE << 16
            member.file_size = (folder / name).stat().st_size
            with (folder / name).open("rb") as source, archive.open(member, "w") as target:
                shutil.copyfileobj(source, target, CHUNK)
    with path.open("r+b") as file:
        digest = _hash_before_comment_hash(file)
        file.seek(-_HASH_SIZE, os.SEEK_END)
        file.write(digest)
        file.flush()
        os.fsync(file.fileno())


class Archive:
    """A zip file opened for reading; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open `path` and check its own hash and the kinds and names of its members.

        Raises:
            IntegrityError: It is no zip file, or a broken or unsafe one.
        """
        self._path = path
        self._file = os.fdopen(open_regular(path, path.name), "rb")
        try:
            self._zip = zipfile.ZipFile(self._file)
            self._check_comment()
            self._members = self._members_by_name()
        except _BROKEN as error:
            self._file.close()
            if isinstance(error, BundleError):
                raise
            self._refuse(f"a file that is no readable zip ({error})", "a bundle folder or its zip")

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def read_limited(self, name: str, limit: int) -> bytes:
        """Return the bytes of member `name`, at most `limit`.

        Raises:
            IntegrityError: It is missing, larger or broken.
        """
        member = self._members.get(name)
        if member is None or member.file_size > limit:
            got = "no such member" if member is None else f"{member.file_size} bytes"
            self._refuse(f"{got} for '{name}'", f"at most {limit} bytes")
        try:
            with self._zip.open(member) as file:
                return file.read(limit)
        except _BROKEN as error:
            self._refuse(f"a broken member '{name}' ({error})", "a whole zip file")

    def extract(self, files: dict[str, FileEntry], folder: Path) -> None:
        """Write the manifest and exactly the listed `files` into `folder`, which is empty.

        No byte more than the manifest lists is written, whatever the archive claims.

        Raises:
            IntegrityError: A member is missing, unlisted, broken or of another size.
        """
        known = {*files, MANIFEST, MANIFEST_HASH}
        if unlisted := sorted(set(self._members) - known):
            self._refuse(f"unlisted member {unlisted[0]!r}", "the files of the manifest only")
        for name in (MANIFEST, MANIFEST_HASH):
            (folder / name).write_bytes(self.read_limited(name, MANIFEST_LIMIT))
        for name, entry in files.items():
            self._extract_file(name, entry.bytes, folder / name)

    def _extract_file(self, name: str, size: int, target: Path) -> None:
        member = self._members.get(name)
        if member is None or member.file_size != size:
            got = "no such member" if member is None else f"{member.file_size} bytes"
            self._refuse(f"{got} for '{name}'", f"{size} bytes")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for chunk in self._chunks(member):
                file.write(chunk)

    def _chunks(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        """Yield the content of `member`; `zipfile` gives no more than its `file_size` bytes."""
        try:
            with self._zip.open(member) as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except _BROKEN as error:
            self._refuse(f"a broken member {member.filename!r} ({error})", "a whole zip file")

    def _check_comment(self) -> None:
        comment = self._zip.comment
        if not comment:  # of another program, or cut off
            self._file.seek(-len(_END), os.SEEK_END)
            end = self._file.read()
            if (end[:4], end[-2:]) != (_END[:4], _END[-2:]):
                self._refuse("an end that is not that of a zip", "a whole zip file")
        elif comment[: len(_COMMENT)] != _COMMENT or comment[
            len(_COMMENT) :
        ] != _hash_before_comment_hash(self._file):
            self._refuse("bytes that its own hash does not fit", "the archive as it was written")

    def _members_by_name(self) -> dict[str, zipfile.ZipInfo]:
        """Return the files of the archive by bundle path, without the folder around all of them."""
        members = self._zip.infolist()
        for member in members:
            self._check_member(member)
        names = [member.filename for member in members]
        if len(set(names)) != len(names):
            self._refuse("two members of one name", "each once")
        around = "" if MANIFEST in names else names[0].split("/")[0] + "/" if names else ""
        if not all(name.startswith(around) for name in names):
            self._refuse(
                "more than one folder at the top", f"{MANIFEST} at the top or in one folder"
            )
        files = [member for member in members if not member.is_dir()]
        return {member.filename[len(around) :]: member for member in files}

    def _check_member(self, member: zipfile.ZipInfo) -> None:
        name, mode = member.filename, member.external_attr >> 16
        if member.orig_filename != name or not set(name.split("/")[:-1]).isdisjoint(
            {"", ".", ".."}
        ):
            self._refuse(f"member {member.orig_filename!r}", "relative paths")
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            self._refuse(f"member {name!r}, a link or device", "regular files")
        if member.flag_bits & 0x1:
            self._refuse(f"member {name!r}, encrypted", "plain members")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            self._refuse(f"member {name!r} of method {member.compress_type}", "stored or deflated")

    def _refuse(self, got: str, expected: str) -> NoReturn:
        raise IntegrityError(
            f"archive '{self._path.name}': got {got}, expected {expected}; copy the bundle again, "
            "or make the archive with `edgewright pack`"
        )


def _hash_before_comment_hash(file: BinaryIO) -> bytes:
    """Return the SHA-256 (hex) of all of `file` but its last 64 bytes."""
    file.seek(0, os.SEEK_END)
    left = file.tell() - _HASH_SIZE
    file.seek(0)
    digest = hashlib.sha256()
    while left > 0 and (chunk := file.read(min(CHUNK, left))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest().encode("ascii")
