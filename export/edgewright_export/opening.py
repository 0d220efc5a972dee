"""Opening the graphs of a variant that is being made, as the runtime will on the device."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgewright import records
from edgewright.backends import Runner
from edgewright.backends.onnxrt import OnnxRuntime
from edgewright.errors import ParityError, PlacementError
from edgewright.families import FAMILIES, Model
from edgewright.runtime import Runtime
from edgewright_export.onnx_graph import describe
from edgewright_export.quantization.precisions import PRECISIONS
from edgewright_export.recipes.base import Recipe

BASELINE = "fp32"
"""The variant that all others are made from and measured against."""
_DEVICE = "cpu"


def graph_path(folder: Path, variant: str, component: str) -> Path:
    """Return the file of a graph of the bundle in `folder`."""
    return folder / "variants" / variant / f"{component}.onnx"


def precision_of(variant: str) -> str:
    """Return what users ask for by `precision=` to get `variant`."""
    return variant if variant == BASELINE else PRECISIONS[variant].key


def open_model(
    recipe: Recipe, folder: Path, name: str, graphs: Mapping[str, Path], *, profiled: bool = False
) -> Model[Any]:
    """Return the model of a variant, with one thread on the CPU.

    Args:
        recipe: What is exported.
        folder: Of the bundle, with its assets.
        name: Of the variant.
        graphs: ONNX files by component.
        profiled: Whether ONNX Runtime notes what every kernel takes; that costs time.

    Raises:
        ParityError: A graph cannot be opened.
    """
    runners = {key: _open_runner(path, profiled=profiled) for key, path in graphs.items()}
    return assemble(recipe, folder, name, runners)


def assemble(recipe: Recipe, folder: Path, name: str, runners: Mapping[str, Runner]) -> Model[Any]:
    """Return the family's model around `runners`; its configuration is read as a device would."""
    family = FAMILIES[recipe.family]
    stored = json.loads(json.dumps(records.plain(recipe.config)))
    config = records.read(family.config_type, stored, "config")
    runtime = _runtime(recipe.family, name, next(iter(runners.values())).provider)
    return family(config, lambda file: (folder / file).read_bytes(), runners, runtime)


def _open_runner(path: Path, *, profiled: bool) -> Runner:
    component = describe(path, path.parent)
    try:
        if profiled:
            return OnnxRuntime.open_profiled([path], component, threads=1)
        return OnnxRuntime.open([path], component, device=_DEVICE, threads=1)
    except PlacementError as error:
        raise ParityError(
            f"{component.files[0]}: got a graph that cannot be opened ({error}), expected one that "
            "answers as PyTorch does; report it with config.json"
        ) from error


def _runtime(family: str, variant: str, provider: str) -> Runtime:
    return Runtime(
        bundle="under export",
        bundle_digest="",
        family=family,
        variant=variant,
        precision=precision_of(variant),
        backend=OnnxRuntime.key,
        device=_DEVICE,
        provider=provider,
        threads=1,
        shared_threads=False,
        placement=(),
        fallback=None,
    )
