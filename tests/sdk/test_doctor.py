"""What `doctor` says about the machines of tests/data/probes."""

import json
from pathlib import Path

import pytest

from edgewright.backends import BACKENDS
from edgewright.cli import main
from edgewright.commands import doctor
from edgewright.probe import Probe
from edgewright.records import read
from recorded_probes import FOLDER, NAMES, recorded

ON_GPUS = [name for name in NAMES if not name.startswith("cpu")]


def diagnose(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str
) -> list[str]:
    """Return the lines of `doctor` as if on the machine `name`; no graph runs."""
    monkeypatch.setattr(doctor, "probe", lambda: recorded(name))
    for backend in BACKENDS.values():
        monkeypatch.setattr(backend, "self_test", lambda device: None)
    assert main(["doctor", *options]) == 0
    return capsys.readouterr().out.splitlines()


def test_driver_gpu_libraries_and_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = diagnose("h200_tensorrt_11", monkeypatch, capsys)
    for line in (
        "NVIDIA driver\t580.95.05\tserves CUDA 13.0",
        "GPU\tNVIDIA H200\tcompute capability 9.0, 140.4 GiB",
        "onnxruntime-gpu\t1.31.1\tTensorrtExecutionProvider, CUDAExecutionProvider, CPUExecution"
        "Provider",
        "libraries of TensorrtExecutionProvider\t2 missing\tlibnvinfer.so.10, libnvonnxparser."
        "so.10",
        "tensorrt\t11.4.0.106\tfor CUDA 13",
        "cuda-bindings\t13.5.0\t",
        "cuda by CUDAExecutionProvider\tworks\t",
        "install\tcuda by onnxruntime\tpip install '.[gpu]' in a checkout",
    ):
        assert line in lines
    assert any(line.startswith("conflict\t\tonnxruntime's TensorRT provider is") for line in lines)
    assert any(line.startswith("libraries of CUDAExecutionProvider\tfound\t") for line in lines)


def test_a_jetson_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = diagnose("orin_jetpack_6", monkeypatch, capsys)
    assert "platform\tJetPack 6 (L4T 36.4.3)\t" in lines
    assert "tensorrt\t10.3.0\t" in lines
    assert any("docs/jetson.md" in line for line in lines if line.startswith("install"))


@pytest.mark.parametrize("name", ON_GPUS)
def test_every_reason_of_placement_is_told_in_the_same_words(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = diagnose(name, monkeypatch, capsys)
    for fact in recorded(name).devices:
        state = "failed\t" + fact.problem if fact.problem else "works\t"
        if fact.problem is None and fact.backend.startswith("tensorrt"):
            state = "untested\tthe driver starts; no engine was run"
        assert f"{fact.device} by {fact.provider}\t{state}" in lines


def test_what_ran_no_graph_does_not_count_as_working(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = diagnose("h200_tensorrt_11", monkeypatch, capsys, "--json")
    found = {
        device["provider"]: (device["works"], device["problem"] is None, device["untested"])
        for device in json.loads(line)["devices"]
    }
    assert found["TensorRT"] == (False, True, "the driver starts; no engine was run")
    assert found["CUDAExecutionProvider"] == (True, True, "")
    assert found["TensorrtExecutionProvider"] == (False, False, "")


@pytest.mark.parametrize("name", NAMES)
def test_json_has_the_whole_probe(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = diagnose(name, monkeypatch, capsys, "--json")
    assert json.loads(line)["probe"] == json.loads((FOLDER / f"{name}.json").read_text())
    assert read(Probe, json.loads(line)["probe"], name) == recorded(name)


def test_the_origin_of_every_probe_is_told() -> None:
    text = (Path(FOLDER) / "README.md").read_text()
    assert all(f"`{name}`" in text for name in NAMES)
