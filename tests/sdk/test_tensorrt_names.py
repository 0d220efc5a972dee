"""The names of TensorRT's API that our code uses exist in the bindings from 10.3 to 11.4."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "sdk" / "edgewright" / "backends").glob("tensorrt*.py"))
VERSIONS = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted((ROOT / "tests" / "data" / "tensorrt_api").glob("*.json"))
}
CLASSES = {
    "_builder": "Builder", "network": "INetworkDefinition", "parser": "OnnxParser",
    "error": "ParserError", "config": "IBuilderConfig", "made": "IOptimizationProfile",
    "cache": "ITimingCache", "tensor": "ITensor", "layer": "ILayer", "attention": "IAttention",
    "_runtime": "Runtime", "_engine": "ICudaEngine", "engine": "ICudaEngine",
    "_context": "IExecutionContext", "inspector": "EngineInspector",
}  # fmt: skip
"""What the variables of our code are."""
MODULES = {"trt", "_trt"}
ONLY_WHERE_ASKED_FOR = {
    ("LayerType", "ATTENTION_INPUT"), ("ILayer", "attention"),
    ("IAttention", "decomposable"), ("IBuilderConfig", "num_compute_capabilities"),
    ("IBuilderConfig", "set_compute_capability"),
}  # fmt: skip
"""Names that some versions lack, which our code finds out before it uses them."""


def used_names() -> Iterator[tuple[str, str]]:
    """Yield (class, member) of every attribute of TensorRT's that the sources read or set."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if not isinstance(node, ast.Attribute):
                continue
            owner = getattr(node.value, "id", None) or getattr(node.value, "attr", None)
            inner = getattr(node.value, "value", None)
            above = getattr(inner, "id", None) or getattr(inner, "attr", None)
            if owner in CLASSES and node.attr not in ("__class__", "close", "load"):
                yield CLASSES[owner], node.attr
            elif above in MODULES:
                yield str(owner), node.attr


def cuda_names() -> set[str]:
    """Return the names of CUDA's runtime API that our code uses."""
    tree = ast.parse((SOURCES[0].parent / "cuda.py").read_text("utf-8"))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and getattr(node.value, "attr", "") == "_api"
    }


USED = sorted(set(used_names()))


def test_the_sources_were_understood() -> None:
    assert len(VERSIONS) == 5
    assert len(USED) > 40
    assert {
        ("Builder", "build_serialized_network"), ("OnnxParser", "parse_from_file"),
        ("BuilderFlag", "TF32"), ("IExecutionContext", "execute_async_v3"),
        ("NetworkDefinitionCreationFlag", "STRONGLY_TYPED"),
    } <= set(USED)  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_every_name_exists(version: str) -> None:
    names = VERSIONS[version]
    missing = [
        (owner, member)
        for owner, member in USED
        if member not in names.get(owner, []) and (owner, member) not in ONLY_WHERE_ASKED_FOR
    ]
    assert not missing


def test_every_name_of_cuda_exists() -> None:
    reason = "cuda-bindings is not installed: pip install '.[rtx]'"
    api = pytest.importorskip("cuda.bindings.runtime", reason=reason)
    assert len(cuda_names()) > 12
    assert [name for name in cuda_names() if not hasattr(api, name)] == []
    kinds = ("cudaMemcpyHostToDevice", "cudaMemcpyDeviceToHost")
    assert all(hasattr(api.cudaMemcpyKind, kind) for kind in kinds)


def test_without_a_driver_cuda_gives_errors_and_no_crash() -> None:
    pytest.importorskip("cuda.bindings.runtime", reason="cuda-bindings is not installed")
    if Path("/proc/driver/nvidia/version").exists():
        pytest.skip("there is a driver")
    code = "from edgewright.backends.cuda import CudaStream; CudaStream()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "EdgewrightError: CUDA: got cudaErrorInsufficientDriver" in done.stderr
