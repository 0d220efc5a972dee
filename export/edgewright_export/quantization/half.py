"""fp16: casts at the graph's border, fp32 where the range of half precision is too small."""

from pathlib import Path

import onnx
from onnx import TensorProto
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from edgewright_export.onnx_graph import save_model
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
"""Sums, squares, exponentials and angles, which leave the range or lose their last digits."""


def convert_half(source: Path, target: Path, ranges: Ranges) -> tuple[str, ...]:
    """Write the fp16 form of the fp32 graph `source` to `target`; inputs and outputs stay fp32.

    Args:
        source: ONNX file.
        target: ONNX file to write.
        ranges: Of all tensors that samples lead through the graph.

    Returns:
        Names of the nodes that stay in fp32.
    """
    model = onnx.load(source)
    kept = _kept(model.graph, ranges)
    own = {node.name for node in model.graph.node}
    with quiet_libraries():
        half = convert_float_to_float16(
            model,
            keep_io_types=True,
            op_block_list=[*DEFAULT_OP_BLOCK_LIST, *SENSITIVE],
            node_block_list=list(kept),
        )
    _join_single_precision(half.graph, own)
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
    used = {name for node in graph.node for name in node.input}
    used.update(value.name for value in graph.output)
    kept = [node for node in graph.node if node.op_type != "Cast" or node.output[0] in used]
    del graph.node[:]
    graph.node.extend(kept)


def _casts(graph: onnx.GraphProto, kind: int) -> list[onnx.NodeProto]:
    return [node for node in graph.node if node.op_type == "Cast" and node.attribute[0].i == kind]


def _kept(graph: onnx.GraphProto, ranges: Ranges) -> tuple[str, ...]:
    """Return the sensitive nodes, and those that read or write a tensor of too large a range."""
    limit = LARGEST / MARGIN
    wide = {name for name, ends in ranges.items() if max(map(abs, ends)) > limit}
    return tuple(
        node.name
        for node in graph.node
        if node.op_type in SENSITIVE or not wide.isdisjoint((*node.input, *node.output))
    )
