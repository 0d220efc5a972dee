"""Numbers of a GPU against those of the CPU. Skipped where there is none; see docs/gpu.md."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgewright as ew
from edgewright.backends.cuda import Buffer, CudaStream, DeviceState
from edgewright.backends.facts import TensorRtFlavor
from edgewright.backends.requirements import NAMES as BACKEND_NAMES
from edgewright.backends.requirements import cuda_problem, tensorrt_problem
from edgewright.backends.stateful import StatefulGraph
from edgewright.engines.build import build_engines
from edgewright.errors import StateError
from edgewright.probe import probe
from edgewright.progress import Progress
from edgewright.specs import TensorSpec
from edgewright.verify import Verification, verify
from edgewright_export.export import export

CHECKPOINTS = Path(__file__).parents[2] / "examples" / "checkpoints"
NAMES = (
    "vit-fashion-mnist", "decision-transformer-hopper", "dnabert-splice", "conformer-ctc-en",
    "fastspeech2-en",
)  # fmt: skip
FLAVORS = ("tensorrt", "tensorrt-rtx")
pytestmark = pytest.mark.gpu


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("gpu")
    for name in NAMES:
        export(CHECKPOINTS / name, root / f"{name}.edge", variants=["fp32", "fp32-trt", "fp16"])
    return {name: root / f"{name}.edge" for name in NAMES}


@pytest.fixture
def cuda() -> None:
    """Skip, with the reason, where ONNX Runtime cannot use the GPU."""
    if problem := cuda_problem(probe().facts):
        pytest.skip(problem)


@pytest.fixture(params=FLAVORS)
def flavor(request: pytest.FixtureRequest) -> TensorRtFlavor:
    """Return a TensorRT; skip, with the reason, where it is not installed or serves another GPU."""
    asked: TensorRtFlavor = request.param
    if problem := tensorrt_problem(probe().facts, asked):
        pytest.skip(problem)
    return asked


def providers(found: Verification) -> dict[str, str]:
    """Return on what each variant ran whose graphs were opened."""
    ending = ": graphs"
    return {
        check.name.removesuffix(ending): check.detail.rpartition(" on ")[2]
        for check in found.checks
        if check.name.endswith(ending) and check.status == "ok"
    }


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize("name", NAMES)
def test_cuda_answers_the_golden_samples(name: str, bundles: dict[str, Path]) -> None:
    found = verify(bundles[name], device="cuda")
    assert found.ok, str(found)
    ran = providers(found)
    assert "fp32" in ran, str(found)
    assert set(ran.values()) == {"CUDAExecutionProvider"}


@pytest.mark.tensorrt
@pytest.mark.parametrize("name", NAMES)
def test_engines_answer_the_golden_samples(
    name: str,
    flavor: TensorRtFlavor,
    bundles: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(tmp_path))
    with ew.Bundle.open(bundles[name]) as bundle, Progress() as progress:
        built = list(build_engines(bundle, flavor, progress))
        assert [one.problem for one in built] == [None] * len(built)
        again = list(build_engines(bundle, flavor, progress))
        assert {one.state for one in again} == {"cached"}
    found = verify(bundles[name], device="tensorrt")
    assert found.ok, str(found)
    ran = providers(found)
    assert {ran[one.variant] for one in built} == {BACKEND_NAMES[flavor]}, str(found)


@pytest.fixture
def recognizer(bundles: dict[str, Path], cuda: None) -> Iterator[Any]:
    with ew.load(bundles["conformer-ctc-en"], device="cuda", precision="fp32") as model:
        yield model


def test_a_stream_with_states_on_the_gpu_hears_what_the_whole_says(recognizer: Any) -> None:
    (runner,) = recognizer.runners.values()
    assert recognizer.runtime.provider == runner.provider == "CUDAExecutionProvider"
    specs = {spec.name: spec for spec in runner.inputs}
    assert not isinstance(runner.state(specs[runner.states[0].input]), np.ndarray)
    features = np.random.default_rng(0).normal(12, 4, (1, 480, 80)).astype(np.float32)
    zeros = {pair.input: specs[pair.input].zeros() for pair in runner.states}
    whole = runner.run({"features": features, **zeros})["logits"]
    chunk, logits = np.zeros((1, 48, 80), np.float32), np.zeros((1, 8, whole.shape[2]), np.float32)
    graph = StatefulGraph(runner, {"features": chunk}, {"logits": logits})
    for start in range(0, 480, 48):
        chunk[...] = features[:, start : start + 48]
        graph.run()
        expected = whole[:, start // 6 : start // 6 + 8]
        np.testing.assert_allclose(logits, expected, atol=1e-3 * np.abs(whole).max())


def test_pinned_memory_crosses_both_ways() -> None:
    stream, buffer = CudaStream(), Buffer(1000)
    sent = np.arange(250, dtype=np.float32)
    buffer.upload(sent, stream)
    got = buffer.download(sent.shape, sent.dtype, stream)
    stream.wait()
    np.testing.assert_array_equal(got, sent)
    buffer.close()
    stream.close()


def test_a_state_outlives_its_stream() -> None:
    stream = CudaStream()
    state = DeviceState(TensorSpec("state", "float32", (1, 4)), stream, threading.Lock())
    state.clear()
    stream.close()
    with pytest.raises(StateError, match="after close"):
        state.clear()
    state.close()
    with pytest.raises(StateError, match="after close"):
        _ = state.address
