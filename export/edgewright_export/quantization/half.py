"""fp16: casts at the graph's border, fp32 where the range of half precision is too small."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from edgewright_export.onnx_graph import save_model, used_names
from edgewright_export.quantization.ranges import Ranges
from edgewright_export.quiet import quiet_libraries

LARGEST = 65504.0
"""Largest finite number of half precision."""
MARGIN = 4.0
"""Samples show only some of what a graph meets; a tensor is to stay this far below `LARGEST`."""
SENSITIVE = (
    "LayerNormalization", "Softmax", "LogSoftmax", "Exp", "Log", "Pow", "Sqrt", "Reciprocal",
    "ReduceMean", "ReduceSum", "ReduceL2", "ReduceSumSquare", "CumSum", "Sin", "Cos",
)  # fmt: skip
"""Sums, powers, roots, exponentials and angles, which leave the range or lose their last digits."""
_IN_SINGLE_PRECISION = (*DEFAULT_OP_BLOCK_LIST, *SENSITIVE)


def halved_nodes(source: Path, ranges: Ranges) -> tuple[str, ...]:
    """Return the names of the nodes of `source` that `convert_half` gives half precision."""
    graph = onnx.load(source).graph
    kept = set(_kept(graph, ranges))
    return tuple(node.name for node in graph.node if node.name not in kept)


def convert_half(
    source: Path, target: Path, ranges: Ranges, exact: Collection[str] = ()
) -> tuple[str, ...]:
    """Write the fp16 form of the fp32 graph `source` to `target`; inputs and outputs stay fp32.

    Args:
        source: ONNX file.
        target: ONNX file to write.
        ranges: Of all tensors that samples lead through the graph.
        exact: Names of further nodes that stay in fp32.

    Returns:
        Names of the nodes that stay in fp32 by their operator or range.
    """
    model = onnx.load(source)
    kept = _kept(model.graph, ranges)
    own = {node.name for node in model.graph.node}
    with quiet_libraries():
        half = convert_float_to_float16(
            model,
            keep_io_types=True,
            op_block_list=list(_IN_SINGLE_PRECISION),
            node_block_list=[*kept, *exact],
        )
    _join_single_precision(half.graph, own)
    OnnxModel(half).topological_sort()  # the converter appends its casts
    save_model(half, target)
    return kept


def _join_single_precision(graph: onnx.GraphProto, own: set[str]) -> None:
    """Lead what one fp32 node gives another past the two casts between them.

    The converter puts casts around every node that stays in fp32: a tensor too large for half
    precision would become infinite between two of them. The graph's `own` casts, which may begin
    with another type, stay.
    """
    narrowed = {
        node.output[0]: node.input[0]
        for node in _casts(graph, TensorProto.FLOAT16)
        if node.name not in own
    }
    direct = {}
    for node in _casts(graph, TensorProto.FLOAT):
        if node.input[0] in narrowed:
            node.input[0] = direct[node.output[0]] = narrowed[node.input[0]]
    for node in graph.node:
        node.input[:] = [direct.get(name, name) for name in node.input]
    used = used_names(graph)
    kept = [node for node in graph.node if node.op_type != "Cast" or node.output[0] in used]
    del graph.node[:]
    graph.node.extend(kept)


def _casts(graph: onnx.GraphProto, kind: int) -> list[onnx.NodeProto]:
    return [
        node
        for node in graph.node
        if node.op_type == "Cast" and any(a.name == "to" and a.i == kind for a in node.attribute)
    ]


def _kept(graph: onnx.GraphProto, ranges: Ranges) -> tuple[str, ...]:
    """Return the sensitive nodes, and those that read or write a tensor of too large values."""
    limit = LARGEST / MARGIN
    wide = {name for name, ends in ranges.items() if max(map(abs, ends)) > limit}
    wide.update(name for name, values in _constants(graph) if np.abs(values).max(initial=0) > limit)
    return tuple(
        node.name
        for node in graph.node
        if node.op_type in _IN_SINGLE_PRECISION or not wide.isdisjoint((*node.input, *node.output))
    )


def _constants(graph: onnx.GraphProto) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the constants in single precision."""
    tensors = [(tensor.name, tensor) for tensor in graph.initializer]
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensors.append((node.output[0], node.attribute[0].t))
    for name, tensor in tensors:
        if tensor.data_type == TensorProto.FLOAT:
            yield name, numpy_helper.to_array(tensor)
