"""The bench of a real variant: writes its graphs, runs them, compares them with PyTorch."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgewright.bench.operators import module_of
from edgewright.bench.statistics import SMALLEST_EFFECT
from edgewright.bench.why_slower import SideBySide, compare_modules
from edgewright.errors import EdgewrightError
from edgewright.families import Model
from edgewright_export import parity
from edgewright_export.graphs import WHOLE, GraphMaker
from edgewright_export.latency import compare_latency, profile_beside
from edgewright_export.opening import graph_path, open_model
from edgewright_export.search.form import Bench, Figures, Form, Group
from edgewright_export.search.groups import group_nodes, weight_bytes


class VariantBench(Bench):
    """Makes every form in the working folder of the graphs."""

    def __init__(
        self,
        name: str,
        graphs: GraphMaker,
        groups: Mapping[str, Group],
        *,
        golden: Sequence[parity.GoldenSample],
        gate: parity.MetricGate,
        judges_speed: bool,
        seed: int,
    ) -> None:
        """Keep what forms are made of and compared with.

        Args:
            name: Of the variant.
            graphs: Writes the graphs.
            groups: What is tried together.
            golden: Raw samples with PyTorch's answers.
            gate: Measures the metric.
            judges_speed: Whether groups that are slower than in fp32 are to be found.
            seed: Of the comparison of latencies.
        """
        self.groups, self._judges_speed = groups, judges_speed
        self._name, self._graphs, self._seed = name, graphs, seed
        self._golden, self._gate = golden, gate

    def can_migrate(self) -> bool:
        """Whether there are outlier channels."""
        return self._graphs.can_migrate(self._name)

    def measure(self, form: Form) -> Figures:
        """Compare `form` with PyTorch on the golden samples and by the metric."""
        try:
            with self._open(form) as model:
                check = parity.compare_golden(model, self._golden)
                return Figures(self._gate.value(model), dict(check.sqnr_db))
        except OSError:
            raise
        except EdgewrightError:  # it cannot be made, does not run, or is not what is wanted
            return Figures(math.nan)

    def slow_groups(self, form: Form) -> list[str]:
        """Return the groups whose kernels take longer than in fp32, by ONNX Runtime's profile."""
        if not self._judges_speed:
            return []
        try:
            with self._open(form, profiled=True) as model:
                samples = [sample.inputs for sample in self._golden]
                baseline, times = profile_beside(self._graphs, model, samples, self._seed)
        except EdgewrightError:  # too large to be profiled: nothing is known to be slow
            return []
        took = {row.name: row for row in compare_modules(baseline, times)}
        return [
            name
            for name, group in self.groups.items()
            if not form.exact.issuperset(group.nodes) and self._is_slow(group, took)
        ]

    def _is_slow(self, group: Group, took: Mapping[str, SideBySide]) -> bool:
        names = {_row_name(node, several=len(self._graphs.traced) > 1) for node in group.nodes}
        rows = [took[name] for name in names if name in took]
        baseline = sum(row.baseline_seconds for row in rows)
        return sum(row.loss for row in rows) > SMALLEST_EFFECT * baseline

    def is_faster(self, form: Form, than: Form) -> bool:
        """Compare the latency of two forms, interleaved."""
        with self._open(form) as one, self._open(than) as other:
            comparison = compare_latency(one, other, self._graphs.traced, self._seed)
        return comparison.claim == "faster"

    def _open(self, form: Form, *, profiled: bool = False) -> Model[Any]:
        graphs = self._graphs
        made = graphs.lower(self._name, form, graphs.work)
        paths = {
            key: graph_path(graphs.work, source, key)
            if source == self._name
            else graphs.source(key)
            for key, source in made.sources.items()
        }
        parity.gate_device(self._name, paths.values())
        return open_model(graphs.recipe, graphs.folder, self._name, paths, profiled=profiled)


def _row_name(node: str, *, several: bool) -> str:
    """Return the module of `<component>/<node>` as the profile names it."""
    component, _, name = node.partition("/")
    module = module_of(name) or ""
    return f"{component}: {module}" if several else module


def module_groups(graphs: GraphMaker, name: str) -> dict[str, Group]:
    """Return what may leave fp32 in the variant `name`, by component and module."""
    groups = {}
    for component, nodes in graphs.lowered(name).items():
        sizes = weight_bytes(graphs.origin(name, component))
        for module, members in group_nodes(nodes).items():
            groups[f"{component}/{module}"] = Group(
                tuple(f"{component}/{node}" for node in members),
                tuple(sizes[node] for node in members),
            )
    return groups


def component_groups(graphs: GraphMaker, name: str) -> dict[str, Group]:
    """Return the whole components of the variant `name`."""
    return {
        component: Group(
            (f"{component}/{WHOLE}",), (_bytes(graphs.origin(name, component), nodes),)
        )
        for component, nodes in graphs.lowered(name).items()
    }


def _bytes(graph: Path, nodes: Sequence[str]) -> int:
    sizes = weight_bytes(graph)
    return sum(sizes[node] for node in nodes)
