"""What is chosen on the machines of tests/data/probes, and why all else is rejected."""

import json
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import edgewright as ew
import tiny_bundles
from edgewright import loading
from edgewright.backends import onnxrt
from edgewright.backends.onnxrt_library import import_onnxruntime
from edgewright.bundle.manifest import Component, Manifest, Target
from edgewright.errors import PlacementError, PlacementWarning
from edgewright.placement import place
from edgewright.probe import Probe, probe
from edgewright.records import plain
from recorded_probes import NAMES, recorded

REQUESTS = tuple(
    (device, precision)
    for device in ("auto", "cpu", "cuda", "tensorrt")
    for precision in ("auto", "fp32", "int8", "fp32-trt")
)
SERVED = {
    "cpu": "int8 fp32 int8 fp32-trt",
    "old cpu": "fp32 fp32 int8 fp32-trt",  # without VNNI
    "cuda": "fp32 fp32 int8 fp32-trt",
    "tensorrt": "fp32-trt fp32-trt int8 fp32-trt",
}
"""Variant for each precision of `REQUESTS`, by the device that serves the request."""
CHOICES = {
    # what serves `auto`, `cpu`, `cuda`, `tensorrt`
    "cpu": "cpu cpu - -",
    "cpu_onnxruntime_gpu": "cpu cpu - -",
    "cpu_onnxruntime_gpu_with_cuda": "cpu cpu - -",
    "cpu_tensorrt_11_bindings": "cpu cpu - -",
    "cpu_tensorrt_rtx": "cpu cpu - -",
    "h200_onnxruntime_cpu": "cpu cpu - -",
    "h200_tensorrt_10": "cuda cpu cuda tensorrt",
    "h200_tensorrt_11": "cuda cpu cuda -",
    "h200_without_cuda_libraries": "cpu cpu - -",
    "h200_without_tensorrt": "cuda cpu cuda -",
    "orin_jetpack_6": "cuda old-cpu cuda tensorrt",
    "t4": "cuda old-cpu cuda -",
    "t4_driver_too_old": "old-cpu old-cpu - -",
    "thor_jetpack_7": "cuda old-cpu cuda tensorrt",
}
NO_DRIVER = "no NVIDIA driver (libcuda.so.1 is not found); install the driver"
REASONS = {
    # of ONNX Runtime's providers: TensorRT, CUDA; a `.` where it is usable
    "cpu": (NO_DRIVER, NO_DRIVER),
    "cpu_onnxruntime_gpu": (NO_DRIVER, NO_DRIVER),
    "cpu_onnxruntime_gpu_with_cuda": (NO_DRIVER, NO_DRIVER),
    "cpu_tensorrt_11_bindings": (NO_DRIVER, NO_DRIVER),
    "cpu_tensorrt_rtx": (NO_DRIVER, NO_DRIVER),
    "h200_onnxruntime_cpu": (
        "the installed onnxruntime has no TensorrtExecutionProvider (it has "
        "AzureExecutionProvider, CPUExecutionProvider); pip uninstall onnxruntime && pip install "
        "'.[tensorrt10]' in a checkout",
        "the installed onnxruntime has no CUDAExecutionProvider (it has AzureExecutionProvider, "
        "CPUExecutionProvider); pip uninstall onnxruntime && pip install '.[gpu]' in a checkout",
    ),
    "h200_tensorrt_10": (".", "."),
    "h200_tensorrt_11": (
        "onnxruntime 1.31.1 needs TensorRT 10 (libnvinfer.so.10), and 11.4.0.106 is installed; pip "
        "uninstall tensorrt tensorrt-cu13 tensorrt-cu13-libs tensorrt-cu13-bindings && pip install "
        "'.[tensorrt10]' in a checkout",
        ".",
    ),
    "h200_without_cuda_libraries": (
        "libcublas.so.13, libnvinfer.so.10, libnvonnxparser.so.10, libcudnn.so.9 are not found, "
        "which TensorrtExecutionProvider needs; pip install '.[tensorrt10]' in a checkout",
        "libcublasLt.so.13, libcublas.so.13, libcurand.so.10 are not found, which "
        "CUDAExecutionProvider needs; pip install '.[gpu]' in a checkout",
    ),
    "h200_without_tensorrt": (
        "libnvinfer.so.10, libnvonnxparser.so.10 are not found, which TensorrtExecutionProvider "
        "needs; pip install '.[tensorrt10]' in a checkout",
        ".",
    ),
    "orin_jetpack_6": (".", "."),
    "t4": (
        "onnxruntime 1.31.1 needs TensorRT 10 (libnvinfer.so.10), and 11.4.0.106 is installed",
        ".",
    ),
    "t4_driver_too_old": (
        "onnxruntime 1.31.1 needs CUDA 13 (driver 580 or later), and the driver 535.183.01 serves "
        "CUDA 12.2; update the driver, or pip uninstall tensorrt tensorrt-cu13 tensorrt-cu13-libs "
        "tensorrt-cu13-bindings && pip install 'onnxruntime-gpu[cuda,cudnn]<1.27' "
        "'tensorrt-cu12>=10.3,<11'",
        "onnxruntime 1.31.1 needs CUDA 13 (driver 580 or later), and the driver 535.183.01 serves "
        "CUDA 12.2; update the driver, or pip install '.[gpu]' 'onnxruntime-gpu<1.27'",
    ),
    "thor_jetpack_7": (".", "."),
}


@pytest.fixture(scope="module")
def manifest(tiny: dict[str, Path]) -> Manifest:
    """Return a manifest with fp32, int8 that is recommended on CPUs with VNNI, and fp32-trt."""
    whole = ew.Bundle.open(tiny["vit"]).manifest
    fp32, int8 = whole.variants
    target = Target("TensorrtExecutionProvider", "tensorrt", (), "unmeasured", None, (), "")
    engine_graph = replace(fp32, name="fp32-trt", targets=(target,))
    return replace(whole, variants=(fp32, int8, engine_graph))


def expected(name: str, device: str, precision: str) -> tuple[str, str] | None:
    """Return variant and device of a request; none where it is refused."""
    devices, precisions = ("auto", "cpu", "cuda", "tensorrt"), ("auto", "fp32", "int8", "fp32-trt")
    served = CHOICES[name].split()[devices.index(device)].replace("-cpu", " cpu")
    if served == "-":
        return None
    return SERVED[served].split()[precisions.index(precision)], served.removeprefix("old ")


def test_every_machine_has_its_answer() -> None:
    assert set(NAMES) == set(CHOICES) == set(REASONS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("device", "precision"), REQUESTS)
def test_the_choice(manifest: Manifest, name: str, device: str, precision: str) -> None:
    machine, wanted = recorded(name), expected(name, device, precision)
    if wanted is None:
        with pytest.raises(PlacementError, match=f"device '{device}' with precision '{precision}'"):
            place(manifest, machine, device=device, precision=precision)
        with pytest.warns(PlacementWarning, match="cannot be had"):
            placement = place(manifest, machine, device=device, precision=precision, strict=False)
        assert placement.fallback == f"device '{device}' with precision '{precision}'"
        wanted = expected(name, "auto", "auto")
        assert (placement.variant, placement.device) == wanted
        return
    for strict in (True, False):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            placement = place(manifest, machine, device=device, precision=precision, strict=strict)
        assert (placement.variant, placement.device) == wanted
        assert placement.fallback is None
        assert placement.reasons[-1].startswith(
            f"{placement.device} ({placement.provider}) with {placement.variant}: taken"
        )


@pytest.mark.parametrize("name", NAMES)
def test_the_reasons(manifest: Manifest, name: str) -> None:
    machine = recorded(name)
    reasons = place(manifest, machine).reasons
    assert len(reasons) == len(machine.devices) * len(manifest.variants)
    for provider, why in zip(("Tensorrt", "CUDA"), REASONS[name], strict=True):
        (fact,) = (f for f in machine.devices if f.provider == f"{provider}ExecutionProvider")
        if why == ".":
            assert fact.problem is None
            continue
        assert fact.problem is not None
        assert fact.problem.startswith(why)
        for variant in manifest.variants:
            assert f"{fact.device} ({fact.provider}) with {variant.name}: {fact.problem}" in reasons


def test_the_tensorrt_provider_is_for_those_who_ask(manifest: Manifest) -> None:
    reasons = "\n".join(place(manifest, recorded("h200_tensorrt_10")).reasons)
    line = "tensorrt (TensorrtExecutionProvider) with fp32-trt: it builds engines while the bundle"
    assert f"{line} is loaded, 30 to 100 s for each graph" in reasons


def test_a_form_for_another_device_wants_its_name(manifest: Manifest) -> None:
    reasons = place(manifest, recorded("cpu"), precision="fp32").reasons
    assert (
        "cpu (CPUExecutionProvider) with fp32-trt: made for tensorrt; ask for it by its name"
        in reasons
    )
    assert place(manifest, recorded("cpu"), variant="fp32-trt").device == "cpu"


@pytest.mark.parametrize("name", NAMES)
def test_the_same_question_has_the_same_answer(manifest: Manifest, name: str) -> None:
    before = plain(manifest), plain(recorded(name))
    machine = recorded(name)
    assert place(manifest, machine) == place(manifest, machine) == place(manifest, recorded(name))
    assert (plain(manifest), plain(machine)) == before


def test_placement_looks_at_nothing_but_its_arguments(tmp_path: Path) -> None:
    bundle = tiny_bundles.vit(tmp_path / "vit.edge")
    code = """
import json, sys, edgewright as ew
from edgewright.placement import place
from recorded_probes import NAMES, recorded
manifest = ew.Bundle.open(sys.argv[1]).manifest
probes, seen = [recorded(name) for name in NAMES], []
sys.addaudithook(lambda event, arguments: seen.append(event))
places = [place(manifest, probe) for probe in probes]
print(json.dumps(sorted(set(seen))))
"""
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {tests!r})\n{code}", bundle]
    seen = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert not [event for event in seen if not event.startswith("object.")]


@pytest.fixture
def half_broken(tmp_path: Path) -> Path:
    """Return a bundle whose int8 graph is none."""
    return tiny_bundles.vit(tmp_path / "vit.edge", graphs={"int8": b"no graph"})


def on(monkeypatch: pytest.MonkeyPatch, machine: Probe) -> None:
    monkeypatch.setattr(loading, "probe", lambda **_: machine)


def test_auto_passes_over_what_cannot_be_opened(
    half_broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, recorded("cpu"))
    with pytest.warns(PlacementWarning, match="took fp32 on CPU.*: graph 'model.onnx'"):
        model = ew.load(half_broken, threads=1)
    assert (model.runtime.variant, model.runtime.fallback) == ("fp32", None)
    (why,) = (line for line in model.runtime.placement if "could not be opened" in line)
    assert why.startswith("cpu (CPUExecutionProvider) with int8: could not be opened: graph 'model")
    with pytest.raises(PlacementError, match=r"^graph 'model.onnx': onnxruntime"):
        ew.load(half_broken, device="cpu", threads=1)
    with pytest.warns(PlacementWarning, match="took fp32 on CPU"):
        model = ew.load(half_broken, device="cpu", threads=1, strict=False)
    assert model.runtime.variant == "fp32"
    with pytest.raises(PlacementError, match=r"int8: could not be opened: graph 'model.onnx'"):
        ew.load(half_broken, precision="int8", threads=1)


def test_what_runs_on_the_cpu_beside_the_device_is_told(
    tiny: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an ONNX Runtime whose CUDA provider leaves nodes to the CPU, which a stand-in plays."""

    def checked(files: list[Path], component: Component, providers: Any, options: Any) -> Any:
        try:
            options.get_session_config_entry("session.disable_cpu_ep_fallback")
        except RuntimeError:  # it is not set
            return import_onnxruntime().InferenceSession(files[0])
        raise PlacementError("graph 'model.onnx':\nnodes are assigned to the CPU")

    on(monkeypatch, recorded("h200_without_tensorrt"))
    monkeypatch.setattr(onnxrt, "_checked_session", checked)
    runtime = ew.load(tiny["vit"], threads=1).runtime
    assert runtime.device == "cuda"
    assert runtime.placement[-1] == (
        "component model: a part of it runs on the CPU beside CPUExecutionProvider, because graph "
        "'model.onnx': nodes are assigned to the CPU"
    )
    with pytest.raises(PlacementError, match="nodes are assigned to the CPU"):
        ew.load(tiny["vit"], device="cuda", threads=1)


@pytest.mark.skipif(
    any(f.device == "cuda" and f.problem is None for f in probe().devices), reason="CUDA opens here"
)
@pytest.mark.filterwarnings("ignore:Specified provider:UserWarning")  # of onnxruntime
def test_auto_passes_over_a_device_that_does_not_open(
    tiny: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    on(monkeypatch, recorded("h200_without_tensorrt"))
    with pytest.warns(PlacementWarning, match="took int8 on CPU.*CUDAExecutionProvider"):
        model = ew.load(tiny["vit"], threads=1)
    assert model.runtime.device == "cpu"
    (why,) = (line for line in model.runtime.placement if "with fp32: could not be" in line)
    assert why.startswith("cuda (CUDAExecutionProvider) with fp32: could not be opened: graph ")
    with pytest.raises(PlacementError, match="CUDAExecutionProvider"):
        ew.load(tiny["vit"], device="cuda", threads=1)
    with pytest.warns(PlacementWarning, match="running int8 on CPUExecutionProvider"):
        model = ew.load(tiny["vit"], device="cuda", threads=1, strict=False)
    assert model.runtime.fallback == "device 'cuda' with precision 'auto'"
