"""The report of what makes a variant slow: from ONNX Runtime's profile to the command."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

import tiny_bundles
from edgewright.backends.onnxrt import OnnxRuntime
from edgewright.backends.onnxrt_profile import read_profile
from edgewright.backends.onnxrt_runner import ProfiledRunner
from edgewright.bench.operators import OperatorTime, module_of, operator_times
from edgewright.bench.profile import Profile, needed_features, profile_bundle
from edgewright.bench.why_slower import (
    Finding,
    SideBySide,
    compare_modules,
    compare_operators,
    source_node,
    why_slower,
)
from edgewright.bundle import Bundle
from edgewright.bundle.manifest import Target
from edgewright.cli import main
from edgewright.errors import EdgewrightError, PlacementError, StateError, UsageError
from edgewright.loading import load
from edgewright.specs import TensorSpec
from recorded_probes import recorded
from tiny_graphs import CPU, make_graph

PLAIN_CPU = replace(recorded("cpu"), machine="old CPU", cpu_features=("avx2",), cores=1)
PIXELS = TensorSpec("pixel_values", "float32", ("batch", 3, tiny_bundles.SIZE, tiny_bundles.SIZE))
LOGITS = TensorSpec("logits", "float32", ("batch", len(tiny_bundles.COLOURS)))


def unfusable_graph() -> bytes:
    """Colour classifier whose only Q/DQ pair stands before a product with fp32 weights."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixel_values"], ["pooled"], "model.pool/Pool"),
        helper.make_node("Flatten", ["pooled"], ["features"], "model.pool/Flatten"),
        helper.make_node("QuantizeLinear", ["features", "scale", "zero"], ["integers"],
                         "features_QuantizeLinear"),
        helper.make_node("DequantizeLinear", ["integers", "scale", "zero"], ["floats"],
                         "features_DequantizeLinear"),
        helper.make_node("MatMul", ["floats", "weights"], ["logits"], "model.head/MatMul"),
    ]  # fmt: skip
    return make_graph(
        nodes, (PIXELS,), (LOGITS,), weights=tiny_bundles.COLOUR_WEIGHTS,
        scale=np.float32(0.01), zero=np.uint8(128),
    )  # fmt: skip


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("profile") / "unfusable.edge"
    return tiny_bundles.vit(output, graphs={"int8": unfusable_graph()})


@pytest.fixture(scope="module")
def profile(bundle: Path) -> Profile:
    return profile_bundle(bundle, rounds=4)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that temporary files are made in."""
    (folder := tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def runner(bundle: Path, temporary: Path) -> ProfiledRunner:
    with Bundle.open(bundle) as opened:
        component = opened.variant("int8").components["model"]
        files = [opened.file(file) for file in component.files]
        return OnnxRuntime.open_profiled(files, component, threads=1)


def pixels() -> dict[str, Any]:
    return {"pixel_values": np.zeros((1, 3, tiny_bundles.SIZE, tiny_bundles.SIZE), np.float32)}


def times(*rows: tuple[str, str, float], **others: Any) -> list[OperatorTime]:
    return [OperatorTime(*row, **others) for row in rows]


@pytest.mark.parametrize(
    ("node", "module"),
    [
        ("model.encoder.h.0.attn/Add_2", "model.encoder.h.0.attn"),
        ("blocks.0/MatMul_quant", "blocks.0"),
        ("classifier/Gemm_MatMul_quant", "classifier"),
        ("subsample.0/Conv_token_77", "subsample.0"),
        ("layer.0.attn/MatMul/MatMulScaleFusion/", "layer.0.attn"),
        ("blocks.0.attention/Slice_3/GatherSliceToSplitFusion", "blocks.0.attention"),
        ("input/MatMul/MatmulTransposeFusion//MatMulAddFusion/", "input"),
        ("graph/Mul", "graph"),
        ("_empty_nn_module_stack_from_metadata_hook/Shape_2", "graph"),
        ("conv1d_DequantizeLinear/duplicated", None),
        ("val_11_DequantizeLinear", None),
        ("conv2d_nchwc", None),
        ("SkipLayerNormalization_token_0", None),
        ("", None),
    ],
)
def test_names_tell_the_module(node: str, module: str | None) -> None:
    assert module_of(node) == module


def test_the_node_of_the_file_is_found_behind_its_new_names() -> None:
    assert source_node("a.b/Gemm_2_MatMul_quant") == "a.b/Gemm_2"
    assert source_node("a.b/MatMul/MatMulScaleFusion/") == "a.b/MatMul"


def test_a_pair_that_does_not_fuse_is_named(profile: Profile) -> None:
    by_kind = {finding.kind: finding for finding in profile.findings}
    assert set(by_kind["unfused pair"].nodes) == {
        "features_QuantizeLinear",
        "features_DequantizeLinear",
    }
    assert by_kind["left in fp32"].nodes == ("model.head/MatMul",)
    assert "has weights" in by_kind["left in fp32"].why
    seconds = [finding.seconds for finding in profile.findings]
    assert seconds == sorted(seconds, reverse=True)


def test_nothing_is_dropped(profile: Profile) -> None:
    for rows in (profile.operators, profile.modules):
        assert sum(row.seconds for row in rows) == pytest.approx(profile.seconds)
        assert sum(row.baseline_seconds for row in rows) == pytest.approx(profile.baseline_seconds)
    assert [node.node for node in profile.nodes][-1] == "model.head/MatMul"
    assert len(profile.nodes) == len({node.node for node in profile.nodes}) == 5
    assert profile.samples == 2


def test_no_file_is_left(bundle: Path, temporary: Path) -> None:
    profile_bundle(bundle, rounds=1)
    assert not list(temporary.iterdir())


def test_every_run_is_listed_in_order(runner: ProfiledRunner, temporary: Path) -> None:
    with runner:
        for _ in range(3):
            runner.run(pixels())
        assert len(list(temporary.iterdir())) == 1
        runs = runner.end_profile()
        assert not list(temporary.iterdir())
        assert [len(run) for run in runs] == [5, 5, 5] == [len(run) for run in runs][: runner.runs]
        assert runs[0][-1].operator == "MatMul"
        assert runs[0][-1].dtype == "float"
        assert runs[0][-1].weighted
        with pytest.raises(StateError, match="second end"):
            runner.end_profile()
        runner.run(pixels())  # it still answers


def test_closing_early_removes_the_profile(runner: ProfiledRunner, temporary: Path) -> None:
    runner.run(pixels())
    runner.close()
    runner.close()
    assert not list(temporary.iterdir())


def test_a_graph_that_does_not_open_leaves_nothing(tmp_path: Path, temporary: Path) -> None:
    (file := tmp_path / "broken.onnx").write_bytes(b"no graph")
    with Bundle.open(tiny_bundles.vit(tmp_path / "b.edge")) as opened:
        component = opened.variant("fp32").components["model"]
    with pytest.raises(PlacementError, match=r"broken\.onnx"):
        OnnxRuntime.open_profiled([file], component, threads=1)
    assert not [path for path in temporary.iterdir() if "profile" in path.name]


def test_a_branch_does_not_count_twice(tmp_path: Path) -> None:
    calls = [
        ("inner/Exp", 20, 30),
        ("inner/Mul", 60, 10),
        ("outer/If", 10, 100),
        ("next/Add", 110, 5),
    ]
    events = [
        {"cat": "Node", "name": f"{name}_kernel_time", "ts": start, "dur": duration,
         "args": {"op_name": name.partition("/")[2], "node_index": "0"}}
        for name, start, duration in calls
    ]  # fmt: skip
    events.append({"cat": "Session", "name": "model_run", "ts": 0, "dur": 120, "args": {}})
    lines = ",\n".join(map(json.dumps, events))
    (file := tmp_path / "p.json").write_text(f"[\n{lines}\n]\n")
    (run,) = read_profile(file)
    assert [round(call.seconds * 1e6) for call in run] == [30, 10, 60, 5]


def test_runs_that_onnx_runtime_left_out_are_an_error(
    bundle: Path, runner: ProfiledRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    with load(bundle, precision="int8", threads=1) as model, runner:
        model.runners["model"].close()
        model.runners = {"model": runner}
        monkeypatch.setattr(model, "_runs", runner.run)
        monkeypatch.setattr(runner, "end_profile", list)
        with pytest.raises(EdgewrightError, match="got 0 runs from ONNX Runtime, expected 3"):
            operator_times({"int8": model}, [{"image": np.zeros((8, 8, 3), np.uint8)}], rounds=1)


def test_only_profiled_models_and_some_samples(bundle: Path) -> None:
    with load(bundle, threads=1) as model:
        with pytest.raises(UsageError, match=r"OnnxRuntime\.open_profiled"):
            operator_times({"a": model}, [{}])
        with pytest.raises(UsageError, match="0 samples"):
            operator_times({"a": model}, [])


def test_modules_take_in_their_conversions_and_fusions() -> None:
    baseline = times(
        ("norm/LayerNormalization", "LayerNormalization", 1),
        ("wide/MatMul", "MatMul", 8),
        ("BiasGelu", "BiasGelu", 3),
        ("narrow/MatMul", "MatMul", 9),
    )
    variant = times(
        ("norm/LayerNormalization", "LayerNormalization", 1),
        ("norm_QuantizeLinear", "QuantizeLinear", 0.5),
        ("wide/MatMul", "QLinearMatMul", 2),
        ("val_1_DequantizeLinear", "DequantizeLinear", 0.25),
        ("act/Gelu", "Gelu", 2),  # a module that the fusion hid in the other variant
        ("gelu_QuantizeLinear", "QuantizeLinear", 1),
        ("gelu_DequantizeLinear", "DequantizeLinear", 1),  # a pair: both before what reads them
        ("narrow/MatMul", "MatMul", 9),
    )
    rows = {row.name: row for row in compare_modules(baseline, variant)}
    assert rows["norm"] == SideBySide("norm", 1, 1)
    assert rows["wide"] == SideBySide("wide", 11, 4.75)
    assert rows["narrow"] == SideBySide("narrow", 9, 11)
    assert set(rows) == {"norm", "wide", "narrow"}
    operators = {row.name: row.loss for row in compare_operators(baseline, variant)}
    assert operators["DequantizeLinear"] == 1.25
    assert sum(operators.values()) == sum(row.loss for row in rows.values()) == -4.25


def test_what_fusions_made_alike_stays_together() -> None:
    first, second = ("a/Add", "Add", 1.0), ("b/Add", "Add", 1.0)
    odd = ("conv2d_nchwc", "Conv", 5.0)
    rows = compare_modules(times(first, odd, second), times(first, second, odd))
    assert {row.name: row.loss for row in rows} == {"a": 0, "b": 0}


def test_without_names_there_is_one_line() -> None:
    rows = compare_modules(times(("x", "Add", 1)), times(("y", "Add", 2), ("z", "Mul", 1)))
    assert rows == (SideBySide("", 1, 3),)


def test_components_stay_apart() -> None:
    baseline = times(("m/Add", "Add", 1)) + times(("m/Add", "Add", 5), component="vocoder")
    names = [row.name for row in compare_modules(baseline, baseline)]
    assert names == ["vocoder: m", "model: m"]


def find(kind: str, found: tuple[Finding, ...]) -> list[Finding]:
    return [finding for finding in found if finding.kind == kind]


def test_slower_modules_are_named_the_worst_first() -> None:
    baseline = times(("a/MatMul", "MatMul", 4), ("b/MatMul", "MatMul", 4), ("c/Add", "Add", 4))
    variant = times(
        ("a/MatMul_quant", "DynamicQuantizeMatMul", 5),
        ("b_QuantizeLinear", "DynamicQuantizeLinear", 3),
        ("b/MatMul_quant", "MatMulIntegerToFloat", 4),
        ("c/Add", "Add", 5),  # the same operator: that is noise
    )
    found = find("slower here", why_slower(baseline, variant, PLAIN_CPU))
    assert [finding.nodes for finding in found] == [
        ("b/MatMul_quant", "b_QuantizeLinear"),
        ("a/MatMul_quant",),
    ]
    assert [finding.seconds for finding in found] == [3, 1]
    assert "3000.000 of them are conversions" in found[0].why


def test_products_in_fp32_come_with_the_reason() -> None:
    variant = [
        *times(("a/MatMul", "MatMul", 4), ("b/Gemm", "Gemm", 3), ("c/Conv", "Conv", 5)),
        *times(("d/MatMul/MatMulScaleFusion/", "FusedMatMul", 2), weighted=False),
        *times(("e/MatMul", "MatMul", 9), dtype="float16"),
        *times(("f/Conv", "Conv", 1), component="vocoder"),
    ]
    found = why_slower([], variant, PLAIN_CPU, kept=("a/MatMul", "vocoder/*"))
    assert {finding.nodes: finding.why.split()[0] for finding in find("left in fp32", found)} == {
        ("a/MatMul", "f/Conv"): "kept",
        ("c/Conv", "b/Gemm"): "has",
        ("d/MatMul/MatMulScaleFusion/",): "multiplies",
    }


def test_a_missing_cpu_feature_is_named() -> None:
    variant = times(("a/MatMul_quant", "DynamicQuantizeMatMul", 2), ("a/Add", "Add", 1))
    (found,) = find("missing CPU feature", why_slower([], variant, PLAIN_CPU, needs=("vnni",)))
    assert "'old CPU' has no vnni" in found.why
    assert (found.nodes, found.seconds) == (("a/MatMul_quant",), 2)
    able = replace(PLAIN_CPU, cpu_features=("vnni",))
    assert not find("missing CPU feature", why_slower([], variant, able, needs=("vnni",)))


def test_what_hardly_costs_anything_is_left_out() -> None:
    variant = times(("a/Add", "Add", 1), ("x_QuantizeLinear", "QuantizeLinear", 0.004))
    assert not why_slower(times(("a/Add", "Add", 1)), variant, PLAIN_CPU)


def test_of_several_targets_the_fitting_one_counts(bundle: Path) -> None:
    with Bundle.open(bundle) as opened:
        variant = opened.variant("int8")
    assert needed_features(variant, PLAIN_CPU) == ("vnni",)
    other = Target(CPU, "cpu", ("avx2",), "unmeasured", None, (), "")
    assert needed_features(replace(variant, targets=(*variant.targets, other)), PLAIN_CPU) == (
        "avx2",
    )


Run = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*argv: object) -> tuple[int, list[str], str]:
        code = main(["profile", *map(str, argv)])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return code, captured.out.splitlines(), captured.err

    return call


def test_the_command_prints_tables(bundle: Path, run: Run) -> None:
    code, lines, err = run(bundle)
    cells = [line.split("\t") for line in lines]
    assert code == 0
    assert {row[0] for row in cells} == {"operator", "total", "module", "finding", "note"}
    assert any(row[:2] == ["operator", "QuantizeLinear"] and row[2] == "0.000" for row in cells)
    (total,) = (row for row in cells if row[0] == "total")
    assert total[1].startswith("3 and 5 operators, ratio ")
    assert any(row[1] == "unfused pair" and "features_Quant" in row[3] for row in cells)
    assert "edgewright inspect" in lines[-1]
    assert "profiling int8 beside fp32" in err


def test_the_command_as_json(bundle: Path, run: Run) -> None:
    code, lines, _ = run(bundle, "--json", "--variant", "fp32", "--beside", "int8")
    (found,) = map(json.loads, lines)
    assert code == 0
    assert (found["variant"], found["baseline"], found["threads"]) == ("fp32", "int8", 1)
    assert len(found["nodes"]) == 3
    assert set(found["operators"][0]) == {"name", "baseline_seconds", "seconds"}
    assert found["ratio"] == pytest.approx(found["seconds"] / found["baseline_seconds"])


def test_what_cannot_be_compared_is_refused(bundle: Path, run: Run, tmp_path: Path) -> None:
    code, _, err = run(bundle, "--variant", "int4")
    assert (code, "expected one of ['fp32', 'int8']" in err) == (2, True)
    code, _, err = run(bundle, "--variant", "fp32")
    assert (code, "got 'fp32' twice" in err) == (2, True)
    code, _, err = run(bundle, "--threads", "0")
    assert (code, "threads: got 0" in err) == (2, True)
    with Bundle.open(bundle) as opened:
        variants = opened.manifest.variants
    gpu = replace(variants[1], targets=(Target("X", "tensorrt", (), "unmeasured", None, (), ""),))
    other = tiny_bundles.vit(tmp_path / "gpu.edge", manifest={"variants": (variants[0], gpu)})
    code, _, err = run(other)
    assert (code, "got one made for tensorrt" in err) == (4, True)
