"""ONNX Runtime behind the runner: options, signatures, concurrency, shared threads."""

import gc
import os
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgewright as ew
import tiny_bundles
from edgewright.backends import BACKENDS, Backend, Runner, onnxrt
from edgewright.backends.onnxrt import OnnxRuntime
from edgewright.backends.onnxrt_library import find_onnxruntime
from edgewright.backends.single import SingleRuns
from edgewright.errors import (
    InputError,
    InputTypeError,
    IntegrityError,
    PlacementError,
    StateError,
    UsageError,
)
from edgewright.probe import probe

CALLERS = 8


def opened(tiny: dict[str, Path], **signature: Any) -> Runner:
    with ew.Bundle.open(tiny["vit"]) as bundle:
        component = replace(bundle.variant("fp32").components["model"], **signature)
        files = [bundle.file(name) for name in component.files]
        return OnnxRuntime.open(files, component, device="cpu", threads=1)


def test_a_runner_checks_names_dtypes_and_shapes(tiny: dict[str, Path]) -> None:
    with opened(tiny) as runner:
        with pytest.raises(InputTypeError, match="got dtype float64, expected float32"):
            runner.run({"pixel_values": np.zeros((1, 3, 8, 8))})
        with pytest.raises(InputError, match=r"got shape \(3, 8, 8\)"):
            runner.run({"pixel_values": np.zeros((3, 8, 8), np.float32)})
        with pytest.raises(InputError, match=r"expected .'pixel_values'."):
            runner.run({"pixels": np.zeros((1, 3, 8, 8), np.float32)})


def test_a_closed_runner_refuses(tiny: dict[str, Path]) -> None:
    runner = opened(tiny)
    runner.close()
    with pytest.raises(StateError, match="after close"):
        runner.run({"pixel_values": np.zeros((1, 3, 8, 8), np.float32)})


@pytest.mark.parametrize("general", [False, True], ids=["ort", "any backend"])
def test_a_bound_call_reads_and_writes_the_arrays(general: bool, tiny: dict[str, Path]) -> None:
    generator = np.random.default_rng(0)
    pixels, logits = np.zeros((1, 3, 8, 8), np.float32), np.zeros((1, 4), np.float32)
    with opened(tiny) as runner:
        if general:
            runner.provider = "SomeOtherProvider"
        call = runner.bind({"pixel_values": pixels}, {"logits": logits})
        for _ in range(3):
            pixels[...] = generator.normal(size=pixels.shape)
            call()
            np.testing.assert_array_equal(logits, runner.run({"pixel_values": pixels})["logits"])
    with pytest.raises(StateError, match="after close"):
        call()
    with pytest.raises(StateError, match="after close"):
        runner.bind({"pixel_values": pixels}, {"logits": logits})


def test_bound_arrays_are_checked(tiny: dict[str, Path]) -> None:
    pixels = np.zeros((1, 3, 8, 8), np.float32)
    with opened(tiny) as runner:
        with pytest.raises(InputTypeError, match="'pixel_values': got dtype float64"):
            runner.bind({"pixel_values": pixels.astype(float)}, {"logits": np.zeros((1, 4))})
        with pytest.raises(InputError, match=r"'logits': got shape \(1, 5\)"):
            runner.bind({"pixel_values": pixels}, {"logits": np.zeros((1, 5), np.float32)})
        with pytest.raises(InputError, match="'pixel_values': got strides"):
            runner.bind({"pixel_values": pixels[..., ::-1]}, {"logits": np.zeros((1, 4), "f4")})


def test_single_runs_equal_those_of_the_runner(tiny: dict[str, Path]) -> None:
    generator = np.random.default_rng(0)
    with opened(tiny) as runner:
        single = SingleRuns(runner)
        given = [generator.normal(size=(n, 3, 8, 8)).astype("f4") for n in (1, 1, 2, 1, 3)]
        answers = [single({"pixel_values": pixels})["logits"] for pixels in given]
        for pixels, logits in zip(given, answers, strict=True):
            np.testing.assert_array_equal(logits, runner.run({"pixel_values": pixels})["logits"])
        with pytest.raises(InputTypeError, match="'pixel_values': got dtype float64"):
            single({"pixel_values": given[0].astype(float)})
        with pytest.raises(InputError, match="graph inputs: got"):
            single({"pixel_values": given[0], "mask": given[0]})
        session = weakref.ref(runner._session)  # type: ignore[attr-defined]
    gc.collect()
    assert session() is None
    with pytest.raises(StateError, match="after close"):
        single({"pixel_values": given[0]})


def test_a_graph_that_differs_from_the_manifest_is_refused(tiny: dict[str, Path]) -> None:
    spec = ew.Bundle.open(tiny["vit"]).variant("fp32").components["model"].outputs[0]
    with pytest.raises(IntegrityError, match="expected those of the manifest"):
        opened(tiny, outputs=(replace(spec, shape=("batch", 5)),))
    with pytest.raises(IntegrityError, match="got graph outputs"):
        opened(tiny, outputs=(replace(spec, dtype="int64"),))


def test_sessions_are_quiet_single_stream_and_do_not_spin() -> None:
    import onnxruntime

    options = onnxrt._options(onnxruntime, "cpu", 3, shared_threads=False)
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    cuda = onnxrt._options(onnxruntime, "cuda", 1, shared_threads=False)
    assert cuda.get_session_config_entry("session.disable_cpu_ep_fallback") == "1"


def test_another_provider_than_asked_for_is_no_answer(
    tiny: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime only warns when it falls back to the CPU."""
    import onnxruntime

    class Fallen(onnxruntime.InferenceSession):  # type: ignore[misc]
        def get_providers(self) -> list[str]:
            return ["SomeOtherProvider"]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Fallen)
    with pytest.raises(PlacementError, match="got provider SomeOtherProvider, expected CPU"):
        opened(tiny)


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path, tiny: dict[str, Path]) -> None:
    bundle = tiny_bundles.vit(tmp_path / "broken.edge", graphs={"fp32": b"no graph"})
    with pytest.raises(PlacementError, match=r"graph 'model.onnx': onnxruntime .* failed"):
        ew.load(bundle, precision="fp32")


def test_a_missing_onnxruntime_is_a_fact_with_the_install_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    facts = replace(probe().facts, onnxruntime=find_onnxruntime())
    for fact in OnnxRuntime.devices(facts):
        assert fact.problem is not None
        assert ".[cpu]" in fact.problem


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
def test_every_backend_runs_its_self_test_where_it_says_it_can(backend: type[Backend]) -> None:
    for fact in backend.devices(probe().facts):
        if fact.problem is None:
            assert backend.self_test(fact.device) is None


def without_telemetry_option(home: Path) -> dict[str, str]:
    """Return an environment with empty personal folders in `home`, made here."""
    folders = {"HOME": "home", "TMPDIR": "tmp", "XDG_CACHE_HOME": "cache"}
    for name in folders.values():
        (home / name).mkdir()
    kept = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    return {**kept, **{key: str(home / name) for key, name in folders.items()}}


def test_the_telemetry_of_onnxruntime_is_off(tiny: dict[str, Path], tmp_path: Path) -> None:
    code = "import sys, edgewright as ew; ew.load(sys.argv[1], threads=1)('ACGTACGT')"
    environment = without_telemetry_option(tmp_path)
    subprocess.run([sys.executable, "-c", code, tiny["dnabert"]], env=environment, check=True)
    assert [path for path in tmp_path.rglob("*") if path.parent != tmp_path] == []


def test_a_user_may_turn_the_telemetry_on(tmp_path: Path) -> None:
    code = "import os, edgewright; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {**without_telemetry_option(tmp_path), "ORT_DISABLE_TELEMETRY": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "0\n"


def samples(family: str) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(3)
    if family == "vit":
        return [{"image": rng.integers(0, 256, (20, 30, 3), np.uint8)} for _ in range(40)]
    if family == "dnabert":
        letters = np.frombuffer(b"ACGTN", np.uint8)
        return [{"sequence": rng.choice(letters, rng.integers(2, 30))} for _ in range(40)]
    if family == "conformer_ctc":
        sizes = rng.integers(160, 4000, 40)
        return [{"waveform": rng.normal(size=size).astype(np.float32)} for size in sizes]
    if family == "fastspeech2":
        ids = [rng.integers(1, 10, size) for size in rng.integers(1, 30, 40)]
        return [{"token_ids": one, "durations": one + 1} for one in ids]
    if family == "marian":
        ids = [rng.integers(0, 10, size) for size in rng.integers(1, 30, 40)]
        return [{"token_ids": one, "target_ids": one[::-1].copy()} for one in ids]
    return [
        {
            "states": rng.normal(size=(t, 3)).astype(np.float32),
            "actions": rng.normal(size=(t - 1, 2)).astype(np.float32),
            "rewards": rng.normal(size=t - 1).astype(np.float32),
            "target_return": np.array(20, np.float32),
        }
        for t in rng.integers(1, 9, 40)
    ]


@pytest.mark.parametrize("family", tiny_bundles.MAKERS)
def test_eight_callers_get_what_one_gets_bit_for_bit(tiny: dict[str, Path], family: str) -> None:
    inputs = samples(family)
    with ew.load(tiny[family], precision="fp32", threads=2) as model:
        expected = [model.infer(sample) for sample in inputs]
        with ThreadPoolExecutor(CALLERS) as pool:
            for _ in range(3):
                for one, many in zip(expected, pool.map(model.infer, inputs), strict=True):
                    assert {n: a.tobytes() for n, a in one.items()} == {
                        n: a.tobytes() for n, a in many.items()
                    }


SHARED = """
import sys, threading, os
import edgewright as ew
from edgewright.backends.onnxrt import OnnxRuntime
from edgewright.backends.onnxrt_library import find_onnxruntime
from edgewright.errors import StateError
threads = lambda: len(os.listdir("/proc/self/task"))
ew.set_threads(3)
first = ew.load(sys.argv[1], precision="fp32"); before = threads()
second = ew.load(sys.argv[1], precision="fp32"); after = threads()
assert first.runtime.shared_threads and first.runtime.threads == 3, first.runtime
assert before == after, (before, after)
ew.set_threads(3)
for call in (lambda: ew.set_threads(2), lambda: ew.load(sys.argv[1], threads=3)):
    try:
        call()
    except StateError as error:
        print(error)
assert ew.verify(sys.argv[1]).ok
assert OnnxRuntime.self_test("cpu") is None
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_set_threads_makes_models_share_one_pool(tiny: dict[str, Path]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHARED, tiny["vit"]], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "got 2 after 3, expected one size per process" in done.stdout
    assert "got 3 for one model after set_threads(3)" in done.stdout


@pytest.mark.parametrize("threads", [0, -1, 5000])
def test_absurd_thread_counts_are_refused(tiny: dict[str, Path], threads: int) -> None:
    with pytest.raises(UsageError, match=f"got {threads}, expected 1 to 1024"):
        ew.load(tiny["vit"], threads=threads)
    with pytest.raises(UsageError, match="expected 1 to 1024"):
        ew.set_threads(threads)
