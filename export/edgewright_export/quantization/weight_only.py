"""Weights of 8 bits in blocks, for models that wait for memory rather than for arithmetic."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import onnx
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.quantization.onnx_model import ONNXModel

from edgewright_export.onnx_graph import save_model
from edgewright_export.quantization.plan import (
    QuantizationPlan,
    kept_nodes,
    quantizable_nodes,
)
from edgewright_export.quiet import quiet_libraries

BLOCK_SIZE = 32
"""Weights of one output that share a scale."""
OPERATORS = ("MatMul", "Gemm")
ACCURACY_LEVEL = 4
"""Of `MatMulNBits`: activations become int8 in blocks as wide, anew in every call."""


def weighted_products(source: Path, plan: QuantizationPlan) -> tuple[str, ...]:
    """Return the names of the nodes whose weights `quantize_weights` stores in 8 bits."""
    return quantizable_nodes(source, replace(plan, operators=OPERATORS))


def quantize_weights(
    source: Path, target: Path, plan: QuantizationPlan, exact: Collection[str] = ()
) -> tuple[str, ...]:
    """Write the graph `source` with the weights of its products in 8 bits to `target`.

    Products become `com.microsoft.MatMulNBits`, each `Gemm` first a `MatMul` and an `Add`;
    convolutions and tables stay as they are, and so do the nodes named in `exact`.

    Returns:
        Names of the nodes that `plan` kept in fp32.
    """
    kept = kept_nodes(source, replace(plan, operators=OPERATORS))
    excluded = [*kept, *exact]
    with quiet_libraries():
        model = ONNXModel(onnx.load(source))
        model.replace_gemm_with_matmul()
        quantizer = MatMulNBitsQuantizer(
            model.model,
            bits=8,
            block_size=BLOCK_SIZE,
            is_symmetric=True,
            accuracy_level=ACCURACY_LEVEL,
            nodes_to_exclude=[*excluded, *(f"{name}_MatMul" for name in excluded)],
        )
        quantizer.process()
    save_model(quantizer.model.model, target)
    return kept
