"""What every test shares: the header, and why special tests are skipped."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # some tests import onnxruntime first

ROOT = Path(__file__).parents[1]
HEADER_PACKAGES = ("edgewright", "numpy", "onnxruntime", "onnx", "torch", "transformers", "pillow")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--run-slow", action="store_true", help="run the tests marked slow (make test-all)"
    )


def pytest_report_header() -> str:
    versions = (f"{name} {_version(name)}" for name in HEADER_PACKAGES)
    return f"edgewright: {platform.machine()}, {', '.join(versions)}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reasons = {"gpu": _no_gpu()}
    if not config.getoption("--run-slow"):
        reasons["slow"] = "slow: full public model sizes and a long search; `make test-all` runs it"
    for item in items:
        for marker, reason in reasons.items():
            if reason and marker in item.keywords:
                item.add_marker(pytest.mark.skip(reason=reason))


def _no_gpu() -> str | None:
    """Say why no GPU can be used here; none where one can."""
    from edgewright.backends.nvidia import find_driver

    problem = find_driver().problem
    return None if problem is None else f"gpu: {problem}"


@pytest.fixture(scope="session")
def demo_bundles() -> Path:
    """Return the folder of the demo's bundles, exporting them if `make bundles` has not."""
    folder = ROOT / "build" / "demo"
    shipped = {path.name for path in (ROOT / "examples" / "checkpoints").iterdir()}
    if not shipped <= {path.stem for path in folder.glob("*.edge")}:
        demo = ROOT / "examples" / "demo" / "demo.py"
        subprocess.run([sys.executable, str(demo), "--stop-after", "export"], check=True)
    return folder
