"""What our runner does with the answers of CUDA and TensorRT, which are stand-ins in this file.

No GPU is proven by this: tests/gpu does that where there is one.
"""

import gc
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from edgewright.backends import cuda as cuda_module
from edgewright.backends import tensorrt_runner
from edgewright.backends.cuda import Buffer, CudaStream, DeviceState
from edgewright.backends.stateful import StatefulGraph
from edgewright.backends.tensorrt_profiles import profiles
from edgewright.backends.tensorrt_runner import TensorRtRunner
from edgewright.errors import EdgewrightError, InputError, PlacementError, StateError
from stand_in_gpu import SUM, Cuda, TensorRt


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    stand_in = Cuda()
    monkeypatch.setattr(cuda_module, "runtime", lambda: stand_in)
    return stand_in


@pytest.fixture
def tensorrt(cuda: Cuda, monkeypatch: pytest.MonkeyPatch) -> TensorRt:
    stand_in = TensorRt(cuda)
    monkeypatch.setattr(tensorrt_runner, "import_tensorrt", lambda _: stand_in)
    monkeypatch.setattr(tensorrt_runner, "quiet_logger", lambda _: stand_in.logger)
    return stand_in


def opened() -> TensorRtRunner:
    return TensorRtRunner(SUM, "tensorrt", b"plan", profiles(SUM))


@pytest.fixture
def runner(tensorrt: TensorRt) -> Iterator[TensorRtRunner]:
    with opened() as made:
        yield made  # type: ignore[misc]


def test_a_run_takes_the_profile_that_its_sizes_lie_in(
    runner: TensorRtRunner, tensorrt: TensorRt
) -> None:
    taken = len(tensorrt.profiles)
    state = np.ones((1, 2), np.float32)
    for size in (8, 4, 1, 8):
        x = np.random.default_rng(size).normal(size=(size, 2)).astype(np.float32)
        answer = runner.run({"x": x, "state_00_sum": state})
        np.testing.assert_allclose(answer["next_state_00_sum"], [state[0] + x.sum(0)], rtol=1e-6)
        np.testing.assert_allclose(answer["y"], x + answer["next_state_00_sum"], rtol=1e-6)
    assert tensorrt.profiles[taken:] == [0, 1]
    for size in (2, 3, 9):
        arrays = {"x": np.zeros((size, 2), np.float32), "state_00_sum": state}
        with pytest.raises(InputError, match=r"expected .*: batch 1-1 .1.; batch 4-8 .8."):
            runner.run(arrays)


def test_states_stay_apart_and_in_place(runner: TensorRtRunner) -> None:
    x, y = np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)
    graphs = [StatefulGraph(runner, {"x": x}, {"y": y}) for _ in range(2)]
    for expected in (2, 3, 4):
        graphs[0].run()
        assert (y == expected).all()
    for graph in graphs[::-1]:
        graph.reset()
        graph.run()
        assert (y == 2).all()


def test_closing_frees_everything_once_and_what_outlives_it_says_so(
    tensorrt: TensorRt, cuda: Cuda
) -> None:
    runner = opened()
    x, y = np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)
    graph, state = StatefulGraph(runner, {"x": x}, {"y": y}), runner.state(SUM.inputs[1])
    assert isinstance(state, DeviceState)
    graph.run()
    runner.close()
    assert not cuda.live
    for call in (graph.run, graph.reset, state.clear):
        with pytest.raises(StateError, match="after close"):
            call()
    with pytest.raises(StateError, match="after close"):
        _ = state.address
    state.close()
    runner.close()
    del graph, state
    gc.collect()  # a second release would be a KeyError of the stand-in


def test_a_runner_that_nothing_holds_frees_everything(tensorrt: TensorRt, cuda: Cuda) -> None:
    runner = opened()
    x, y = np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)
    graph = StatefulGraph(runner, {"x": x}, {"y": y})
    graph.run()
    del runner
    graph.run()
    assert (y == 3).all()
    del graph
    assert not cuda.live


def test_a_state_that_nothing_holds_is_freed(runner: TensorRtRunner, cuda: Cuda) -> None:
    before = len(cuda.live)
    state = runner.state(SUM.inputs[1])
    assert len(cuda.live) == before + 1
    del state
    assert len(cuda.live) == before


@pytest.mark.parametrize(
    "name", ["set_input_shape", "set_tensor_address", "set_optimization_profile_async"]
)
def test_what_tensorrt_refuses_is_an_error(
    name: str, runner: TensorRtRunner, tensorrt: TensorRt
) -> None:
    arrays = {"x": np.ones((1, 2), np.float32), "state_00_sum": np.zeros((1, 2), np.float32)}
    for size in (8, 1):  # of another profile, whose addresses are to be told again
        runner.run({**arrays, "x": np.ones((size, 2), np.float32)})
    tensorrt.refusing = {name}
    with pytest.raises(EdgewrightError, match=f"refused the .*'{name} said no'"):
        runner.run({**arrays, "x": np.ones((8, 2), np.float32)})
    tensorrt.refusing = set()
    assert (runner.run(arrays)["y"] == 2).all()


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("deserialize_cuda_engine", PlacementError),
        ("create_execution_context", EdgewrightError),
        ("set_optimization_profile_async", EdgewrightError),
        ("set_input_shape", EdgewrightError),
    ],
)
def test_an_engine_that_does_not_open_leaves_nothing(
    name: str, error: type[Exception], tensorrt: TensorRt, cuda: Cuda
) -> None:
    tensorrt.refusing = {name}
    with pytest.raises(error, match=f"{name} said no"):
        opened()
    assert not cuda.live


def test_an_output_of_another_size_is_refused(runner: TensorRtRunner, tensorrt: TensorRt) -> None:
    small = np.zeros((1, 2), np.float32)
    call = runner.bind(
        {"x": small, "state_00_sum": small.copy()},
        {"y": small.copy(), "next_state_00_sum": small.copy()},
    )
    call()
    tensorrt.get_tensor_shape = lambda name: (2, 2)  # type: ignore[method-assign]
    with pytest.raises(InputError, match=r"'y': got an array of shape \(1, 2\), expected \(2, 2\)"):
        call()


def test_bound_sizes_outside_the_ranges_are_refused_at_once(runner: TensorRtRunner) -> None:
    x, state = np.zeros((3, 2), np.float32), np.zeros((1, 2), np.float32)
    with pytest.raises(InputError, match="expected sizes of one of the engine's ranges"):
        runner.bind(
            {"x": x, "state_00_sum": state}, {"y": x.copy(), "next_state_00_sum": state.copy()}
        )


@pytest.mark.parametrize(
    ("failing", "make"),
    [
        ("cudaEventCreateWithFlags", CudaStream),
        ("cudaMalloc", lambda: Buffer(8)),
        ("cudaHostAlloc", lambda: Buffer(8)),
    ],
)
def test_what_is_made_half_is_released(
    failing: str, make: Callable[[], object], cuda: Cuda
) -> None:
    cuda.failing = {failing}
    with pytest.raises(EdgewrightError, match="got cudaErrorMemoryAllocation"):
        make()
    assert not cuda.live


@pytest.mark.parametrize("failing", ["cudaMalloc", "cudaMemsetAsync", "cudaEventSynchronize"])
def test_a_state_that_is_made_half_is_released(
    failing: str, runner: TensorRtRunner, cuda: Cuda
) -> None:
    before = len(cuda.live)
    cuda.failing = {failing}
    with pytest.raises(EdgewrightError, match="got cudaErrorMemoryAllocation") as raised:
        runner.state(SUM.inputs[1])
    assert len(cuda.live) == before
    del raised
    cuda.failing = set()


def test_a_closed_stream_is_not_used(cuda: Cuda) -> None:
    stream, buffer = CudaStream(), Buffer(8)
    stream.close()
    stream.close()
    with pytest.raises(StateError, match="after close"):
        buffer.clear(8, stream)
    with pytest.raises(StateError, match="after close"):
        stream.wait()
    buffer.close()
    buffer.close()
    assert not cuda.live
