"""From a bundle to engines in the cache of this device."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from hashlib import sha256
from importlib import metadata

from edgewright.backends.facts import EngineIdentity, EngineRecord, TensorRtFlavor
from edgewright.backends.tensorrt import identity_of, layers_of, require_gpu
from edgewright.backends.tensorrt_build import BuildOptions, BuiltEngine, build_engine
from edgewright.bundle import Bundle
from edgewright.bundle.manifest import Component, Manifest, Variant
from edgewright.engines.cache import EngineCache, graph_digest
from edgewright.errors import EdgewrightError, UsageError
from edgewright.progress import Progress

PRECISIONS = ("fp32", "fp16", "int8-trt")
"""Of variants that TensorRT takes; the others are made for CPUs."""


@dataclass(frozen=True)
class ComponentEngine:
    """What became of one graph."""

    variant: str
    component: str
    state: str
    """`built`, `cached` (it was there), `checked` (built and not kept) or `failed`."""
    seconds: float
    """That building it took; 0 where it was not built now."""
    bytes: int
    """Of the plan; 0 where it failed."""
    problem: str | None
    """Why it failed; none where it did not."""
    beside_problem: str | None = None
    """Why its timing cache or TensorRT's account of its layers is not beside the engine, which
    serves without them."""

    def __str__(self) -> str:
        about = f"{self.seconds:.1f} s, {self.bytes / 1e6:.1f} MB"
        if self.beside_problem is not None:
            about += f", without a timing cache or an account of its layers: {self.beside_problem}"
        return f"{self.variant}\t{self.component}\t{self.state}\t{self.problem or about}"


def build_engines(
    bundle: Bundle,
    flavor: TensorRtFlavor,
    progress: Progress,
    *,
    variants: Sequence[str] | None = None,
    options: BuildOptions | None = None,
) -> Iterator[ComponentEngine]:
    """Build the engines that the cache lacks, one at a time; a graph that fails stops no other.

    Args:
        bundle: An open bundle.
        flavor: Which TensorRT.
        progress: Shows the builder's phases.
        variants: Their names; by default those that TensorRT takes, `fp32` only where the bundle
            has none of that precision made for TensorRT.
        options: See there; without them, an engine of any compatibility serves.

    Raises:
        GpuUnavailableError: No GPU can be used, or not by this TensorRT.
        UsageError: The bundle has no such variant, or this TensorRT no such option.
    """
    facts, cache, settings = require_gpu(flavor), EngineCache(), options or BuildOptions()

    def build(variant: Variant, name: str, component: Component) -> ComponentEngine:
        digest = graph_digest([bundle.manifest.files[path].sha256 for path in component.files])
        identity = identity_of(digest, component, variant.precision, flavor, facts)
        waiting = f"{variant.name}, {name}: waiting for another process that builds it"
        with cache.building(identity, partial(progress.start, waiting)):
            if plan := cache.load(identity, options.compatibility if options else None):
                return ComponentEngine(variant.name, name, "cached", 0.0, len(plan), None)
            timed = replace(settings, timing_cache=cache.timing_cache(identity))
            built = _build(bundle, flavor, component, timed, progress)
            about = f"{bundle.manifest.name} {bundle.manifest.version}, {variant.name}, {name}"
            record = _record(identity, built, about, settings.compatibility)
            cache.store(record, built.plan)
        told = ComponentEngine(variant.name, name, "built", built.seconds, len(built.plan), None)
        return replace(told, beside_problem=_keep_beside(cache, identity, built))

    return _each(bundle.manifest, variants, build)


def check_engines(
    bundle: Bundle,
    flavor: TensorRtFlavor,
    progress: Progress,
    *,
    variants: Sequence[str] | None = None,
    options: BuildOptions | None = None,
) -> Iterator[ComponentEngine]:
    """Build every engine to see whether it can be built, and keep none; see `build_engines`.

    TensorRT-RTX needs no GPU for it where `options` name a compute capability.
    """
    settings = options or BuildOptions()
    if flavor == "tensorrt" or settings.compute_capability is None:
        require_gpu(flavor)

    def check(variant: Variant, name: str, component: Component) -> ComponentEngine:
        built = _build(bundle, flavor, component, settings, progress)
        return ComponentEngine(variant.name, name, "checked", built.seconds, len(built.plan), None)

    return _each(bundle.manifest, variants, check)


def _keep_beside(cache: EngineCache, identity: EngineIdentity, built: BuiltEngine) -> str | None:
    """Keep what was measured and what TensorRT says of the layers; say what went wrong, or none."""
    try:
        if built.timing_cache:
            cache.keep_timing_cache(identity, built.timing_cache)
        cache.keep_layers(identity, layers_of(identity.flavor, built.plan))
    except Exception as error:  # noqa: BLE001 - whatever it is, the engine is there
        return str(error) or type(error).__name__
    return None


def _each(
    manifest: Manifest,
    variants: Sequence[str] | None,
    work: Callable[[Variant, str, Component], ComponentEngine],
) -> Iterator[ComponentEngine]:
    for variant in _chosen(manifest, variants):
        for name, component in variant.components.items():
            try:
                yield work(variant, name, component)
            except UsageError:
                raise
            except EdgewrightError as error:
                yield ComponentEngine(variant.name, name, "failed", 0.0, 0, str(error))


def _chosen(manifest: Manifest, names: Sequence[str] | None) -> list[Variant]:
    present = {variant.name: variant for variant in manifest.variants}
    if names is not None:
        if unknown := [name for name in names if name not in present]:
            raise UsageError(
                f"variants: got {unknown}, expected some of {list(present)}; see `edgewright "
                "inspect`"
            )
        return [present[name] for name in names]
    taken = [variant for variant in manifest.variants if variant.precision in PRECISIONS]
    made_for_it = [v for v in taken if any(target.device == "tensorrt" for target in v.targets)]
    precisions = {variant.precision for variant in made_for_it}
    return [v for v in taken if v in made_for_it or v.precision not in precisions]


def _build(
    bundle: Bundle,
    flavor: TensorRtFlavor,
    component: Component,
    options: BuildOptions,
    progress: Progress,
) -> BuiltEngine:
    files = [bundle.file(path) for path in component.files]
    return build_engine(flavor, files, component, options, progress)


def _record(
    identity: EngineIdentity, built: BuiltEngine, about: str, compatibility: str
) -> EngineRecord:
    return EngineRecord(
        identity=identity,
        bundle=about,
        compatibility=compatibility,
        plan_sha256=sha256(built.plan).hexdigest(),
        plan_bytes=len(built.plan),
        seconds=built.seconds,
        built=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        edgewright=metadata.version("edgewright"),
    )
