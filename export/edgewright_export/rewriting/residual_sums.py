"""Residual connections before a LayerNorm, in a form that ONNX Runtime leaves alone.

It fuses Add and LayerNormalization to `SkipLayerNormalization`, whose CPU kernel is slow: 128 rows
of 768 took 0.68 ms on one thread instead of 0.11 (ONNX Runtime 1.32). On a GPU the fusion pays, so
this is for graphs that run on the CPU.
"""

from onnx import ModelProto

from edgewright_export.rewriting.graph import GraphView


def keep_residual_sums(model: ModelProto) -> int:
    """Write the sum of two activations whose only reader is a LayerNorm as Sum instead of Add.

    Returns:
        How many were written so.
    """
    view, changed = GraphView(model.graph), 0
    for node in view.nodes("Add"):
        activations = not any(view.constant(name) is not None for name in node.input)
        if activations and view.only_reader(node.output[0], "LayerNormalization") is not None:
            view.replace([node], [view.node("Sum", node.input, node.output, node)])
            changed += 1
    if changed:
        view.finish()
    return changed
