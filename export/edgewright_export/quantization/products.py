"""int8 products with static scales, in the form that ONNX Runtime's CPU provider is fastest with.

Between a DequantizeLinear and a QuantizeLinear its integer product rounds the answer to 8 bits,
which other kernels turn back into floats and add the bias to. `MatMulIntegerToFloat`, its own
operator, does neither: it takes the quantized activations and gives floats, with the bias in them.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto
from onnx.helper import make_operatorsetid

from edgewright_export.onnx_graph import save_model
from edgewright_export.quantization.ranges import Ranges
from edgewright_export.rewriting.graph import GraphView, attribute

DOMAIN = "com.microsoft"
PRODUCTS = ("MatMul", "Gemm")
LEVELS = 255
"""Steps of uint8 activations."""
LARGEST, LARGEST_REDUCED = 127, 64
"""Magnitude of the largest weight: that of int8, and of 7 bits."""


@dataclass(frozen=True)
class _Product:
    """Activations (..., in) times weights (in, out), plus what may be a bias (out,)."""

    nodes: tuple[NodeProto, ...]
    weight_name: str
    transposed: bool
    """Whether the weights are stored (out, in)."""
    weight: NDArray[np.float32]
    bias: str | None
    output: str


def integer_products(path: Path, operators: Collection[str], ranges: Ranges) -> tuple[str, ...]:
    """Return the names of the nodes of the graph in `path` that `write_integer_products` takes.

    Those are products of float32 activations, whose range is known, and weights that only products
    read.
    """
    view = GraphView(onnx.load(path).graph)
    return tuple(
        product.nodes[0].name
        for product in _find(view, operators)
        if _has_range(view, product.nodes[0].input[0], ranges)
        and product.weight.dtype == np.float32
        and all(reader.op_type in PRODUCTS for reader in view.readers(product.weight_name))
    )


def _has_range(view: GraphView, name: str, ranges: Ranges) -> bool:
    """Whether the scale of a tensor is known, or follows from its range."""
    return name in ranges or view.maker(name, "DequantizeLinear") is not None


def write_integer_products(
    path: Path, names: Collection[str], ranges: Ranges, *, per_channel: bool, reduced_range: bool
) -> None:
    """Give products of the graph in `path` int8 weights and uint8 activations.

    Args:
        path: ONNX file, which is replaced.
        names: Of the nodes.
        ranges: Of the activations that they read.
        per_channel: One scale for each column of the weights.
        reduced_range: Weights of 7 bits.
    """
    model = onnx.load(path)
    view = GraphView(model.graph)
    quantizer = _Quantizer(view, ranges, per_channel, LARGEST_REDUCED if reduced_range else LARGEST)
    for product in _find(view, PRODUCTS):
        if product.nodes[0].name in names:
            quantizer.replace(product)
    view.finish()
    if all(opset.domain != DOMAIN for opset in model.opset_import):
        model.opset_import.append(make_operatorsetid(DOMAIN, 1))
    save_model(model, path)


def _find(view: GraphView, operators: Collection[str]) -> Iterator[_Product]:
    for node in view.nodes(*(name for name in PRODUCTS if name in operators)):
        product = _matmul(view, node) if node.op_type == "MatMul" else _gemm(view, node)
        if product is not None:
            yield product


def _matmul(view: GraphView, node: NodeProto) -> _Product | None:
    weight = view.constant(node.input[1])
    if weight is None or weight.ndim != 2:
        return None
    add = view.only_reader(node.output[0], "Add")
    bias = None if add is None else next((n for n in add.input if n != node.output[0]), None)
    known = bias is not None and view.constant(bias) is not None
    if add is None or not known or view.shape(str(bias)) != weight.shape[1:]:
        return _Product((node,), node.input[1], False, weight, None, node.output[0])
    return _Product((node, add), node.input[1], False, weight, bias, add.output[0])


def _gemm(view: GraphView, node: NodeProto) -> _Product | None:
    weight = view.constant(node.input[1])
    plain = attribute(node, "alpha", 1.0) == attribute(node, "beta", 1.0) == 1.0
    if weight is None or not plain or attribute(node, "transA", 0):
        return None
    transposed = bool(attribute(node, "transB", 0))
    weight = weight.T if transposed else weight
    bias = node.input[2] if len(node.input) > 2 else None
    if bias is not None and (view.constant(bias) is None or view.shape(bias) != weight.shape[1:]):
        return None
    return _Product((node,), node.input[1], transposed, weight, bias, node.output[0])


class _Quantizer:
    """Replaces products of one graph; what several of them read is quantized once."""

    def __init__(self, view: GraphView, ranges: Ranges, per_channel: bool, largest: int) -> None:
        self._view, self._ranges = view, ranges
        self._per_channel, self._largest = per_channel, largest
        self._activations: dict[str, tuple[str, str, str]] = {}
        self._weights: dict[tuple[str, bool], tuple[str, str]] = {}

    def replace(self, product: _Product) -> None:
        node = product.nodes[0]
        values, scale, zero = self._quantized(node)
        weight, weight_scale = self._quantized_weight(product)
        inputs = [values, weight, scale, weight_scale, zero, "", product.bias or ""]
        integer = self._view.node("MatMulIntegerToFloat", inputs, [product.output], node)
        integer.name, integer.domain = node.name, DOMAIN
        self._view.replace(product.nodes, [integer])

    def _quantized(self, node: NodeProto) -> tuple[str, str, str]:
        """Return the activations in uint8, their scale and their zero point."""
        name = node.input[0]
        dequantized = self._view.maker(name, "DequantizeLinear")
        if dequantized is not None:
            values, scale, zero = dequantized.input
            return values, scale, zero
        if name not in self._activations:
            scale, zero = self._scale(name)
            output = self._view.free_name(f"{name}_quantized")
            quantize = self._view.node("QuantizeLinear", [name, scale, zero], [output], node)
            self._view.insert_after(name, quantize)
            self._activations[name] = output, scale, zero
        return self._activations[name]

    def _scale(self, name: str) -> tuple[str, str]:
        low, high = self._ranges[name]
        low, high = min(low, 0.0), max(high, 0.0)
        step = np.float32((high - low) / LEVELS) or np.float32(1)
        zero = np.clip(np.rint(-low / step), 0, LEVELS).astype(np.uint8)
        return (
            self._view.add_constant(f"{name}_scale", np.asarray(step)),
            self._view.add_constant(f"{name}_zero_point", np.asarray(zero)),
        )

    def _quantized_weight(self, product: _Product) -> tuple[str, str]:
        name, key = product.weight_name, (product.weight_name, product.transposed)
        if key not in self._weights:
            axis = 0 if self._per_channel else None
            largest = np.abs(product.weight).max(axis=axis).astype(np.float32)
            steps = np.where(largest > 0, largest / np.float32(self._largest), np.float32(1))
            values = np.rint(product.weight / steps).astype(np.int8)
            self._weights[key] = (
                self._view.add_constant(f"{name}_quantized", values),
                self._view.add_constant(f"{name}_scale", steps.astype(np.float32)),
            )
        return self._weights[key]
