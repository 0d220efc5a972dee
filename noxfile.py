"""What CI and people call: lint, types, cpp, runtime_only, test, bench, demo, format.

All but `runtime_only` run in the environment that nox itself was installed into (`make install`).
"""

import os
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
CPP_SOURCES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "cpp_ext").rglob("*")
    if path.suffix in {".h", ".cc"}
)
PIPELINES = "benchmarks/test_pipelines.py"
DEMO_BUNDLES = str(ROOT / "build" / "demo")
PYTHON_SOURCES = ("sdk", "export", "tests", "benchmarks", "examples", "noxfile.py")
SANITIZERS = "address,undefined"
PEERS_ELSEWHERE = ROOT / "build" / "peers" / "optimum"
# They want transformers 4, so they stand in front of ours in a process of their own.
OPTIMUM = (
    "optimum-onnx==0.1.0", "optimum==2.1.0", "transformers==4.57.6", "huggingface-hub==0.36.2",
    "tokenizers==0.22.2",
)  # fmt: skip
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)

nox.options.sessions = ["lint", "types", "cpp", "runtime_only", "test"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_external_run = False


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Check style: ruff on Python, clang-format on C++."""
    session.run("ruff", "check", *PYTHON_SOURCES)
    session.run("ruff", "format", "--check", *PYTHON_SOURCES)
    session.run("clang-format", "--dry-run", "--Werror", *CPP_SOURCES)


@nox.session(venv_backend="none", name="format")
def format_sources(session: nox.Session) -> None:
    """Rewrite the sources in the house style."""
    session.run("ruff", "check", "--fix", *PYTHON_SOURCES)
    session.run("ruff", "format", *PYTHON_SOURCES)
    session.run("clang-format", "-i", *CPP_SOURCES)


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Check the runtime's types, strictly."""
    session.run("mypy")


@nox.session(venv_backend="none")
def cpp(session: nox.Session) -> None:
    """Build the core without Python and run its tests, under the sanitizers."""
    build = str(ROOT / "build" / "cpp")
    session.run(
        "cmake", "-S", "cpp_ext", "-B", build, "-DBUILD_PYTHON=OFF", "-DBUILD_TESTS=ON",
        "-DEDGEWRIGHT_WERROR=ON", f"-DSANITIZE={SANITIZERS}", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
    )  # fmt: skip
    session.run("cmake", "--build", build, "--parallel", "2")
    session.run("ctest", "--test-dir", build, "--output-on-failure")


@nox.session(venv_backend="venv")
def runtime_only(session: nox.Session) -> None:
    """Install the runtime alone, without PyTorch, and run every demo bundle with it."""
    session.install("-c", "constraints.txt", ".[cpu,translate]", "pytest")
    session.run(
        "pytest", "-p", "no:cacheprovider", "tests/runtime_only",
        env={
            "EDGEWRIGHT_RUNTIME_ONLY": "1",
            "EDGEWRIGHT_BUNDLES": os.environ.get("EDGEWRIGHT_BUNDLES", DEMO_BUNDLES),
        },
    )  # fmt: skip


@nox.session(venv_backend="none")
def test(session: nox.Session) -> None:
    """Run the test suite; arguments after `--` go to pytest."""
    session.run("pytest", *session.posargs)


@nox.session(venv_backend="none")
def bench(session: nox.Session) -> None:
    """Time every kernel beside its peers and write docs/kernel-benchmarks.md; x86-64 for avx2."""
    install = (sys.executable, "-m", "pip", "install", "--quiet")
    session.run(*install, "-c", "constraints.txt", "-e", ".[bench]")
    session.run(*install, "--no-deps", "pyctcdecode>=0.5")
    folder = ROOT / "build" / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    files = [str(folder / f"{name}.json") for name in ("best", "avx2")]
    for file, lowered in zip(files, ({}, {"EDGEWRIGHT_ISA": "avx2"}), strict=True):
        session.run(
            "pytest", "-p", "no:cacheprovider", "benchmarks", f"--ignore={PIPELINES}",
            f"--benchmark-json={file}",
            *session.posargs, env={**ONE_THREAD, **lowered},
        )  # fmt: skip
    session.run("python", "benchmarks/report.py", "kernels", *files)


@nox.session(venv_backend="none")
def pipelines(session: nox.Session) -> None:
    """Time the shipped bundles beside the usual ways to run them; writes docs/performance.md."""
    install = (sys.executable, "-m", "pip", "install", "--quiet")
    session.run(*install, "-c", "constraints.txt", "-e", ".[bench]")
    if not PEERS_ELSEWHERE.is_dir():
        partial = PEERS_ELSEWHERE.with_suffix(".partial")
        session.run(*install, "--no-deps", "--upgrade", "--target", str(partial), *OPTIMUM)
        partial.rename(PEERS_ELSEWHERE)
    file = ROOT / "build" / "benchmarks" / "pipelines.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    session.run(
        "pytest", "-v", "-p", "no:cacheprovider", PIPELINES, f"--benchmark-json={file}",
        *session.posargs, env=ONE_THREAD,
    )  # fmt: skip
    session.run("python", "benchmarks/report.py", "pipelines", str(file))


@nox.session(venv_backend="none")
def demo(session: nox.Session) -> None:
    """Export, verify and run the shipped checkpoints."""
    session.run("python", "examples/demo/demo.py")
