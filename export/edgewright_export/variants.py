"""Making the variants of a recipe in the folder of a bundle, and judging each."""

import json
import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewright import records
from edgewright.backends import BACKENDS, Runner
from edgewright.bundle.manifest import Component, Receipt, Rejection, Target, Variant
from edgewright.errors import ParityError, PlacementError, VariantRejectedWarning
from edgewright.families import FAMILIES, Model
from edgewright.probe import probe
from edgewright.progress import Progress
from edgewright.runtime import Runtime
from edgewright_export import parity
from edgewright_export.latency import baseline_target, compare_latency, measured_target
from edgewright_export.onnx_graph import TracedComponent, describe, export_graph, opsets
from edgewright_export.quantize import quantize_int8
from edgewright_export.recipes.base import Recipe

BASELINE = "fp32"
VARIANTS = (BASELINE, "int8")
"""Variants that can be made. The first is in every bundle; the others are made from it."""
_BACKEND, _DEVICE = "onnxruntime", "cpu"


@dataclass(frozen=True)
class Accepted:
    """A variant that passed its gates."""

    record: Variant
    tolerance: float
    """Largest relative difference on the golden samples that a device may show."""


class VariantMaker:
    """Writes the graphs of a recipe's variants to a folder and lets them through the gates."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        golden: Sequence[parity.GoldenSample],
        gate: parity.MetricGate,
        *,
        progress: Progress,
        seed: int,
    ):
        self._recipe, self._folder, self._golden, self._gate = recipe, folder, golden, gate
        self._progress, self._seed = progress, seed
        self._traced: dict[str, TracedComponent] = recipe.components()
        self._baseline: Model[Any] | None = None

    def make(
        self, names: Sequence[str], required: Sequence[str]
    ) -> tuple[list[Accepted], list[Rejection]]:
        """Make the variants `names`; a missed gate leaves one out.

        Raises:
            ParityError: The baseline or one of `required` misses a gate.
        """
        accepted: list[Accepted] = []
        rejected: list[Rejection] = []
        for name in sorted(names, key=VARIANTS.index):
            try:
                accepted.append(self._make(name))
            except ParityError as error:
                if name == BASELINE or name in required:
                    raise
                shutil.rmtree(self._folder / "variants" / name)
                rejected.append(Rejection(name, str(error)))
                warnings.warn(
                    f"left out of the bundle: {error}", VariantRejectedWarning, stacklevel=4
                )
        return accepted, rejected

    def _make(self, name: str) -> Accepted:
        method, kept = self._write_graphs(name)
        components = {key: describe(self._path(name, key), self._folder) for key in self._traced}
        model = self._open(name, components)
        check = self._compare(name, model)
        self._progress.start(f"Measuring {self._gate.name} of {name}", self._gate.samples)
        metric = self._gate.measure(model, name, self._progress.advance)
        receipt = Receipt(
            bytes=0,  # the writer fills it in
            parity=check.parity,
            metric=metric,
            method=method,
            calibration_sha256=None,  # dynamic quantization needs no samples
            kept_in_higher_precision=kept,
        )
        targets = (self._target(name, model),)
        versions = opsets(self._path(name, next(iter(self._traced))))
        record = Variant(name, name, versions, components, targets, receipt)
        return Accepted(record, parity.tolerance(name, check))

    def _write_graphs(self, name: str) -> tuple[str, tuple[str, ...]]:
        """Write the graphs of a variant; return how, and which nodes stayed in fp32."""
        (self._folder / "variants" / name).mkdir(parents=True)
        if name == BASELINE:
            self._progress.start("Tracing fp32", len(self._traced))
            for key, traced in self._traced.items():
                export_graph(traced, self._path(name, key))
                self._progress.advance()
            return "torch.onnx.export, optimized", ()
        self._progress.start(f"Quantizing to {name}", len(self._traced))
        plan = self._recipe.quantization()
        kept: tuple[str, ...] = ()
        for key in self._traced:
            kept += quantize_int8(self._path(BASELINE, key), self._path(name, key), plan)
            self._progress.advance()
        return plan.method, kept

    def _compare(self, name: str, model: Model[Any]) -> parity.TensorCheck:
        self._progress.start(f"Comparing {name} with PyTorch")
        check = parity.compare_golden(model, self._golden)
        if name == BASELINE:
            parity.gate_fp32(check, "answers to the golden samples")
            for key, traced in self._traced.items():
                probes = parity.compare_probes(model.runners[key], traced)
                parity.gate_fp32(probes, f"graph '{key}' on other batches and lengths")
        return check

    def _target(self, name: str, model: Model[Any]) -> Target:
        if self._baseline is None:
            self._baseline = model
            return baseline_target(probe())
        self._progress.start(f"Timing {name} beside {BASELINE}")
        comparison = compare_latency(model, self._baseline, self._traced, self._seed)
        return measured_target(name, comparison, probe())

    def _open(self, name: str, components: Mapping[str, Component]) -> Model[Any]:
        """Open a variant as the runtime will, with one thread on the CPU."""
        runners = {
            key: _open_runner(self._folder, component) for key, component in components.items()
        }
        family = FAMILIES[self._recipe.family]
        # Through JSON, as the device will read it.
        stored = json.loads(json.dumps(records.plain(self._recipe.config)))
        config = records.read(family.config_type, stored, "config")
        runtime = _runtime(self._recipe.family, name, next(iter(runners.values())).provider)
        return family(config, lambda file: (self._folder / file).read_bytes(), runners, runtime)

    def _path(self, variant: str, component: str) -> Path:
        return self._folder / "variants" / variant / f"{component}.onnx"


def _open_runner(folder: Path, component: Component) -> Runner:
    files = [folder / file for file in component.files]
    try:
        return BACKENDS[_BACKEND].open(files, component, device=_DEVICE, threads=1)
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
        precision=variant,
        backend=_BACKEND,
        device=_DEVICE,
        provider=provider,
        threads=1,
        shared_threads=False,
        placement=(),
        fallback=None,
    )
