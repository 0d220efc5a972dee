"""Slim and zipped copies."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from edgewright.bundle import Bundle
from edgewright.bundle.pack import pack
from edgewright.bundle.writer import README
from edgewright.errors import IntegrityError, UsageError


@pytest.mark.parametrize("zipped", [False, True])
def test_a_slim_copy_has_one_variant_and_everything_else(
    stored: Path, tmp_path: Path, zipped: bool
) -> None:
    whole = Bundle.open(stored)
    with Bundle.open(pack(stored, tmp_path / "slim.edge", variants=["int8"], zip=zipped)) as slim:
        assert [variant.name for variant in slim.manifest.variants] == ["int8"]
        assert set(whole.manifest.files) - set(slim.manifest.files) == {"variants/fp32/model.onnx"}
        assert set(slim.manifest.golden.tolerance) == {"int8"}
        assert slim.manifest.rejected == whole.manifest.rejected
        assert slim.variant("int8") == whole.variant("int8")
        assert slim.read_bytes("golden/00.npz") == whole.read_bytes("golden/00.npz")
        assert b"| int8 |" in slim.read_bytes("README.md")
        assert b"| fp32 |" not in slim.read_bytes("README.md")


def test_a_whole_copy_has_the_same_digest_in_both_forms(stored: Path, tmp_path: Path) -> None:
    zipped = pack(stored, tmp_path / "zipped.edge", zip=True)
    unpacked = pack(zipped, tmp_path / "unpacked.edge")
    with Bundle.open(zipped) as bundle:
        assert bundle.digest == Bundle.open(unpacked).digest
        copied = {**bundle.manifest.files, README: None}
    # The datasheet is written anew.
    assert copied == {**Bundle.open(stored).manifest.files, README: None}


def test_files_that_a_kept_variant_shares_are_kept(edit: Any, folder: Path, tmp_path: Path) -> None:
    shared = "variants/int8/model.onnx"

    def share(manifest: dict[str, Any]) -> None:
        manifest["variants"][0]["components"]["model"]["files"] = [shared]
        manifest["variants"][0]["receipt"]["bytes"] = 308
        del manifest["files"]["variants/fp32/model.onnx"]

    edit(share)
    shutil.rmtree(folder / "variants/fp32")
    slim = Bundle.open(pack(folder, tmp_path / "slim.edge", variants=["fp32"]))
    assert shared in slim.manifest.files


def test_a_bundle_can_be_slimmed_in_place(folder: Path) -> None:
    pack(folder, folder, variants=["fp32"], overwrite=True)
    assert [variant.name for variant in Bundle.open(folder).manifest.variants] == ["fp32"]


@pytest.mark.parametrize(
    ("variants", "words"), [(["int4"], r"got \['int4'\], expected some of"), ([], "got none")]
)
def test_unknown_variants(stored: Path, tmp_path: Path, variants: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        pack(stored, tmp_path / "slim.edge", variants=variants)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_bundle_is_not_packed(folder: Path, tmp_path: Path) -> None:
    (folder / "NOTICE").write_bytes(bytes(42))
    with pytest.raises(IntegrityError, match="NOTICE"):
        pack(folder, tmp_path / "slim.edge", variants=["int8"])
    assert list(tmp_path.iterdir()) == [folder]
