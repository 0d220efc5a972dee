"""TensorRT and TensorRT-RTX: engines of the cache, run without PyTorch.

The runner needs a GPU. What was run on one, and what was not, stands in docs/gpu.md.
"""

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import ClassVar

import numpy as np

from edgewright.backends.base import Backend, DeviceFact, Runner
from edgewright.backends.cuda import Buffer, CudaStream, DeviceState
from edgewright.backends.facts import EngineIdentity, Facts, TensorRtFlavor
from edgewright.backends.nvidia import find_driver
from edgewright.backends.requirements import (
    NAMES,
    tensorrt_problem,
    tensorrt_variant_problem,
)
from edgewright.backends.tensorrt_library import import_tensorrt, quiet_logger
from edgewright.backends.tensorrt_profiles import Profile, line, profiles, shapes
from edgewright.bundle.manifest import Component, Manifest, Variant
from edgewright.engines.cache import EngineCache, graph_digest, hash_files, stale
from edgewright.errors import (
    BundleError,
    EdgewrightError,
    EngineBuildError,
    GpuUnavailableError,
    InputError,
    PlacementError,
)
from edgewright.specs import Array, Resident, TensorSpec

BUILD = "edgewright build BUNDLE --backend {flavor}"
BUILDER_SETTINGS = 1
"""Raised with every change of what `tensorrt_build` tells the parser or the builder, so that no
engine of earlier settings is used."""


class TensorRtRunner(Runner):
    """One engine with one execution context and one stream: concurrent calls take turns."""

    def __init__(
        self, component: Component, flavor: TensorRtFlavor, plan: bytes, sizes: Sequence[Profile]
    ) -> None:
        """Load `plan`; every buffer is as large as the largest of `sizes` needs.

        Raises:
            PlacementError: TensorRT does not take the plan.
            EdgewrightError: The GPU has not enough memory.
        """
        super().__init__(component, NAMES[flavor])
        trt, self._logger = import_tensorrt(flavor), quiet_logger(flavor)
        self._lock, self._profiles = threading.Lock(), tuple(sizes)
        self._logger.errors.clear()
        self._runtime = trt.Runtime(self._logger)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise PlacementError(
                f"{component.files[0]}: got a plan that {flavor} {trt.__version__} does not load "
                f"({'; '.join(self._logger.errors)}), expected an engine; run `edgewright cache "
                "clear` and build it again"
            )
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise EdgewrightError(
                f"{component.files[0]}: got no execution context, expected one "
                f"({'; '.join(self._logger.errors)}); free memory of the GPU"
            )
        self._profile = 0
        with ExitStack() as memory:
            self._stream = memory.enter_context(closing(CudaStream()))
            self._buffers = {
                name: memory.enter_context(closing(Buffer(size)))
                for name, size in self._sizes().items()
            }
            self._memory = memory.pop_all()
        self._addresses = dict.fromkeys(self._buffers, 0)

    def state(self, spec: TensorSpec) -> Array | Resident:
        """Return zeros in the memory of the GPU."""
        self._check_open()
        return DeviceState(spec, self._stream)

    def _run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        with self._lock:
            return {name: view.copy() for name, view in self._execute(arrays, {}).items()}

    def _bind(
        self, inputs: Mapping[str, Array | Resident], outputs: Mapping[str, Array | Resident]
    ) -> Callable[[], None]:
        kept = {**_residents(inputs), **_residents(outputs)}
        sent = {name: array for name, array in inputs.items() if isinstance(array, np.ndarray)}
        wanted = {name: array for name, array in outputs.items() if isinstance(array, np.ndarray)}
        given = {name: spec.shape for name, spec in inputs.items()}

        def call() -> None:
            with self._lock:
                answer = self._execute(sent, kept, given)
                for name, array in wanted.items():
                    array[...] = answer[name]

        return call

    def _execute(
        self,
        arrays: Mapping[str, Array],
        kept: Mapping[str, DeviceState],
        given: Mapping[str, tuple[int, ...]] | None = None,
    ) -> dict[str, Array]:
        """Run once; return views of the outputs that are not in `kept`, valid until the next run.

        Args:
            arrays: Inputs that cross to the GPU.
            kept: States, by name of the input or output.
            given: Shapes of all inputs; those of `arrays` where nothing is kept.
        """
        self._check_open()
        given = given or {name: array.shape for name, array in arrays.items()}
        self._select(given)
        for name, shape in given.items():
            self._context.set_input_shape(name, shape)
        for name, buffer in self._buffers.items():
            self._set_address(name, kept[name].memory.address if name in kept else buffer.address)
        for name, array in arrays.items():
            self._buffers[name].upload(array, self._stream)
        self._logger.errors.clear()
        if not self._context.execute_async_v3(self._stream.handle):
            raise EdgewrightError(
                f"graph: {self.provider} failed on inputs {dict(given)} with "
                f"'{'; '.join(self._logger.errors)}', expected an answer; try a smaller input"
            )
        views = {
            spec.name: self._buffers[spec.name].download(
                tuple(self._context.get_tensor_shape(spec.name)), np.dtype(spec.dtype), self._stream
            )
            for spec in self.outputs
            if spec.name not in kept
        }
        self._stream.wait()
        return views

    def _select(self, given: Mapping[str, tuple[int, ...]]) -> None:
        """Take the first profile that all shapes lie in."""
        fitting = (
            index
            for index, profile in enumerate(self._profiles)
            if all(_fits(given[spec.name], *shapes(profile, spec)) for spec in self.inputs)
        )
        index = next(fitting, None)
        if index is None:
            raise InputError(
                f"graph: got inputs {dict(given)}, expected sizes of one of the engine's ranges: "
                f"{'; '.join(map(line, self._profiles))}; use shorter or fewer inputs, or export "
                "the bundle with other ranges"
            )
        if index != self._profile:
            self._context.set_optimization_profile_async(index, self._stream.handle)
            self._profile = index
            self._addresses = dict.fromkeys(self._buffers, 0)  # to be told again

    def _set_address(self, name: str, address: int) -> None:
        if self._addresses[name] != address:
            self._context.set_tensor_address(name, address)
            self._addresses[name] = address

    def _sizes(self) -> dict[str, int]:
        """Return the bytes that every input and output needs at most.

        Raises:
            EngineBuildError: The size of an output depends on the values of the inputs.
        """
        sizes: dict[str, int] = {}
        for index, profile in enumerate(self._profiles):
            self._context.set_optimization_profile_async(index, self._stream.handle)
            for spec in self.inputs:
                self._context.set_input_shape(spec.name, shapes(profile, spec)[-1])
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
        self._profile = len(self._profiles) - 1
        return sizes

    def close(self) -> None:
        """Release the engine and its memory; a running call finishes first."""
        with self._lock:
            if self._closed:
                return
            super().close()
            self._memory.close()
            del self._context, self._engine, self._runtime


class TensorRt(Backend):
    """Engines that `edgewright build` left in the cache of this device."""

    key = "tensorrt"
    flavor: ClassVar[TensorRtFlavor] = "tensorrt"
    untested = "the driver starts; no engine was run"

    @classmethod
    def devices(cls, facts: Facts) -> tuple[DeviceFact, ...]:
        """Return whether the first GPU can be used."""
        version = next((lib.version for lib in facts.tensorrt if lib.flavor == cls.flavor), "")
        problem = tensorrt_problem(facts, cls.flavor)
        return (DeviceFact(cls.key, "tensorrt", NAMES[cls.flavor], version, problem),)

    @classmethod
    def variant_problem(
        cls, facts: Facts, manifest: Manifest, variant: Variant, device: str, *, asked: bool
    ) -> str | None:
        """Say which engine of `variant` is missing in the cache, or stale; none where all serve."""
        if problem := tensorrt_variant_problem(facts, cls.flavor, variant):
            return problem
        for name, component in variant.components.items():
            digest = graph_digest([manifest.files[path].sha256 for path in component.files])
            try:
                identity = identity_of(digest, component, variant.precision, cls.flavor, facts)
            except EngineBuildError as error:
                return str(error)
            if problem := stale(identity, facts.engines):
                return f"component {name}: {problem}; run `{BUILD.format(flavor=cls.flavor)}`"
        return None

    @classmethod
    def self_test(cls, device: str) -> str | None:
        """Say whether the driver starts; an engine would take seconds to build."""
        return find_driver().problem

    @classmethod
    def open(
        cls,
        files: Sequence[Path],
        component: Component,
        *,
        device: str,
        threads: int,
        shared_threads: bool = False,
        precision: str = "",
        strict: bool = True,
        options: Mapping[str, str] | None = None,
    ) -> Runner:
        """Open the engine of a graph; see `Backend.open`.

        Raises:
            BundleError: The manifest sets options; an engine has none.
            GpuUnavailableError: There is no GPU that can be used.
            PlacementError: There is no whole engine of it in the cache.
        """
        if options:
            raise BundleError(
                f"manifest: got options {sorted(options)} for {NAMES[cls.flavor]}, expected none: "
                "what an engine computes stands in its graph; export the bundle again"
            )
        facts = require_gpu(cls.flavor)
        identity = identity_of(hash_files(files), component, precision, cls.flavor, facts)
        engines = EngineCache()
        plan = engines.load(identity)
        if plan is None:
            raise PlacementError(
                f"{component.files[0]}: got no whole engine for it in '{engines.folder}', "
                f"expected one; run `{BUILD.format(flavor=cls.flavor)}`"
            )
        try:
            return TensorRtRunner(component, cls.flavor, plan, profiles(component))
        except PlacementError:
            raise
        except EdgewrightError as error:
            raise PlacementError(str(error)) from error

    @classmethod
    def share_threads(cls, threads: int) -> None:
        """Do nothing: the GPU has its own."""


class TensorRtRtx(TensorRt):
    """The same with TensorRT-RTX."""

    key = "tensorrt-rtx"
    flavor = "tensorrt-rtx"


def require_gpu(flavor: TensorRtFlavor) -> Facts:
    """Return the facts of this machine, asking the driver before TensorRT, which may crash.

    Raises:
        GpuUnavailableError: No GPU can be used, or not by this TensorRT.
    """
    from edgewright.probe import probe  # which imports the backends

    facts = probe().facts
    if problem := tensorrt_problem(facts, flavor):
        raise GpuUnavailableError(
            f"{NAMES[flavor]}: {problem}; see `edgewright doctor`, or use device='cpu'"
        )
    return facts


def layers_of(flavor: TensorRtFlavor, plan: bytes) -> str:
    """Return what TensorRT says of the layers of an engine: names, formats, kernels; JSON.

    Raises:
        EngineBuildError: This GPU does not load the plan.
    """
    trt, logger = import_tensorrt(flavor), quiet_logger(flavor)
    runtime = trt.Runtime(logger)
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise EngineBuildError(
            f"plan: got one of {len(plan):,} bytes that the GPU that it was built for does not "
            f"load ({'; '.join(logger.errors)}), expected an engine; report it"
        )
    inspector = engine.create_engine_inspector()
    text: str = inspector.get_engine_information(trt.LayerInformationFormat.JSON)
    return text


def identity_of(
    graph: str, component: Component, precision: str, flavor: TensorRtFlavor, facts: Facts
) -> EngineIdentity:
    """Return what the engine of a graph depends on, on the machine of `facts`.

    Raises:
        EngineBuildError: The component has no ranges.
    """
    gpu = facts.nvidia.gpus[0]
    library = next(lib for lib in facts.tensorrt if lib.flavor == flavor)
    major = facts.nvidia.version.partition(".")[0]
    return EngineIdentity(
        graph_sha256=graph,
        flavor=flavor,
        version=library.version,
        cuda=library.cuda,
        gpu=gpu.name,
        compute_capability=gpu.compute_capability,
        driver_major=int(major or 0),
        precision=precision,
        profiles=tuple(map(line, profiles(component))),
        builder_settings=BUILDER_SETTINGS,
    )


def _residents(arrays: Mapping[str, Array | Resident]) -> dict[str, DeviceState]:
    return {name: array for name, array in arrays.items() if isinstance(array, DeviceState)}


def _fits(
    shape: tuple[int, ...], least: tuple[int, ...], _: tuple[int, ...], most: tuple[int, ...]
) -> bool:
    return all(low <= size <= high for low, size, high in zip(least, shape, most, strict=True))
