"""TensorRT and TensorRT-RTX: engines that lie in the cache, opened by the project's own runner."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from edgewright.backends.base import Backend, DeviceFact, Runner
from edgewright.backends.facts import EngineIdentity, Facts, TensorRtFlavor
from edgewright.backends.nvidia import find_driver
from edgewright.backends.requirements import (
    NAMES,
    tensorrt_problem,
    tensorrt_variant_problem,
)
from edgewright.backends.tensorrt_library import import_tensorrt, quiet_logger, told
from edgewright.backends.tensorrt_profiles import line, profiles
from edgewright.backends.tensorrt_runner import TensorRtRunner
from edgewright.bundle.manifest import Component, Manifest, Variant
from edgewright.engines.cache import EngineCache, graph_digest, hash_files, stale
from edgewright.errors import (
    BundleError,
    EdgewrightError,
    EngineBuildError,
    GpuUnavailableError,
    PlacementError,
)

BUILD = "edgewright build BUNDLE --backend {flavor}"
BUILDER_SETTINGS = 1
"""Raised with every change of what `tensorrt_build` tells the parser or the builder, so that no
engine of earlier settings is used."""


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
        raise GpuUnavailableError(f"{NAMES[flavor]}: {problem}; see `edgewright doctor`")
    return facts


def layers_of(flavor: TensorRtFlavor, plan: bytes) -> str:
    """Return what TensorRT says of the layers of an engine: names, formats, kernels; JSON.

    Raises:
        EngineBuildError: This GPU does not load the plan.
    """
    trt, logger = import_tensorrt(flavor), quiet_logger(flavor)
    with logger.errors() as errors:
        runtime = trt.Runtime(logger)
        engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise EngineBuildError(
            f"plan: got one of {len(plan):,} bytes that the GPU that it was built for does not "
            f"load ({told(errors)}), expected an engine; report it"
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
    return EngineIdentity(
        graph_sha256=graph,
        flavor=flavor,
        version=library.version,
        cuda=library.cuda,
        gpu=gpu.name,
        compute_capability=gpu.compute_capability,
        driver_major=facts.nvidia.major,
        precision=precision,
        profiles=tuple(map(line, profiles(component))),
        builder_settings=BUILDER_SETTINGS,
    )
