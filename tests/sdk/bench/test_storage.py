"""Runs as files, read back, merged and drawn."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewright.bench import scenarios
from edgewright.bench.result import BenchResult, Sample
from edgewright.bench.run import Options, bench_bundle
from edgewright.bench.scenarios import TIERS, Tier
from edgewright.bench.storage import read_runs, write_result, write_samples
from edgewright.bench.summary import merge
from edgewright.cli import main
from edgewright.errors import InputError, InputNotFoundError, UsageError

Measured = tuple[BenchResult, list[Sample]]
Stored = tuple[Path, Path]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TIERS:
        monkeypatch.setitem(scenarios.TIERS, name, Tier(40, 1e-6))


def measure(path: Path, **options: Any) -> Measured:
    return bench_bundle(path, Options(threads=1, **options))


def store(folder: Path, *runs: Measured) -> Stored:
    results, samples = folder / "runs.json", folder / "runs.jsonl"
    write_result([result for result, _ in runs], results)
    write_samples(runs, samples)
    return results, samples


def test_runs_are_read_back_as_they_were(tiny: dict[str, Path], tmp_path: Path) -> None:
    runs = [measure(tiny["vit"]), measure(tiny["conformer_ctc"], scenario="server")]
    assert read_runs(*store(tmp_path, *runs)) == runs


def test_like_runs_are_one_of_all_samples(tiny: dict[str, Path]) -> None:
    runs = [measure(tiny["vit"], seed=seed) for seed in (1, 2)]
    merged = merge(runs)
    samples = [sample for _, part in runs for sample in part]
    assert merged.queries == len(samples) == 80
    p50, p90, *_ = merged.percentiles
    latency = [sample.latency for sample in samples]
    assert p50.seconds == pytest.approx(np.median(latency))
    assert p90.seconds == pytest.approx(np.quantile(latency, 0.9))  # 40 carry none
    assert merged.usage.wall == sum(result.usage.wall for result, _ in runs)
    assert merge(runs[:1]) == runs[0][0]


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("host", {"machine": "another"}), ("build", {"numpy": "1.0"}),
        ("subject", {"variant": "fp16"}), ("subject", {"threads": 3}),
        ("settings", {"inputs_sha256": "0"}), ("settings", {"scenario": "offline"}),
    ],
)  # fmt: skip
def test_unlike_runs_are_not_merged(
    section: str, change: dict[str, Any], tiny: dict[str, Path]
) -> None:
    result, samples = measure(tiny["vit"])
    other = replace(result, **{section: replace(getattr(result, section), **change)})
    (name,) = change
    with pytest.raises(UsageError, match=f"runs whose {name} is "):
        merge([(result, samples), (other, samples)])


def test_no_runs_cannot_be_merged() -> None:
    with pytest.raises(UsageError, match="got no runs"):
        merge([])


def lines(change: Callable[[list[Any]], object]) -> Callable[[Stored], None]:
    """Return what changes the lines of the samples."""

    def apply(stored: Stored) -> None:
        kept = [json.loads(line) for line in stored[1].read_text().splitlines()]
        change(kept)
        stored[1].write_text("".join(json.dumps(line) + "\n" for line in kept))

    return apply


def results(change: Callable[[list[Any]], object]) -> Callable[[Stored], None]:
    """Return what changes the list of results."""

    def apply(stored: Stored) -> None:
        kept = json.loads(stored[0].read_text())
        change(kept)
        stored[0].write_text(json.dumps(kept))

    return apply


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda stored: stored[0].write_text("{}"), "got dict, expected a list"),
        (lambda stored: stored[0].write_text("[1]"), "got format None"),
        (lambda stored: stored[0].write_text("[{"), "expected JSON"),
        (results(lambda kept: kept[0].update(format_version=2)), "'edgewright-bench', 2"),
        (results(lambda kept: kept[0].pop("host")), r"missing keys \['host'\]"),
        (results(lambda kept: kept[0].update(queries="many")), "expected a result"),
        (lines(lambda kept: kept.pop()), "got 39 samples, expected 40"),
        (lines(lambda kept: kept[3].update(result=1)), "line 4: got result 1"),
        (lines(lambda kept: kept[3].update(result=-1)), "line 4: got result -1"),
        (lines(lambda kept: kept[3].pop("due")), "line 4: got .* expected an object of"),
        (lines(lambda kept: kept[3].update(due="now")), "line 4: got .* expected numbers"),
        (lambda stored: stored[1].write_text("[\n"), "line 1: got "),
    ],
)
def test_damaged_files_are_refused_in_words(
    damage: Callable[[Stored], object], message: str, tiny: dict[str, Path], tmp_path: Path
) -> None:
    stored = store(tmp_path, measure(tiny["vit"]))
    damage(stored)
    with pytest.raises(InputError, match=message):
        read_runs(*stored)


def test_the_command_draws_and_merges_what_was_stored(
    tiny: dict[str, Path], tmp_path: Path, capsys
) -> None:
    files = []
    for seed in "12":
        (folder := tmp_path / seed).mkdir()
        files += store(folder, measure(tiny["vit"], seed=int(seed)))
    named, page = list(map(str, files)), tmp_path / "page.html"
    assert main(["report", *named, "--html", str(page)]) == 0
    assert page.read_text().count("40") > 0
    assert capsys.readouterr().out.count("throughput") == 2
    assert main(["report", *named, "--merge", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["queries"] == 80
    assert main(["report", named[0]]) == 2
    assert "expected pairs" in capsys.readouterr().err
    assert main(["report", named[0], str(tmp_path / "absent.jsonl")]) == 3
    other = store(tmp_path, measure(tiny["dnabert"]))
    assert main(["report", *named[:2], *map(str, other), "--merge"]) == 2
    with pytest.raises(InputNotFoundError):
        read_runs(tmp_path / "absent.json", files[1])
