"""Golden samples: arrays in, arrays out, and never a pickle."""

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewright.bundle import Bundle
from edgewright.bundle.golden import read_golden, write_golden
from edgewright.errors import BundleError

IMAGE, LOGITS = np.arange(12, dtype=np.uint8).reshape(2, 2, 3), np.array([0.5, -1], np.float32)


class Payload:
    """What runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_a_sample_is_read_as_it_was_written() -> None:
    data = write_golden({"image": IMAGE}, {"logits": LOGITS})
    inputs, outputs = read_golden(data, "sample")
    assert list(inputs) == ["image"]
    assert list(outputs) == ["logits"]
    np.testing.assert_array_equal(inputs["image"], IMAGE, strict=True)
    np.testing.assert_array_equal(outputs["logits"], LOGITS, strict=True)
    assert write_golden({"image": IMAGE}, {"logits": LOGITS}) == data


def test_a_pickle_in_an_intact_bundle_is_never_run(edit: Any, folder: Path, tmp_path: Path) -> None:
    pickled = np.array([Payload(tmp_path / "ran")], dtype=object)
    data = npz(**{"input.image": pickled, "output.logits": LOGITS})
    (folder / "golden/00.npz").write_bytes(data)
    edit(lambda manifest: None)
    with Bundle.open(folder) as bundle, pytest.raises(BundleError, match=r"golden/00.npz.*plain"):
        list(bundle.golden())
    assert not (tmp_path / "ran").exists()
    np.load(io.BytesIO(data), allow_pickle=True)["input.image"]
    assert (tmp_path / "ran").exists(), "the payload is none, so the test proves nothing"


def test_a_pickle_cannot_be_written() -> None:
    with pytest.raises(BundleError, match="Object arrays"):
        write_golden({"image": np.array([{}])}, {"logits": LOGITS})


def huge_array() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }"
        archive.writestr("input.x.npy", b"\x93NUMPY\x01\x00" + bytes([len(header), 0]) + header)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK",
        b"\x80\x04N.",
        npz(image=IMAGE),
        npz(**{"input.image": IMAGE}),
        npz(**{"output.logits": LOGITS}),
        npz(**{"input.image": IMAGE, "output.logits": LOGITS, "other": LOGITS}),
        npz(**{"input.image": IMAGE, "output.logits": LOGITS})[:-40],
        huge_array(),
    ],
    ids=["empty", "stub", "pickle", "unnamed", "no output", "no input", "more", "cut", "huge"],
)  # fmt: skip
def test_what_is_no_sample(data: bytes) -> None:
    with pytest.raises(BundleError, match="file 'sample': got a sample that cannot be used"):
        read_golden(data, "sample")


def test_arrays_that_unpack_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_golden({"image": np.zeros(10_000, np.uint8)}, {"logits": LOGITS})
    assert len(data) < 1000
    monkeypatch.setattr("edgewright.bundle.golden.LIMIT", 10_000)
    with pytest.raises(BundleError, match="more than 10000"):
        read_golden(data, "sample")
