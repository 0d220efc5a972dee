"""An engine of TensorRT or TensorRT-RTX on the GPU, run without PyTorch.

What was run on a GPU, and what was not, stands in docs/gpu.md.
"""

import math
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager

import numpy as np

from edgewright.backends.base import Runner
from edgewright.backends.cuda import Buffer, CudaStream, DeviceState
from edgewright.backends.facts import TensorRtFlavor
from edgewright.backends.requirements import NAMES
from edgewright.backends.tensorrt_library import import_tensorrt, quiet_logger, told
from edgewright.backends.tensorrt_profiles import Profile, Shape, fitting, line, shapes
from edgewright.bundle.manifest import Component
from edgewright.errors import EdgewrightError, EngineBuildError, InputError, PlacementError
from edgewright.specs import Array, Resident, TensorSpec


class TensorRtRunner(Runner):
    """One engine with one execution context and one stream: concurrent calls take turns.

    Its memory is freed when it is closed, or when nothing holds it.
    """

    def __init__(
        self, component: Component, flavor: TensorRtFlavor, plan: bytes, sizes: Sequence[Profile]
    ) -> None:
        """Load `plan`; every buffer is as large as the largest of `sizes` needs.

        Raises:
            PlacementError: TensorRT does not take the plan.
            EdgewrightError: The GPU has not enough memory.
        """
        super().__init__(component, NAMES[flavor])
        self._lock, self._profiles = threading.Lock(), tuple(sizes)
        self._profile: int | None = None
        self._addresses: dict[str, int] = {}
        self._logger = quiet_logger(flavor)
        with self._logger.errors() as self._errors, ExitStack() as memory:
            self._open(component, flavor, plan)
            self._stream = memory.enter_context(closing(CudaStream()))
            self._buffers = {
                name: memory.enter_context(closing(Buffer(size)))
                for name, size in self._sizes().items()
            }
            self._free = weakref.finalize(self, memory.pop_all().close)
            self._free.atexit = False  # a thread may still run, and the driver frees all

    def _open(self, component: Component, flavor: TensorRtFlavor, plan: bytes) -> None:
        trt = import_tensorrt(flavor)
        try:
            self._runtime = trt.Runtime(self._logger)
        except (TypeError, RuntimeError) as error:  # what its bindings make of a null pointer
            raise EdgewrightError(
                f"{component.files[0]}: {flavor} {trt.__version__} does not start "
                f"({told(self._errors)}), expected a runtime; see `edgewright doctor`"
            ) from error
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise PlacementError(
                f"{component.files[0]}: got a plan that {flavor} {trt.__version__} does not load "
                f"({told(self._errors)}), expected an engine; run `edgewright cache "
                "clear` and build it again"
            )
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise EdgewrightError(
                f"{component.files[0]}: got no execution context, expected one "
                f"({told(self._errors)}); free memory of the GPU"
            )

    def _state(self, spec: TensorSpec) -> Array | Resident:
        """Return zeros in the memory of the GPU."""
        return DeviceState(spec, self._stream, self._lock)

    def _run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        given = {name: array.shape for name, array in arrays.items()}
        profile = self._fitting(given)
        with self._turn():
            answer = self._execute(given, profile, arrays, {}, {})
            return {name: view.copy() for name, view in answer.items()}

    def _bind(
        self, inputs: Mapping[str, Array | Resident], outputs: Mapping[str, Array | Resident]
    ) -> Callable[[], None]:
        kept = {**_residents(inputs), **_residents(outputs)}
        sent = {name: array for name, array in inputs.items() if isinstance(array, np.ndarray)}
        fetched = {name: array for name, array in outputs.items() if isinstance(array, np.ndarray)}
        given, wanted = (
            {name: array.shape for name, array in arrays.items()} for arrays in (inputs, outputs)
        )
        profile = self._fitting(given)

        def call() -> None:
            with self._turn():
                answer = self._execute(given, profile, sent, kept, wanted)
                for name, array in fetched.items():
                    array[...] = answer[name]

        return call

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Have the engine for one call, and a list of the errors of that call."""
        with self._lock, self._logger.errors() as self._errors:
            self._check_open()
            yield

    def _execute(
        self,
        given: Mapping[str, Shape],
        profile: int,
        sent: Mapping[str, Array],
        kept: Mapping[str, DeviceState],
        wanted: Mapping[str, Shape],
    ) -> dict[str, Array]:
        """Run once; return views of the outputs that are not in `kept`, valid until the next run.

        Args:
            given: Shapes of all inputs.
            profile: Index of the one that they lie in.
            sent: Inputs that cross to the GPU.
            kept: States, by name of the input or output.
            wanted: Shapes that outputs must have.
        """
        if profile != self._profile:
            self._set_profile(profile)
        for name, shape in given.items():
            self._require(self._context.set_input_shape(name, shape), "shape", name, shape)
        answered = {
            spec.name: tuple(self._context.get_tensor_shape(spec.name)) for spec in self.outputs
        }
        for name, shape in wanted.items():
            if shape != answered[name]:
                raise InputError(
                    f"output '{name}': got an array of shape {shape}, expected {answered[name]} "
                    f"for inputs {dict(given)}; bind one of that shape"
                )
        for name, buffer in self._buffers.items():
            self._set_address(name, kept[name].address if name in kept else buffer.address)
        for name, array in sent.items():
            self._buffers[name].upload(array, self._stream)
        if not self._context.execute_async_v3(self._stream.handle):
            raise EdgewrightError(
                f"graph: {self.provider} failed on inputs {dict(given)} with "
                f"'{told(self._errors)}', expected an answer; try a smaller input"
            )
        views = {
            spec.name: self._buffers[spec.name].download(
                answered[spec.name], np.dtype(spec.dtype), self._stream
            )
            for spec in self.outputs
            if spec.name not in kept
        }
        self._stream.wait()
        return views

    def _fitting(self, given: Mapping[str, Shape]) -> int:
        index = fitting(self._profiles, self.inputs, given)
        if index is None:
            raise InputError(
                f"graph: got inputs {dict(given)}, expected sizes of one of the engine's ranges: "
                f"{'; '.join(map(line, self._profiles))}; use shorter or fewer inputs, or export "
                "the bundle with other ranges"
            )
        return index

    def _set_profile(self, index: int) -> None:
        self._profile = None
        self._addresses.clear()  # to be told again
        done = self._context.set_optimization_profile_async(index, self._stream.handle)
        self._require(done, "optimization profile", line(self._profiles[index]))
        self._profile = index

    def _set_address(self, name: str, address: int) -> None:
        if self._addresses.get(name) != address:
            done = self._context.set_tensor_address(name, address)
            self._require(done, "address of", name)
            self._addresses[name] = address

    def _require(self, done: bool, *what: object) -> None:
        if not done:
            raise EdgewrightError(
                f"graph: {self.provider} refused the {' '.join(map(str, what))} with "
                f"'{told(self._errors)}', expected that its engine takes it; run `edgewright cache "
                "clear` and build it again"
            )

    def _sizes(self) -> dict[str, int]:
        """Return the bytes that every input and output needs at most.

        Raises:
            EngineBuildError: The size of an output depends on the values of the inputs.
        """
        sizes: dict[str, int] = {}
        for index, profile in enumerate(self._profiles):
            self._set_profile(index)
            for spec in self.inputs:
                most = shapes(profile, spec)[-1]
                self._require(
                    self._context.set_input_shape(spec.name, most), "shape", spec.name, most
                )
            for spec in (*self.inputs, *self.outputs):
                shape = tuple(self._context.get_tensor_shape(spec.name))
                if min(shape, default=1) < 0:
                    raise EngineBuildError(
                        f"'{spec.name}': got an output whose size depends on values ({shape}), "
                        "expected one that follows from the inputs' sizes; report it"
                    )
                size = math.prod(shape) * np.dtype(spec.dtype).itemsize
                sizes[spec.name] = max(size, sizes.get(spec.name, 0))
        self._stream.wait()
        return sizes

    def close(self) -> None:
        """Release the engine and its memory; a running call finishes first."""
        with self._lock:
            if self._closed:
                return
            try:
                super().close()
            finally:
                del self._context, self._engine, self._runtime
                self._free()


def _residents(arrays: Mapping[str, Array | Resident]) -> dict[str, DeviceState]:
    return {name: array for name, array in arrays.items() if isinstance(array, DeviceState)}
