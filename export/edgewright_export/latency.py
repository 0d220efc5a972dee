"""How fast a variant is beside fp32 on this machine, as a mark for its targets."""

import platform
import time
from collections.abc import Callable
from typing import Any

from edgewright.bench.statistics import Comparison, compare_interleaved
from edgewright.bundle.manifest import Target
from edgewright.families import Model
from edgewright.probe import Probe
from edgewright_export.onnx_graph import TracedComponent

LEAST_BLOCKS, MOST_BLOCKS = 40, 400
MOST_CALLS = 5
BUDGET = 6.0
"""Seconds for one comparison: quick graphs get more blocks, since a passing disturbance spoils
whole blocks of theirs; slow graphs get fewer calls in a block, down to one."""

_INT8_FEATURES = {"x86_64": ("vnni",), "AMD64": ("vnni",)}
"""By architecture: what U8S8 products need to be exact (no saturation) and fast."""


def baseline_target(probe: Probe) -> Target:
    """Return the mark of fp32, which the others are measured against."""
    return Target("CPUExecutionProvider", "cpu", (), "recommended", 1.0, (1.0, 1.0), probe.machine)


def measured_target(precision: str, comparison: Comparison, probe: Probe) -> Target:
    """Return the mark of a variant; without the CPU features that it needs it says nothing."""
    needed = _INT8_FEATURES.get(platform.machine(), ()) if precision == "int8" else ()
    if not all(probe.has(feature) for feature in needed):
        return Target("CPUExecutionProvider", "cpu", needed, "unmeasured", None, (), "")
    verdict = "recommended" if comparison.claim == "faster" else "not recommended"
    return Target(
        "CPUExecutionProvider",
        "cpu",
        needed,
        verdict,
        comparison.ratio,
        comparison.interval,
        probe.machine,
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


def _caller(model: Model[Any], traced: dict[str, TracedComponent]) -> Callable[[], object]:
    first_rows = {
        name: {key: tensor[:1].numpy() for key, tensor in component.inputs.items()}
        for name, component in traced.items()
    }

    def call() -> None:
        for name, arrays in first_rows.items():
            model.runners[name].run(arrays)

    return call
