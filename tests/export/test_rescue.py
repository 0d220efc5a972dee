"""The shipped voice where plain int8 ruins it, saved by a search within a budget."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import edgewright as ew
from edgewright.bundle.manifest import Receipt
from edgewright_export.export import export
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.recipes.fastspeech2 import FastSpeech2Recipe

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT / "examples" / "checkpoints" / "fastspeech2-en"
CALIBRATION, EVALUATION = slice(0, 6), slice(6, 14)
"""Sentences of each."""
LOUD = 256.0
"""A power of two, so that fp32 rounds as before."""


@pytest.fixture
def search(
    demo_bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Receipt]:
    """Return a function that exports int8 within a budget, from the graphs in `tmp_path`."""
    for graph in (demo_bundles / "fastspeech2-en.edge" / "variants" / "fp32").glob("*.onnx"):
        shutil.copyfile(graph, tmp_path / graph.name)
    lines = (ROOT / "examples" / "data" / "sentences.txt").read_text("utf-8").splitlines()
    files = tmp_path / "calibration.txt", tmp_path / "evaluation.txt"
    for file, part in zip(files, (CALIBRATION, EVALUATION), strict=True):
        file.write_text("\n".join(lines[part]), "utf-8")

    def copy(_: TracedComponent, path: Path) -> None:
        shutil.copyfile(tmp_path / path.name.removeprefix("traced-"), path)

    def run() -> Receipt:
        monkeypatch.setattr("edgewright_export.graphs.export_graph", copy)
        monkeypatch.setattr("edgewright_export.latency.BUDGET", 1.0)
        manifest = export(
            CHECKPOINT,
            tmp_path / "voice.edge",
            calibration=files[0],
            evaluation=files[1],
            budget="durations>=99%, mel>=30dB",
            require=["int8"],
        )
        assert ew.verify(tmp_path / "voice.edge").ok
        return manifest.variants[1].receipt

    return run


def check(receipt: Receipt) -> None:
    assert receipt.metric.value >= receipt.metric.minimum == 0.99
    assert receipt.parity.outputs_sqnr_db["mel"] >= 30
    assert set(receipt.why_kept) == set(receipt.kept_in_higher_precision)


@pytest.mark.slow  # measures forty forms of a real voice
def test_what_int8_may_not_have_is_found(
    search: Callable[[], Receipt], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The family keeps the predictors out of int8; without its advice the search finds them."""
    own = FastSpeech2Recipe.quantization
    monkeypatch.setattr(FastSpeech2Recipe, "quantization", lambda one: replace(own(one), keep=()))
    receipt = search()
    check(receipt)
    assert any("duration" in node for node in receipt.kept_in_higher_precision)
    assert len(receipt.kept_in_higher_precision) < 10


def test_outliers_of_the_encoder_are_moved(search: Callable[[], Receipt], tmp_path: Path) -> None:
    plant(tmp_path / "encoder.onnx")
    receipt = search()
    check(receipt)
    assert receipt.method.endswith("activations migrated")
    plain = receipt.search.split("; outlier channels moved")[0]
    assert plain.startswith("plain metric 0.")
    metric, mel = plain.split()[2].rstrip(","), plain.split("mel ")[1].split()[0]
    assert float(metric) < 0.6
    assert float(mel) < 30


def plant(path: Path) -> None:
    """Scale channels of every norm in the encoder's blocks up and their weights down."""
    model = onnx.load(path)
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = {node.name: node for node in model.graph.node}
    channels = slice(7, None, 80)

    def scale(name: str, axis: int, factor: float) -> None:
        values = np.moveaxis(numpy_helper.to_array(constants[name]).copy(), axis, 0)
        values[channels] *= factor
        restored = np.ascontiguousarray(np.moveaxis(values, 0, axis))
        constants[name].CopyFrom(numpy_helper.from_array(restored, name))

    for norm, product, axis in (
        ("attention_norm/LayerNormalization", "attention.qkv/MatMul", 0),
        ("feed_norm/LayerNormalization", "feed.wide/Conv", 1),
    ):
        for block in range(4):
            for name in nodes[f"encoder.blocks.{block}.{norm}"].input[1:]:
                scale(name, 0, LOUD)
            scale(nodes[f"encoder.blocks.{block}.{product}"].input[1], axis, 1 / LOUD)
    onnx.save(model, path)
