"""The backends, by key."""

from edgewright.backends.base import Backend, DeviceFact, Runner
from edgewright.backends.onnxrt import OnnxRuntime
from edgewright.backends.tensorrt import TensorRt, TensorRtRtx

BACKENDS: dict[str, type[Backend]] = {
    backend.key: backend for backend in (TensorRt, TensorRtRtx, OnnxRuntime)
}

__all__ = ["BACKENDS", "Backend", "DeviceFact", "Runner"]
