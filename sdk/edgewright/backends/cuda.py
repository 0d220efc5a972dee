"""Memory, streams and events of an NVIDIA GPU through cuda-bindings; no PyTorch.

Nothing here is called before `nvidia.find_driver` has found a GPU.
"""

import ctypes
import math
from typing import Any

import numpy as np

from edgewright.errors import EdgewrightError, MissingDependencyError
from edgewright.specs import Array, Resident, TensorSpec


def runtime() -> Any:
    """Return CUDA's runtime API.

    Raises:
        MissingDependencyError: cuda-bindings is not installed.
    """
    try:
        from cuda.bindings import runtime as module
    except ImportError as error:
        raise MissingDependencyError(
            f"cuda-bindings: got '{error}', expected an installed library; `edgewright "
            "doctor` has the line that installs it"
        ) from error
    return module


def _call(result: tuple[Any, ...]) -> Any:
    """Return what a call of the API gave beside its status.

    Raises:
        EdgewrightError: The status is no success.
    """
    status, *values = result
    if int(status):
        raise EdgewrightError(
            f"CUDA: got {status.name}, expected success; see `edgewright doctor`, and free memory "
            "of the GPU where it is short"
        )
    return values[0] if values else None


class CudaStream:
    """A queue of work on the GPU; `wait` sleeps until all of it is done."""

    def __init__(self) -> None:
        self._api = runtime()
        self.handle = int(_call(self._api.cudaStreamCreate()))
        flags = self._api.cudaEventBlockingSync | self._api.cudaEventDisableTiming
        self._done = _call(self._api.cudaEventCreateWithFlags(flags))

    def wait(self) -> None:
        """Return when everything that was queued is done; the thread sleeps meanwhile."""
        _call(self._api.cudaEventRecord(self._done, self.handle))
        _call(self._api.cudaEventSynchronize(self._done))

    def close(self) -> None:
        """Release the stream."""
        _call(self._api.cudaEventDestroy(self._done))
        _call(self._api.cudaStreamDestroy(self.handle))


class DeviceMemory:
    """Bytes on the GPU."""

    def __init__(self, size: int) -> None:
        self._api = runtime()
        self.address = int(_call(self._api.cudaMalloc(max(1, size))))

    def clear(self, size: int, stream: CudaStream) -> None:
        """Queue zeros for the first `size` bytes."""
        _call(self._api.cudaMemsetAsync(self.address, 0, size, stream.handle))

    def close(self) -> None:
        """Release the memory."""
        _call(self._api.cudaFree(self.address))


class Buffer(DeviceMemory):
    """Bytes on the GPU with as many page-locked ones on the host, for copies in both directions."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        flags = self._api.cudaHostAllocDefault
        self._host_address = int(_call(self._api.cudaHostAlloc(max(1, size), flags)))
        host = (ctypes.c_uint8 * max(1, size)).from_address(self._host_address)
        self._host = np.ctypeslib.as_array(host)

    def upload(self, array: Array, stream: CudaStream) -> None:
        """Queue the values of `array`, which may change once this returns."""
        self._view(array.shape, array.dtype)[...] = array
        kind = self._api.cudaMemcpyKind.cudaMemcpyHostToDevice
        _call(
            self._api.cudaMemcpyAsync(
                self.address, self._host_address, array.nbytes, kind, stream.handle
            )
        )

    def download(self, shape: tuple[int, ...], dtype: "np.dtype[Any]", stream: CudaStream) -> Array:
        """Queue the copy to the host; return where the values will stand after `stream.wait()`.

        They stay until the next copy.
        """
        view = self._view(shape, dtype)
        kind = self._api.cudaMemcpyKind.cudaMemcpyDeviceToHost
        _call(
            self._api.cudaMemcpyAsync(
                self._host_address, self.address, view.nbytes, kind, stream.handle
            )
        )
        return view

    def _view(self, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Array:
        return self._host[: math.prod(shape) * dtype.itemsize].view(dtype).reshape(shape)

    def close(self) -> None:
        """Release both memories."""
        super().close()
        _call(self._api.cudaFreeHost(self._host_address))


class DeviceState(Resident):
    """A state on the GPU."""

    def __init__(self, spec: TensorSpec, stream: CudaStream) -> None:
        super().__init__(spec)
        self._stream = stream
        self.memory = DeviceMemory(self.nbytes)
        self.clear()

    def clear(self) -> None:
        """Set it to zeros."""
        self.memory.clear(self.nbytes, self._stream)
        self._stream.wait()

    def __del__(self) -> None:
        if hasattr(self, "memory"):
            self.memory.close()
