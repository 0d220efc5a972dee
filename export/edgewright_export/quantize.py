"""Variants of lower precision made from the fp32 graph."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from edgewright_export.onnx_graph import graph_files
from edgewright_export.quiet import quiet_libraries


@dataclass(frozen=True)
class QuantizationPlan:
    """How the fp32 graph becomes int8: activations are quantized while the graph runs."""

    operators: tuple[str, ...] = ("MatMul", "Gemm")
    """Operators that are quantized where one factor (or, for Gather, the table) is a weight."""
    keep: tuple[str, ...] = ()
    """Patterns of the nodes that stay in fp32: module, slash, operator, as `*.classifier/*`."""
    per_channel: bool = True
    """One scale for each output channel of a weight rather than one for all."""

    @property
    def method(self) -> str:
        """The receipt's description."""
        granularity = "per channel" if self.per_channel else "per tensor"
        return f"dynamic int8 (U8S8), {granularity}, {', '.join(self.operators)}"


def kept_nodes(path: Path, plan: QuantizationPlan) -> tuple[str, ...]:
    """Return the names of the nodes of the graph in `path` that `plan` keeps in fp32."""
    graph = onnx.load(path, load_external_data=False).graph
    return tuple(
        node.name
        for node in graph.node
        if node.op_type in plan.operators
        and any(fnmatchcase(node.name, pattern) for pattern in plan.keep)
    )


def quantize_int8(source: Path, target: Path, plan: QuantizationPlan) -> tuple[str, ...]:
    """Write the int8 form of the fp32 graph `source` to `target`.

    Returns:
        Names of the nodes that were kept in fp32.
    """
    kept = kept_nodes(source, plan)
    # The quantizer first turns each Gemm into a MatMul (and an Add), under the name `…_MatMul`.
    with quiet_libraries():
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=list(plan.operators),
            per_channel=plan.per_channel,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[*kept, *(f"{name}_MatMul" for name in kept)],
            use_external_data_format=len(graph_files(source)) > 1,
            extra_options={"MatMulConstBOnly": True},
        )
    return kept
