"""How fast a variant is beside fp32 on this machine, as a mark for its targets."""

import dataclasses
import platform
import time
from collections.abc import Callable, Sequence
from typing import Any

from edgewright.bench.operators import OperatorTime, operator_times
from edgewright.bench.statistics import Comparison, compare_interleaved
from edgewright.bench.why_slower import Finding
from edgewright.bundle.manifest import Target
from edgewright.families import Model
from edgewright.probe import Probe
from edgewright_export.graphs import GraphMaker
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.opening import BASELINE, open_model
from edgewright_export.quantization.precisions import Precision
from edgewright_export.subject import Sample

LEAST_BLOCKS, MOST_BLOCKS = 40, 400
MOST_CALLS = 5
MOST_REASONS = 8
"""Lines of a receipt that say why a variant is not faster."""
BUDGET = 6.0
"""Seconds for one comparison: quick graphs get more blocks, since a passing disturbance spoils
whole blocks of theirs; slow graphs get fewer calls in a block, down to one."""


def baseline_target(probe: Probe) -> Target:
    """Return the mark of fp32, which the others are measured against."""
    return Target("CPUExecutionProvider", "cpu", (), "recommended", 1.0, (1.0, 1.0), probe.machine)


def unmeasured_targets(precision: Precision) -> tuple[Target, ...]:
    """Return the marks, one a provider, of a variant whose speed says nothing here."""
    needed = precision.cpu_features.get(platform.machine(), ())
    return tuple(
        Target(provider, precision.device, needed, "unmeasured", None, (), "")
        for provider in precision.providers
    )


def tells_speed(precision: Precision, probe: Probe) -> bool:
    """Whether this machine has the CPU features without which a variant's speed says nothing."""
    return all(map(probe.has, precision.cpu_features.get(platform.machine(), ())))


def measured_target(precision: Precision, comparison: Comparison, probe: Probe) -> Target:
    """Return the mark of a variant of one provider, where this machine tells its speed."""
    (unmeasured,) = unmeasured_targets(precision)
    if not tells_speed(precision, probe):
        return unmeasured
    return dataclasses.replace(
        unmeasured,
        verdict="recommended" if comparison.claim == "faster" else "not recommended",
        latency_ratio=comparison.ratio,
        latency_interval=comparison.interval,
        machine=probe.machine,
    )


def compare_latency(
    variant: Model[Any], baseline: Model[Any], traced: dict[str, TracedComponent], seed: int
) -> Comparison:
    """Compare the graphs of two opened variants at batch 1, one thread each, interleaved."""
    a, b = _caller(variant, traced), _caller(baseline, traced)
    start = time.perf_counter()
    a(), b(), a()
    rounds = BUDGET / (time.perf_counter() - start)
    calls = max(1, min(MOST_CALLS, int(rounds / LEAST_BLOCKS)))
    blocks = max(LEAST_BLOCKS, min(MOST_BLOCKS, int(rounds / calls)))
    return compare_interleaved(a, b, blocks=blocks, calls=calls, seed=seed)


def profile_beside(
    graphs: GraphMaker, variant: Model[Any], samples: Sequence[Sample], seed: int
) -> tuple[tuple[OperatorTime, ...], tuple[OperatorTime, ...]]:
    """Return what the operators of fp32 take, and those of `variant`, which was opened profiled."""
    paths = {key: graphs.source(key) for key in graphs.traced}
    with open_model(graphs.recipe, graphs.folder, BASELINE, paths, profiled=True) as baseline:
        times = operator_times({BASELINE: baseline, "variant": variant}, samples, seed=seed)
    return times[BASELINE], times["variant"]


def reasons(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return the most expensive of `findings` in a line each."""
    return tuple(map(_line, findings[:MOST_REASONS]))


def _line(finding: Finding) -> str:
    about = f"{finding.kind} ({1e3 * finding.seconds:.3f} ms)"
    return ": ".join(filter(None, (about, finding.longest, finding.why)))


def _caller(model: Model[Any], traced: dict[str, TracedComponent]) -> Callable[[], object]:
    first_rows = {
        name: {key: tensor[:1].numpy() for key, tensor in component.inputs.items()}
        for name, component in traced.items()
    }

    def call() -> None:
        for name, arrays in first_rows.items():
            model.runners[name].run(arrays)

    return call
