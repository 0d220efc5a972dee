"""What `verify` finds, and what it does not let pass."""

import hashlib
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgewright as ew
import tiny_bundles
from edgewright.backends import Runner
from edgewright.backends.onnxrt import OnnxRuntime
from edgewright.bundle.manifest import Source
from edgewright.cli import main
from edgewright.errors import (
    BundleError,
    BundleNotFoundError,
    CheckpointNotFoundError,
    FormatVersionError,
    UsageError,
)
from edgewright.verify import Verification, golden_difference
from recorded_probes import recorded


def statuses(found: Verification) -> dict[str, str]:
    return {check.name: check.status for check in found.checks}


def test_a_good_bundle_passes(tiny: dict[str, Path]) -> None:
    found = ew.verify(tiny["vit"], threads=1)
    assert found.ok
    checks = ("graphs", "golden/00.npz", "golden/01.npz")
    names = ["files", *(f"{variant}: {check}" for variant in ("fp32", "int8") for check in checks)]
    assert statuses(found) == dict.fromkeys(names, "ok")
    assert str(found).endswith("ok")


def test_a_graph_that_answers_otherwise_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = tiny_bundles.colour_logits
    monkeypatch.setattr(tiny_bundles, "colour_logits", lambda image: right(image) * 1.0005)
    found = ew.verify(tiny_bundles.vit(tmp_path / "off.edge"))
    assert not found.ok
    assert statuses(found)["fp32: golden/00.npz"] == "failed"
    assert "of the output's scale, allowed 1.00e-05" in found.checks[2].detail


def test_damage_is_a_failed_check(tmp_path: Path) -> None:
    bundle = tiny_bundles.vit(tmp_path / "damaged.edge")
    graph = bundle / "variants" / "fp32" / "model.onnx"
    data = bytearray(graph.read_bytes())
    data[40] ^= 1
    graph.write_bytes(data)
    found = ew.verify(bundle)
    assert not found.ok
    assert found.checks[0].status == "failed"
    assert "variants/fp32/model.onnx" in found.checks[0].detail


def test_damage_is_told_before_engines_are_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = recorded("h200_tensorrt_11")
    assert any(fact.backend == "tensorrt" and not fact.problem for fact in here.devices)
    monkeypatch.setattr("edgewright.commands.verify.probe", lambda: here)
    bundle = tiny_bundles.vit(tmp_path / "damaged.edge")
    (bundle / "variants" / "fp32" / "model.onnx").write_bytes(b"")
    assert main(["verify", str(bundle), "--device", "tensorrt", "--json"]) == 5
    found = json.loads(capsys.readouterr().out)
    assert [check["status"] for check in found["checks"]] == ["failed"]


def test_a_graph_that_does_not_open_is_a_failed_check(tmp_path: Path) -> None:
    found = ew.verify(tiny_bundles.vit(tmp_path / "b.edge", graphs={"int8": b"no graph"}))
    assert not found.ok
    assert statuses(found)["int8: graphs"] == "failed"
    assert statuses(found)["fp32: golden/00.npz"] == "ok"


@pytest.mark.filterwarnings("ignore:Specified provider:UserWarning")  # of onnxruntime
@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_variant_for_cpus_does_not_fail_on_a_gpu_that_does_not_take_it(
    device: str, tiny: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = recorded("h200_without_tensorrt")  # whose CUDA provider this onnxruntime has not
    monkeypatch.setattr(import_module("edgewright.verify"), "probe", lambda **_: here)
    found = ew.verify(tiny["vit"], device=device)
    status = statuses(found)
    if device == "auto":
        assert found.ok, str(found)
        details = [check.detail for check in found.checks if check.name.endswith(": graphs")]
        assert all("on CPUExecutionProvider; not on CUDAExecutionProv" in one for one in details)
    else:
        assert (status["fp32: graphs"], status["int8: graphs"]) == ("failed", "skipped")
        assert not found.ok


def test_what_runs_on_the_cpu_beside_a_device_is_told(
    tiny: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = OnnxRuntime.open

    def shared(*arguments: Any, **options: Any) -> Runner:
        runner = opening(*arguments, **options)
        runner.shared_with_cpu = "graph: a node is left"
        return runner

    monkeypatch.setattr(OnnxRuntime, "open", shared)
    found = ew.verify(tiny["vit"])
    told = [check.detail for check in found.checks if check.name.endswith(": graphs")]
    assert all(one.endswith("on CPUExecutionProvider, a part of it on the CPU") for one in told)


def test_a_sample_that_cannot_be_read_is_a_failed_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny_bundles, "write_golden", lambda *_: b"no sample")
    found = ew.verify(tiny_bundles.vit(tmp_path / "b.edge"))
    assert not found.ok
    assert statuses(found)["int8: golden samples"] == "failed"


def test_what_is_no_fault_of_the_bundle_is_an_error(tiny: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="threads: got 0"):
        ew.verify(tiny["vit"], threads=0)
    later = tiny_bundles.vit(tmp_path / "later.edge", manifest={"family": "of_tomorrow"})
    with pytest.raises(FormatVersionError, match="of_tomorrow"):
        ew.verify(later)


def test_what_cannot_run_here_is_skipped_and_never_ok(tiny: dict[str, Path]) -> None:
    found = ew.verify(tiny["vit"], device="tensorrt")
    assert not found.ok
    assert statuses(found) == {"files": "ok", "fp32: graphs": "skipped", "int8: graphs": "skipped"}
    assert "no NVIDIA driver" in found.checks[1].detail


def test_the_checkpoint_is_compared(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    (checkpoint / "config.json").write_text("{}")
    (checkpoint / "model.safetensors").write_text("weights")
    listed = {
        "config.json": hashlib.sha256(b"{}").hexdigest(),
        "model.safetensors": "0" * 64,
        "gone": "0" * 64,
    }
    bundle = tiny_bundles.vit(tmp_path / "b.edge", manifest={"source": Source(listed, "X", {}, 0)})
    found = statuses(ew.verify(bundle, checkpoint=checkpoint))
    assert found["checkpoint config.json"] == "ok"
    assert found["checkpoint model.safetensors"] == found["checkpoint gone"] == "failed"
    with pytest.raises(CheckpointNotFoundError, match="expected a folder"):
        ew.verify(bundle, checkpoint=tmp_path / "absent")


def test_a_missing_bundle_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFoundError):
        ew.verify(tmp_path / "absent.edge")


@pytest.mark.parametrize(
    ("expected", "got", "difference"),
    [
        ([1.0, -4.0], [1.0, -4.2], 0.05),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
        ([0.0, 0.0], [0.0, 0.1], np.inf),
        ([1.0, 2.0], [1.0, np.nan], np.inf),
        ([1.0, 2.0], [1.0], np.inf),
    ],
)
def test_difference_is_relative_to_the_scale(
    expected: list[float], got: list[float], difference: float
) -> None:
    found = golden_difference({"x": np.array(expected)}, {"x": np.array(got)})
    assert found == pytest.approx(difference)
    assert golden_difference({"x": np.array(expected)}, {"y": np.array(got)}) == np.inf


def test_a_task_that_is_not_that_of_the_family_is_a_broken_bundle(tmp_path: Path) -> None:
    bundle = tiny_bundles.dnabert(tmp_path / "bad.edge", manifest={"task": "classify"})
    with pytest.raises(BundleError, match=r"manifest\.task: got 'classify', expected 'score'"):
        ew.load(bundle)
    assert not ew.verify(bundle).ok
