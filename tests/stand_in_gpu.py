"""Stand-ins for CUDA's runtime and for TensorRT, in the memory of the host.

They take the calls that our code makes and keep the rules that NVIDIA documents of them: what is
destroyed is not used, and False, None or a status says no. So they prove our bookkeeping, and
nothing of a GPU.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from types import SimpleNamespace
from typing import Any

import numpy as np

from edgewright.bundle.manifest import Component, SizeRange, StatePair
from edgewright.specs import TensorSpec

SUM = Component(
    ("sum.onnx",),
    (TensorSpec("x", "float32", ("batch", 2)), TensorSpec("state_00_sum", "float32", (1, 2))),
    (TensorSpec("y", "float32", ("batch", 2)), TensorSpec("next_state_00_sum", "float32", (1, 2))),
    (StatePair("state_00_sum", "next_state_00_sum"),),
    ranges={"batch": (SizeRange(1, 1, 1), SizeRange(4, 8, 8))},
)
"""The next state is the sum of the state and of all x; y is x and the next state."""


class Status(IntEnum):
    cudaSuccess = 0
    cudaErrorMemoryAllocation = 2


class Cuda:
    """What of CUDA's runtime our code calls; `failing` names functions that give an error."""

    cudaEventBlockingSync, cudaEventDisableTiming, cudaHostAllocDefault = 1, 2, 0
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.live: dict[int, Any] = {}
        """Streams, events and memory that were made and not destroyed, by handle or address."""

    def __getattr__(self, name: str) -> Any:
        if name in ("cudaStreamCreate", "cudaEventCreateWithFlags"):
            return self._maker(name, object)
        if name in ("cudaMalloc", "cudaHostAlloc"):
            return self._maker(name, ctypes.create_string_buffer)
        if name in ("cudaStreamDestroy", "cudaEventDestroy", "cudaFree", "cudaFreeHost"):
            return lambda handle: self._done(name, self.live.pop(int(handle)))
        raise AttributeError(name)

    def _maker(self, name: str, make: Any) -> Any:
        def call(size: int = 0, *_: object) -> tuple[Any, ...]:
            if name in self.failing:
                return (Status.cudaErrorMemoryAllocation, None)
            made = make(b"\xff" * size, size) if make is ctypes.create_string_buffer else make()
            handle = ctypes.addressof(made) if make is not object else id(made)
            self.live[handle] = made
            return (Status.cudaSuccess, handle)

        return call

    def _done(self, name: str, *live: object) -> tuple[Any, ...]:
        failed = name in self.failing
        return (Status.cudaErrorMemoryAllocation if failed else Status.cudaSuccess,)

    def cudaEventRecord(self, event: int, stream: int) -> tuple[Any, ...]:
        return self._done("cudaEventRecord", self.live[event], self.live[stream])

    def cudaEventSynchronize(self, event: int) -> tuple[Any, ...]:
        return self._done("cudaEventSynchronize", self.live[event])

    def cudaMemsetAsync(self, to: int, value: int, size: int, stream: int) -> tuple[Any, ...]:
        ctypes.memset(ctypes.addressof(self.live[to]), value, size)
        return self._done("cudaMemsetAsync", self.live[stream])

    def cudaMemcpyAsync(
        self, to: int, origin: int, size: int, kind: int, stream: int
    ) -> tuple[Any, ...]:
        ctypes.memmove(self.live[to], self.live[origin], size)
        return self._done("cudaMemcpyAsync", self.live[stream])


class Logger:
    """As `quiet_logger` makes it; what it is told is nobody else's."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @contextmanager
    def errors(self) -> Iterator[list[str]]:
        self.told = []
        yield self.told


class TensorRt:
    """The module, its runtime, an engine of `SUM` and its context; `refusing` names what fails."""

    __version__ = "0"

    def __init__(self, cuda: Cuda) -> None:
        self.refusing: set[str] = set()
        self._cuda = cuda
        self.logger = Logger()
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}
        self.profiles: list[int] = []
        """Those that were taken, in order."""

    def Runtime(self, logger: Logger) -> "TensorRt":
        return self

    def _accepted(self, name: str) -> bool:
        if name in self.refusing:
            self.logger.told.append(f"{name} said no")
        return name not in self.refusing

    def deserialize_cuda_engine(self, plan: bytes) -> "TensorRt | None":
        return self if self._accepted("deserialize_cuda_engine") else None

    def create_execution_context(self) -> "TensorRt | None":
        return self if self._accepted("create_execution_context") else None

    def set_optimization_profile_async(self, index: int, stream: int) -> bool:
        assert stream in self._cuda.live
        self.profiles.append(index)
        self._shapes, self._addresses = {}, {}
        return self._accepted("set_optimization_profile_async")

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._shapes[name] = shape
        return self._accepted("set_input_shape")

    def set_tensor_address(self, name: str, address: int) -> bool:
        assert address in self._cuda.live
        self._addresses[name] = address
        return self._accepted("set_tensor_address")

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self._shapes["x"] if name in ("x", "y") else (1, 2)

    def execute_async_v3(self, stream: int) -> bool:
        assert stream in self._cuda.live
        x, state, y, following = (self._array(spec.name) for spec in (*SUM.inputs, *SUM.outputs))
        following[...] = state + x.sum(0)
        y[...] = x + following
        return self._accepted("execute_async_v3")

    def _array(self, name: str) -> Any:
        shape = self.get_tensor_shape(name)
        return np.frombuffer(
            self._cuda.live[self._addresses[name]], np.float32, shape[0] * shape[1]
        ).reshape(shape)
