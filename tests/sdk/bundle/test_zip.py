"""The zip form: ordinary archives are read, and no archive makes the reader write elsewhere."""

import contextlib
import random
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgewright.bundle import Bundle
from edgewright.bundle.pack import pack
from edgewright.errors import BundleError, IntegrityError


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Nothing is left where archives are unpacked, and nothing beside it, whatever a test does."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert list(place.iterdir()) == []


def names(stored: Path) -> list[str]:
    return [str(file.relative_to(stored)) for file in sorted(stored.rglob("*")) if file.is_file()]


def zip_of(stored: Path, path: Path, around: str = "", method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in names(stored):
            archive.writestr(around + name, (stored / name).read_bytes())
    return path


def refuse(path: Path, words: str) -> None:
    with pytest.raises(IntegrityError, match=words):
        Bundle.open(path)


@pytest.mark.parametrize("around", ["", "colours.edge/"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archives_of_other_programs_open(
    stored: Path, tmp_path: Path, around: str, method: int
) -> None:
    with Bundle.open(zip_of(stored, tmp_path / "b.edge", around, method)) as bundle:
        assert bundle.digest == Bundle.open(stored).digest


def test_an_archive_with_folder_members_opens(stored: Path, tmp_path: Path) -> None:
    path = shutil.make_archive(str(tmp_path / "b"), "zip", stored.parent, stored.name)
    with Bundle.open(path) as bundle:
        assert bundle.digest == Bundle.open(stored).digest


def test_equal_bundles_give_equal_archives(stored: Path, stored_zip: Path, tmp_path: Path) -> None:
    again = pack(stored_zip, tmp_path / "again.edge", zip=True)
    assert again.read_bytes() == pack(stored, tmp_path / "b.edge", zip=True).read_bytes()
    with zipfile.ZipFile(again) as archive:
        members = archive.infolist()
    assert [member.filename for member in members] == sorted(names(stored))
    assert {member.compress_type for member in members} == {zipfile.ZIP_STORED}
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}


def test_every_truncation_is_refused(archive: Path) -> None:
    data = archive.read_bytes()
    for size in [*range(0, len(data), 97), *range(len(data) - 100, len(data))]:
        archive.write_bytes(data[:size])
        with pytest.raises(BundleError):
            Bundle.open(archive)


@pytest.mark.parametrize("extra", [b"x", b"\0" * 100])
def test_bytes_around_an_archive_are_refused(archive: Path, extra: bytes) -> None:
    data = archive.read_bytes()
    for changed in (data + extra, extra + data):
        archive.write_bytes(changed)
        refuse(archive, "archive 'copy_zip.edge'")


def test_bytes_after_a_foreign_archive_are_refused(stored: Path, tmp_path: Path) -> None:
    path = zip_of(stored, tmp_path / "b.edge")
    path.write_bytes(path.read_bytes() + bytes(30))
    refuse(path, "an end that is not that of a zip")


def test_changed_content_of_a_foreign_archive_is_refused(stored: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(stored, tmp_path / "changed")
    (changed / "NOTICE").write_bytes((changed / "NOTICE").read_bytes().swapcase())
    refuse(zip_of(changed, tmp_path / "b.edge"), "NOTICE': got SHA-256")


def test_a_damaged_foreign_archive_is_refused_or_means_the_same(
    stored: Path, tmp_path: Path
) -> None:
    path = zip_of(stored, tmp_path / "b.edge", method=zipfile.ZIP_DEFLATED)
    original, digest = path.read_bytes(), Bundle.open(stored).digest
    rng = random.Random(3)
    for _ in range(200):
        changed = bytearray(original)
        changed[rng.randrange(len(changed))] = rng.randrange(256)
        path.write_bytes(changed)
        with contextlib.suppress(BundleError), Bundle.open(path) as bundle:
            assert bundle.digest == digest


def test_a_foreign_comment_is_refused(archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as changed:
        changed.comment = b"hello"
    refuse(archive, "its own hash")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../evil", "relative paths"),
        ("a/../../evil", "relative paths"),
        ("/tmp/evil", "relative paths"),
        ("colours.edge/../evil", "relative paths"),
        ("a//b", "relative paths"),
        ("..", "more than one folder|unlisted"),
        ("..\\evil", "unlisted member"),
        ("extra", "unlisted member 'extra'"),
        ("NOTICE", "two members of one name"),
        ("other/manifest.json", "unlisted member"),
        ("x\0y", "relative paths"),
    ],
)
def test_members_that_do_not_belong(stored: Path, tmp_path: Path, name: str, words: str) -> None:
    path = zip_of(stored, tmp_path / "b.edge")
    with zipfile.ZipFile(path, "a") as archive, pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *_, **__: None)  # of the duplicate name
        member = zipfile.ZipInfo("placeholder")
        member.filename = name
        archive.writestr(member, b"evil")
    refuse(path, words)


def test_two_top_folders(stored: Path, tmp_path: Path) -> None:
    path = zip_of(stored, tmp_path / "b.edge", "one/")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("two/manifest.json", b"{}")
    refuse(path, "more than one folder at the top")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices(stored: Path, tmp_path: Path, kind: int) -> None:
    path = tmp_path / "b.edge"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names(stored):
            member = zipfile.ZipInfo(name)
            member.external_attr = (kind if name == "NOTICE" else stat.S_IFREG) << 16
            archive.writestr(member, (stored / name).read_bytes())
    refuse(path, "'NOTICE', a link or device")


def set_flag_of_every_member(path: Path, flag: int) -> None:
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        start = data.find(signature)
        while start >= 0:
            data[start + offset] |= flag
            start = data.find(signature, start + 4)
    path.write_bytes(data)


def test_encrypted_members(stored: Path, tmp_path: Path) -> None:
    path = zip_of(stored, tmp_path / "b.edge")
    set_flag_of_every_member(path, 1)
    refuse(path, "encrypted")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods(stored: Path, tmp_path: Path, method: int) -> None:
    refuse(zip_of(stored, tmp_path / "b.edge", method=method), "stored or deflated")


def bomb(path: Path, name: str, size: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.sha256", b"")
        with archive.open(name, "w", force_zip64=True) as file:
            for _ in range(size // 2**20):
                file.write(bytes(2**20))
    return path


def test_a_manifest_that_unpacks_to_many_times_its_limit(tmp_path: Path) -> None:
    path = bomb(tmp_path / "b.edge", "manifest.json", 64 * 2**20)
    assert path.stat().st_size < 10**5
    refuse(path, "67108864 bytes for 'manifest.json'")


def test_a_member_that_unpacks_to_more_than_is_listed(stored: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.edge"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names(stored):
            data = bytes(64 * 2**20) if name == "NOTICE" else (stored / name).read_bytes()
            archive.writestr(name, data)
    refuse(path, "67108864 bytes for 'NOTICE', expected 42")


def test_a_member_that_claims_a_small_size_but_is_large(stored: Path, tmp_path: Path) -> None:
    path = zip_of(stored, tmp_path / "b.edge", method=zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(path) as archive:
        large, small = archive.getinfo("README.md"), archive.getinfo("NOTICE")
    data = path.read_bytes()
    sizes = large.compress_size.to_bytes(4, "little") + large.file_size.to_bytes(4, "little")
    lied = large.compress_size.to_bytes(4, "little") + small.file_size.to_bytes(4, "little")
    assert data.count(sizes) == 2
    path.write_bytes(data.replace(sizes, lied))
    refuse(path, "42 bytes for 'README.md', expected")


def test_a_missing_member(stored: Path, tmp_path: Path) -> None:
    for missing in ["manifest.json", "manifest.sha256", "golden/00.npz"]:
        part = shutil.copytree(stored, tmp_path / f"without-{Path(missing).name}")
        (part / missing).unlink()
        refuse(zip_of(part, tmp_path / f"{Path(missing).name}.edge"), "no such member|at the top")


def test_an_empty_archive(tmp_path: Path) -> None:
    zipfile.ZipFile(tmp_path / "b.edge", "w").close()
    refuse(tmp_path / "b.edge", "no such member for 'manifest.json'")
