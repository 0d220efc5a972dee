"""Scores of relative positions (Dai et al. 2019, arXiv:1901.02860), as Conformers add them.

Queries times projected positions give (time, 2 time - 1) scores by distance, which a column of
zeros, two reshapings and a slice shift so that row i holds the distances from step i.
"""

from dataclasses import dataclass

import numpy as np
from onnx import ModelProto, NodeProto

from edgewright_export.rewriting.graph import GraphView, attribute, with_inputs


@dataclass(frozen=True)
class _Shift:
    """The nodes of one layer."""

    projection: NodeProto
    """MatMul of the positions, (batch, 2 time - 1, size), with a weight."""
    product: NodeProto
    """MatMul of queries and projected positions."""
    pad: NodeProto
    """Adds a column of zeros at its left."""
    between: tuple[str, ...]
    """Tensors from the projection to the product."""


def share_position_padding(model: ModelProto) -> int:
    """Add the column of zeros once, as a position of zeros, and not to each layer's scores.

    Returns:
        For how many layers.
    """
    view = GraphView(model.graph)
    shifts = [shift for node in view.nodes("Pad") if (shift := _match(view, node))]
    for shift in shifts:
        _share(view, shift)
    if shifts:
        view.finish()
    return len(shifts)


def _match(view: GraphView, pad: NodeProto) -> _Shift | None:
    product = view.maker(pad.input[0], "MatMul")
    if product is None or view.only_reader(pad.input[0], "Pad") is None or not _pads(view, pad):
        return None
    swapped = view.maker(product.input[1], "Transpose")
    if swapped is None or attribute(swapped, "perm", None) != [0, 2, 3, 1]:
        return None
    split = view.maker(swapped.input[0], "Reshape")
    if split is None or not _keeps_rows(view, split):
        return None
    projection = view.maker(split.input[0], "MatMul")
    between = (product.input[1], swapped.input[0], split.input[0])
    if projection is None or not all(len(view.readers(name)) == 1 for name in between):
        return None
    weight, positions = view.constant(projection.input[1]), view.shape(projection.input[0])
    if weight is None or weight.ndim != 2 or positions is None or len(positions) != 3:
        return None
    return _Shift(projection, product, pad, between)


def _pads(view: GraphView, pad: NodeProto) -> bool:
    """Whether one column of zeros is added at the left of four axes."""
    pads = view.constant(pad.input[1])
    zero = len(pad.input) < 3 or not pad.input[2] or view.scalar(pad.input[2]) == 0
    axes = len(pad.input) < 4 or not pad.input[3]
    plain = zero and axes and attribute(pad, "mode", b"constant") == b"constant"
    return plain and pads is not None and list(pads) == [0, 0, 0, 1, 0, 0, 0, 0]


def _keeps_rows(view: GraphView, split: NodeProto) -> bool:
    """Whether (batch, rows, size) becomes (batch, rows, heads, size / heads) for any rows."""
    before, after = view.shape(split.input[0]), view.shape(split.output[0])
    if before is None or after is None or len(before) != 3 or len(after) != 4:
        return False
    sizes = [size for size in after[2:] if isinstance(size, int)]
    whole = len(sizes) == 2 and sizes[0] * sizes[1] == before[2]
    return whole and before[:2] == after[:2] and _second_is_free(view, split.input[1])


def _second_is_free(view: GraphView, name: str) -> bool:
    """Whether the second element of a shape is -1."""
    value = view.constant(name)
    if value is not None:
        return bool(value.size > 1 and value.reshape(-1)[1] == -1)
    node = view.maker(name, "Concat")
    if node is None or len(node.input) < 2:
        return False
    first = view.shape(node.input[0])
    return first == (1,) and view.shape(node.input[1]) == (1,) and view.scalar(node.input[1]) == -1


def _share(view: GraphView, shift: _Shift) -> None:
    source = shift.projection.input[0]
    padded = f"{source}_with_zeros"
    if view.maker(padded, "Pad") is None:
        pads = view.add_constant(f"{padded}_pads", np.array([0, 1, 0, 0, 0, 0]))
        view.insert_after(source, view.node("Pad", [source, pads], [padded], shift.pad))
    projection = with_inputs(shift.projection, [padded, shift.projection.input[1]])
    view.replace([shift.projection], [projection])
    for name in (*shift.between, shift.product.output[0]):
        view.forget_shape(name)
    product = with_inputs(shift.product, shift.product.input)
    product.output[:] = shift.pad.output
    view.replace([shift.product, shift.pad], [product])
