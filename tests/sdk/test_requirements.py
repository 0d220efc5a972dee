"""What each library needs of a machine, rule by rule: facts of recorded probes, with one change."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import tomllib

from edgewright.backends.facts import Facts, Gpu, TensorRtFlavor, TensorRtLibrary
from edgewright.backends.installation import conflicts, fitting_lines
from edgewright.backends.requirements import (
    cuda_problem,
    tensorrt_problem,
    tensorrt_provider_problem,
)
from edgewright.backends.versions import numbers
from recorded_probes import NAMES, recorded

ROOT = Path(__file__).parents[2]


def facts(
    name: str,
    *,
    capability: str | None = None,
    cuda: str | None = None,
    version: str | None = None,
    built_with: str | None = None,
    bindings: str | None = None,
    flavor: TensorRtFlavor = "tensorrt",
) -> Facts:
    """Return the facts of a recorded probe with another GPU, driver, TensorRT or cuda-bindings."""
    found = recorded(name).facts
    if capability is not None:
        gpu = Gpu("a GPU", capability, 2**34)
        found = replace(found, nvidia=replace(found.nvidia, gpus=(gpu,)))
    if cuda is not None:
        found = replace(found, nvidia=replace(found.nvidia, cuda=cuda))
    if version is not None:
        library = TensorRtLibrary(flavor, version, "13" if built_with is None else built_with)
        found = replace(found, tensorrt=(library,))
    return found if bindings is None else replace(found, cuda_bindings=bindings)


@pytest.mark.parametrize(
    ("capability", "version", "problem"),
    [
        ("7.0", "10.4.0", None),
        ("7.0", "10.5.0", "TensorRT 10.5.0 no longer serves compute capability 7.0 (a GPU)"),
        ("6.1", "10.3.0", "TensorRT 10.3.0 no longer serves compute capability 6.1"),
        ("7.5", "11.4.0", None),
        ("8.7", "10.3.0", None),
        ("9.0", "10.2.0", "TensorRT 10.2.0 is installed, 10.3 or later is needed"),
        ("9.0", "8.6.1", "TensorRT 8.6.1 is installed, 10.3 or later is needed"),
        ("10.0", "10.7.0", "TensorRT 10.7.0 does not serve compute capability 10.0 (a GPU); 10.8"),
        ("12.0", "10.8.0", None),
        ("11.0", "10.12.0", "does not serve compute capability 11.0 (a GPU); 10.13 or later does"),
        ("10.1", "10.12.0", "does not serve compute capability 10.1 (a GPU); 10.13 or later does"),
        ("11.0", "10.13.0", None),
        ("8.9", "", None),  # a version that is not told is not judged
    ],
)
def test_gpus_that_a_tensorrt_serves(capability: str, version: str, problem: str | None) -> None:
    here = facts("h200_tensorrt_11", capability=capability, version=version, built_with="")
    here = replace(here, cuda_bindings="12.9.10")
    found = tensorrt_problem(here, "tensorrt")
    assert found is None if problem is None else problem in str(found)


@pytest.mark.parametrize("capability", ["7.5", "8.6", "8.9", "12.0", "12.1"])
def test_gpus_that_tensorrt_rtx_serves(capability: str) -> None:
    here = facts("t4", capability=capability)
    assert tensorrt_problem(here, "tensorrt-rtx") is None


@pytest.mark.parametrize("name", ["h200_tensorrt_11", "orin_jetpack_6", "thor_jetpack_7"])
def test_gpus_that_tensorrt_rtx_does_not_serve(name: str) -> None:
    found = recorded(name).facts
    gpu = found.nvidia.gpus[0]
    expected = f"compute capability {gpu.compute_capability} ({gpu.name}), only 7.5, 8.6, 8.9"
    assert expected in str(tensorrt_problem(found, "tensorrt-rtx"))


@pytest.mark.parametrize(
    ("cuda", "version", "built_with", "problem"),
    [
        ("13.0", "11.4.0", "13", None),
        ("13.0", "11.4.0", "12", None),
        ("12.2", "11.4.0", "12", None),
        ("12.1", "11.4.0", "12", "needs CUDA 12.2 (driver 535 or later), and the driver"),
        ("12.9", "11.4.0", "13", "TensorRT 11.4.0 needs CUDA 13 (driver 580 or later)"),
        ("12.0", "10.3.0", "12", None),
        ("11.8", "10.3.0", "12", "TensorRT 10.3.0 needs CUDA 12 (driver 525 or later)"),
    ],
)
def test_cuda_that_a_tensorrt_needs_of_the_driver(
    cuda: str, version: str, built_with: str, problem: str | None
) -> None:
    here = facts("t4", cuda=cuda, version=version, built_with=built_with, bindings="11.8")
    found = tensorrt_problem(here, "tensorrt")
    assert found is None if problem is None else problem in str(found)


@pytest.mark.parametrize(
    ("name", "bindings", "problem"),
    [
        ("t4", "", "cuda-bindings is not installed; pip install 'cuda-bindings>=12.6'"),
        ("orin_jetpack_6", "", "is not installed; pip install 'cuda-bindings>=12.6,<13'"),
        ("orin_jetpack_6", "13.5.0", "cuda-bindings 13.5.0 needs CUDA 13 (driver 580 or later)"),
        ("t4", "12.9.10", None),
    ],
)
def test_cuda_bindings_fit_the_driver(name: str, bindings: str, problem: str | None) -> None:
    found = tensorrt_problem(facts(name, bindings=bindings), "tensorrt")
    assert found is None if problem is None else problem in str(found)


@pytest.mark.parametrize(
    ("name", "version", "problem"),
    [
        ("orin_jetpack_6", "11.4.1", "does not serve JetPack 6 (L4T 36.4.3), which stays on Tens"),
        ("thor_jetpack_7", "11.4.0", "serves no Jetson, 11.4.1 or later does from JetPack 7.2.2"),
        ("thor_jetpack_7", "11.4.1", None),
        ("orin_jetpack_6", "10.3.0", None),
    ],
)
def test_tensorrt_11_on_a_jetson(name: str, version: str, problem: str | None) -> None:
    found = tensorrt_problem(facts(name, version=version, built_with=""), "tensorrt")
    assert found is None if problem is None else problem in str(found)


def test_a_jetson_takes_the_tensorrt_of_its_system() -> None:
    missing = replace(recorded("orin_jetpack_6").facts, tensorrt=())
    found = str(tensorrt_problem(missing, "tensorrt"))
    assert "sudo apt install python3-libnvinfer" in found
    assert "'cuda-bindings>=12.6,<13'" in found
    assert "docs/jetson.md" in fitting_lines(missing)["cuda by onnxruntime"]


def test_a_gpu_before_turing_wants_the_wheels_of_cuda_12() -> None:
    here = facts("h200_without_tensorrt", capability="6.1")
    assert cuda_problem(here) == (
        "onnxruntime 1.31.1 is built with CUDA 13, which does not serve compute capability 6.1 "
        "(a GPU); pip install '.[gpu]' 'onnxruntime-gpu<1.27' in a checkout"
    )


def test_what_keeps_the_extension_from_loading_is_told() -> None:
    library = replace(recorded("cpu_tensorrt_11_bindings").facts.tensorrt[0])
    here = replace(recorded("t4").facts, tensorrt=(library,))
    assert str(tensorrt_problem(here, "tensorrt")).startswith(
        "TensorRT 11.4.0.106: its libraries libnvonnxparser.so.11, libnvinfer_plugin.so.11, "
        "libnvinfer.so.11 are not found; pip install '.[tensorrt]'"
    )


@pytest.mark.parametrize("name", NAMES)
def test_without_a_driver_nothing_on_a_gpu_is_usable(name: str) -> None:
    found = recorded(name).facts
    none = replace(found, nvidia=replace(found.nvidia, gpus=(), problem="no GPU"))
    assert {cuda_problem(none), tensorrt_provider_problem(none)} == {"no GPU"}
    assert {tensorrt_problem(none, flavor) for flavor in ("tensorrt", "tensorrt-rtx")} == {"no GPU"}


def test_packages_that_exclude_each_other() -> None:
    assert conflicts(recorded("h200_tensorrt_10").facts) == ()
    (told,) = conflicts(recorded("h200_tensorrt_11").facts)
    assert "provider is for TensorRT 10, and 11.4.0.106 is installed" in told
    assert "extras tensorrt (for engines of `edgewright build`) and tensorrt10" in told
    found = recorded("h200_tensorrt_10").facts
    both = replace(found.onnxruntime, packages=("onnxruntime", "onnxruntime-gpu"))
    (told,) = conflicts(replace(found, onnxruntime=both))
    assert "onnxruntime and onnxruntime-gpu overwrite each other's files" in told


def test_lines_that_fit() -> None:
    assert fitting_lines(recorded("cpu").facts) == {}
    found = recorded("cpu").facts
    missing = replace(found, onnxruntime=replace(found.onnxruntime, problem="not installed"))
    assert fitting_lines(missing) == {"cpu by onnxruntime": "pip install '.[cpu]' in a checkout"}
    assert fitting_lines(recorded("t4_driver_too_old").facts) == {
        "tensorrt": "pip uninstall tensorrt tensorrt-cu13 tensorrt-cu13-libs "
        "tensorrt-cu13-bindings && pip install 'tensorrt-cu12>=11,<12' 'cuda-bindings>=12.6,<13'",
        "tensorrt by onnxruntime": "pip uninstall tensorrt tensorrt-cu13 tensorrt-cu13-libs "
        "tensorrt-cu13-bindings && pip install 'onnxruntime-gpu[cuda,cudnn]<1.27' "
        "'tensorrt-cu12>=10.3,<11'",
        "cuda by onnxruntime": "pip install '.[gpu]' 'onnxruntime-gpu<1.27' in a checkout",
    }


def test_numbers_of_a_version() -> None:
    assert [numbers(text) for text in ("10.3.0.30", "12.6", "11.4.0rc1", "", "x1")] == [
        (10, 3, 0, 30), (12, 6), (11, 4, 0), (), (),
    ]  # fmt: skip


def test_lines_name_extras_that_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    here = [recorded(name).facts for name in NAMES]
    here += [replace(found, tensorrt=()) for found in here]
    lines = [line for found in here for line in fitting_lines(found).values()]
    lines += [str(tensorrt_problem(found, "tensorrt-rtx")) for found in here]
    named = {extra for line in lines for extra in re.findall(r"'\.\[(\w+)\]'", line)}
    assert {"gpu", "rtx", "tensorrt", "tensorrt10"} <= named <= set(extras)


def test_a_driver_that_does_not_tell_its_version_is_named_by_its_cuda() -> None:
    found = recorded("t4_driver_too_old").facts
    here = replace(found, nvidia=replace(found.nvidia, version=""))
    assert "(driver 580 or later), and the driver serves CUDA 12.2;" in str(cuda_problem(here))
