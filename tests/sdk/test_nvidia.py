"""What is read from the driver. Its library is a stand-in here: a real GPU is unproven by this."""

import re
from pathlib import Path

import pytest

from edgewright.backends.facts import Gpu, NvidiaDriver
from edgewright.backends.nvidia import find_driver, find_platform
from native_library import compile_library

ORIN = """
#include <stddef.h>
#include <string.h>
int cuInit(unsigned flags) { return INIT; }
int cuGetErrorName(int error, const char** name) { *name = NAME; return 0; }
int cuDriverGetVersion(int* version) { *version = 12060; return 0; }
int cuDeviceGetCount(int* count) { *count = COUNT; return FAILING(count); }
int cuDeviceGet(int* device, int index) { *device = index + 7; return FAILING(get); }
int cuDeviceGetName(char* name, int length, int device) {
  strncpy(name, device == 7 ? "Orin" : "other", length);
  return FAILING(name);
}
int cuDeviceTotalMem_v2(size_t* bytes, int device) { *bytes = 0xf00000000; return FAILING(memory); }
int cuDeviceGetAttribute(int* value, int attribute, int device) {
  *value = attribute == 75 ? 8 : attribute == 76 ? 7 : -1;
  return FAILING(attribute);
}
"""
MODULE = "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build  (x@y)\n"


def driver(folder: Path, init: int = 0, name: str = "0", count: int = 1, failing: str = "") -> str:
    macros = f"#define INIT {init}\n#define NAME {name}\n#define COUNT {count}\n"
    macros += f'#define FAILING(call) (strcmp(#call, "{failing}") ? 0 : 999)\n'
    return str(compile_library(macros + ORIN, folder / "libcuda.so.1"))


def test_the_gpus_of_a_driver(tmp_path: Path) -> None:
    version = tmp_path / "version"
    version.write_text(MODULE)
    found = find_driver(driver(tmp_path, count=2), version)
    assert (found.version, found.cuda, found.problem) == ("540.4.0", "12.6", None)
    assert found.gpus == (Gpu("Orin", "8.7", 0xF00000000), Gpu("other", "8.7", 0xF00000000))


@pytest.mark.parametrize(
    ("init", "name", "count", "problem"),
    [
        (100, "0", 0, "sees no GPU"),
        (0, "0", 0, "sees no GPU"),
        (803, '"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"', 0, "SYSTEM_DRIVER_MISMATCH.*nvidia-smi"),
        (34, "0", 0, "fails .cuInit: error 34."),
    ],
)
def test_a_driver_without_a_usable_gpu_is_a_fact(
    tmp_path: Path, init: int, name: str, count: int, problem: str
) -> None:
    found = find_driver(driver(tmp_path, init, name, count), tmp_path / "absent")
    assert re.search(problem, found.problem or "")
    assert (found.version, found.cuda, found.gpus) == ("", "12.6", ())


@pytest.mark.parametrize("failing", ["count", "get", "name", "memory", "attribute"])
def test_a_gpu_that_does_not_answer_is_a_fact(failing: str, tmp_path: Path) -> None:
    library = driver(tmp_path, name='"CUDA_ERROR_UNKNOWN"', failing=failing)
    found = find_driver(library, tmp_path / "absent")
    assert re.search(r"fails \(cuDevice\w+: CUDA_ERROR_UNKNOWN\)", found.problem or "")
    assert found.gpus == ()


def test_no_driver_is_a_fact_that_says_what_to_do(tmp_path: Path) -> None:
    found = find_driver(str(tmp_path / "libcuda.so.1"), tmp_path / "absent")
    assert found.problem is not None
    assert "libcuda.so.1 is not found" in found.problem
    assert "device='cpu'" in found.problem


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12\n", "535.183.01"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  R\n", "580.95.05"),
        ("GCC version:  gcc version 13.3.0 (Ubuntu)\n", ""),
    ],
)
def test_the_version_of_the_kernel_module(tmp_path: Path, text: str, version: str) -> None:
    (tmp_path / "version").write_text(text)
    assert find_driver(str(tmp_path / "absent.so"), tmp_path / "version").version == version


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: x\n", "JetPack 6 (L4T 36.4.3)"),
        ("# R38 (release), REVISION: 2.1, GCID: 1, BOARD: x\n", "JetPack 7 (L4T 38.2.1)"),
        ("# R99 (release), REVISION: 1.0, GCID: 1, BOARD: x\n", "L4T 99.1.0"),
        ("something else\n", ""),
    ],
)
def test_the_platform_of_a_jetson(tmp_path: Path, text: str, platform: str) -> None:
    (tmp_path / "release").write_text(text)
    assert find_platform(tmp_path / "release") == platform


def test_other_machines_have_no_platform(tmp_path: Path) -> None:
    assert find_platform(tmp_path / "absent") == ""


@pytest.mark.parametrize(
    ("version", "cuda", "major"),
    [("580.95.05", "13.0", 580), ("540.4.0", "12.6", 540), ("", "13.0", 13), ("", "", 0)],
)
def test_a_driver_without_a_version_is_told_apart_by_its_cuda(
    version: str, cuda: str, major: int
) -> None:
    assert NvidiaDriver(version, cuda, (), None).major == major
