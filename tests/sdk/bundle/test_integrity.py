"""Whatever is changed in a bundle on disk, it does not open."""

import os
import random
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from edgewright.bundle import Bundle, Check
from edgewright.errors import BundleError, BundleNotFoundError, IntegrityError

FLIPS = 400


def flip_and_open(files: list[Path], bundle: Path) -> list[str]:
    """Flip one random bit at a time; return the name of each refusal, or `opened`."""
    rng = random.Random(1)
    places = [(file, index) for file in files for index in range(file.stat().st_size)]
    results = []
    for file, index in rng.choices(places, k=FLIPS):
        original = file.read_bytes()
        flipped = bytearray(original)
        flipped[index] ^= 1 << rng.randrange(8)
        file.write_bytes(flipped)
        try:
            Bundle.open(bundle).close()
            results.append("opened")
        except BundleError as error:
            results.append(type(error).__name__)
        file.write_bytes(original)
    return results


def test_400_bit_flips_in_a_folder_are_400_refusals(folder: Path) -> None:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    assert flip_and_open(files, folder) == ["IntegrityError"] * FLIPS
    Bundle.open(folder)


def test_400_bit_flips_in_a_zip_are_400_refusals(archive: Path) -> None:
    assert flip_and_open([archive], archive) == ["IntegrityError"] * FLIPS
    Bundle.open(archive).close()


def test_hashes_that_fit_a_damaged_manifest_never_lead_to_a_crash(
    folder: Path, write_manifest: Callable[[bytes], None]
) -> None:
    rng = random.Random(2)
    original = (folder / "manifest.json").read_bytes()
    messages = []
    for _ in range(200):
        changed = bytearray(original)
        for index in rng.sample(range(len(changed)), 3):
            changed[index] = rng.randrange(256)
        write_manifest(bytes(changed))
        try:
            Bundle.open(folder)
        except BundleError as error:
            messages.append(str(error))
    assert len(messages) > 100
    assert max(map(len, messages)) < 1500


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sha256", "README.md", "NOTICE"])
def test_every_bit_of_the_first_bytes_counts(folder: Path, name: str) -> None:
    original = (folder / name).read_bytes()
    for bit in range(8 * 12):
        flipped = bytearray(original)
        flipped[bit // 8] ^= 1 << bit % 8
        (folder / name).write_bytes(flipped)
        with pytest.raises(IntegrityError):
            Bundle.open(folder)


def remove_graph(folder: Path) -> None:
    (folder / "variants/int8/model.onnx").unlink()


def remove_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def remove_manifest_hash(folder: Path) -> None:
    (folder / "manifest.sha256").unlink()


def add_file(folder: Path) -> None:
    (folder / "variants/fp32/extra.bin").write_bytes(b"")


def add_folder(folder: Path) -> None:
    (folder / "assets").mkdir()


def grow_file(folder: Path) -> None:
    with (folder / "NOTICE").open("ab") as file:
        file.truncate(2**40)  # sparse: read whole, it would take minutes and a terabyte


def truncate_file(folder: Path) -> None:
    os.truncate(folder / "golden/00.npz", 100)


def link_to_equal_bytes(folder: Path) -> None:
    outside = shutil.move(folder / "NOTICE", folder.parent / "NOTICE")
    (folder / "NOTICE").symlink_to(outside)


def link_inside(folder: Path) -> None:
    (folder / "README.md").rename(folder / "golden/README.md")
    (folder / "README.md").symlink_to("golden/README.md")


def link_folder(folder: Path) -> None:
    outside = shutil.move(folder / "golden", folder.parent / "golden")
    (folder / "golden").symlink_to(outside)


def link_manifest(folder: Path) -> None:
    outside = shutil.move(folder / "manifest.json", folder.parent / "manifest.json")
    (folder / "manifest.json").symlink_to(outside)


def file_to_pipe(folder: Path) -> None:
    (folder / "NOTICE").unlink()
    os.mkfifo(folder / "NOTICE")


def manifest_to_pipe(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")


def file_to_folder(folder: Path) -> None:
    (folder / "NOTICE").unlink()
    (folder / "NOTICE").mkdir()


def folder_to_file(folder: Path) -> None:
    shutil.rmtree(folder / "golden")
    (folder / "golden").write_bytes(b"")


def add_unprintable_name(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\x1b[2J")).write_bytes(b"")


DAMAGES: list[tuple[Callable[[Path], None], str]] = [
    (remove_graph, "variants/int8/model.onnx': got no such file"),
    (remove_manifest, "without manifest.json"),
    (remove_manifest_hash, "manifest.sha256': got No such file"),
    (add_file, "variants/fp32/extra.bin'.*does not list"),
    (add_folder, "assets'.*does not list"),
    (grow_file, "got 1099511627776 bytes, expected 42"),
    (truncate_file, "got 100 bytes"),
    (link_to_equal_bytes, "NOTICE': got a link"),
    (link_inside, "README.md'"),
    (link_folder, "golden': got a link"),
    (link_manifest, "manifest.json': got"),
    (file_to_pipe, "NOTICE': got a link, pipe"),
    (manifest_to_pipe, "manifest.json': got a link, pipe"),
    (file_to_folder, "folder 'NOTICE'.*does not list"),
    (folder_to_file, "file 'golden'.*does not list"),
    (add_unprintable_name, r"\\udcff\\x1b"),
]


@pytest.mark.parametrize("check", ["all", "used"])
@pytest.mark.parametrize(
    ("damage", "words"), DAMAGES, ids=[damage.__name__ for damage, _ in DAMAGES]
)
def test_damaged_folders_are_refused_even_where_files_are_hashed_late(
    folder: Path, damage: Callable[[Path], None], words: str, check: Check
) -> None:
    damage(folder)
    with pytest.raises(IntegrityError, match=words):
        Bundle.open(folder, check=check)


def test_used_hashes_a_file_when_it_is_asked_for(folder: Path) -> None:
    text = (folder / "NOTICE").read_bytes()
    (folder / "NOTICE").write_bytes(text.swapcase())
    with Bundle.open(folder, check="used") as bundle:
        bundle.file("variants/fp32/model.onnx")
        with pytest.raises(IntegrityError, match="NOTICE': got SHA-256"):
            bundle.file("NOTICE")


def test_bytes_that_change_after_opening_are_noticed_by_read_bytes(folder: Path) -> None:
    with Bundle.open(folder) as bundle:
        (folder / "NOTICE").write_bytes((folder / "NOTICE").read_bytes().swapcase())
        with pytest.raises(IntegrityError, match="unchanged"):
            bundle.read_bytes("NOTICE")


def test_a_pinned_digest_refuses_another_intact_bundle(stored: Path) -> None:
    with pytest.raises(IntegrityError, match="pinned"):
        Bundle.open(stored, expected_digest="0" * 64)


def test_a_bundle_reached_by_a_link_opens(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link.edge").symlink_to(folder)
    assert Bundle.open(tmp_path / "link.edge").path == folder


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    for path in [tmp_path / "absent.edge", tmp_path / "circle", tmp_path / "nul\0.edge"]:
        with pytest.raises(BundleNotFoundError, match="check the path"):
            Bundle.open(path)


def test_not_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "text.edge").write_text("hello")
    (tmp_path / "empty.edge").mkdir()
    os.mkfifo(tmp_path / "pipe.edge")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.edge"))
        for name in ["text.edge", "empty.edge", "pipe.edge", "socket.edge"]:
            with pytest.raises(IntegrityError):
                Bundle.open(tmp_path / name)
