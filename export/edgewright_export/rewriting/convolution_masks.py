"""Masks of padding between the convolutions of a subsampling front end.

Each multiplies by 1 or 0 along time, (batch, channels, time, bins) times (batch, 1, time, 1).
"""

import numpy as np
from onnx import ModelProto, NodeProto

from edgewright_export.rewriting.graph import Dim, GraphView, attribute, with_inputs


def simplify_convolution_masks(model: ModelProto) -> int:
    """Take out masks that a later one repeats, mask after the ReLU, and with whole rows.

    Then ONNX Runtime adds the ReLU to the convolution before it, keeps its blocked layout from one
    convolution to the next, and multiplies long rows. Nothing is rounded otherwise than before.

    Returns:
        How many masks changed.
    """
    view = GraphView(model.graph)
    masks = [node for node in view.nodes("Mul") if _mask_of(view, node)]
    changed = sum(_drop_repeated(view, node) for node in masks)
    for node in view.nodes("Mul"):
        if mask := _mask_of(view, node):
            _mask_rows_after_relu(view, node, mask)
            changed += 1
    if changed:
        view.finish()
    return changed


def _mask_of(view: GraphView, node: NodeProto) -> str:
    """Return the factor that is 1 or 0 along time, where the other comes from a convolution."""
    first, second = map(str, node.input)
    for value, mask in ((first, second), (second, first)):
        cast, shape, of_value = view.maker(mask, "Cast"), view.shape(mask), view.shape(value)
        if cast is None or shape is None or of_value is None or not _is_bool(view, cast.input[0]):
            continue
        fits = len(shape) == len(of_value) == 4 and (shape[1], shape[3]) == (1, 1)
        if fits and shape[::2] == of_value[::2] and view.maker(value, "Conv") is not None:
            return mask
    return ""


def _is_bool(view: GraphView, name: str) -> bool:
    """Whether a tensor comes from a comparison, perhaps with axes of size 1 added."""
    node = view.maker(name, "Unsqueeze", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Not")
    return node is not None and (node.op_type != "Unsqueeze" or _is_bool(view, node.input[0]))


def _drop_repeated(view: GraphView, node: NodeProto) -> bool:
    """Take out a mask before a convolution that mixes no steps and is followed by the same mask."""
    mask = _mask_of(view, node)
    conv = view.only_reader(node.output[0], "Conv")
    after = view.only_reader(conv.output[0], "Mul") if conv is not None else None
    if conv is None or after is None or _mask_of(view, after) != mask:
        return False
    if not _is_pointwise(view, conv):
        return False
    value = next(name for name in node.input if name != mask)
    return view.rewire(node.output[0], value)


def _is_pointwise(view: GraphView, conv: NodeProto) -> bool:
    weight = view.shape(conv.input[1])
    moves = (*attribute(conv, "pads", []), *(s - 1 for s in attribute(conv, "strides", [])))
    unpadded = attribute(conv, "auto_pad", b"NOTSET") in (b"NOTSET", b"VALID")
    return unpadded and weight is not None and weight[2:] == (1, 1) and not any(moves)


def _mask_rows_after_relu(view: GraphView, node: NodeProto, mask: str) -> None:
    value = next(name for name in node.input if name != mask)
    made, rows = _rows(view, node, mask, view.shape(value))
    relu = view.only_reader(node.output[0], "Relu")
    if relu is None:
        view.replace([node], [*made, with_inputs(node, [value, rows])])
        return
    bare = view.free_name(f"{value}_relu")
    first = view.node("Relu", [value], [bare], relu)
    second = view.node("Mul", [bare, rows], relu.output, node)
    view.replace([node, relu], [*made, first, second])


def _rows(
    view: GraphView, node: NodeProto, mask: str, shape: tuple[Dim, ...] | None
) -> tuple[list[NodeProto], str]:
    """Return the mask for all bins of a step, and the node that makes it where it is new."""
    bins = shape[3] if shape is not None else ""
    if not isinstance(bins, int):
        return [], mask
    rows = f"{mask}_rows_{bins}"
    if view.maker(rows, "Expand") is not None:
        return [], rows
    size = view.add_constant(f"{rows}_shape", np.array([1, 1, 1, bins]))
    return [view.node("Expand", [mask, size], [rows], node)], rows
