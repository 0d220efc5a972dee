"""`edgewright build` and `cache`, as far as a machine without a GPU goes."""

import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import edgewright as ew
from edgewright.backends.tensorrt import TensorRt, TensorRtRtx, require_gpu
from edgewright.backends.tensorrt_build import (
    BuildOptions,
    BuiltEngine,
    _interrupts_noted,
    build_engine,
)
from edgewright.bundle.manifest import Target, Variant
from edgewright.cli import main
from edgewright.engines import build
from edgewright.engines.build import ComponentEngine, build_engines, check_engines
from edgewright.engines.build import _chosen as chosen
from edgewright.engines.cache import EngineCache
from edgewright.errors import CacheError, GpuUnavailableError
from edgewright.probe import probe
from edgewright.progress import Progress
from engine_records import ORIN, PLAN, record
from recorded_probes import recorded

NO_GPU = probe().facts.nvidia.problem is not None
ADA = ("--backend", "tensorrt-rtx", "--check", "--compute-capability", "8.9")
needs_rtx = pytest.mark.skipif(
    not any(found.flavor == "tensorrt-rtx" for found in probe().facts.tensorrt),
    reason="TensorRT-RTX is not installed: pip install '.[rtx]'",
)
without_gpu = pytest.mark.skipif(not NO_GPU, reason="there is a GPU")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def vit(demo_bundles: Path) -> Path:
    return demo_bundles / "vit-fashion-mnist.edge"


@without_gpu
@pytest.mark.parametrize("backend", ["tensorrt", "tensorrt-rtx"])
def test_without_a_gpu_the_command_says_so_and_ends(backend: str, vit: Path) -> None:
    command = [sys.executable, "-m", "edgewright", "build", str(vit), "--backend", backend]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "no NVIDIA driver" in done.stderr
    assert "Traceback" not in done.stderr


@without_gpu
@pytest.mark.parametrize("backend", [TensorRt, TensorRtRtx])
def test_without_a_gpu_nothing_is_built_or_opened(backend: type[TensorRt], vit: Path) -> None:
    with pytest.raises(GpuUnavailableError, match="no NVIDIA driver"):
        require_gpu(backend.flavor)
    with ew.Bundle.open(vit) as bundle, Progress() as progress:
        with pytest.raises(GpuUnavailableError, match="no NVIDIA driver"):
            next(iter(build_engines(bundle, backend.flavor, progress)))
        with pytest.raises(GpuUnavailableError, match="no NVIDIA driver"):
            next(iter(check_engines(bundle, backend.flavor, progress)))
        component = bundle.variant("fp32").components["model"]
        files = [bundle.file(path) for path in component.files]
        with pytest.raises(GpuUnavailableError, match="edgewright doctor"):
            backend.open(files, component, device="tensorrt", threads=1)
    assert EngineCache().records() == ()


@needs_rtx
def test_a_check_builds_and_keeps_nothing(
    vit: Path, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", str(vit), *ADA, "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    result = json.loads(line)
    assert (result["variant"], result["component"]) == ("fp32", "model")
    assert (result["state"], result["problem"]) == ("checked", None)
    assert result["bytes"] > 1e6
    assert list(own_cache.rglob("*")) == []


@needs_rtx
def test_why_turing_has_no_engine_of_fp32_is_told_as_the_builder_says_it(
    vit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turing = (*ADA[:-1], "7.5")
    assert main(["build", str(vit), *turing, "--json"]) == 1
    problem = json.loads(capsys.readouterr().out)["problem"]
    assert re.search(r"built no engine .*MatMul' for Turing \(SM75\): FP32 GEMM is not", problem)


@needs_rtx
@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_who_stops_the_command_ends_the_build(
    number: str, vit: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Stopping(Progress):
        def advance_to(self, done: int) -> None:
            if done == 1:
                signal.raise_signal(signal.Signals[number])

    monkeypatch.setattr("edgewright.commands.build.Progress", Stopping)
    with pytest.raises(SystemExit) as ended:
        main(["build", str(vit), *ADA])
    assert ended.value.code == 128 + signal.Signals[number]
    told = capfd.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err


def test_a_handler_that_only_notes_is_called_and_the_build_ends() -> None:
    noted: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: noted.append(number))
    ignored = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    monitor = SimpleNamespace(interrupted=0)

    def build() -> None:
        with _interrupts_noted(monitor):
            signal.raise_signal(signal.SIGHUP)
            assert not monitor.interrupted
            signal.raise_signal(signal.SIGTERM)
            assert noted == []

    try:
        with pytest.raises(KeyboardInterrupt):
            build()
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGHUP, ignored)
    assert noted == [signal.SIGTERM] == [monitor.interrupted]


@needs_rtx
def test_a_variant_that_it_does_not_take_fails_alone(
    vit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", str(vit), *ADA, "--variants", "int8,fp32", "--json"]) == 1
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [result["state"] for result in results] == ["failed", "checked"]
    assert "DynamicQuantizeLinear" in results[0]["problem"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--backend", "tensorrt-rtx", "--compute-capability", "8.9"), "without --check"),
        ((*ADA, "--variants", "int4"), "got .'int4'., expected some of"),
    ],
)
def test_options_that_make_no_sense(
    options: tuple[str, ...], reason: str, vit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", str(vit), *options]) == 2
    assert re.search(reason, capsys.readouterr().err)


def test_without_a_compatibility_any_engine_serves(
    vit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[BuildOptions | None] = []

    def noted(*_: object, options: BuildOptions | None, **__: object) -> list[ComponentEngine]:
        asked.append(options)
        return []

    monkeypatch.setattr("edgewright.commands.build.build_engines", noted)
    for given in ((), ("--compatibility", "none")):
        assert main(["build", str(vit), "--backend", "tensorrt", *given]) == 0
    assert asked == [None, BuildOptions("none")]


def test_the_variants_made_for_tensorrt_are_built(vit: Path) -> None:
    with ew.Bundle.open(vit) as bundle:
        manifest = bundle.manifest
    fp32, int8 = manifest.variants
    trt = Target("TensorrtExecutionProvider", "tensorrt", (), "unmeasured", None, (), "")
    made = [
        replace(fp32, name="fp32-trt", targets=(trt,)),
        replace(fp32, name="fp16", precision="fp16"),
        replace(int8, name="int8-trt", precision="int8-trt", targets=(trt,)),
    ]

    def names(*variants: Variant, wanted: list[str] | None = None) -> list[str]:
        return [v.name for v in chosen(replace(manifest, variants=variants), wanted)]

    assert names(fp32, int8) == ["fp32"]
    assert names(fp32, int8, *made) == ["fp32-trt", "fp16", "int8-trt"]
    assert names(fp32, int8, *made, wanted=["fp32", "int8-trt"]) == ["fp32", "int8-trt"]


def test_the_cache_is_listed_and_cleared(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "list"]) == 0
    EngineCache().store(record(ORIN), PLAN)
    assert main(["cache", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["record"]["identity"]["gpu"] == "Orin"
    size = listed["bytes"]
    assert size > len(PLAN)
    assert main(["cache", "list"]) == 0
    assert "tiny 0, fp16, model\ttensorrt 10.3.0, Orin, driver 540" in capsys.readouterr().out
    assert main(["cache", "clear", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == size
    assert EngineCache().records() == ()


def test_engines_of_onnx_runtime_are_listed_and_cleared(
    own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with EngineCache().provider_engines("a" * 64) as folder:
        (folder / "a.engine").write_bytes(PLAN * 100)
    assert main(["cache", "list"]) == 0
    assert f"{'a' * 64}\tONNX Runtime's TensorRT provider\t1.0\t" in capsys.readouterr().out
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == f"{own_cache}: freed 1.0 MB\n"
    assert not folder.exists()


def test_what_serves_no_longer_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    cache = EngineCache()
    cache.store(record(ORIN), PLAN)
    (sidecar,) = cache.folder.glob("*.json")
    sidecar.unlink()
    cache.keep_timing_cache(ORIN, b"measured")
    assert main(["cache", "list"]) == 0
    listed = capsys.readouterr().out
    assert f"{sidecar.stem}.plan\tno whole engine\t0.0\t" in listed
    assert ".timing\ttiming cache\t0.0\t" in listed


@pytest.fixture
def ada(monkeypatch: pytest.MonkeyPatch) -> BuildOptions:
    """Let NVIDIA's builder build for a GPU that is not here, as if it were."""
    here = recorded("t4").facts
    rtx = next(found for found in probe().facts.tensorrt if found.flavor == "tensorrt-rtx")
    monkeypatch.setattr(build, "require_gpu", lambda flavor: replace(here, tensorrt=(rtx,)))
    return BuildOptions(compute_capability="8.9")


@needs_rtx
def test_an_engine_whose_layers_cannot_be_told_is_kept(
    vit: Path, ada: BuildOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> str:
        raise RuntimeError("inspector: out of memory")

    monkeypatch.setattr(build, "layers_of", refuse)
    with ew.Bundle.open(vit) as bundle, Progress() as progress:
        built, cached = (
            next(build_engines(bundle, "tensorrt-rtx", progress, options=ada)) for _ in range(2)
        )
    assert (built.state, built.problem) == ("built", None)
    assert "without a timing cache or an account of its layers: inspector: out of" in str(built)
    assert (cached.state, cached.bytes) == ("cached", built.bytes)


@needs_rtx
def test_an_engine_outlives_a_failing_timing_cache(
    vit: Path, ada: BuildOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise CacheError("timing cache: full")

    def measured(*arguments: Any) -> BuiltEngine:
        return replace(build_engine(*arguments), timing_cache=b"measured")

    monkeypatch.setattr(EngineCache, "keep_timing_cache", refuse)
    monkeypatch.setattr(build, "build_engine", measured)
    with ew.Bundle.open(vit) as bundle, Progress() as progress:
        built, cached = (
            next(build_engines(bundle, "tensorrt-rtx", progress, options=ada)) for _ in range(2)
        )
    assert (built.state, built.problem, cached.state) == ("built", None, "cached")
    assert str(built.beside_problem) == "timing cache: full"


@needs_rtx
def test_an_empty_timing_cache_is_not_kept(
    vit: Path, ada: BuildOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "layers_of", lambda *_: "{}")
    with ew.Bundle.open(vit) as bundle, Progress() as progress:
        next(build_engines(bundle, "tensorrt-rtx", progress, options=ada))
    left = {path.suffix for path in EngineCache().folder.iterdir()}
    assert left == {".plan", ".json", ".layers", ".lock"}


@needs_rtx
def test_an_engine_that_cannot_be_stored_fails_alone(
    vit: Path, ada: BuildOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with ew.Bundle.open(vit) as bundle, Progress() as progress:
        (failed,) = build_engines(bundle, "tensorrt-rtx", progress, options=ada)
    assert failed.state == "failed"
    assert "No space left on device" in str(failed.problem)
    assert "set EDGEWRIGHT_CACHE to another folder" in str(failed.problem)
