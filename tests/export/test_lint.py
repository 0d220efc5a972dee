"""Each rule of the linter on a graph that breaks it, and on one that does not."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

import tiny_bundles
from edgewright.cli import main
from edgewright.errors import BundleError
from edgewright_export.lint import Finding, lint

ONE, ZERO = np.array(0.5, np.float32), np.array(0, np.int8)


def make(
    path: Path, nodes: Sequence[NodeProto], *, kind: int = TensorProto.FLOAT, **constants: Any
) -> Path:
    """Write a graph `x` (4, 4) -> `y`."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, (4, 4))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph), path)
    return path


def node(kind: str, inputs: str, outputs: str, **rest: Any) -> NodeProto:
    return helper.make_node(kind, inputs.split(), outputs.split(), name=f"the/{kind}", **rest)


def inner(one: NodeProto) -> Any:
    return helper.make_graph(
        [one], "inner", [], [helper.make_tensor_value_info("u", TensorProto.FLOAT, None)]
    )


def quantize(**constants: Any) -> tuple[list[NodeProto], dict[str, Any]]:
    nodes = [node("QuantizeLinear", "x scale zero", "q"),
             node("DequantizeLinear", "q scale zero", "y")]  # fmt: skip
    return nodes, {"scale": ONE, "zero": ZERO, **constants}


def found(path: Path, nodes: Sequence[NodeProto], **rest: Any) -> list[Finding]:
    return lint(make(path / "graph.onnx", nodes, **rest))


def test_symmetric_pairs_of_constant_scales_are_accepted(tmp_path: Path) -> None:
    nodes, constants = quantize()
    assert found(tmp_path, nodes, **constants) == []
    without = [
        node("QuantizeLinear", "x scale zero", "q"),
        node("DequantizeLinear", "q scale", "y"),
    ]
    assert found(tmp_path, without, **constants) == []


@pytest.mark.parametrize(
    ("constants", "why"),
    [
        ({"zero": np.array(3, np.int8)}, "zero point 'zero' is not 0"),
        ({"zero": np.array(0, np.uint8)}, "uint8; TensorRT wants int8"),
        ({"zero": np.array(0, np.int32)}, "a bias of 32 bits"),
    ],
)
def test_other_pairs_are_refused_by_node(
    tmp_path: Path, constants: dict[str, Any], why: str
) -> None:
    nodes, all_constants = quantize(**constants)
    findings = found(tmp_path, nodes, **all_constants)
    assert [one.node for one in findings] == ["the/QuantizeLinear", "the/DequantizeLinear"]
    assert all(why in one.why and one.severity == "refused" for one in findings)


def test_computed_scales_are_refused(tmp_path: Path) -> None:
    nodes = [node("ReduceMax", "x", "scale", keepdims=0), *quantize()[0]]
    findings = found(tmp_path, nodes, zero=ZERO)
    assert ["scale 'scale' is computed" in one.why for one in findings] == [True, True]


@pytest.mark.parametrize(
    ("nodes", "constants", "why"),
    [
        ([node("DynamicQuantizeLinear", "x", "q s z")], {}, "scales of each input anew"),
        ([node("Unique", "x", "y")], {}, "parser does not have"),
        ([node("FusedMatMul", "x x", "y", domain="com.microsoft")], {}, "com.microsoft"),
        ([node("MatMulNBits", "x w s", "y", domain="com.microsoft")], {"w": ZERO, "s": ONE},
         "beside fp16 only"),
        ([node("ReduceMax", "x", "m", keepdims=0), node("Cast", "m", "i", to=TensorProto.INT64),
          node("Range", "start i step", "y")],
         {"start": np.array(0), "step": np.array(1)}, "'i' depends on values and decides a shape"),
        ([node("If", "c", "y", then_branch=inner(node("Unique", "x", "u")),
               else_branch=inner(node("Relu", "x", "u"))), node("BitShift", "x x", "z")],
         {"c": np.array(True)}, "parser does not have"),
    ],
)  # fmt: skip
def test_what_tensorrt_does_not_take_is_refused(
    tmp_path: Path, nodes: Sequence[NodeProto], constants: dict[str, Any], why: str
) -> None:
    *inside, finding = found(tmp_path, nodes, **constants)
    assert [one.operator for one in inside] == (["Unique"] if nodes[0].op_type == "If" else [])
    assert (finding.backend, finding.severity) == ("tensorrt", "refused")
    assert finding.node == nodes[-1].name
    assert why in finding.why


def test_what_tensorrt_takes_at_a_price_is_told(tmp_path: Path) -> None:
    double = [node("Cast", "x", "d", to=TensorProto.DOUBLE), node("Add", "d two", "y")]
    (inexact,) = found(tmp_path, double, two=np.array(2.0))
    (slow,) = found(tmp_path, [node("NonZero", "x", "y")])
    assert (inexact.severity, inexact.node) == ("inexact", "the/Add")
    assert (slow.severity, slow.node) == ("slow", "the/NonZero")


def test_tables_without_a_product_are_exact_and_other_files_are_refused(tmp_path: Path) -> None:
    nodes = [node("DynamicQuantizeLinear", "x", "q s z"), node("DequantizeLinear", "w scale", "t"),
             node("Gather", "t index", "y")]  # fmt: skip
    constants = {"w": np.full((4, 4), 127, np.int8), "scale": ONE, "index": np.array([1])}
    findings = found(tmp_path, nodes, **constants)
    assert [one.severity for one in findings] == ["refused"]  # the dynamic scales
    nodes[-1] = node("MatMul", "x t", "y")
    assert "inexact" in {one.severity for one in found(tmp_path, nodes, **constants)}
    (tmp_path / "text.onnx").write_text("no graph")
    with pytest.raises(BundleError, match=r"text\.onnx.* expected an ONNX file"):
        lint(tmp_path / "text.onnx")


def test_shapes_that_follow_from_shapes_are_accepted(tmp_path: Path) -> None:
    nodes = [node("Shape", "x", "s"), node("Mul", "s two", "t"), node("Expand", "one t", "y")]
    assert found(tmp_path, nodes, two=np.array([1, 2]), one=ONE) == []
    half = [node("MatMulNBits", "x w s", "y", domain="com.microsoft")]
    assert found(tmp_path, half, kind=TensorProto.FLOAT16, w=ZERO, s=ONE) == []


def test_half_precision_is_slow_and_8_bit_weights_are_inexact_on_some_cpus(tmp_path: Path) -> None:
    half = [node("MatMul", "x x", "y")]
    (slow,) = found(tmp_path, half, kind=TensorProto.FLOAT16)
    assert (slow.backend, slow.severity, slow.node) == ("cpu", "slow", "the/MatMul")
    for largest, severities in ((65, ["inexact"]), (64, [])):
        nodes = [node("DynamicQuantizeLinear", "x", "q s z"), node("MatMulInteger", "q w", "y")]
        findings = found(tmp_path, nodes, w=np.full((4, 4), largest, np.int8))
        assert [one.severity for one in findings if one.backend == "cpu without vnni"] == severities
        constants = {"s": np.float32(1), "z": np.uint8(3), "w": np.full((4, 4), largest, np.int8)}
        product = node("MatMulIntegerToFloat", "q w s s z", "y", domain="com.microsoft")
        findings = found(tmp_path, [node("QuantizeLinear", "x s z", "q"), product], **constants)
        assert [one.severity for one in findings if one.backend == "cpu without vnni"] == severities
        assert ("refused", "the/MatMulIntegerToFloat") in {(f.severity, f.node) for f in findings}


def test_dynamic_dimensions_want_a_profile(tmp_path: Path) -> None:
    path = make(tmp_path / "graph.onnx", [node("Relu", "x", "y")])
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "time"
    onnx.save(model, path)
    (finding,) = lint(path)
    assert (finding.severity, finding.node, finding.operator) == ("incomplete", "x", "input")
    assert lint(path, profiled=["time"]) == []


def test_the_command_tells_by_variant_and_ends_with_5_for_a_refusing_backend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = str(tiny_bundles.MAKERS["vit"](tmp_path / "vit.edge"))
    assert main(["lint", bundle]) == 0
    assert "incomplete" in capsys.readouterr().out
    assert main(["lint", bundle, "--variant", "fp32", "--backend", "cpu"]) == 0
    assert "accepted" in capsys.readouterr().out
    assert main(["lint", bundle, "--json", "--backend", "tensorrt"]) == 0
    for line in capsys.readouterr().out.splitlines():
        assert json.loads(line)["finding"]["severity"] == "incomplete"
    assert main(["lint", bundle, "--variant", "int4"]) == 2
    assert main(["lint", str(tmp_path / "absent")]) == 3
