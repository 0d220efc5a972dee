"""Static int8 products: what becomes of each kind, and that they compute what they stand for."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from edgewright_export.quantization.products import integer_products, write_integer_products

RANGES = {"x": (-2.0, 3.0)}
BOTH = ("MatMul", "Gemm")
IN, OUT = 6, 5


def node(operator: str, inputs: str, output: str, **attributes: Any) -> NodeProto:
    name = f"{output}/{operator}"
    return helper.make_node(operator, inputs.split(), [output], name, **attributes)


def store(path: Path, *nodes: NodeProto, rank: int = 3, **constants: NDArray[Any]) -> Path:
    """Write a graph from x (…, IN) to y (…, OUT)."""
    axes = ["batch", "time"][: rank - 1]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [*axes, size])
            for name, size in (("x", IN), ("y", OUT)))  # fmt: skip
    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", [x], [y], stored)
    opset = [helper.make_opsetid("", 20)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), path)
    return path


def normal(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def lower(path: Path, *, per_channel: bool = True, reduced_range: bool = False) -> ModelProto:
    names = integer_products(path, BOTH, RANGES)
    write_integer_products(
        path, names, RANGES, per_channel=per_channel, reduced_range=reduced_range
    )
    model = onnx.load(path)
    onnx.checker.check_model(model)
    return model


def run(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    answer: NDArray[np.float32] = session.run(None, {"x": x})[0]
    return answer


def rounded(
    x: NDArray[Any], weight: NDArray[Any], largest: int = 127, per_channel: bool = True
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return activations and weights (in, out) as their 8 bits stand for, in double precision."""
    low, high = RANGES["x"]
    step = (high - low) / 255
    zero = round(-low / step)
    values = (np.clip(np.rint(x.astype(float) / step) + zero, 0, 255) - zero) * step
    tops = np.abs(weight.astype(float)).max(axis=0 if per_channel else None)
    steps = np.where(tops > 0, tops / largest, 1)
    return values, np.rint(weight / steps) * steps


def operators(model: ModelProto) -> list[str]:
    return [each.op_type for each in model.graph.node]


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize(("reduced_range", "largest"), [(False, 127), (True, 64)])
@pytest.mark.parametrize("shape", [(1, 1, IN), (2, 7, IN)])
def test_product_with_bias_is_that_of_the_8_bit_numbers(
    shape: tuple[int, ...], reduced_range: bool, largest: int, per_channel: bool, tmp_path: Path
) -> None:
    weight, bias = normal(IN, OUT), normal(OUT, seed=1)
    weight[:, 2] = 0  # a channel without a scale of its own
    path = store(
        tmp_path / "product.onnx",
        node("MatMul", "x w", "product"), node("Add", "b product", "y"), w=weight, b=bias,
    )  # fmt: skip
    model = lower(path, per_channel=per_channel, reduced_range=reduced_range)
    assert operators(model) == ["QuantizeLinear", "MatMulIntegerToFloat"]
    assert model.graph.node[1].name == "product/MatMul"
    x = 2 * normal(*shape, seed=2)  # some of it beyond the range
    values, weights = rounded(x, weight, largest, per_channel)
    np.testing.assert_allclose(run(path, x), values @ weights + bias, atol=2e-5)


@pytest.mark.parametrize("transposed", [0, 1])
@pytest.mark.parametrize("biased", [True, False])
def test_gemm_is_a_product_of_its_kind(transposed: int, biased: bool, tmp_path: Path) -> None:
    weight, bias = normal(IN, OUT), normal(OUT, seed=1)
    constants = {"w": weight.T.copy() if transposed else weight, **({"b": bias} if biased else {})}
    inputs = " ".join(("x", *constants))
    gemm = node("Gemm", inputs, "y", transB=transposed)
    path = store(tmp_path / "gemm.onnx", gemm, rank=2, **constants)
    assert operators(lower(path)) == ["QuantizeLinear", "MatMulIntegerToFloat"]
    x = normal(4, IN, seed=2)
    values, weights = rounded(x, weight)
    np.testing.assert_allclose(run(path, x), values @ weights + biased * bias, atol=2e-5)


def test_what_several_products_read_is_quantized_once(tmp_path: Path) -> None:
    path = store(
        tmp_path / "shared.onnx",
        node("MatMul", "x v", "value"), node("MatMul", "x w", "gate"),
        node("MatMul", "x w", "again"), node("Mul", "value gate", "gated"),
        node("Add", "gated again", "y"), v=normal(IN, OUT), w=normal(IN, OUT, seed=1),
    )  # fmt: skip
    model = lower(path)
    assert operators(model).count("QuantizeLinear") == 1
    assert operators(model).count("MatMulIntegerToFloat") == 3
    weights = [each for each in model.graph.initializer if each.data_type == TensorProto.INT8]
    assert len(weights) == 2


def test_what_is_quantized_already_is_not_quantized_again(tmp_path: Path) -> None:
    path = store(
        tmp_path / "quantized.onnx",
        node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "d"),
        node("MatMul", "d w", "y"),
        s=np.float32(0.5), z=np.uint8(9), w=normal(IN, OUT),
    )  # fmt: skip
    model = lower(path)
    assert operators(model) == ["QuantizeLinear", "MatMulIntegerToFloat"]
    assert list(model.graph.node[1].input)[0:3:2] == ["q", "s"]


def test_bias_of_another_shape_or_for_another_reader_stays_an_addition(tmp_path: Path) -> None:
    product, weight = node("MatMul", "x w", "product"), normal(IN, OUT)
    for bias in (np.ones(1, np.float32), np.ones((1, 1, OUT), np.float32)):
        path = store(
            tmp_path / "wide.onnx", product, node("Add", "product b", "y"), w=weight, b=bias
        )
        assert operators(lower(path))[1:] == ["MatMulIntegerToFloat", "Add"]
    twice = (node("Add", "product b", "sum"), node("Mul", "sum product", "y"))
    path = store(tmp_path / "twice.onnx", product, *twice, w=weight, b=np.ones(OUT, np.float32))
    assert operators(lower(path))[1:] == ["MatMulIntegerToFloat", "Add", "Mul"]


def test_other_products_are_left_to_the_quantizer(tmp_path: Path) -> None:
    square, weight = normal(IN, IN), normal(IN, OUT)
    turned = node("Transpose", "x", "t", perm=[0, 2, 1])
    cases = {
        "of activations": ((turned, node("MatMul", "x t", "y")), {}),
        "weights first": ((turned, node("MatMul", "w t", "y")), {"w": square}),
        "weights by batch": ((node("MatMul", "x w", "y"),), {"w": weight[None]}),
    }
    for name, (nodes, constants) in cases.items():
        assert (
            integer_products(store(tmp_path / "g.onnx", *nodes, **constants), BOTH, RANGES) == ()
        ), name
    for attributes in ({"alpha": 0.5}, {"transA": 1}):
        gemm = node("Gemm", "x w", "y", **attributes)
        path = store(tmp_path / "gemm.onnx", gemm, rank=2, w=weight)
        assert integer_products(path, BOTH, RANGES) == ()
    plain = store(tmp_path / "plain.onnx", node("MatMul", "x w", "y"), w=weight)
    assert integer_products(plain, ("Gemm", "Conv"), RANGES) == ()
    assert integer_products(plain, BOTH, RANGES) == ("y/MatMul",)
    assert integer_products(plain, BOTH, {}) == ()  # nothing is known of x


def test_weights_that_others_read_or_of_another_type_are_left_to_the_quantizer(
    tmp_path: Path,
) -> None:
    square = normal(IN, IN)
    table = node("Gather", "w index", "rows")
    nodes = (table, node("MatMul", "x w", "product"), node("Add", "product rows", "y"))
    path = store(tmp_path / "table.onnx", *nodes, w=square, index=np.array([1]))
    assert integer_products(path, (*BOTH, "Gather"), RANGES) == ()
    double = (node("Cast", "x", "d", to=TensorProto.DOUBLE), node("MatMul", "d w", "p"),
              node("Cast", "p", "y", to=TensorProto.FLOAT))  # fmt: skip
    path = store(tmp_path / "double.onnx", *double, w=normal(IN, OUT).astype(np.float64))
    assert integer_products(path, BOTH, {**RANGES, "d": (-1.0, 1.0)}) == ()


def test_one_weight_as_it_is_and_transposed_is_two(tmp_path: Path) -> None:
    square = normal(IN, IN)
    nodes = (node("Gemm", "x w", "a"), node("Gemm", "x w", "b", transB=1), node("Sub", "a b", "y"))
    path = store(tmp_path / "both.onnx", *nodes, rank=2, w=square)
    lower(path)
    x = normal(3, IN, seed=2)
    (values, plain), (_, transposed) = rounded(x, square), rounded(x, square.T)
    np.testing.assert_allclose(run(path, x), values @ plain - values @ transposed, atol=5e-5)


def test_a_product_that_is_added_to_itself_is_one(tmp_path: Path) -> None:
    nodes = (node("MatMul", "x w", "product"), node("Add", "product product", "y"))
    model = lower(store(tmp_path / "twice.onnx", *nodes, w=normal(IN, OUT)))
    assert operators(model) == ["QuantizeLinear", "MatMulIntegerToFloat", "Add"]
