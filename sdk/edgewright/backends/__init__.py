"""The backends, by key."""

from edgewright.backends.base import Backend, DeviceFact, Runner
from edgewright.backends.onnxrt import OnnxRuntime

BACKENDS: dict[str, type[Backend]] = {OnnxRuntime.key: OnnxRuntime}

__all__ = ["BACKENDS", "Backend", "DeviceFact", "Runner"]
