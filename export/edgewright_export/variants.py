"""Making the variants of a recipe in the folder of a bundle, and judging each."""

import json
import shutil
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from edgewright import records
from edgewright.backends import BACKENDS, Runner
from edgewright.bundle.manifest import Component, Receipt, Rejection, Target, Variant
from edgewright.errors import EdgewrightError, ParityError, PlacementError, VariantRejectedWarning
from edgewright.families import FAMILIES, Model
from edgewright.probe import probe
from edgewright.progress import Progress
from edgewright.runtime import Runtime
from edgewright_export import parity
from edgewright_export.calibrate import Calibration, ObservedRunner
from edgewright_export.latency import (
    baseline_target,
    compare_latency,
    measured_target,
    unmeasured_target,
)
from edgewright_export.lint import lint
from edgewright_export.onnx_graph import (
    TracedComponent,
    describe,
    export_graph,
    graph_files,
    opsets,
)
from edgewright_export.quantization.cache import digest_of
from edgewright_export.quantization.observation import (
    CalibrationSettings,
    Dependencies,
    Observation,
)
from edgewright_export.quantization.precisions import PRECISIONS
from edgewright_export.quantization.ranges import RangeCollector, Ranges
from edgewright_export.recipes.base import Recipe

BASELINE = "fp32"
VARIANTS = (BASELINE, *PRECISIONS)
"""Variants that can be made. The first is in every bundle; the others are made from it."""
DEFAULT_VARIANTS = (BASELINE, "int8")
_BACKEND, _DEVICE = "onnxruntime", "cpu"


@dataclass(frozen=True)
class Accepted:
    """A variant that passed its gates."""

    record: Variant
    tolerance: float
    """Largest relative difference on the golden samples that a device may show."""


@dataclass(frozen=True)
class Made:
    """How the graphs of a variant were made."""

    method: str
    """The receipt's description."""
    calibration_sha256: str | None
    """Hash of the calibration samples; none where none were needed."""
    kept: Mapping[str, tuple[str, ...]]
    """By component: names of the nodes that stayed in fp32."""


_EXPORTED = Made("torch.onnx.export, optimized", None, defaultdict(tuple))


class VariantMaker:
    """Writes the graphs of a recipe's variants to a folder and lets them through the gates."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        calibration: Calibration,
        golden: Sequence[parity.GoldenSample],
        gate: parity.MetricGate,
        *,
        settings: CalibrationSettings,
        progress: Progress,
        seed: int,
    ):
        self._recipe, self._folder, self._golden, self._gate = recipe, folder, golden, gate
        self._calibration, self._settings = calibration, settings
        self._progress, self._seed = progress, seed
        self._traced: dict[str, TracedComponent] = recipe.components()
        self._baseline: Model[Any] | None = None
        self._ranges: dict[tuple[tuple[str, ...], str], dict[str, Ranges]] = {}

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
        if name == BASELINE:
            self._export_graphs()
            return self._judge(name, dict.fromkeys(self._traced, BASELINE), _EXPORTED)
        made = self._quantize(name)
        try:
            return self._judge(name, dict.fromkeys(self._traced, name), made)
        except ParityError:
            if len(self._traced) == 1:
                raise
            return self._judge_in_parts(name, made)

    def _export_graphs(self) -> None:
        (self._folder / "variants" / BASELINE).mkdir(parents=True)
        self._progress.start("Tracing fp32", len(self._traced))
        for key, traced in self._traced.items():
            export_graph(traced, self._path(BASELINE, key))
            self._progress.advance()

    def _quantize(self, name: str) -> Made:
        """Write the graphs of the variant `name`.

        Raises:
            ParityError: They cannot be calibrated or made.
        """
        try:
            return self._quantize_graphs(name)
        except (OSError, EdgewrightError):
            raise
        except Exception as error:  # libraries raise what they like on a graph they do not know
            raise ParityError(
                f"{name}: got {type(error).__name__} '{error}' from the quantizer, expected "
                "graphs; report it with config.json, or do without the variant"
            ) from error

    def _quantize_graphs(self, name: str) -> Made:
        """Write the form of every component that the variant `name` has."""
        (self._folder / "variants" / name).mkdir(parents=True)
        plan, precision = self._recipe.quantization(), PRECISIONS[name]
        operators, method = precision.observed(plan), precision.method or self._settings.method
        ranges = {} if operators is None else self._observe(operators, method)
        kept = {}
        self._progress.start(f"Quantizing to {name}", len(self._traced))
        for key in self._traced:
            source, target = self._path(BASELINE, key), self._path(name, key)
            kept[key] = precision.write(source, target, plan, ranges.get(key, {}))
            self._progress.advance()
        digest = None if operators is None else self._calibration.sha256()
        return Made(precision.describe(plan, method), digest, kept)

    def _observe(self, operators: tuple[str, ...], method: str) -> dict[str, Ranges]:
        """Return the ranges of every component's tensors on the calibration set."""
        known = operators, method
        if known not in self._ranges:
            graphs = {key: self._path(BASELINE, key) for key in self._traced}
            observation = Observation(graphs, operators, method, self._dependencies())
            self._ranges[known] = observation.ranges(self._answer_calibration, self._settings.cache)
        return self._ranges[known]

    def _dependencies(self) -> Dependencies:
        family = {"config": records.plain(self._recipe.config), "assets": self._recipe.assets()}
        return Dependencies(self._calibration.sha256(), digest_of(family))

    def _answer_calibration(self, collectors: Mapping[str, RangeCollector]) -> None:
        """Show the collectors what each graph is given while fp32 answers the samples."""
        assert self._baseline is not None  # fp32 is made first
        runners = {
            key: ObservedRunner(runner, collectors[key].observe)
            for key, runner in self._baseline.runners.items()
        }
        model = self._model(BASELINE, runners)
        samples = self._calibration.samples
        self._progress.start("Calibrating", len(samples))
        for sample in samples:
            model.infer(sample)
            self._progress.advance()

    def _judge_in_parts(self, name: str, made: Made) -> Accepted:
        """Keep in fp32 the components that break a gate: each is tried beside those that passed.

        Raises:
            ParityError: None of them passes.
        """
        sources = dict.fromkeys(self._traced, BASELINE)
        accepted, missed = None, None
        for key in self._traced:
            tried = {**sources, key: name}
            try:
                accepted, sources = self._judge(name, tried, made), tried
            except ParityError as error:
                missed = error
        if accepted is None:
            assert missed is not None
            raise missed
        for key, source in sources.items():
            if source == BASELINE:
                for file in graph_files(self._path(name, key)):
                    file.unlink()
        return accepted

    def _judge(self, name: str, sources: Mapping[str, str], made: Made) -> Accepted:
        """Let a variant through the gates.

        Args:
            name: Of the variant.
            sources: By component, the variant whose graph it takes.
            made: How its own graphs were made.
        """
        components = {
            key: describe(self._path(source, key), self._folder) for key, source in sources.items()
        }
        self._lint(name, sources)
        model = self._open(name, components)
        check = self._compare(name, model)
        self._progress.start(f"Measuring {self._gate.name} of {name}", self._gate.samples)
        metric = self._gate.measure(model, name, _precision(name), self._progress.advance)
        kept = [
            made.kept[key] if source == name else (f"{key}/*",) for key, source in sources.items()
        ]
        receipt = Receipt(
            bytes=0,  # the writer fills it in
            parity=check.parity,
            metric=metric,
            method=made.method,
            calibration_sha256=made.calibration_sha256,
            kept_in_higher_precision=tuple(chain.from_iterable(kept)),
        )
        targets = (self._target(name, model),)
        versions = opsets([self._path(source, key) for key, source in sources.items()])
        record = Variant(name, _precision(name), versions, components, targets, receipt)
        return Accepted(record, parity.tolerance(name, check))

    def _lint(self, name: str, sources: Mapping[str, str]) -> None:
        """Let a variant that TensorRT is to take through only if its parser would."""
        if name == BASELINE or PRECISIONS[name].device != "tensorrt":
            return
        found = chain.from_iterable(
            lint(self._path(source, key)) for key, source in sources.items()
        )
        for one in found:
            if (one.backend, one.severity) == ("tensorrt", "refused"):
                raise ParityError(
                    f"{name} node '{one.node}' ({one.operator}): got {one.why}, expected a graph "
                    "that TensorRT takes; report it with config.json"
                )

    def _compare(self, name: str, model: Model[Any]) -> parity.TensorCheck:
        self._progress.start(f"Comparing {name} with PyTorch")
        check = parity.compare_golden(model, self._golden)
        if name == BASELINE:
            parity.gate_fp32(check, "answers to the golden samples")
            for key, traced in self._traced.items():
                probes = parity.compare_probes(model.runners[key], traced)
                parity.gate_fp32(probes, f"graph '{key}' on other batches and lengths")
        else:
            parity.gate_sqnr(name, check, self._recipe.least_sqnr_db)
        return check

    def _target(self, name: str, model: Model[Any]) -> Target:
        if self._baseline is None:
            self._baseline = model
            return baseline_target(probe())
        precision = PRECISIONS[name]
        if precision.device != "cpu":
            return unmeasured_target(precision)
        self._progress.start(f"Timing {name} beside {BASELINE}")
        comparison = compare_latency(model, self._baseline, self._traced, self._seed)
        return measured_target(precision, comparison, probe())

    def _open(self, name: str, components: Mapping[str, Component]) -> Model[Any]:
        """Open a variant as the runtime will, with one thread on the CPU."""
        runners = {
            key: _open_runner(self._folder, component) for key, component in components.items()
        }
        return self._model(name, runners)

    def _model(self, name: str, runners: Mapping[str, Runner]) -> Model[Any]:
        family = FAMILIES[self._recipe.family]
        # Through JSON, as the device will read it.
        stored = json.loads(json.dumps(records.plain(self._recipe.config)))
        config = records.read(family.config_type, stored, "config")
        runtime = _runtime(self._recipe.family, name, next(iter(runners.values())).provider)
        return family(config, lambda file: (self._folder / file).read_bytes(), runners, runtime)

    def _path(self, variant: str, component: str) -> Path:
        return self._folder / "variants" / variant / f"{component}.onnx"


def _precision(variant: str) -> str:
    return variant if variant == BASELINE else PRECISIONS[variant].key


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
        precision=_precision(variant),
        backend=_BACKEND,
        device=_DEVICE,
        provider=provider,
        threads=1,
        shared_threads=False,
        placement=(),
        fallback=None,
    )
