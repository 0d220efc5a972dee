"""The check for regressions, on benchmarks as pytest-benchmark writes them."""

import json
from pathlib import Path
from typing import Any

import pytest
from ratios import add_percentiles, describe_machine, read_benchmarks, regressions


def benchmark(name: str, ratio: float, low: float, high: float, aa: float = 1.0) -> dict[str, Any]:
    facts = {"ratio": ratio, "interval": [low, high], "aa": aa, "peer": "peer 1"}
    return {"name": name, "extra_info": facts}


BEFORE = [benchmark("a", 0.5, 0.49, 0.51), benchmark("b", 0.8, 0.7, 0.9, aa=1.2)]


@pytest.mark.parametrize(
    ("now", "found"),
    [
        (benchmark("a", 0.6, 0.58, 0.62), True),
        (benchmark("a", 0.6, 0.50, 0.70), False),  # the interval holds what was
        (benchmark("a", 0.513, 0.511, 0.515), False),  # below 3 %
        (benchmark("a", 0.6, 0.58, 0.62, aa=1.3), False),  # no better than its control
        (benchmark("b", 0.9, 0.89, 0.91), False),  # nor than that of the run before
        (benchmark("b", 1.1, 1.0, 1.2), True),
        (benchmark("a", 0.4, 0.39, 0.41), False),  # faster
        (benchmark("new", 9.0, 8.0, 10.0), False),
        ({"name": "a", "extra_info": {}}, False),
    ],
)
def test_a_ratio_is_a_regression_only_beyond_noise(now: dict[str, Any], found: bool) -> None:
    lines = regressions([now], BEFORE)
    assert len(lines) == found
    assert not lines or lines[0].startswith(f"{now['name']}: ")


def test_files_get_percentiles_and_the_machine(tmp_path: Path) -> None:
    timed = {"name": "a", "stats": {"data": [0.001] * 64}}
    add_percentiles(timed)
    assert [one["missing"] for one in timed["percentiles"]] == [0, 0, 66, 598, 6572]
    (path := tmp_path / "run.json").write_text(json.dumps({"benchmarks": [timed]}))
    assert read_benchmarks(path) == [timed]
    assert {"cpu_features", "instruction_set", "providers", "versions"} <= describe_machine().keys()
