"""What of a graph is quantized: the family's choice."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import onnx


@dataclass(frozen=True)
class QuantizationPlan:
    """How the fp32 graphs become int8: uint8 activations times int8 weights."""

    operators: tuple[str, ...] = ("MatMul", "Gemm")
    """Operators that are quantized where one factor (or, for Gather, the table) is a weight."""
    keep: tuple[str, ...] = ()
    """Patterns of the nodes that stay in fp32: module, slash, operator, as `*.classifier/*`."""
    per_channel: bool = True
    """One scale for each output channel of a weight rather than one for all."""
    static: bool = False
    """Scales of activations come from calibration samples rather than from each input anew.
    Convolutions need it: with dynamic scales ONNX Runtime runs them slower than in fp32."""

    @property
    def granularity(self) -> str:
        """How fine the scales of weights are, in words."""
        return "per channel" if self.per_channel else "per tensor"


def kept_nodes(path: Path, plan: QuantizationPlan) -> tuple[str, ...]:
    """Return the names of the nodes of the graph in `path` that `plan` keeps in fp32."""
    graph = onnx.load(path, load_external_data=False).graph
    return tuple(
        node.name
        for node in graph.node
        if node.op_type in plan.operators
        and any(fnmatchcase(node.name, pattern) for pattern in plan.keep)
    )


def nodes_without_weights(path: Path, plan: QuantizationPlan) -> tuple[str, ...]:
    """Return the nodes that multiply two activations, as attention does: they stay exact."""
    graph = onnx.load(path, load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    return tuple(
        node.name
        for node in graph.node
        if node.op_type in plan.operators and weights.isdisjoint(node.input)
    )


def quantizable_nodes(path: Path, plan: QuantizationPlan) -> tuple[str, ...]:
    """Return the names of the nodes of the graph in `path` that `plan` quantizes."""
    graph = onnx.load(path, load_external_data=False).graph
    stay = {*kept_nodes(path, plan), *nodes_without_weights(path, plan)}
    return tuple(
        node.name for node in graph.node if node.op_type in plan.operators and node.name not in stay
    )
