"""Every kind of variant of one small network: what it becomes, and that it still answers."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper

from edgewright.errors import UsageError
from edgewright_export.lint import lint
from edgewright_export.onnx_graph import TracedComponent, export_graph
from edgewright_export.quantization import QuantizationPlan
from edgewright_export.quantization.precisions import PRECISIONS
from edgewright_export.quantization.ranges import METHODS, RangeCollector, check_method

OPERATORS = ("MatMul", "Gemm", "Conv")
STATIC = QuantizationPlan(operators=OPERATORS, static=True)


class Network(torch.nn.Module):
    """Convolution, LayerNorm, product, softmax."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv1d(32, 48, 3, padding=1)
        self.norm = torch.nn.LayerNorm(48)
        self.last = torch.nn.Linear(48, 40)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.conv(features.transpose(1, 2)).transpose(1, 2))
        scores = self.last(self.norm(hidden))
        # A mask as of attention: booleans times a number that half precision cannot hold.
        hidden_ones = (features[:, :, :1] > 1.5) & (torch.arange(40) > 30)
        return torch.softmax(scores + hidden_ones.float() * -1e9, -1)


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "model.onnx"
    example = {"features": torch.randn(2, 5, 32)}
    axes = {"features": {0: "batch", 1: "time"}}
    export_graph(TracedComponent(Network(), example, ("scores",), axes), path)
    return path


def features(count: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return (scale * np.random.default_rng(seed).normal(size=(1, count, 32))).astype(np.float32)


def run(path: Path, array: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["scores"], {"features": array})[0]


def observe(graph: Path, operators: tuple[str, ...], method: str = "min-max", scale: float = 1.0):
    collector = RangeCollector(graph, operators, method)
    for count in (3, 1, 40):  # of different lengths: nothing is stacked
        collector.observe({"features": features(count, count, scale)})
    return collector.finish()


@pytest.mark.parametrize("plan", [STATIC, QuantizationPlan()], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", PRECISIONS)
def test_every_variant_answers_nearly_as_fp32(
    name: str, plan: QuantizationPlan, graph: Path, tmp_path: Path
) -> None:
    precision = PRECISIONS[name]
    operators = precision.observed(plan)
    ranges = {} if operators is None else observe(graph, operators)
    precision.write(graph, tmp_path / "made.onnx", plan, ranges)
    onnx.checker.check_model(onnx.load(tmp_path / "made.onnx"))
    for count in (1, 17):
        expected = run(graph, features(count, 9))
        answer = run(tmp_path / "made.onnx", features(count, 9))
        error = np.square(answer - expected).sum() / np.square(expected).sum()
        if name == "fp32-trt":
            assert error == 0  # a copy
        else:
            assert 0 < error < (1e-6 if name == "fp16" else 2e-3)
    assert precision.describe(plan, "min-max")


def stored(path: Path) -> dict[str, np.ndarray]:
    model = onnx.load(path)
    return {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}


def test_the_reduced_form_has_weights_of_7_bits(graph: Path, tmp_path: Path) -> None:
    ranges = observe(graph, OPERATORS)
    for name, largest in (("int8", 127), ("int8-reduced", 64)):
        PRECISIONS[name].write(graph, tmp_path / f"{name}.onnx", STATIC, ranges)
        weights = [w for w in stored(tmp_path / f"{name}.onnx").values() if w.dtype == np.int8]
        assert max(np.abs(w.astype(int)).max() for w in weights if w.ndim > 1) == largest


def test_the_form_for_tensorrt_is_symmetric_whatever_the_plan(graph: Path, tmp_path: Path) -> None:
    plan = QuantizationPlan(operators=("MatMul", "Gemm", "Gather"))
    precision, path = PRECISIONS["int8-trt"], tmp_path / "made.onnx"
    assert precision.observed(plan) == ("MatMul", "Gemm")
    precision.write(graph, path, plan, observe(graph, ("MatMul", "Gemm")))
    assert {one.severity for one in lint(path) if one.backend == "tensorrt"} == {"incomplete"}
    points = [value for name, value in stored(path).items() if name.endswith("_zero_point")]
    assert points
    assert all(value.dtype == np.int8 and not value.any() for value in points)


def test_half_precision_keeps_what_it_cannot_hold(graph: Path, tmp_path: Path) -> None:
    half = PRECISIONS["fp16"]
    usual = half.write(graph, tmp_path / "usual.onnx", STATIC, observe(graph, ()))
    kinds = {"LayerNormalization", "Softmax", "Mul", "Add"}  # the last two make and add the mask
    assert {name.split("/")[1] for name in usual} == kinds
    wide = half.write(graph, tmp_path / "wide.onnx", STATIC, observe(graph, (), scale=3e4))
    assert {name.split("/")[1] for name in wide} > {*kinds, "Conv"}
    loud = features(4, scale=3e4)
    np.testing.assert_allclose(run(tmp_path / "wide.onnx", loud), run(graph, loud), atol=2e-3)
    inputs = onnx.load(tmp_path / "usual.onnx").graph.input
    assert [value.type.tensor_type.elem_type for value in inputs] == [TensorProto.FLOAT]
    assert (tmp_path / "usual.onnx").stat().st_size < 0.7 * graph.stat().st_size


def test_an_output_too_large_for_half_precision_stays_finite(tmp_path: Path) -> None:
    nodes = [onnx.helper.make_node("Mul", ["features", "factor"], ["scores"], name="graph/Mul")]
    sides = [onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2])
             for name in ("features", "scores")]  # fmt: skip
    factor = numpy_helper.from_array(np.array(1e6, np.float32), "factor")  # itself too large
    graph = onnx.helper.make_graph(nodes, "g", sides[:1], sides[1:], [factor])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "wide.onnx")
    ranges = {"features": (-1.0, 1.0), "scores": (-1e6, 1e6)}
    kept = PRECISIONS["fp16"].write(tmp_path / "wide.onnx", tmp_path / "made.onnx", STATIC, ranges)
    assert kept == ("graph/Mul",)
    answer = run(tmp_path / "made.onnx", np.array([[0.5, -0.25]], np.float32))
    np.testing.assert_array_equal(answer, [[5e5, -2.5e5]])


def test_8_bit_blocks_leave_kept_products_alone(graph: Path, tmp_path: Path) -> None:
    plan = QuantizationPlan(keep=("last/*",))
    assert PRECISIONS["int8w"].write(graph, tmp_path / "kept.onnx", plan, {}) == ("last/MatMul",)
    PRECISIONS["int8w"].write(graph, tmp_path / "made.onnx", QuantizationPlan(), {})
    kinds = [{node.op_type for node in onnx.load(tmp_path / f"{name}.onnx").graph.node}
             for name in ("kept", "made")]  # fmt: skip
    assert "MatMulNBits" not in kinds[0]
    assert "MatMulNBits" in kinds[1]


@pytest.mark.parametrize("method", METHODS)
def test_ranges_are_those_of_all_samples(method: str, graph: Path) -> None:
    given = np.concatenate([features(count, count).ravel() for count in (3, 1, 40)])
    low, high = observe(graph, (), method)["features"]
    assert given.min() <= low < 0 < high <= given.max()
    if method == "min-max":
        assert (low, high) == (given.min(), given.max())
    assert observe(graph, (), method) == observe(graph, (), method)


def test_a_percentile_passes_over_a_single_outlier(graph: Path) -> None:
    found = {}
    for method in ("min-max", "percentile"):
        collector = RangeCollector(graph, (), method)
        for seed in range(4):
            array = features(2000, seed)
            array[0, 0, 0] = 400.0 if seed == 2 else 0.0
            collector.observe({"features": array})
        found[method] = collector.finish()["features"]
    assert found["min-max"][1] == 400
    assert found["percentile"][1] < 50


def test_nothing_observed_gives_no_ranges_and_unknown_methods_are_refused(graph: Path) -> None:
    assert RangeCollector(graph, OPERATORS).finish() == {}
    with pytest.raises(UsageError, match="expected one of min-max, percentile, entropy"):
        check_method("mean")
