"""Masks that mask nothing."""

import numpy as np
from onnx import ModelProto

from edgewright_export.rewriting.graph import GraphView


def drop_idle_masks(model: ModelProto) -> int:
    """Take out the addition of zeros to attention scores.

    A model without padding is traced with a mask that lets everything pass.

    Returns:
        How many were taken out.
    """
    view, changed = GraphView(model.graph), 0
    for node in view.nodes("Add"):
        for scores, mask in (tuple(node.input), tuple(node.input)[::-1]):
            if _is_zero(view, mask) and _covers(view, scores, mask):
                changed += view.rewire(node.output[0], scores)
                break
    if changed:
        view.finish()
    return changed


def _is_zero(view: GraphView, name: str) -> bool:
    """Whether a tensor is 0 by construction: chosen by a condition that always holds."""
    node = view.maker(name, "Where")
    return node is not None and _is_true(view, node.input[0]) and view.scalar(node.input[1]) == 0


def _is_true(view: GraphView, name: str) -> bool:
    node = view.maker(name, "Expand")
    value = view.constant(name if node is None else node.input[0])
    return value is not None and value.dtype == np.bool_ and bool(value.all())


def _covers(view: GraphView, scores: str, mask: str) -> bool:
    """Whether the sum has the shape of the scores."""
    larger, smaller = view.shape(scores), view.shape(mask)
    if larger is None or smaller is None or len(smaller) > len(larger):
        return False
    tail = larger[len(larger) - len(smaller) :]
    return all(one in (1, size) for one, size in zip(smaller, tail, strict=True))
