"""Edgewright's exporter: a PyTorch checkpoint goes in, a verified bundle comes out.

from edgewright_export.export import export

export("checkpoints/my-vit", "my-vit.edge", evaluation="images/")
"""

# First of all, because it turns the telemetry of onnxruntime off, which is read at its import.
import edgewright.backends.onnxrt as _onnxrt  # noqa: F401
