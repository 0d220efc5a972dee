"""Memory, streams and events of an NVIDIA GPU through cuda-bindings; no PyTorch.

Nothing here is called before `nvidia.find_driver` has found a GPU.
"""

import ctypes
import math
import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np

from edgewright.backends.base import closed_error
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


def _release(function: Callable[[Any], tuple[Any, ...]], handle: Any) -> None:
    _call(function(handle))


class CudaStream:
    """A queue of work on the GPU; `wait` sleeps until all of it is done."""

    def __init__(self) -> None:
        self._api = runtime()
        with ExitStack() as made:
            self._handle = int(_call(self._api.cudaStreamCreate()))
            made.callback(_release, self._api.cudaStreamDestroy, self._handle)
            flags = self._api.cudaEventBlockingSync | self._api.cudaEventDisableTiming
            self._done = _call(self._api.cudaEventCreateWithFlags(flags))
            made.callback(_release, self._api.cudaEventDestroy, self._done)
            self._owned = made.pop_all()
        self._closed = False

    @property
    def handle(self) -> int:
        """CUDA's own.

        Raises:
            StateError: The stream was closed: the driver does not check that.
        """
        if self._closed:
            raise closed_error()
        return self._handle

    def wait(self) -> None:
        """Return when everything that was queued is done; the thread sleeps meanwhile."""
        _call(self._api.cudaEventRecord(self._done, self.handle))
        _call(self._api.cudaEventSynchronize(self._done))

    def close(self) -> None:
        """Release the stream; a second time nothing is done."""
        self._closed = True
        self._owned.close()


class DeviceMemory:
    """Bytes on the GPU."""

    def __init__(self, size: int) -> None:
        self._api = runtime()
        self._address = int(_call(self._api.cudaMalloc(max(1, size))))
        self._owned = ExitStack()
        self._owned.callback(_release, self._api.cudaFree, self._address)
        self._closed = False

    @property
    def address(self) -> int:
        """On the GPU.

        Raises:
            StateError: The memory was freed.
        """
        if self._closed:
            raise closed_error()
        return self._address

    def clear(self, size: int, stream: CudaStream) -> None:
        """Queue zeros for the first `size` bytes."""
        _call(self._api.cudaMemsetAsync(self.address, 0, size, stream.handle))

    def close(self) -> None:
        """Free all of it; a second time nothing is done."""
        self._closed = True
        self._owned.close()


class Buffer(DeviceMemory):
    """Bytes on the GPU with as many page-locked ones on the host, for copies in both directions."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        with ExitStack() as made:
            made.callback(self.close)
            flags = self._api.cudaHostAllocDefault
            self._host_address = int(_call(self._api.cudaHostAlloc(max(1, size), flags)))
            self._owned.callback(_release, self._api.cudaFreeHost, self._host_address)
            made.pop_all()
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


class DeviceState(Resident):
    """A state on the GPU; freed when its runner is closed, or when nothing holds it."""

    def __init__(self, spec: TensorSpec, stream: CudaStream, lock: threading.Lock) -> None:
        """Allocate zeros.

        Args:
            spec: The state; dynamic sizes are 1.
            stream: Of the runner, which may be closed before this state is.
            lock: Held by who uses or closes `stream`.
        """
        super().__init__(spec)
        self._stream, self._lock = stream, lock
        self._memory = DeviceMemory(self.nbytes)
        self._free = weakref.finalize(self, self._memory.close)
        self._free.atexit = False  # a thread may still run, and the driver frees all
        with ExitStack() as made:
            made.callback(self.close)
            self.clear()
            made.pop_all()

    @property
    def address(self) -> int:
        """On the GPU.

        Raises:
            StateError: The runner was closed.
        """
        return self._memory.address

    def clear(self) -> None:
        """Set it to zeros."""
        with self._lock:
            self._memory.clear(self.nbytes, self._stream)
            self._stream.wait()

    def close(self) -> None:
        """Free the memory; a second time nothing is done."""
        self._free()
