"""Weights beyond one protobuf message lie in a second file of the component, at any size."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import edgewright as ew
from edgewright.errors import BundleError
from edgewright_export import onnx_graph
from edgewright_export.export import export


@pytest.fixture
def bundle(tiny: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a bundle whose weights count as too large for one file."""
    monkeypatch.setattr(onnx_graph, "EXTERNAL_DATA_BYTES", 1024)
    monkeypatch.setattr("edgewright_export.latency.BUDGET", 0.1)
    monkeypatch.setattr("edgewright_export.evaluation.KEPT_SHARE", {"int8": 0.0})
    export(tiny("vit"), tmp_path / "large.edge", require=["int8"])
    return tmp_path / "large.edge"


def test_every_variant_names_hashes_and_opens_both_files(bundle: Path, tmp_path: Path) -> None:
    with ew.Bundle.open(bundle) as opened:
        manifest = opened.manifest
    for variant in manifest.variants:
        files = variant.components["model"].files
        folder = f"variants/{variant.name}"
        assert files == (f"{folder}/model.onnx", f"{folder}/model.onnx.data")
        assert variant.receipt.bytes == sum(manifest.files[file].bytes for file in files)
        assert manifest.files[files[1]].bytes > 1024
    image = np.zeros((16, 16, 3), np.uint8)
    packed = ew.pack(bundle, tmp_path / "slim.edge", variants=["int8"], zip=True)
    for path in (bundle, packed):
        assert ew.verify(path, threads=1).ok
        with ew.load(path, precision="int8", check="used", threads=1) as model:
            assert np.isfinite(model.infer({"image": image})["logits"]).all()


def test_a_changed_or_missing_second_file_is_refused(bundle: Path) -> None:
    data = bundle / "variants" / "fp32" / "model.onnx.data"
    content = bytearray(data.read_bytes())
    content[0] ^= 1
    data.write_bytes(content)
    with pytest.raises(BundleError, match=r"model\.onnx\.data.*SHA-256"):
        ew.load(bundle, precision="fp32", check="used", threads=1)
    data.unlink()
    with pytest.raises(BundleError, match=r"model\.onnx\.data"):
        ew.load(bundle, precision="fp32", threads=1)
