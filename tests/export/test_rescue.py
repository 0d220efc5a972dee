"""The shipped voice, which plain int8 of everything ruins, saved by a search within a budget."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import edgewright as ew
from edgewright_export.export import export
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.recipes.fastspeech2 import FastSpeech2Recipe

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT / "examples" / "checkpoints" / "fastspeech2-en"
CALIBRATION, EVALUATION = slice(0, 6), slice(6, 14)
"""Sentences of each."""


@pytest.fixture
def plain(demo_bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Leave nothing of the voice out of int8; return sentences to calibrate with and to judge by."""
    traced = demo_bundles / "fastspeech2-en.edge" / "variants" / "fp32"

    def copy(_: TracedComponent, path: Path) -> None:
        shutil.copyfile(traced / path.name, path)

    own = FastSpeech2Recipe.quantization
    monkeypatch.setattr("edgewright_export.graphs.export_graph", copy)
    monkeypatch.setattr(FastSpeech2Recipe, "quantization", lambda one: replace(own(one), keep=()))
    lines = (ROOT / "examples" / "data" / "sentences.txt").read_text("utf-8").splitlines()
    files = tmp_path / "calibration.txt", tmp_path / "evaluation.txt"
    for file, part in zip(files, (CALIBRATION, EVALUATION), strict=True):
        file.write_text("\n".join(lines[part]), "utf-8")
    return files


def test_a_budget_finds_the_duration_predictor(plain: tuple[Path, Path], tmp_path: Path) -> None:
    output = tmp_path / "voice.edge"
    manifest = export(
        CHECKPOINT,
        output,
        calibration=plain[0],
        evaluation=plain[1],
        budget="durations>=99%, mel>=30dB",
        require=["int8"],
    )
    receipt = manifest.variants[1].receipt
    assert receipt.metric.value >= 0.99
    assert receipt.metric.minimum == 0.99
    assert receipt.parity.outputs_sqnr_db["mel"] >= 30
    assert set(receipt.why_kept) == set(receipt.kept_in_higher_precision)
    assert any("duration" in node for node in receipt.kept_in_higher_precision)
    assert len(receipt.kept_in_higher_precision) < 10
    assert ew.verify(output).ok
