"""Which TensorRT is told without importing it."""

import sys
from pathlib import Path

import pytest

from edgewright.backends.facts import TensorRtLibrary
from edgewright.backends.tensorrt_installed import find_cuda_bindings, find_tensorrt
from native_library import compile_library


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of packages, the only one beside the standard library's."""
    standard = [entry for entry in sys.path if "site-packages" not in entry]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *standard])
    for name in ("tensorrt", "tensorrt_bindings", "tensorrt_rtx", "tensorrt_rtx_bindings"):
        monkeypatch.delitem(sys.modules, name, raising=False)  # other tests imported real ones
    return tmp_path


def package(site: Path, module: str, name: str | None, version: str) -> Path:
    folder = site / module
    folder.mkdir(exist_ok=True)
    (folder / "__init__.py").write_text(
        f"raise RuntimeError('imported')\n__version__ = \"{version}\"\n"
    )
    if name is not None:
        metadata = site / f"{name.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    return folder


def test_nothing_is_installed(site: Path) -> None:
    assert (find_tensorrt(), find_cuda_bindings()) == ((), "")


def test_wheels_tell_version_and_cuda(site: Path) -> None:
    package(site, "tensorrt_bindings", "tensorrt-cu12-bindings", "11.4.0.106")
    package(site, "tensorrt_rtx_bindings", "tensorrt-rtx-cu13-bindings", "1.7.1.116")
    package(site, "cuda", "cuda-bindings", "13.5.0")
    assert find_tensorrt() == (
        TensorRtLibrary("tensorrt", "11.4.0.106", "12"),
        TensorRtLibrary("tensorrt-rtx", "1.7.1.116", "13"),
    )
    assert find_cuda_bindings() == "13.5.0"


def test_the_package_of_a_system_needs_no_metadata(site: Path) -> None:
    package(site, "tensorrt", None, "10.3.0")
    assert find_tensorrt() == (TensorRtLibrary("tensorrt", "10.3.0"),)


def test_a_missing_library_is_named(site: Path) -> None:
    folder = package(site, "tensorrt_bindings", "tensorrt-cu13-bindings", "11.4.0.106")
    libraries = site / "tensorrt_libs"
    libraries.mkdir()
    needed = compile_library("int x;", libraries / "libnvinfer.so.11")
    compile_library("int y;", folder / "tensorrt.so", needed)
    assert find_tensorrt()[0].problem is None
    needed.unlink()
    assert find_tensorrt()[0].problem == "its libraries libnvinfer.so.11 are not found"


def test_wheels_of_two_cudas_exclude_each_other(site: Path) -> None:
    for cuda in ("12", "13"):
        package(site, "tensorrt_bindings", f"tensorrt-cu{cuda}-bindings", "11.4.0.106")
    problem = find_tensorrt()[0].problem
    assert problem is not None
    assert "tensorrt-cu12-bindings and tensorrt-cu13-bindings overwrite" in problem
