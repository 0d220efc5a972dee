"""ONNX Runtime as a Python library: its import, and what is installed of it.

The only module that imports onnxruntime.
"""

import functools
import os
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from edgewright.backends.facts import OnnxRuntimeLibrary
from edgewright.backends.installation import INSTALL_CPU
from edgewright.backends.shared_libraries import find_needed, load_from_wheels, wheel_folders
from edgewright.backends.tensorrt_installed import installed_version
from edgewright.errors import MissingDependencyError

# From 1.32 on, the official wheels send telemetry unless this is set when onnxruntime is imported:
# a thread, a file in the temporary folder and a database in ~/.cache. Its switch in Python comes
# too late for that. Set here, and not in `import_onnxruntime`, so that it also holds for the
# exporter and the quantizer of onnxruntime, which import it themselves. A value of the user's wins.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def import_onnxruntime() -> Any:
    """Return the module.

    Raises:
        MissingDependencyError: It is not installed, or does not load.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(
            f"onnxruntime: got '{error}', expected an installed library; {INSTALL_CPU} "
            "(or .[gpu], never both)"
        ) from error
    return onnxruntime


def find_onnxruntime() -> OnnxRuntimeLibrary:
    """Return the installed onnxruntime, and the shared libraries that its providers lack."""
    packages = tuple(filter(installed_version, ("onnxruntime", "onnxruntime-gpu")))
    try:
        ort = import_onnxruntime()
    except MissingDependencyError as error:
        return OnnxRuntimeLibrary(packages, "", (), problem=str(error))
    providers = tuple(ort.get_available_providers())
    files = {provider: _file_of(provider, ort) for provider in providers}
    needed = {
        provider: find_needed(file, wheel_folders())
        for provider, file in files.items()
        if file.exists()
    }
    return OnnxRuntimeLibrary(
        packages,
        ort.__version__,
        providers,
        {provider: tuple(names) for provider, names in needed.items()},
        {provider: _missing(names) for provider, names in needed.items()},
    )


@functools.cache
def load_gpu_libraries(provider: str) -> None:
    """Load what a provider needs from installed wheels, where the system has none, once.

    What fails to load shows when a session is made.
    """
    ort = import_onnxruntime()
    if hasattr(ort, "preload_dlls"):  # since 1.21, of CUDA and cuDNN
        with redirect_stdout(StringIO()):
            ort.preload_dlls()
    load_from_wheels(_missing(find_needed(_file_of(provider, ort))))


def _file_of(provider: str, ort: Any) -> Path:
    name = provider.removesuffix("ExecutionProvider").lower()
    return Path(ort.__file__).parent / "capi" / f"libonnxruntime_providers_{name}.so"


def _missing(needed: dict[str, bool]) -> tuple[str, ...]:
    return tuple(name for name, found in needed.items() if not found)
