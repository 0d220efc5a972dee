"""Constant factors, as part of the weights."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto

from edgewright_export.rewriting.graph import GraphView, with_inputs


def fold_factors(model: ModelProto) -> int:
    """Fold the multiplication of a linear layer's answer by a power of two into its weights.

    So Conformers halve their feed-forward modules. Powers of two round nothing.

    Returns:
        How many were folded.
    """
    view, changed = GraphView(model.graph), 0
    for node in view.nodes("Mul"):
        changed += _fold(view, node)
    if changed:
        view.finish()
    return changed


def _fold(view: GraphView, node: NodeProto) -> bool:
    for value, factor in (tuple(node.input), tuple(node.input)[::-1]):
        number = view.scalar(factor)
        if number is None or view.shape(factor) not in ((), (1,)) or not _is_power_of_two(number):
            continue
        layer = _layer(view, value)
        if layer and view.rewire(node.output[0], value):
            for part in layer:
                view.replace([part], [_scaled(view, part, number)])
            return True
    return False


def _layer(view: GraphView, value: str) -> list[NodeProto]:
    """Return the nodes that make `value` as weights times activations plus bias, if so."""
    if view.is_output(value) or len(view.readers(value)) != 1:
        return []
    add = view.maker(value, "Add")
    products = [value] if add is None else [n for n in add.input if view.constant(n) is None]
    product = view.maker(products[0], "MatMul") if len(products) == 1 else None
    if product is None or view.constant(product.input[1]) is None:
        return []
    if len(view.readers(product.input[1])) != 1:  # it would be stored twice
        return []
    if add is None:
        return [product]
    return [product, add] if view.only_reader(products[0], "Add") is not None else []


def _scaled(view: GraphView, node: NodeProto, number: float) -> NodeProto:
    """Return the node with its constant times `number`."""
    inputs = list(node.input)
    index = next(i for i, name in enumerate(inputs) if view.constant(name) is not None)
    weight: NDArray[Any] | None = view.constant(inputs[index])
    assert weight is not None  # it was found by it
    inputs[index] = view.add_constant(f"{inputs[index]}_scaled", weight * weight.dtype.type(number))
    return with_inputs(node, inputs)


def _is_power_of_two(number: float) -> bool:
    return number > 0 and float(np.frexp(number)[0]) == 0.5
