"""Scaled dot-product attention as one operator.

The exporter writes attention as products, softmax and many transpositions. The standard operator
`Attention` (opset 23) of ONNX Runtime's CPU provider takes queries, keys and values as the
projections give them and is the fastest of what was measured (12 heads of 64, 197 positions, one
thread): 1.63 ms, `com.microsoft.MultiHeadAttention` 1.84, the traced nodes 1.94. With a mask: 1.66,
2.14 and 2.16.

It raises the graph's opset to 23, which not every backend takes; TensorRT is untried.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto

from edgewright_export.rewriting.graph import Dim, GraphView, attribute

OPSET = 23
_MASKED = -1e30  # far below any score, which it absorbs as the lowest float does
_SPLIT_HEADS, _KEYS = [0, 2, 1, 3], [0, 2, 3, 1]


@dataclass(frozen=True)
class _Heads:
    """Queries, keys or values before they are split into heads."""

    source: str
    """float32 (batch, time, heads x size)."""
    shape: tuple[Dim, ...]
    """(batch, time, heads, size)."""
    factor: float
    """What they are multiplied by."""
    offset: NDArray[np.float32] | None = None
    """What is added to them before that, (heads x size,)."""


@dataclass(frozen=True)
class _Match:
    query: _Heads
    key: _Heads
    value: _Heads
    bias: str
    """Of the scores; empty without one."""
    factor: float
    """Of the scores, beside those of queries and keys."""
    last: NodeProto
    """Makes (batch, time, heads x size) of the heads' answers."""


def fuse_attention(model: ModelProto) -> int:
    """Replace attention by the operator `Attention` where it has the form of a transformer's.

    Returns:
        How many were replaced.
    """
    view = GraphView(model.graph)
    if not can_raise_opset(model):
        return 0
    matches = [match for node in view.nodes("Softmax") if (match := _match(view, node))]
    for match in matches:
        view.replace([match.last], _attention(view, match))
    if matches:
        view.finish()
        raise_opset(model)
    return len(matches)


def _raised_mask(view: GraphView, bias: str) -> str:
    """Return what adds a number above the lowest float where the mask `bias` adds that.

    A row without any step to attend to is the mean of all in the traced graph, and zeros where
    ONNX Runtime's operator meets the lowest float.
    """
    where = view.maker(bias, "Where") if bias else None
    if where is None:
        return bias
    inputs, raised = list(where.input), f"{bias}_raised"
    if view.maker(raised, "Where") is not None:
        return raised
    for index in (1, 2):
        value = view.scalar(inputs[index])
        if value is not None and np.finfo(np.float32).min <= value < _MASKED:
            inputs[index] = view.add_constant(f"{raised}_value", np.array(_MASKED, np.float32))
    if inputs == list(where.input):
        return bias
    view.replace([where], [where, view.node("Where", inputs, [raised], where)])
    return raised


def can_raise_opset(model: ModelProto) -> bool:
    """Whether all operators of the graph mean the same in opset 23."""
    version = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    # From 20 on, only GroupNormalization changed (21); other operators only took more types.
    return version >= 20 and all(n.op_type != "GroupNormalization" for n in model.graph.node)


def raise_opset(model: ModelProto) -> None:
    """Declare opset 23 or what is later."""
    for entry in model.opset_import:
        if entry.domain in ("", "ai.onnx"):
            entry.version = max(entry.version, OPSET)
    model.ir_version = max(model.ir_version, 11)


def _attention(view: GraphView, match: _Match) -> list[NodeProto]:
    heads, query, made = match.query.shape[2], match.query.source, []
    if match.query.offset is not None:
        source, query = query, view.free_name(f"{match.last.output[0]}_query")
        offset = view.add_constant(f"{query}_offset", match.query.offset)
        made = [view.node("Add", [source, offset], [query], match.last)]
    attention = view.node(
        "Attention",
        [query, match.key.source, match.value.source, _raised_mask(view, match.bias)],
        match.last.output,
        match.last,
        q_num_heads=heads,
        kv_num_heads=heads,
        scale=match.factor * match.query.factor * match.key.factor,
    )
    return [*made, attention]


def _match(view: GraphView, softmax: NodeProto) -> _Match | None:
    scores = view.shape(softmax.input[0])
    if attribute(softmax, "axis", -1) not in (-1, 3) or scores is None or len(scores) != 4:
        return None
    product = view.only_reader(softmax.output[0], "MatMul")
    if product is None or product.input[0] != softmax.output[0]:
        return None
    value = _heads(view, product.input[1], _SPLIT_HEADS)
    swapped = view.only_reader(product.output[0], "Transpose")
    merged = swapped and view.only_reader(swapped.output[0], "Reshape")
    if value is None or swapped is None or merged is None:
        return None
    inner, bias = _without_bias(view, softmax.input[0])
    inner, factor = without_factor(view, inner)
    multiplied = view.maker(inner, "MatMul")
    if multiplied is None or len(view.readers(inner)) != 1:
        return None
    query = _heads(view, multiplied.input[0], _SPLIT_HEADS)
    key = _heads(view, multiplied.input[1], _KEYS)
    if query is None or key is None or attribute(swapped, "perm", None) != _SPLIT_HEADS:
        return None
    match = _Match(query, key, value, bias, factor, merged)
    return match if _fits(view, match) else None


def _fits(view: GraphView, match: _Match) -> bool:
    """Whether all sizes are those of attention, and the mask is spread over the scores alone."""
    query, key, value = match.query.shape, match.key.shape, match.value.shape
    heads, size = query[2], query[3]
    merged = view.shape(match.last.output[0])
    if not isinstance(heads, int) or not isinstance(size, int) or merged is None:
        return False
    if match.key.offset is not None or match.value.offset is not None or match.value.factor != 1:
        return False
    sound = key == value and (query[0], heads, size) == (key[0], key[2], key[3])
    sound &= merged == (query[0], query[1], heads * size)
    if match.bias:
        bias, scores = view.shape(match.bias), (query[0], heads, query[1], key[1])
        # ONNX Runtime spreads a mask over batch and heads, never over queries; opset 24 reads a
        # last axis that is too short as masked.
        sound &= bias is not None and len(bias) == 4 and bias[2:] == scores[2:]
        sound &= bias is not None and all(b in (1, s) for b, s in zip(bias, scores, strict=False))
    return sound and match.factor * match.query.factor * match.key.factor > 0


def _without_bias(view: GraphView, scores: str) -> tuple[str, str]:
    """Return the scores without what is added to them, and that: the side that is no product."""
    add = view.maker(scores, "Add")
    if add is None:
        return scores, ""
    for inner, bias in (list(add.input), list(add.input)[::-1]):
        if view.maker(without_factor(view, inner)[0], "MatMul") is not None:
            return inner, bias
    return scores, ""


def without_factor(view: GraphView, name: str) -> tuple[str, float]:
    """Return a tensor before its multiplication by (or division by) one constant, and that."""
    node = view.maker(name, "Mul", "Div")
    if node is None or len(view.readers(name)) != 1:
        return name, 1.0
    first, second = node.input
    if (factor := view.scalar(second)) is not None:
        return first, factor if node.op_type == "Mul" else 1 / factor
    if node.op_type == "Mul" and (factor := view.scalar(first)) is not None:
        return second, factor
    return name, 1.0


def _heads(view: GraphView, name: str, perm: list[int]) -> _Heads | None:
    """Return what is split into heads: (batch, time, heads x size), transposed by `perm`."""
    name, factor = without_factor(view, name)
    name, offset = _without_offset(view, name)
    swapped = view.maker(name, "Transpose")
    if swapped is None or attribute(swapped, "perm", None) != perm:
        return None
    split = view.maker(swapped.input[0], "Reshape")
    shape = _split_shape(view, split) if split is not None else None
    if split is None or shape is None:
        return None
    if offset is None:
        return _Heads(split.input[0], shape, factor)
    fits = offset.shape == (1, shape[2], 1, shape[3])
    return _Heads(split.input[0], shape, factor, offset.reshape(-1)) if fits else None


def _split_shape(view: GraphView, split: NodeProto) -> tuple[Dim, ...] | None:
    """Return (batch, time, heads, size) where (batch, time, heads x size) is reshaped to that."""
    shape, source = view.shape(split.output[0]), view.shape(split.input[0])
    if shape is None or source is None or len(shape) != 4 or len(source) != 3:
        return None
    whole = np.prod([size for size in shape[2:] if isinstance(size, int)], dtype=np.int64)
    return shape if shape[:2] == source[:2] and source[2] == whole else None


def _without_offset(view: GraphView, name: str) -> tuple[str, NDArray[np.float32] | None]:
    """Return a tensor before a constant of several elements is added to it, and that."""
    add = view.maker(name, "Add")
    if add is None or len(view.readers(name)) != 1:
        return name, None
    for inner, offset in (tuple(add.input), tuple(add.input)[::-1]):
        if (value := view.constant(offset)) is not None:
            return inner, value
    return name, None
