"""Weights of 8 bits in blocks, for models that wait for memory rather than for arithmetic."""

from dataclasses import replace
from pathlib import Path

import onnx
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.quantization.onnx_model import ONNXModel

from edgewright_export.onnx_graph import save_model
from edgewright_export.quantization.plan import QuantizationPlan, kept_nodes
from edgewright_export.quiet import quiet_libraries

BLOCK_SIZE = 32
"""Weights of one output that share a scale."""
OPERATORS = ("MatMul", "Gemm")
ACCURACY_LEVEL = 4
"""Of `MatMulNBits`: activations become int8 in blocks as wide, anew in every call."""


def quantize_weights(source: Path, target: Path, plan: QuantizationPlan) -> tuple[str, ...]:
    """Write the graph `source` with the weights of its products in 8 bits to `target`.

    Products become `com.microsoft.MatMulNBits`, each `Gemm` first a `MatMul` and an `Add`;
    convolutions and tables stay as they are.

    Returns:
        Names of the nodes that `plan` kept in fp32.
    """
    kept = kept_nodes(source, replace(plan, operators=OPERATORS))
    with quiet_libraries():
        model = ONNXModel(onnx.load(source))
        model.replace_gemm_with_matmul()
        quantizer = MatMulNBitsQuantizer(
            model.model,
            bits=8,
            block_size=BLOCK_SIZE,
            is_symmetric=True,
            accuracy_level=ACCURACY_LEVEL,
            nodes_to_exclude=[*kept, *(f"{name}_MatMul" for name in kept)],
        )
        quantizer.process()
    save_model(quantizer.model.model, target)
    return kept
