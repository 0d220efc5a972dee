"""Which TensorRT is installed, told without importing it, which takes seconds and may crash."""

import importlib.util
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from edgewright.backends.facts import TensorRtFlavor, TensorRtLibrary
from edgewright.backends.shared_libraries import find_needed, wheel_folders

_PACKAGES: dict[TensorRtFlavor, str] = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt-rtx"}
_CUDA_MAJORS = ("11", "12", "13")
_MODULES: dict[TensorRtFlavor, tuple[str, ...]] = {
    "tensorrt": ("tensorrt_bindings", "tensorrt"),
    "tensorrt-rtx": ("tensorrt_rtx_bindings", "tensorrt_rtx"),
}
"""Folders that may hold the extension module: of the wheels, and of the system's package."""
_VERSION = re.compile(r"^__version__ = [\"']([\d.]+)[\"']", re.MULTILINE)


def find_tensorrt() -> tuple[TensorRtLibrary, ...]:
    """Return the installed flavors of TensorRT."""
    found = (_find(flavor) for flavor in _PACKAGES)
    return tuple(library for library in found if library is not None)


def find_cuda_bindings() -> str:
    """Return the version of cuda-bindings; nothing where it is not installed."""
    return installed_version("cuda-bindings") or ""


def installed_version(package: str) -> str | None:
    """Return the version of a Python package; none where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _find(flavor: TensorRtFlavor) -> TensorRtLibrary | None:
    folders = tuple(_module_folders(flavor))
    wheels = tuple(_wheels(flavor))
    if not folders:
        return None
    version = wheels[0][1] if wheels else _told_version(folders)
    cuda = wheels[0][2] if wheels else ""
    return TensorRtLibrary(flavor, version, cuda, _problem(folders, wheels))


def _module_folders(flavor: TensorRtFlavor) -> Iterator[Path]:
    for module in _MODULES[flavor]:
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.submodule_search_locations:
            yield from map(Path, spec.submodule_search_locations)


def _wheels(flavor: TensorRtFlavor) -> Iterator[tuple[str, str, str]]:
    """Yield name, version and CUDA of the wheels that brought the extension module."""
    for cuda in _CUDA_MAJORS:
        name = f"{_PACKAGES[flavor]}-cu{cuda}-bindings"
        if version := installed_version(name):
            yield name, version, cuda


def _told_version(folders: tuple[Path, ...]) -> str:
    """Return what the module says of itself, or its metadata where there is such."""
    for folder in folders:
        file = folder / "__init__.py"
        if file.is_file() and (told := _VERSION.search(file.read_text(errors="replace"))):
            return told[1]
    return installed_version(folders[0].name) or ""


def _problem(folders: tuple[Path, ...], wheels: tuple[tuple[str, str, str], ...]) -> str | None:
    if len(wheels) > 1:
        names = " and ".join(name for name, _, _ in wheels)
        return f"{names} overwrite each other's files; uninstall both and install one"
    needed = {
        name: found
        for folder in folders
        for library in sorted(folder.glob("*.so"))
        for name, found in find_needed(library, wheel_folders()).items()
    }
    if missing := [name for name, found in needed.items() if not found]:
        return f"its libraries {', '.join(missing)} are not found"
    return None
