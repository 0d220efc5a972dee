"""Which backends accept a graph, and why not: by node name, without a GPU.

The rules are those of the backends' documentation (TensorRT 10 and 11: explicit quantization and
the operators of its ONNX parser; ONNX Runtime: its CPU kernels), compared with NVIDIA's own parser
by hand (docs/quantization.md). A graph without a finding may still be refused by a rule that is not
here; one with a finding is refused, or does not do what it was made for.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, numpy_helper

from edgewright.errors import BundleError

TARGETS = ("tensorrt", "cpu", "cpu without vnni")

_WITHOUT_TENSORRT = {
    **dict.fromkeys(
        ("DynamicQuantizeLinear", "MatMulInteger", "ConvInteger", "DynamicQuantizeMatMul"),
        "scales of each input anew; TensorRT wants constant ones (variant int8-trt)",
    ),
    **dict.fromkeys(
        ("QLinearConv", "QLinearMatMul", "QLinearAdd", "QLinearMul", "QGemm", "QAttention",
         "MatMulIntegerToFloat"),
        "a quantized operator; TensorRT wants QuantizeLinear and DequantizeLinear around the float "
        "one (variant int8-trt)",
    ),
    "Attention": "an operator that TensorRT up to 10.13 does not parse; the variants that are made "
    "for it have its parts instead (fp32-trt, fp16, int8-trt)",
    **dict.fromkeys(
        ("AffineGrid", "Bernoulli", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr",
         "BitwiseXor", "CenterCropPad", "Col2Im", "Compress", "ConcatFromSequence", "DFT", "Det",
         "MaxRoiPool", "MaxUnpool", "MelWeightMatrix", "Multinomial", "Optional",
         "OptionalGetElement", "OptionalHasElement", "RegexFullMatch", "SequenceAt",
         "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert",
         "SequenceLength", "SequenceMap", "SplitToSequence", "StringConcat", "StringNormalizer",
         "StringSplit", "TfIdfVectorizer", "Unique"),
        "an operator that TensorRT's parser does not have",
    ),
}  # fmt: skip
_BY_VALUE = ("NonZero", "NonMaxSuppression")
_SHAPE_OPERANDS = {
    "Reshape": (1,), "Expand": (1,), "ConstantOfShape": (0,), "Tile": (1,), "Range": (0, 1, 2),
    "Slice": (1, 2, 4), "Pad": (1,), "Resize": (2, 3), "TopK": (1,), "Split": (1,), "OneHot": (1,),
}  # fmt: skip
"""By operator: inputs that decide the shape of its output."""
_SHAPE_SOURCES = ("Shape", "Size", "Constant")
_LARGEST_OF_7_BITS = 64
_PRODUCTS = ("MatMul", "Gemm", "Conv", "ConvTranspose")
_INTEGER_PRODUCTS = (
    "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QLinearMatMul", "QGemm",
    "ConvInteger", "QLinearConv",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """Why a backend does not take a node, or takes it for less than it is worth."""

    backend: str
    """One of `TARGETS`."""
    severity: str
    """`refused`; `incomplete` where something has to be declared first; `slow` or `inexact` where
    it runs, but not as it was meant."""
    node: str
    """Name of the node or input, as receipts name it."""
    operator: str
    """Its operator; `input` for an input of the graph."""
    why: str
    """What is wrong, and what would be right."""


def lint(path: Path, *, profiled: Collection[str] = ()) -> list[Finding]:
    """Return the findings for the graph in `path`, those of a node together.

    Args:
        path: ONNX file; weights in a second file are not read, and nothing is said of them.
        profiled: Dynamic dimensions whose sizes were declared.

    Raises:
        BundleError: The file is no ONNX graph.
    """
    try:
        graph = _Graph(onnx.load(path, load_external_data=False).graph)
    except DecodeError as error:
        raise BundleError(
            f"graph '{path.name}': got '{error}', expected an ONNX file; export the bundle again"
        ) from error
    found = list(_unprofiled(graph, profiled))
    for node in graph.nodes:
        for rule in _RULES:
            found.extend(rule(graph, node))
    return found


class _Graph:
    """A graph with what the rules ask of it."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.inputs = graph.input
        self.nodes = list(_all_nodes(graph))
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        for node in self.nodes:
            if node.op_type == "Constant" and node.attribute[0].name == "value":
                self.constants[node.output[0]] = node.attribute[0].t
        self.multiplied = {
            name for node in self.nodes if node.op_type in _PRODUCTS for name in node.input
        }
        self.types = {value.name: value.type.tensor_type.elem_type
                      for value in (*graph.input, *graph.value_info, *graph.output)}  # fmt: skip
        self.from_values = self._from_values()
        self.has_uint8 = any(
            node.op_type == "DynamicQuantizeLinear"
            or (node.op_type == "QuantizeLinear" and self.stored_type(node) == TensorProto.UINT8)
            for node in self.nodes
        )

    def is_zero(self, name: str) -> bool:
        """Return whether a zero point is 0, or may be; a missing one is."""
        tensor = self.constants.get(name)
        if tensor is None:
            return name == ""
        return _is_external(tensor) or not numpy_helper.to_array(tensor).any()

    def largest_weight(self, name: str) -> int:
        """Return the largest magnitude of a constant int8 tensor, 0 where it is no such."""
        tensor = self.constants.get(name)
        if tensor is None or tensor.data_type != TensorProto.INT8 or _is_external(tensor):
            return 0
        return int(np.abs(numpy_helper.to_array(tensor).astype(np.int16)).max(initial=0))

    def type_of(self, name: str) -> int:
        """Return the ONNX type of a tensor, 0 where the graph does not say."""
        constant = self.constants.get(name)
        return int(constant.data_type if constant is not None else self.types.get(name, 0))

    def stored_type(self, node: onnx.NodeProto) -> int:
        """Return the integer type that a QuantizeLinear gives or a DequantizeLinear takes."""
        if len(node.input) > 2:
            return self.type_of(node.input[2])
        if node.op_type == "DequantizeLinear":
            return self.type_of(node.input[0])
        named = [attribute.i for attribute in node.attribute if attribute.name == "output_dtype"]
        return int(named[0]) if named else int(TensorProto.UINT8)

    def _from_values(self) -> set[str]:
        """Return the tensors that depend on the values, and not only on the shapes, of inputs."""
        known = set(self.constants) | {""}
        dependent = {value.name for value in self.inputs if value.name not in known}
        for node in self.nodes:
            if node.op_type not in _SHAPE_SOURCES and not dependent.isdisjoint(node.input):
                dependent.update(node.output)
        return dependent


def _all_nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of a graph and of the graphs inside it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _all_nodes(attribute.g)


def _is_external(tensor: onnx.TensorProto) -> bool:
    return bool(tensor.data_location == TensorProto.EXTERNAL)


Rule = Callable[[_Graph, onnx.NodeProto], Iterator[Finding]]


def _refused(node: onnx.NodeProto, why: str) -> Finding:
    return Finding("tensorrt", "refused", node.name, node.op_type, why)


def _unprofiled(graph: _Graph, profiled: Collection[str]) -> Iterator[Finding]:
    for value in graph.inputs:
        dims = (dim.dim_param for dim in value.type.tensor_type.shape.dim)
        for name in dict.fromkeys(filter(None, dims)):
            if name not in profiled:
                why = f"dimension '{name}' is dynamic; TensorRT wants its least and largest size"
                yield Finding("tensorrt", "incomplete", value.name, "input", why)


def _unknown_operators(_graph: _Graph, node: onnx.NodeProto) -> Iterator[Finding]:
    if node.op_type in _WITHOUT_TENSORRT:
        yield _refused(node, _WITHOUT_TENSORRT[node.op_type])


def _foreign_domains(graph: _Graph, node: onnx.NodeProto) -> Iterator[Finding]:
    if node.op_type == "MatMulNBits":
        if graph.type_of(node.input[0]) != TensorProto.FLOAT16:
            yield _refused(
                node, "activations in fp32; TensorRT takes 8-bit blocks beside fp16 only"
            )
    elif node.domain not in ("", "ai.onnx") and node.op_type not in _WITHOUT_TENSORRT:
        yield _refused(node, f"an operator of {node.domain}, which only ONNX Runtime has")


def _quantized_pairs(graph: _Graph, node: onnx.NodeProto) -> Iterator[Finding]:
    if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
        return
    scale, zero = node.input[1], node.input[2] if len(node.input) > 2 else ""
    if scale not in graph.constants:
        yield _refused(node, f"scale '{scale}' is computed; TensorRT wants a constant")
    stored = graph.stored_type(node)
    if stored == TensorProto.INT32:
        yield _refused(node, "a bias of 32 bits; TensorRT wants biases in floating point")
    elif stored == TensorProto.UINT8:
        yield _refused(node, "uint8; TensorRT wants int8")
    elif not graph.is_zero(zero):
        yield _refused(node, f"zero point '{zero}' is not 0; TensorRT wants symmetric scales")


def _shapes_of_values(graph: _Graph, node: onnx.NodeProto) -> Iterator[Finding]:
    if node.op_type in _BY_VALUE:
        why = "the size of its output depends on values, which costs a copy; split the graph there"
        yield Finding("tensorrt", "slow", node.name, node.op_type, why)
        return
    for index in _SHAPE_OPERANDS.get(node.op_type, ()):
        if index < len(node.input) and node.input[index] in graph.from_values:
            operand = node.input[index]
            yield _refused(node, f"'{operand}' depends on values and decides a shape; split there")


def _double_precision(graph: _Graph, node: onnx.NodeProto) -> Iterator[Finding]:
    for name in node.input:
        if graph.type_of(name) == TensorProto.DOUBLE:
            why = f"'{name}' is of double precision, which TensorRT computes in fp32; cast it"
            yield Finding("tensorrt", "inexact", node.name, node.op_type, why)


def _half_on_cpu(graph: _Graph, node: onnx.NodeProto) -> Iterator[Finding]:
    half = any(graph.type_of(name) == TensorProto.FLOAT16 for name in (*node.input, *node.output))
    if half and node.op_type in _PRODUCTS:
        why = "fp16, which ONNX Runtime casts to fp32 on most CPUs; use fp32 or int8 there"
        yield Finding("cpu", "slow", node.name, node.op_type, why)


def _saturating_products(graph: _Graph, node: onnx.NodeProto) -> Iterator[Finding]:
    """Two products of a uint8 and a weight above 64 leave the 16 bits that SSE and AVX2 sum in."""
    dequantizes_weights = not graph.multiplied.isdisjoint(node.output)
    weighs = graph.has_uint8 and (node.op_type in _INTEGER_PRODUCTS or dequantizes_weights)
    for name in node.input if weighs else ():
        if graph.largest_weight(name) > _LARGEST_OF_7_BITS:
            why = "weights of 8 bits, whose sums can saturate there; variant int8-reduced has 7"
            yield Finding("cpu without vnni", "inexact", node.name, node.op_type, why)


_RULES: tuple[Rule, ...] = (
    _unknown_operators,
    _foreign_domains,
    _quantized_pairs,
    _shapes_of_values,
    _double_precision,
    _half_on_cpu,
    _saturating_products,
)
