"""The arrows of docs/architecture.md that must never be turned round."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FORBIDDEN = ("torch", "transformers", "onnx", "edgewright_export")
IMPORT_EVERYTHING = """
import importlib, pkgutil, sys, edgewright
for module in pkgutil.walk_packages(edgewright.__path__, "edgewright."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(*sorted(sys.modules))
"""


def modules_after(code: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_whole_runtime_imports_no_training_library() -> None:
    loaded = modules_after(IMPORT_EVERYTHING)
    assert "edgewright.backends.onnxrt" in loaded
    assert not loaded.intersection(FORBIDDEN)


def test_importing_the_runtime_loads_no_inference_library() -> None:
    loaded = modules_after("import sys, edgewright; print(*sorted(sys.modules))")
    assert not loaded.intersection({*FORBIDDEN, "onnxruntime", "rich", "gymnasium"})


def test_only_backends_name_an_inference_library() -> None:
    for file in (ROOT / "sdk" / "edgewright").rglob("*.py"):
        names = re.findall(r"^\s*(?:import|from)\s+([\w.]+)", file.read_text("utf-8"), re.MULTILINE)
        found = {name.partition(".")[0] for name in names} & {"onnxruntime", "tensorrt", *FORBIDDEN}
        allowed = {"onnxruntime"} if file.parent.name == "backends" else set()
        assert found <= allowed, file


def test_the_core_knows_no_python() -> None:
    sources = [p for p in (ROOT / "cpp_ext" / "core").rglob("*") if p.suffix in {".h", ".cc"}]
    assert sources
    for file in sources:
        assert not re.search(r"pybind11|Python\.h", file.read_text("utf-8")), file


def test_without_the_compiled_module_the_error_says_how_to_build_it() -> None:
    code = "import sys; sys.modules['edgewright._core'] = None; import edgewright"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "build it from a checkout with `pip install .[cpu]`" in done.stderr


@pytest.mark.parametrize("folder", ["sdk", "export"])
def test_no_source_names_a_machine_path(folder: str) -> None:
    for file in (ROOT / folder).rglob("*.py"):
        assert not re.search(r"['\"]/(?:home|root|work|Users)/", file.read_text("utf-8")), file
