"""Nodes that are judged together: those of one module and its neighbours."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx

MOST_GROUPS = 48
"""Of a graph. Every group costs a measurement; beyond this, modules are joined by outer ones."""


def group_nodes(names: Sequence[str], most: int = MOST_GROUPS) -> dict[str, tuple[str, ...]]:
    """Return the nodes `names` by the module around theirs, in the order of the graph.

    `encoder.layers.3.attention.query/MatMul` belongs to `encoder.layers.3.attention`, what has no
    module around it to its own.

    Args:
        names: Of nodes: module, slash, operator.
        most: Where there are more groups, they are named by fewer outer modules, or joined.
    """
    depth = max((name.count(".") for name in names), default=0)
    groups = _grouped(names, depth)
    while len(groups) > most and depth > 1:
        depth -= 1
        groups = _grouped(names, depth)
    return groups if len(groups) <= most else _joined(groups, most)


def _joined(groups: dict[str, tuple[str, ...]], most: int) -> dict[str, tuple[str, ...]]:
    """Return `most` groups or fewer: neighbours together, by the name of the first."""
    names, count = list(groups), math.ceil(len(groups) / most)
    return {
        names[i]: tuple(node for name in names[i : i + count] for node in groups[name])
        for i in range(0, len(names), count)
    }


def _grouped(names: Sequence[str], depth: int) -> dict[str, tuple[str, ...]]:
    groups: dict[str, tuple[str, ...]] = {}
    for name in names:
        module = name.rpartition("/")[0]
        around = ".".join(module.split(".")[:-1][:depth]) or module
        groups[around] = (*groups.get(around, ()), name)
    return groups


def weight_bytes(path: Path) -> Mapping[str, int]:
    """Return by node of the graph in `path`: bytes of its constants in fp32."""
    graph = onnx.load(path, load_external_data=False).graph
    sizes = {tensor.name: 4 * math.prod(tensor.dims) for tensor in graph.initializer}
    return {node.name: sum(sizes.get(name, 0) for name in node.input) for node in graph.node}
