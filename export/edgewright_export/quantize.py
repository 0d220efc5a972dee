"""Variants of lower precision made from the fp32 graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from edgewright.specs import Array
from edgewright_export.onnx_graph import graph_files
from edgewright_export.quiet import quiet_libraries

GraphInputs = Mapping[str, Array]
"""What one run of a graph is given, by input name."""


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
    def method(self) -> str:
        """The receipt's description."""
        scales = "static int8 (QDQ, U8S8, min-max)" if self.static else "dynamic int8 (U8S8)"
        granularity = "per channel" if self.per_channel else "per tensor"
        return f"{scales}, {granularity}, {', '.join(self.operators)}"


def kept_nodes(path: Path, plan: QuantizationPlan) -> tuple[str, ...]:
    """Return the names of the nodes of the graph in `path` that `plan` keeps in fp32."""
    graph = onnx.load(path, load_external_data=False).graph
    return tuple(
        node.name
        for node in graph.node
        if node.op_type in plan.operators
        and any(fnmatchcase(node.name, pattern) for pattern in plan.keep)
    )


def quantize_int8(
    source: Path, target: Path, plan: QuantizationPlan, samples: Sequence[GraphInputs] = ()
) -> tuple[str, ...]:
    """Write the int8 form of the fp32 graph `source` to `target`.

    Args:
        source: ONNX file.
        target: ONNX file to write.
        plan: What is quantized, and how.
        samples: Inputs of the graph to calibrate on; at least one where the plan is static.

    Returns:
        Names of the nodes that were kept in fp32.
    """
    kept = kept_nodes(source, plan)
    common: dict[str, Any] = {
        "op_types_to_quantize": list(plan.operators),
        "per_channel": plan.per_channel,
        "weight_type": QuantType.QInt8,
        "use_external_data_format": len(graph_files(source)) > 1,
    }
    with quiet_libraries():
        if plan.static:
            quantize_static(
                source,
                target,
                _Reader(samples),
                quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8,
                nodes_to_exclude=[*kept, *_without_weights(source, plan)],
                **common,
            )
        else:
            # The quantizer first turns each Gemm into a MatMul (and an Add), named `…_MatMul`.
            quantize_dynamic(
                source,
                target,
                nodes_to_exclude=[*kept, *(f"{name}_MatMul" for name in kept)],
                extra_options={"MatMulConstBOnly": True},
                **common,
            )
    return kept


def _without_weights(path: Path, plan: QuantizationPlan) -> list[str]:
    """Return the nodes that multiply two activations, as attention does: they stay exact."""
    graph = onnx.load(path, load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    return [
        node.name
        for node in graph.node
        if node.op_type in plan.operators and weights.isdisjoint(node.input)
    ]


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, samples: Sequence[GraphInputs]):
        self._samples = iter(samples)

    def get_next(self) -> GraphInputs | None:
        return next(self._samples, None)
