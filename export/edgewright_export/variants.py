"""Making the variants of a recipe in the folder of a bundle, and judging each."""

import shutil
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from edgewright.bench.why_slower import why_slower
from edgewright.bundle.manifest import Receipt, Rejection, Target, Variant, less_is_better
from edgewright.errors import EdgewrightError, ParityError, VariantRejectedWarning
from edgewright.families import Model
from edgewright.probe import probe
from edgewright.progress import Progress
from edgewright_export import parity
from edgewright_export.calibrate import Calibration
from edgewright_export.graphs import WHOLE, GraphMaker, Made
from edgewright_export.latency import (
    baseline_target,
    compare_latency,
    measured_target,
    profile_beside,
    reasons,
    tells_speed,
    unmeasured_targets,
)
from edgewright_export.onnx_graph import describe, opsets
from edgewright_export.opening import BASELINE, graph_path, open_model, precision_of
from edgewright_export.quantization.cache import digest_of
from edgewright_export.quantization.observation import CalibrationSettings
from edgewright_export.quantization.precisions import PRECISIONS
from edgewright_export.recipes.base import Recipe
from edgewright_export.search.bench import VariantBench, component_groups, module_groups
from edgewright_export.search.form import Allowed, Bench, Form
from edgewright_export.search.journal import Journal, JournaledBench
from edgewright_export.search.search import Found, Search

VARIANTS = (BASELINE, *PRECISIONS)
"""Variants that can be made. The first is in every bundle; the others are made from it."""
DEFAULT_VARIANTS = (BASELINE, "int8")


@dataclass(frozen=True)
class Accepted:
    """A variant that passed its gates."""

    record: Variant
    tolerance: float
    """Largest relative difference on the golden samples that a device may show."""


class VariantMaker:
    """Writes the graphs of a recipe's variants to a folder and lets them through the gates.

    A context manager.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        calibration: Calibration,
        golden: Sequence[parity.GoldenSample],
        gate: parity.MetricGate,
        *,
        settings: CalibrationSettings,
        journal: Journal | None,
        progress: Progress,
        seed: int,
    ):
        self._recipe, self._folder, self._golden, self._gate = recipe, folder, golden, gate
        self._journal, self._progress, self._seed = journal, progress, seed
        self._graphs = GraphMaker(recipe, folder, calibration, settings, progress)
        self._baseline: Model[Any] | None = None

    def __enter__(self) -> "VariantMaker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._graphs.close()

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
                shutil.rmtree(self._folder / "variants" / name, ignore_errors=True)
                rejected.append(Rejection(name, str(error)))
                warnings.warn(
                    f"left out of the bundle: {error}", VariantRejectedWarning, stacklevel=4
                )
        return accepted, rejected

    def _make(self, name: str) -> Accepted:
        if name == BASELINE:
            return self._judge(name, self._graphs.trace())
        if self._gate.budget.limits:
            return self._search(name, self._nothing_fits(name))
        try:
            return self._judge(name, self._lower(name, Form()))
        except ParityError as missed:
            if len(self._graphs.traced) == 1:
                raise
            return self._search(name, missed)

    def _nothing_fits(self, name: str) -> ParityError:
        return ParityError(
            f"{name}: got no part of the model that may leave fp32 within the budget "
            f"'{self._gate.budget}', expected some; loosen the budget, or calibrate with more "
            "samples"
        )

    def _lower(self, name: str, form: Form) -> Made:
        shutil.rmtree(self._folder / "variants" / name, ignore_errors=True)
        self._progress.start(f"Quantizing to {name}")
        return self._graphs.lower(name, form, self._folder)

    def _search(self, name: str, missed: ParityError) -> Accepted:
        """Find the form of the variant `name` that is within its bounds.

        With a budget module by module, without one by whole components.

        Raises:
            ParityError: There is none: `missed`.
        """
        bench, allowed = self._bench(name), self._allowed(name)
        search = Search(
            bench, allowed, self._gate.reference, self._progress.start, self._progress.advance
        )
        found = search.run()
        if found is None:
            raise missed
        return self._judge(name, self._lower(name, found.form), found)

    def _bench(self, name: str) -> Bench:
        by_module, precision = bool(self._gate.budget.limits), PRECISIONS[name]
        groups = (module_groups if by_module else component_groups)(self._graphs, name)
        bench = VariantBench(
            name,
            self._graphs,
            groups,
            golden=self._golden,
            gate=self._gate,
            judges_speed=by_module
            and precision.judged_by_speed
            and tells_speed(precision, probe()),
            seed=self._seed,
        )
        if self._journal is None:
            return bench
        key = digest_of([name, self._graphs.digest, self._gate.digest, sorted(groups)])
        return JournaledBench(bench, self._journal, key, probe().machine)

    def _allowed(self, name: str) -> Allowed:
        return Allowed(
            self._gate.minimum(precision_of(name)),
            less_is_better(self._gate.name),
            self._least_sqnr_db(),
        )

    def _least_sqnr_db(self) -> dict[str, float]:
        return self._gate.budget.least_sqnr_db(dict(self._recipe.least_sqnr_db))

    def _judge(self, name: str, made: Made, found: Found | None = None) -> Accepted:
        """Let a variant through the gates."""
        paths = {key: graph_path(self._folder, source, key) for key, source in made.sources.items()}
        parity.gate_device(name, paths.values())
        model = open_model(self._recipe, self._folder, name, paths)
        check = self._compare(name, model)
        self._progress.start(f"Measuring {self._gate.name} of {name}", self._gate.samples)
        metric = self._gate.measure(model, name, precision_of(name), self._progress.advance)
        receipt = Receipt(
            bytes=0,  # the writer fills it in
            parity=check.parity,
            metric=metric,
            method=made.method,
            calibration_sha256=made.calibration_sha256,
            kept_in_higher_precision=tuple(
                name for component in made.kept for name in _names(made, component)
            ),
            why_kept=_reasons(made, found),
            search="" if found is None else found.summary,
        )
        record = Variant(
            name,
            precision_of(name),
            opsets(list(paths.values())),
            {
                key: replace(
                    describe(path, self._folder), ranges=dict(self._graphs.traced[key].ranges)
                )
                for key, path in paths.items()
            },
            self._targets(name, model, paths, receipt),
            receipt,
        )
        return Accepted(record, parity.tolerance(name, check))

    def _compare(self, name: str, model: Model[Any]) -> parity.TensorCheck:
        self._progress.start(f"Comparing {name} with PyTorch")
        check = parity.compare_golden(model, self._golden)
        if name == BASELINE:
            parity.gate_fp32(check, "answers to the golden samples")
            for key, traced in self._graphs.traced.items():
                probes = parity.compare_probes(model.runners[key], traced)
                parity.gate_fp32(probes, f"graph '{key}' on other batches and lengths")
        else:
            parity.gate_sqnr(name, check, self._least_sqnr_db())
        return check

    def _targets(
        self, name: str, model: Model[Any], paths: Mapping[str, Path], receipt: Receipt
    ) -> tuple[Target, ...]:
        if self._baseline is None:
            self._baseline = model
            self._graphs.observe_with(model)
            return (baseline_target(probe()),)
        precision = PRECISIONS[name]
        if precision.device != "cpu":
            return unmeasured_targets(precision)
        self._progress.start(f"Timing {name} beside {BASELINE}")
        comparison = compare_latency(model, self._baseline, self._graphs.traced, self._seed)
        target = measured_target(precision, comparison, probe())
        if target.verdict != "not recommended":
            return (target,)
        return (replace(target, why_slower=self._why_slower(name, paths, target, receipt)),)

    def _why_slower(
        self, name: str, paths: Mapping[str, Path], target: Target, receipt: Receipt
    ) -> tuple[str, ...]:
        self._progress.start(f"Profiling {name} beside {BASELINE}")
        samples = [sample.inputs for sample in self._golden]
        try:
            with open_model(self._recipe, self._folder, name, paths, profiled=True) as model:
                times = profile_beside(self._graphs, model, samples, self._seed)
        except EdgewrightError as error:  # only the reasons are missing
            return (f"not profiled: {error}",)
        kept = receipt.kept_in_higher_precision
        return reasons(why_slower(*times, probe(), needs=target.compatibility, kept=kept))


def _names(made: Made, component: str) -> list[str]:
    """Return what stayed in fp32 of `component` as receipts name it: `<component>/<node>`.

    A model of one component needs no component in the name.
    """
    prefix = "" if len(made.kept) == 1 else f"{component}/"
    return [f"{prefix}{node}" for node in made.kept[component]]


def _reasons(made: Made, found: Found | None) -> dict[str, str]:
    """Return by such a name why: the search's reason, that of its nodes, or the precision's."""
    searched = {} if found is None else found.why
    reasons = {}
    for component, nodes in made.kept.items():
        inner = [why for key, why in searched.items() if key.startswith(f"{component}/")]
        for name, node in zip(_names(made, component), nodes, strict=True):
            if node == WHOLE and inner:
                reasons[name] = "; ".join(dict.fromkeys(inner))
            else:
                reasons[name] = searched.get(f"{component}/{node}", made.why_kept)
    return reasons
