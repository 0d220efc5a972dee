"""One table row per bundle: task metric, size, latency beside PyTorch eager."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from shipped import Shipped
from transformers import PreTrainedModel

import edgewright as ew
from edgewright.backends import Runner
from edgewright.bench.statistics import Comparison, compare_interleaved
from edgewright.bundle.manifest import Variant
from edgewright_export.calibrate import ObservedRunner
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.models.conformer_chunks import ConformerChunks
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.recipes import RECIPES

BYTES_PER_MB = 1e6
WEIGHT_FILES = "*.safetensors"


@dataclass(frozen=True)
class Measured:
    """One variant of a bundle."""

    metric: float
    megabytes: float
    latency: Comparison
    """Of its graphs, relative to PyTorch eager on the same arrays; one thread, batch 1."""


@dataclass(frozen=True)
class Row:
    """One bundle."""

    bundle: str
    metric: str
    """Name of the task metric, with what it was measured on."""
    samples: int
    pytorch_metric: float
    pytorch_megabytes: float
    variants: dict[str, Measured]


def measure(shipped: Shipped, bundle_path: Path, *, blocks: int) -> Row:
    """Compare every variant of a bundle with the checkpoint that it came from."""
    with ew.Bundle.open(bundle_path) as bundle:
        manifest = bundle.manifest
        sample = next(iter(bundle.golden()))[1]
    recipe = RECIPES[manifest.family].load(Checkpoint(shipped.checkpoint))
    modules = {name: in_pytorch(component) for name, component in recipe.components().items()}
    first = manifest.variants[0].receipt.metric
    return Row(
        bundle=manifest.name,
        metric=f"{first.name}, {first.data}",
        samples=first.samples,
        pytorch_metric=first.reference,
        pytorch_megabytes=sum(f.stat().st_size for f in shipped.checkpoint.rglob(WEIGHT_FILES))
        / BYTES_PER_MB,
        variants={
            variant.name: _measure(variant, bundle_path, modules, sample, blocks)
            for variant in manifest.variants
        },
    )


@dataclass(frozen=True)
class Module:
    """What PyTorch's users run."""

    call: torch.nn.Module
    inputs: tuple[str, ...]
    """Of the graph's inputs those that it takes, in its order."""


def in_pytorch(component: TracedComponent) -> Module:
    """Return what PyTorch's users run, where the exporter traces something slower.

    That is the usual attention instead of the explicit one, and a recognizer on the whole utterance
    instead of its chunks.
    """
    module, inputs = component.module, tuple(component.inputs)
    if isinstance(module, ConformerChunks):
        return Module(module.model, inputs[:1])
    for part in module.children():
        if isinstance(part, PreTrainedModel):
            part.set_attn_implementation("sdpa")
    return Module(module, inputs)


def _measure(
    variant: Variant,
    bundle: Path,
    modules: Mapping[str, Module],
    sample: Mapping[str, Any],
    blocks: int,
) -> Measured:
    with ew.load(bundle, precision=variant.name, threads=1) as model:
        inputs = _graph_inputs(model, bundle, sample)
        latency = compare_interleaved(
            _graphs(model.runners, inputs), _eager(modules, inputs), blocks=blocks
        )
    receipt = variant.receipt
    return Measured(receipt.metric.value, receipt.bytes / BYTES_PER_MB, latency)


def _graph_inputs(
    model: Any, bundle_path: Path, sample: Mapping[str, Any]
) -> dict[str, Mapping[str, Any]]:
    """Return what pre-processing makes of a raw sample, as the graphs receive it."""
    given: dict[str, list[Mapping[str, Any]]] = {name: [] for name in model.runners}
    observed = {
        name: ObservedRunner(runner, given[name].append) for name, runner in model.runners.items()
    }
    with ew.Bundle.open(bundle_path) as bundle:
        type(model)(model.config, bundle.read_bytes, observed, model.runtime).infer(sample)
    return {name: runs[0] for name, runs in given.items()}


def _graphs(
    runners: Mapping[str, Runner], inputs: Mapping[str, Mapping[str, Any]]
) -> Callable[[], object]:
    return lambda: [runner.run(inputs[name]) for name, runner in runners.items()]


def _eager(
    modules: Mapping[str, Module], inputs: Mapping[str, Mapping[str, Any]]
) -> Callable[[], object]:
    arguments = {
        name: [torch.from_numpy(inputs[name][key].copy()) for key in module.inputs]
        for name, module in modules.items()
    }

    def call() -> object:
        with torch.inference_mode():
            return [module.call(*arguments[name]) for name, module in modules.items()]

    return call
