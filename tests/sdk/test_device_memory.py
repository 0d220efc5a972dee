"""What ONNX Runtime is told for a GPU, and the binding that keeps states in a device's memory.

The binding runs here with the memory of the CPU, the one device that every machine has: the same
calls of ONNX Runtime, but no copies between memories.
"""

import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

import edgewright as ew
import tiny_bundles
from edgewright.backends import Runner, onnxrt
from edgewright.backends.onnxrt import OnnxRuntime
from edgewright.backends.onnxrt_binding import ResidentValue
from edgewright.backends.onnxrt_library import import_onnxruntime
from edgewright.backends.onnxrt_providers import providers_of
from edgewright.backends.onnxrt_runner import OnnxRuntimeRunner
from edgewright.backends.stateful import StatefulGraph
from edgewright.backends.tensorrt_profiles import line, profiles, shapes, widest
from edgewright.bundle.manifest import Component, SizeRange, StatePair
from edgewright.engines.cache import EngineCache, hash_files, provider_key
from edgewright.errors import (
    BundleError,
    EngineBuildError,
    InputError,
    InputTypeError,
    PlacementError,
    StateError,
)
from edgewright.loading import open_model
from edgewright.placement import place
from edgewright.probe import probe
from edgewright.specs import TensorSpec
from recorded_probes import recorded
from tiny_graphs import make_graph

SUM = Component(
    ("sum.onnx",),
    (TensorSpec("x", "float32", (2,)), TensorSpec("state_00_sum", "float32", ("batch", 2))),
    (
        TensorSpec("y", "float32", ("batch", 2)),
        TensorSpec("next_state_00_sum", "float32", ("batch", 2)),
    ),
    (StatePair("state_00_sum", "next_state_00_sum"),),
)
"""y is twice the sum of all x so far."""
SPEECH = Component(
    ("encoder.onnx",),
    (TensorSpec("ids", "int64", ("batch", "time")), TensorSpec("scale", "float32", ("batch",))),
    (TensorSpec("hidden", "float32", ("batch", "time", 4)),),
    ranges={
        "batch": (SizeRange(1, 1, 8),),
        "time": (SizeRange(2, 64, 64), SizeRange(65, 256, 256)),
    },
)


def opened_sum() -> OnnxRuntimeRunner:
    nodes = [
        helper.make_node("Add", ["x", "state_00_sum"], ["next_state_00_sum"]),
        helper.make_node("Add", ["next_state_00_sum", "next_state_00_sum"], ["y"]),
    ]
    graph = make_graph(nodes, SUM.inputs, SUM.outputs)
    options = onnxrt._options(import_onnxruntime(), "cpu", 1, shared_threads=False)
    opened = onnxrt._session(graph, providers_of("cpu", SUM, {}), options)
    return OnnxRuntimeRunner(SUM, opened, "CPUExecutionProvider")


@pytest.fixture
def session() -> Iterator[OnnxRuntimeRunner]:
    with opened_sum() as runner:
        yield runner  # type: ignore[misc]


@pytest.mark.parametrize("resident", [False, True], ids=["host", "device"])
def test_states_stay_where_the_graph_runs(resident: bool, session: OnnxRuntimeRunner) -> None:
    if resident:
        session._device = "cpu"
    x, y = np.zeros(2, np.float32), np.zeros((1, 2), np.float32)
    graphs = [StatefulGraph(session, {"x": x}, {"y": y}) for _ in range(2)]
    assert isinstance(session.state(SUM.inputs[1]), np.ndarray) is not resident
    total = np.zeros(2, np.float32)
    for step in range(5):
        x[...] = [step, -step]
        total += x
        graphs[0].run()
        np.testing.assert_array_equal(y[0], 2 * total)
    graphs[1].run()
    np.testing.assert_array_equal(y[0], 2 * x)  # the other has its own states
    graphs[0].reset()
    graphs[0].run()
    np.testing.assert_array_equal(y[0], 2 * x)


def test_states_of_other_inputs_or_batches_are_refused(session: OnnxRuntimeRunner) -> None:
    with pytest.raises(InputError, match=r"got 'state_00_sum: float32 \(1, 3\)', expected one of"):
        session.state(TensorSpec("state_00_sum", "float32", (1, 3)))
    x, y = np.zeros(2, np.float32), np.zeros((2, 2), np.float32)
    with pytest.raises(InputError, match=r"got shape \(1, 2\), expected .* with {'batch': 2}"):
        StatefulGraph(session, {"x": x}, {"y": y})
    with pytest.raises(InputError, match=r"got shape \(2, 2\), expected .* with {'batch': 1}"):
        session.bind(
            {"x": x, "state_00_sum": y[:1]}, {"y": y, "next_state_00_sum": np.zeros_like(y)}
        )
    with pytest.raises(InputError, match=r"got arrays for \['state_00_sum'\], expected none"):
        StatefulGraph(session, {"x": x, "state_00_sum": y[:1]}, {"y": y[:1]})
    with pytest.raises(InputError, match=r"got \['state_00_sum'\], expected"):
        StatefulGraph(session, {}, {"y": y[:1]})
    with pytest.raises(InputTypeError, match="'x': got list, expected a NumPy array"):
        StatefulGraph(session, {"x": [0.0, 0.0]}, {"y": y[:1]})  # type: ignore[dict-item]
    y.flags.writeable = False
    with pytest.raises(InputError, match="'y': got a read-only array"):
        StatefulGraph(session, {"x": x}, {"y": y[:1]})


def test_a_state_of_another_runner_is_refused() -> None:
    x, y = np.zeros(2, np.float32), np.zeros((1, 2), np.float32)
    with opened_sum() as session, opened_sum() as other:
        session._device = other._device = "cpu"
        states = [runner.state(SUM.inputs[1]) for runner in (session, other)]
        outputs = {"y": y, "next_state_00_sum": states[0]}
        with pytest.raises(InputError, match="'state_00_sum': got a state of another runner"):
            session.bind({"x": x, "state_00_sum": states[1]}, outputs)


@pytest.mark.parametrize("resident", [False, True], ids=["host", "device"])
def test_a_closed_runner_lets_go_of_the_session_and_its_states(resident: bool) -> None:
    session = opened_sum()
    if resident:
        session._device = "cpu"
    x, y = np.zeros(2, np.float32), np.zeros((1, 2), np.float32)
    graph, state = StatefulGraph(session, {"x": x}, {"y": y}), session.state(SUM.inputs[1])
    graph.run()
    held = [weakref.ref(session._session)]
    if isinstance(state, ResidentValue):
        held.append(weakref.ref(state.value))
    session.close()
    gc.collect()
    assert [one() for one in held] == [None] * len(held)
    with pytest.raises(StateError, match="after close"):
        graph.run()
    if resident:
        with pytest.raises(StateError, match="after close"):
            graph.reset()
    with pytest.raises(StateError, match="after close"):
        session.state(SUM.inputs[1])
    session.close()


@pytest.mark.parametrize("resident", [False, True], ids=["host", "device"])
def test_a_close_while_a_call_begins_is_told_as_such(
    resident: bool, session: OnnxRuntimeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    if resident:
        session._device = "cpu"
    x, y = np.zeros(2, np.float32), np.zeros((1, 2), np.float32)
    monkeypatch.setattr(session, "_check_open", session.close)  # as another thread does, just then
    with pytest.raises(StateError, match="after close"):
        session.run({"x": x, "state_00_sum": y})
    with pytest.raises(StateError, match="after close"):
        session.bind({"x": x, "state_00_sum": y}, {"y": y.copy(), "next_state_00_sum": y.copy()})


def test_cuda_computes_fp32_in_fp32_unless_the_manifest_says_otherwise() -> None:
    assert providers_of("cuda", SUM, {}) == (("CUDAExecutionProvider", {"use_tf32": "0"}),)
    ((_, options),) = providers_of("cuda", SUM, {"use_tf32": "1", "cudnn_conv_algo_search": "X"})
    assert options == {"use_tf32": "1", "cudnn_conv_algo_search": "X"}


def test_tensorrt_is_told_sizes_and_cache(tmp_path: Path) -> None:
    ((name, options),) = providers_of("tensorrt", SPEECH, {}, engines=tmp_path)
    assert name == "TensorrtExecutionProvider"
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == str(tmp_path)
    assert "trt_engine_cache_path" not in providers_of("tensorrt", SPEECH, {})[0][1]
    assert options["trt_profile_min_shapes"] == "ids:1x2,scale:1"
    assert options["trt_profile_opt_shapes"] == "ids:1x256,scale:1"
    assert options["trt_profile_max_shapes"] == "ids:8x256,scale:8"
    with pytest.raises(PlacementError, match=r"no ranges of its dynamic dimensions \['batch'\]"):
        providers_of("tensorrt", SUM, {})


def test_engines_of_onnx_runtime_lie_in_a_folder_of_graph_and_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = recorded("h200_tensorrt_10")
    monkeypatch.setattr("edgewright.probe.probe", lambda: here)
    graph = tmp_path / "encoder.onnx"
    graph.write_bytes(b"no graph")

    def opened(folder: Path) -> Runner:
        monkeypatch.setenv("EDGEWRIGHT_CACHE", str(folder))
        return OnnxRuntime.open([graph], SPEECH, device="tensorrt", threads=1, strict=False)

    with pytest.raises(PlacementError, match="with TensorrtExecutionProvider failed"):
        opened(tmp_path / "cache")
    (folder, _) = sorted(EngineCache().provider_folder.iterdir(), key=lambda path: path.suffix)
    assert folder.name == provider_key(hash_files([graph]), here.facts)
    with pytest.raises(PlacementError, match="set EDGEWRIGHT_CACHE to another folder"):
        opened(graph)


def test_only_strict_forbids_that_another_provider_takes_a_part() -> None:
    ort = import_onnxruntime()
    key = "session.disable_cpu_ep_fallback"
    strict = onnxrt._options(ort, "cuda", 1, shared_threads=False, strict=True)
    assert strict.get_session_config_entry(key) == "1"
    loose = onnxrt._options(ort, "cuda", 1, shared_threads=False, strict=False)
    with pytest.raises(RuntimeError, match="does not have configuration"):
        loose.get_session_config_entry(key)
    assert [n for n, _ in providers_of("tensorrt", SPEECH, {}, strict=False)] == [
        "TensorrtExecutionProvider",
        "CUDAExecutionProvider",
    ]


def test_profiles_are_the_products_of_ranges() -> None:
    made = profiles(SPEECH)
    assert [line(profile) for profile in made] == [
        "batch 1-8 (1), time 2-64 (64)",
        "batch 1-8 (1), time 65-256 (256)",
    ]
    assert shapes(made[1], SPEECH.inputs[0]) == ((1, 65), (1, 256), (8, 256))
    assert widest(SPEECH)["ids"] == ((1, 2), (1, 256), (8, 256))
    fixed = Component(("f.onnx",), (TensorSpec("x", "float32", (1, 4)),), SPEECH.outputs)
    assert [line(profile) for profile in profiles(fixed)] == ["fixed"]
    assert widest(fixed) == {}
    with pytest.raises(EngineBuildError, match=r"\['batch'\]"):
        profiles(SUM)


def test_a_bundle_sets_the_provider_and_auto_demands_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    opening = OnnxRuntime.open

    def noted(*arguments: Any, **options: Any) -> Runner:
        asked.append(options)
        return opening(*arguments, **options)

    monkeypatch.setattr(OnnxRuntime, "open", noted)
    path = tiny_bundles.vit(tmp_path / "tiny.edge")
    with ew.Bundle.open(path) as bundle:
        (fp32, *_) = bundle.manifest.variants
        target = replace(fp32.targets[0], options={"arena_extend_strategy": "kSameAsRequested"})
        manifest = replace(bundle.manifest, variants=(replace(fp32, targets=(target,)),))
        monkeypatch.setattr(bundle, "manifest", manifest)
        monkeypatch.setattr(bundle, "variant", lambda _: manifest.variants[0])
        open_model(bundle, place(manifest, probe()), 1).close()
    assert asked[0]["options"] == {"arena_extend_strategy": "kSameAsRequested"}
    assert (asked[0]["precision"], asked[0]["strict"]) == ("fp32", True)
    for device, strict, expected in (
        ("cpu", True, True),
        ("cpu", False, False),
        ("auto", True, False),
    ):
        ew.load(path, device=device, strict=strict).close()
        assert asked[-1]["strict"] is expected


@pytest.mark.parametrize(
    "name", ["trt_engine_decryption_lib_path", "trt_engine_cache_path", "user_compute_stream"]
)
def test_a_bundle_names_no_file_and_no_address(name: str) -> None:
    for device in ("tensorrt", "cuda", "cpu"):
        with pytest.raises(BundleError, match=f"got provider options .'{name}'."):
            providers_of(device, SPEECH, {name: "4096"})
