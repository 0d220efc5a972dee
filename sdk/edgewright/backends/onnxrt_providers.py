"""ONNX Runtime's execution providers, and what each is told of a graph."""

from collections.abc import Mapping
from pathlib import Path

from edgewright.backends.tensorrt_profiles import Shape, widest
from edgewright.bundle.manifest import Component
from edgewright.errors import BundleError, EngineBuildError, PlacementError

PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""Execution provider by device, the preferred device first."""
OPTIONS = frozenset(
    ("use_tf32", "cudnn_conv_algo_search", "arena_extend_strategy", "gpu_mem_limit")
)
"""What a bundle may set: nothing that names a file, a library or an address."""
_OWN = {"cuda": {"use_tf32": "0"}, "cpu": {}}  # fp32 means fp32
ProviderOptions = tuple[str, dict[str, str]]


def providers_of(
    device: str,
    component: Component,
    options: Mapping[str, str],
    *,
    strict: bool = True,
    engines: Path | None = None,
) -> tuple[ProviderOptions, ...]:
    """Return the providers of a session and their options, the one asked for first.

    Args:
        device: A key of `PROVIDERS`.
        component: The graph; TensorRT is told the sizes that it is meant for.
        options: The manifest's own; they win.
        engines: Folder for the engines of this graph alone, since ONNX Runtime tells them apart by
            names and not by weights; without one none is kept.
        strict: Give no other provider what the one asked for does not take.

    Raises:
        BundleError: The manifest sets what a bundle may not.
        PlacementError: TensorRT cannot be told the sizes of the graph.
    """
    if refused := sorted(set(options) - OPTIONS):
        raise BundleError(
            f"manifest: got provider options {refused}, expected some of {sorted(OPTIONS)}; "
            "export the bundle again"
        )
    own = _tensorrt(component, engines) if device == "tensorrt" else _OWN[device]
    asked = (PROVIDERS[device], {**own, **options})
    if device != "tensorrt" or strict:
        return (asked,)
    return asked, (PROVIDERS["cuda"], dict(_OWN["cuda"]))


def _tensorrt(component: Component, engines: Path | None) -> dict[str, str]:
    kept = {}
    if engines is not None:
        names = ("trt_engine_cache", "trt_timing_cache")
        kept = {f"{name}_enable": "1" for name in names}
        kept |= {f"{name}_path": str(engines) for name in names}
    try:
        sizes = widest(component)
    except EngineBuildError as error:
        raise PlacementError(str(error)) from error
    if not sizes:
        return kept
    shapes = zip(*sizes.values(), strict=True)
    keys = ("trt_profile_min_shapes", "trt_profile_opt_shapes", "trt_profile_max_shapes")
    return kept | {
        name: ",".join(map(_shape, sizes, kind)) for name, kind in zip(keys, shapes, strict=True)
    }


def _shape(name: str, shape: Shape) -> str:
    return f"{name}:{'x'.join(map(str, shape))}"
