"""`edgewright bench` and `edgewright compare` on tiny bundles of every family."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image

from edgewright.bench import scenarios
from edgewright.bench.advice import advise, is_multi_threaded
from edgewright.bench.compare import Side, compare_sides
from edgewright.bench.result import BenchResult, Parts, Percentile, Sample, Usage
from edgewright.bench.run import Options, bench_bundle
from edgewright.bench.scenarios import SCENARIOS, TIERS, Tier
from edgewright.bench.usage import read_joules
from edgewright.cli import main
from edgewright.errors import EdgewrightError, UsageError
from edgewright.families.fastspeech2 import FastSpeech2
from edgewright.records import plain, read, schema

FAMILIES = (
    "vit", "dnabert", "embedding", "decision_transformer", "conformer_ctc", "fastspeech2", "marian",
)  # fmt: skip


@pytest.fixture(autouse=True)
def spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the lexicon, which tiny voices lack: every text is "see"."""
    phones = [
        SimpleNamespace(
            symbol=symbol, stress=stress, word_start=first, syllable_start=first, word="see"
        )
        for symbol, stress, first in (("s", None, True), ("iy", 1, False))
    ]
    sentence = SimpleNamespace(text="see", tokens=phones)
    monkeypatch.setattr(FastSpeech2, "_phonemize", lambda *_: (sentence,))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every tier end after a few queries."""
    for name in TIERS:
        monkeypatch.setitem(scenarios.TIERS, name, Tier(12, 1e-6))


def measure(path: Path, **options: Any) -> tuple[BenchResult, list[Sample]]:
    return bench_bundle(path, Options(threads=1, **options))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_measured_from_input_to_answer(family: str, tiny: dict[str, Path]) -> None:
    result, samples = measure(tiny[family])
    assert result.queries == len(samples) >= 12
    assert 0 < result.least <= result.mean <= result.most
    assert result.cold.load > 0
    assert result.cold.first > 0
    assert {sample.input for sample in samples} == set(result.settings.inputs)
    parts = result.parts
    assert parts.run > 0
    assert parts.pre + parts.run + parts.post <= 1.5 * result.most
    for sample in samples:
        assert sample.pre + sample.run + sample.post <= sample.latency
    speech = family in {"conformer_ctc", "fastspeech2"}
    assert (result.real_time_factor is not None) == speech
    assert result.subject.model_bytes > 0
    assert result.usage.peak_bytes >= result.usage.steady_bytes > 1e6


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "streaming"])
def test_every_scenario_of_queries_runs(scenario: str, tiny: dict[str, Path]) -> None:
    several = SCENARIOS[scenario].several_callers
    result, samples = measure(
        tiny["vit"], scenario=scenario, workers=2 if several else None, seed=3
    )
    assert len(samples) >= 12
    assert result.settings.workers == (2 if several else 1)
    assert (result.arrivals is None) == (not SCENARIOS[scenario].wants_rate)
    burst = 8 if scenario == "multi-stream" else 1
    assert result.settings.burst == burst
    assert result.throughput == pytest.approx(burst * len(samples) / result.usage.wall)
    assert (result.in_time is not None) == SCENARIOS[scenario].bounded
    assert (result.jitter is not None) == (scenario == "control")


def test_a_policy_has_one_caller(tiny: dict[str, Path]) -> None:
    result, samples = measure(tiny["decision_transformer"], scenario="control", rate=2000.0)
    assert result.settings.bound == pytest.approx(1 / 2000)
    assert np.diff([sample.due for sample in samples]) == pytest.approx(1 / 2000)
    with pytest.raises(UsageError, match="keeps an episode"):
        measure(tiny["decision_transformer"], scenario="server")
    with pytest.raises(UsageError, match="inputs: got walk"):
        measure(tiny["decision_transformer"], inputs=("walk",))


def test_a_result_is_json_of_its_schema_and_is_read_back(tiny: dict[str, Path]) -> None:
    result, _ = measure(tiny["conformer_ctc"], scenario="server")
    value = json.loads(json.dumps(plain(result)))
    jsonschema.validate(value, schema(BenchResult))
    assert read(BenchResult, value, "result") == result


def test_percentiles_say_how_many_queries_are_missing(tiny: dict[str, Path]) -> None:
    result, _ = measure(tiny["vit"])
    missing = {one.name: one.missing for one in result.percentiles}
    assert missing["p50"] == 0
    assert missing["p99"] == 662 - result.queries
    assert next(one.name for one in result.percentiles if one.seconds is not None) == "p50"


def test_users_files_are_asked_about(tiny: dict[str, Path], tmp_path: Path) -> None:
    Image.new("RGB", (9, 7)).save(image := tmp_path / "image.png")
    (fasta := tmp_path / "genes.fa").write_text(f">one\n{'ACGT' * 100}\n>two\nACGTAC\n")
    result, _ = measure(tiny["vit"], inputs=(str(image),))
    assert result.settings.inputs == (str(image),)
    result, _ = measure(tiny["dnabert"], inputs=(str(fasta),))
    assert result.settings.inputs == (f"{fasta}: one", f"{fasta}: two")
    before = result.settings.inputs_sha256
    fasta.write_text(">one\nACGTAC\n>two\nACGTAC\n")
    assert measure(tiny["dnabert"], inputs=(str(fasta),))[0].settings.inputs_sha256 != before
    texts = ("hello", "good day " * 600)  # longer than a path may be
    assert measure(tiny["fastspeech2"], inputs=texts)[0].settings.inputs == texts
    assert main(["bench", str(tiny["vit"]), "--input", str(tmp_path / "absent.png")]) == 3


def test_an_interrupt_leaves_what_was_measured(
    tiny: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    def interrupt(self: object, load: object, recorder: Any) -> None:
        for _ in range(3):
            recorder.add(recorder.ask(load.queries[0]))
        raise KeyboardInterrupt

    monkeypatch.setattr(scenarios.SingleStream, "run", interrupt)
    samples = tmp_path / "samples.jsonl"
    assert main(["bench", str(tiny["vit"]), "--samples", str(samples)]) == 130
    assert "ended by an interrupt after 3 queries" in capsys.readouterr().out
    assert len(samples.read_text().splitlines()) == 3


def test_what_was_measured_is_kept_where_a_later_bundle_fails(
    tiny: dict[str, Path], tmp_path: Path
) -> None:
    output = tmp_path / "result.json"
    assert main(["bench", str(tiny["vit"]), str(tmp_path / "absent"), "-o", str(output)]) == 3
    assert len(json.loads(output.read_text())) == 1


def test_a_report_without_its_libraries_is_refused_before_the_run(
    tiny: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert main(["bench", str(tiny["vit"]), "--html", str(tmp_path / "page.html")]) == 4
    printed = capsys.readouterr()
    assert not printed.out
    assert "edgewright[report]" in printed.err


def test_records_of_one_name_are_all_asked_about(tiny: dict[str, Path], tmp_path: Path) -> None:
    (fasta := tmp_path / "twice.fa").write_text(">a\nACGTAC\n>a\nGGGTAC\n")
    assert measure(tiny["dnabert"], inputs=(str(fasta),))[0].settings.inputs == (f"{fasta}: a",) * 2


def test_computing_and_not_waiting_is_compared_with_the_audio(tiny: dict[str, Path]) -> None:
    result, samples = measure(tiny["conformer_ctc"], scenario="multi-stream", workers=1)
    computed = [(one.pre + one.run + one.post) / one.audio for one in samples if one.audio]
    assert result.real_time_factor == pytest.approx(np.median(computed))


def test_an_interrupt_before_the_first_answer_is_one(
    tiny: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(scenarios.SingleStream, "run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        measure(tiny["vit"])


def test_the_command_prints_stores_and_keeps_every_sample(
    tiny: dict[str, Path], tmp_path: Path, capsys
) -> None:
    output, lines = tmp_path / "result.json", tmp_path / "samples.jsonl"
    bundles = [str(tiny["vit"]), str(tiny["dnabert"])]
    code = main(["bench", *bundles, "-o", str(output), "--samples", str(lines), "--seed", "2"])
    assert code == 0
    printed = capsys.readouterr().out
    assert "pre / run / post / rest" in printed
    assert "p99\tnot enough queries: " in printed
    results = [read(BenchResult, one, "result") for one in json.loads(output.read_text())]
    samples = [json.loads(line) for line in lines.read_text().splitlines()]
    for run, result in enumerate(results):
        latencies = [one["latency"] for one in samples if one["result"] == run]
        assert len(latencies) == result.queries
        assert np.median(latencies) == pytest.approx(result.percentiles[0].seconds)
    page, pictures = tmp_path / "report.html", tmp_path / "pictures"
    assert main(["bench", *bundles, "--html", str(page), "--pictures", str(pictures)]) == 0
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert len(list(pictures.glob("*.png"))) >= 3
    capsys.readouterr()
    assert main(["bench", bundles[0], "--json", "--scenario", "control", "--rate", "500"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["rate"] == 500


def test_bad_requests_end_with_words(tiny: dict[str, Path], tmp_path: Path, capsys) -> None:
    vit, same = str(tiny["vit"]), str(tmp_path / "same.json")
    failing, talking = tmp_path / "failing", tmp_path / "talking"
    for script, does in ((failing, "exit 1"), (talking, "echo hello")):
        script.write_text(f"#!/bin/sh\n{does}\n")
        script.chmod(0o755)
    for arguments, code, words in (
        (["bench", vit, "--rate", "3"], 2, "expected none"),
        (["bench", vit, "--variant", "int4"], 2, "int4"),
        (["bench", vit, "-o", str(tmp_path)], 2, "is a folder"),
        (["bench", vit, "--html", str(tmp_path)], 2, "is a folder"),
        (["bench", vit, "--pictures", str(tmp_path)], 2, "without --html"),
        (["bench", vit, "--threads", "0"], 2, "threads: got 0"),
        (["bench", str(tmp_path / "absent.edge")], 3, "absent.edge"),
        (["compare", vit, f"{vit}#int4"], 2, "side B: "),
        (["compare", vit, str(tmp_path / "absent.edge")], 3, "side B: "),
        (["compare", vit, vit, "--blocks", "39"], 2, "expected at least 40"),
        (["compare", vit, str(tiny["dnabert"])], 2, "expected the same on both sides"),
        (["compare", vit, vit, "--python-b", "/no/python"], 2, "Python interpreter"),
        (["compare", vit, vit, "--python-b", str(failing)], 2, "ended with 1"),
        (["compare", vit, vit, "--python-b", str(talking)], 2, "got 'hello"),
        (["compare", vit, vit, "--calls", "0"], 2, "got 0 and 0"),
        (["compare", vit, vit, "--seed", "-1"], 2, "got 5 and -1"),
        (["bench", vit, "--seed", "-1"], 2, "seed: got -1"),
        (["bench", vit, "--workers", "2"], 2, "expected 1 in the scenario 'single-stream'"),
        (["bench", vit, "-o", same, "--samples", same], 2, "expected a file each"),
    ):
        assert main(arguments) == code, arguments
        assert words in capsys.readouterr().err
    with pytest.raises(UsageError, match="scenario: got 'best'"):
        measure(tiny["vit"], scenario="best")
    with pytest.raises(UsageError, match="tier: got 'long'"):
        measure(tiny["vit"], tier="long")


def test_two_sides_are_compared_in_processes_of_their_own(tiny: dict[str, Path], capsys) -> None:
    vit = str(tiny["vit"])
    code = main(
        ["compare", f"{vit}#fp32", vit, "--calls", "1", "--json", "--python-b", sys.executable]
    )
    assert code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["a"]["runtime"]["variant"] == "fp32"
    assert found["a"]["build"] == found["b"]["build"]
    low, high = found["interval"]
    assert low <= found["ratio"] <= high
    assert found["claim"] in {"none", "faster", "slower"}
    result = compare_sides(Side(vit), Side(vit, threads=2), blocks=40, calls=1)
    assert result.b.runtime.threads == 2
    assert "A / B" in str(result)


def test_an_error_of_a_side_keeps_its_exit_code(tiny: dict[str, Path]) -> None:
    with pytest.raises(EdgewrightError, match=r"side A: .*int4") as caught:
        compare_sides(Side.parse(f"{tiny['vit']}#int4"), Side(str(tiny["vit"])))
    assert caught.value.exit_code == UsageError.exit_code


PARTS = Parts(pre=0.001, run=0.008, post=0.001, rest=0.0)


@pytest.fixture
def result(tiny: dict[str, Path]) -> BenchResult:
    found, _ = measure(tiny["vit"])
    return replace(found, usage=usage(1.0), warnings=())


def usage(cpu: float) -> Usage:
    return Usage(wall=1.0, cpu=cpu, preemptions=3, peak_bytes=2, steady_bytes=1, joules=None)


def kinds(result: BenchResult) -> list[str]:
    return [warned.kind for warned in advise(result).warnings]


def test_advice_names_what_makes_figures_doubtful(result: BenchResult) -> None:
    assert kinds(result) == []
    tail = (Percentile("p50", 0.01, 0), Percentile("p99", 0.061, 0))
    assert kinds(replace(result, percentiles=tail)) == ["tail"]
    assert kinds(replace(result, usage=usage(0.5))) == ["busy machine"]
    assert kinds(replace(result, interrupted=True)) == ["short"]
    assert kinds(replace(result, arrivals=2 * result.throughput)) == ["overload"]
    assert kinds(replace(result, arrivals=1.01 * result.throughput)) == []
    assert kinds(replace(result, multi_threaded=None, usage=usage(0.1))) == []
    starved = replace(result, subject=replace(result.subject, threads=2), usage=usage(1.05))
    assert kinds(replace(starved, multi_threaded=False)) == ["starved"]


@pytest.mark.parametrize(
    ("cpu", "threads", "workers", "evidence"),
    [(1.7, 2, 1, True), (1.05, 2, 1, False), (1.0, 1, 1, False), (1.9, 1, 2, True)],
)
def test_only_busy_cores_are_evidence_of_several_threads(
    cpu: float, threads: int, workers: int, evidence: bool
) -> None:
    assert is_multi_threaded(PARTS, usage(cpu), threads, workers) is evidence


def test_energy_is_the_sum_of_the_packages(tmp_path: Path) -> None:
    assert read_joules(tmp_path) is None
    for name, value in (("intel-rapl:0", 5_000_000), ("intel-rapl:1", 2_500_000)):
        (folder := tmp_path / name).mkdir()
        (folder / "energy_uj").write_text(f"{value}\n")
    (part := tmp_path / "intel-rapl:0:0").mkdir()  # a part of package 0, which has it already
    (part / "energy_uj").write_text("9000000\n")
    assert read_joules(tmp_path) == 7.5
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("")
    assert read_joules(tmp_path) is None
