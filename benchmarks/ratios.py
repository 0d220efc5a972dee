"""What pytest-benchmark's files get beside times: percentiles that the rounds carry, the machine,
and a check for regressions of ratios. Times of another day or machine say little; ratios do."""

import json
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from edgewright import _core
from edgewright.bench.statistics import SMALLEST_EFFECT, percentiles
from edgewright.probe import probe
from edgewright.records import plain

LIBRARIES = ("edgewright", "numpy", "onnxruntime", "torch", "transformers")


def describe_machine() -> dict[str, Any]:
    """Return what decides how fast kernels and graphs are here."""
    here = probe()
    return {
        "machine": here.machine,
        "cpu_features": list(here.cpu_features),
        "instruction_set": _core.instruction_set(),
        "cores": here.cores,
        "threads": os.environ.get("OMP_NUM_THREADS", "as many as cores"),
        "providers": [fact.provider for fact in here.devices if fact.problem is None],
        "versions": {name: version(name) for name in LIBRARIES},
    }


def add_percentiles(benchmark: dict[str, Any]) -> None:
    """Add the percentiles of the rounds to a benchmark of the file, and how many are missing."""
    seconds = np.array(benchmark["stats"]["data"])
    benchmark["percentiles"] = plain(percentiles(seconds))


def regressions(
    benchmarks: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return a line for every ratio to a peer that is larger than it was.

    A regression is claimed where the whole interval lies above the ratio before, by more than 3 %
    and more than the control of either run.

    Args:
        benchmarks: Of the file of this run.
        before: Of a file that was kept.
    """
    known = {one["name"]: one["extra_info"] for one in before if "ratio" in one["extra_info"]}
    found = []
    for one in benchmarks:
        now, then = one["extra_info"], known.get(one["name"])
        if then is None or "ratio" not in now:
            continue
        noise = max(SMALLEST_EFFECT, *(abs(facts["aa"] - 1) for facts in (now, then)))
        if now["interval"][0] > then["ratio"] * (1 + noise):
            low, high = now["interval"]
            found.append(
                f"{one['name']}: {now['ratio']:.3f} [{low:.3f}, {high:.3f}] of {now['peer']}, "
                f"before {then['ratio']:.3f} of {then['peer']}"
            )
    return found


def read_benchmarks(path: Path) -> list[dict[str, Any]]:
    """Return the benchmarks of a file of pytest-benchmark."""
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["benchmarks"]
    return found
