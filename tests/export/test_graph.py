"""The traced graph, and its int8 form."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from edgewright.bundle.manifest import Component
from edgewright.specs import TensorSpec
from edgewright_export import onnx_graph
from edgewright_export.onnx_graph import TracedComponent, describe, export_graph, opsets
from edgewright_export.quantization import QuantizationPlan
from edgewright_export.quantization.integer import quantize_integer
from edgewright_export.quantization.plan import kept_nodes


class Scaled(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = torch.nn.Linear(32, 64), torch.nn.Linear(64, 3)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.first(features)))


@pytest.fixture(scope="module")
def component() -> TracedComponent:
    example = {"features": torch.randn(2, 5, 32)}
    return TracedComponent(Scaled(), example, ("scores",), {"features": {0: "batch", 1: "time"}})


@pytest.fixture(scope="module")
def graph(component: TracedComponent, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "model.onnx"
    export_graph(component, path)
    return path


def run(path: Path, features: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["scores"], {"features": features})[0]


def test_names_and_dynamic_dimensions_are_described(graph: Path) -> None:
    assert describe(graph, graph.parent) == Component(
        ("model.onnx",),
        (TensorSpec("features", "float32", ("batch", "time", 32)),),
        (TensorSpec("scores", "float32", ("batch", "time", 3)),),
    )
    assert opsets([graph])["ai.onnx"] >= 18


def test_export_is_deterministic_and_names_no_folder_of_the_host(
    graph: Path, component: TracedComponent, tmp_path: Path
) -> None:
    export_graph(component, tmp_path / "again.onnx")
    data = graph.read_bytes()
    assert (tmp_path / "again.onnx").read_bytes() == data
    assert b".py" not in data
    assert str(Path(__file__).parents[2]).encode() not in data


def test_large_weights_go_to_a_second_file(
    graph: Path, component: TracedComponent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_graph, "EXTERNAL_DATA_BYTES", 4096)
    path = tmp_path / "large.onnx"
    export_graph(component, path)
    assert describe(path, tmp_path).files == ("large.onnx", "large.onnx.data")
    features = np.random.default_rng(0).normal(size=(1, 4, 32)).astype(np.float32)
    np.testing.assert_array_equal(run(path, features), run(graph, features))
    quantize_integer(path, tmp_path / "int8.onnx", QuantizationPlan())
    assert np.abs(run(tmp_path / "int8.onnx", features) - run(graph, features)).max() < 0.05


def test_int8_is_smaller_and_close(graph: Path, tmp_path: Path) -> None:
    assert quantize_integer(graph, tmp_path / "int8.onnx", QuantizationPlan()) == ()
    features = np.random.default_rng(0).normal(size=(2, 9, 32)).astype(np.float32)
    expected, answer = run(graph, features), run(tmp_path / "int8.onnx", features)
    assert 0 < np.abs(answer - expected).max() < 0.05 * np.abs(expected).max()
    assert (tmp_path / "int8.onnx").stat().st_size < 0.7 * graph.stat().st_size
    assert list(graph.parent.iterdir()) == [graph]


def test_kept_modules_stay_in_fp32(graph: Path, tmp_path: Path) -> None:
    plan = QuantizationPlan(keep=("last/*",))
    assert quantize_integer(graph, tmp_path / "int8.onnx", plan) == kept_nodes(graph, plan)
    assert kept_nodes(graph, plan) == ("last/MatMul",)
    nodes = {node.name: node.op_type for node in onnx.load(tmp_path / "int8.onnx").graph.node}
    assert nodes["last/MatMul"] == "MatMul"
    assert list(nodes.values()).count("MatMulInteger") == 1


def test_printed_words_of_libraries_stay_off_standard_output(
    graph: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    quantize_integer(graph, tmp_path / "int8.onnx", QuantizationPlan())
    assert capfd.readouterr() == ("", "")


def test_the_exporter_turns_telemetry_off_before_it_imports_onnxruntime(tmp_path: Path) -> None:
    kept = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    folders = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    code = "import edgewright_export.quantization.integer"
    subprocess.run([sys.executable, "-c", code], env={**kept, **folders}, check=True)
    assert list(tmp_path.iterdir()) == []
