"""NVIDIA's own parser and builder take the graphs of every family; no GPU is needed for that."""

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from checkpoint_layouts import TINY, TINY_RECOGNIZERS, TINY_VOICE, save, save_streaming
from edgewright.backends.tensorrt_build import BuildOptions, build_engine
from edgewright.backends.tensorrt_library import quiet_logger
from edgewright.bundle.manifest import Component, SizeRange
from edgewright.errors import EngineBuildError, IntegrityError, UsageError
from edgewright.progress import Progress
from edgewright.specs import TensorSpec
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.graphs import GraphMaker
from edgewright_export.onnx_graph import describe
from edgewright_export.opening import graph_path, open_model
from edgewright_export.quantization.observation import CalibrationSettings
from edgewright_export.recipes import RECIPES
from edgewright_export.search.form import Form
from native_library import compile_library
from translator_layouts import save_translator

pytest.importorskip(
    "tensorrt_rtx_bindings", reason="TensorRT-RTX is not installed: pip install '.[rtx]'"
)
ADA = BuildOptions(compute_capability="8.9")
PRECISIONS = ("fp32", "fp32-trt", "fp16", "int8-trt")
CHECKPOINTS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "vit": ("vit", lambda folder: save(TINY["vit"], folder)),
    "hopper": ("decision_transformer", lambda folder: save(TINY["hopper"], folder)),
    "dna": ("dnabert", lambda folder: save(TINY["dna"], folder)),
    "parakeet": ("conformer_ctc", lambda folder: save(TINY_RECOGNIZERS["parakeet"], folder)),
    "streaming": (
        "conformer_ctc",
        lambda folder: save_streaming(folder, hidden_size=32, num_heads=2, ffn_size=64),
    ),
    "voice": ("fastspeech2", lambda folder: save(TINY_VOICE, folder)),
    "translator": ("marian", lambda folder: save_translator(folder, max_position_embeddings=32)),
}
"""Family, and who writes the checkpoint: small networks with the layers of the true ones.

That the shipped sizes are taken, too, is on record (docs/gpu.md).
"""


@pytest.fixture
def progress() -> Progress:
    return Progress(io.StringIO())


def build(
    graph: Path, component: Component, progress: Progress, options: BuildOptions = ADA
) -> int:
    return len(build_engine("tensorrt-rtx", [graph], component, options, progress).plan)


@contextmanager
def traced(name: str, folder: Path, progress: Progress) -> Iterator[GraphMaker]:
    """Write the fp32 graphs of a checkpoint below `folder`, ready to be lowered."""
    family, write = CHECKPOINTS[name]
    recipe = RECIPES[family].load(Checkpoint(write(folder / "checkpoint")))
    for asset, content in recipe.assets().items():
        (folder / asset).parent.mkdir(exist_ok=True)
        (folder / asset).write_bytes(content)
    calibration = recipe.calibration(None, 0)
    calibration = replace(calibration, samples=calibration.samples[:2])
    with closing(GraphMaker(recipe, folder, calibration, CalibrationSettings(), progress)) as maker:
        maker.trace()
        files = {key: maker.source(key) for key in maker.traced}
        with open_model(recipe, folder, "fp32", files) as baseline:
            maker.observe_with(baseline)
            yield maker


def build_all(maker: GraphMaker, precision: str, progress: Progress) -> None:
    for key, component in maker.traced.items():
        graph = graph_path(maker.folder, precision, key)
        # Longer ones take longer to build, not other code.
        ranges = {name: sizes[:1] for name, sizes in component.ranges.items()}
        described = replace(describe(graph, maker.folder), ranges=ranges)
        assert build(graph, described, progress) > graph.stat().st_size // 10


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_every_precision_of_every_family_is_built(
    name: str, tmp_path: Path, progress: Progress
) -> None:
    with traced(name, tmp_path, progress) as maker:
        for precision in PRECISIONS:
            if precision != "fp32":  # which `traced` wrote
                maker.lower(precision, Form(), tmp_path)
            build_all(maker, precision, progress)


def test_attention_that_is_one_node_is_built(tmp_path: Path, progress: Progress) -> None:
    with traced("vit", tmp_path, progress) as maker:
        assert {node.op_type for node in onnx.load(maker.source("model")).graph.node} >= {
            "Attention"
        }
        build_all(maker, "fp32", progress)


def tiny_component(**changes: object) -> Component:
    ranges = {"batch": (SizeRange(1, 1, 4),)}
    inputs = (TensorSpec("x", "float32", ("batch", 4)),)
    outputs = (TensorSpec("y", "float32", ("batch", 4)),)
    return replace(Component(("graph.onnx",), inputs, outputs, ranges=ranges), **changes)


def graph_of(path: Path, *nodes: onnx.NodeProto, opset: int = 19, **constants: object) -> Path:
    """Write x (batch, 4) -> nodes -> y."""
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in ("x", "y")
    )
    graph = helper.make_graph(nodes, "graph", [x], [y], list(constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    onnx.save(model, path)
    return path


def test_an_operator_that_tensorrt_lacks_is_named(tmp_path: Path, progress: Progress) -> None:
    graph = graph_of(
        tmp_path / "graph.onnx",
        helper.make_node("Det", ["x"], ["d"], name="some/Det"),
        helper.make_node("Add", ["x", "d"], ["y"], name="some/Add"),
    )
    with pytest.raises(EngineBuildError, match=r"node 'some/Det' \(Det\).*int8-trt"):
        build(graph, tiny_component(), progress)


def fp8(path: Path) -> Path:
    scale = helper.make_tensor("scale", TensorProto.FLOAT, [], [0.1])
    zero = helper.make_tensor("zero", TensorProto.FLOAT8E4M3FN, [], [0.0])
    weight = helper.make_tensor("w", TensorProto.FLOAT, [4, 4], [0.5] * 16)
    return graph_of(
        path,
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"], name="q"),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["d"], name="d"),
        helper.make_node("QuantizeLinear", ["w", "scale", "zero"], ["qw"], name="qw"),
        helper.make_node("DequantizeLinear", ["qw", "scale", "zero"], ["dw"], name="dw"),
        helper.make_node("MatMul", ["d", "dw"], ["y"], name="product"),
        scale=scale, zero=zero, weight=weight,
    )  # fmt: skip


def test_fp8_is_refused_for_a_gpu_without_it(tmp_path: Path, progress: Progress) -> None:
    graph = fp8(tmp_path / "graph.onnx")
    assert build(graph, tiny_component(), progress)
    with pytest.raises(EngineBuildError, match=r"(?i)fp8"):
        build(graph, tiny_component(), progress, BuildOptions(compute_capability="7.5"))


def test_no_profile_no_engine(tmp_path: Path, progress: Progress) -> None:
    graph = graph_of(tmp_path / "graph.onnx", helper.make_node("Relu", ["x"], ["y"]))
    with pytest.raises(EngineBuildError, match=r"no ranges of its dynamic dimensions \['batch'\]"):
        build(graph, tiny_component(ranges={}), progress)


def test_every_range_is_built(tmp_path: Path, progress: Progress) -> None:
    graph = graph_of(tmp_path / "graph.onnx", helper.make_node("Relu", ["x"], ["y"]))
    ranges = {"batch": (SizeRange(1, 1, 4), SizeRange(5, 8, 8))}
    assert build(graph, tiny_component(ranges=ranges), progress)


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path, progress: Progress) -> None:
    graph = tmp_path / "graph.onnx"
    for content, error in ((b"", IntegrityError), (b"no graph" * 100, EngineBuildError)):
        graph.write_bytes(content)
        with pytest.raises(error, match=r"graph\.onnx"):
            build(graph, tiny_component(), progress)


def test_inputs_must_be_those_of_the_manifest(tmp_path: Path, progress: Progress) -> None:
    graph = graph_of(tmp_path / "graph.onnx", helper.make_node("Relu", ["x"], ["y"]))
    wrong = tiny_component(inputs=(TensorSpec("x", "float16", ("batch", 4)),))
    with pytest.raises(IntegrityError, match="x: float32"):
        build(graph, wrong, progress)


@pytest.mark.parametrize(
    "wrong",
    [
        TensorSpec("y", "float16", ("batch", 4)),
        TensorSpec("y", "float32", ("batch", 5)),
        TensorSpec("z", "float32", ("batch", 4)),
    ],
    ids=str,
)
def test_outputs_must_be_those_of_the_manifest(
    wrong: TensorSpec, tmp_path: Path, progress: Progress
) -> None:
    graph = graph_of(tmp_path / "graph.onnx", helper.make_node("Relu", ["x"], ["y"]))
    with pytest.raises(IntegrityError, match=r"got graph outputs \[y: float32"):
        build(graph, tiny_component(outputs=(wrong,)), progress)


def test_a_build_is_told_its_own_errors(tmp_path: Path, progress: Progress) -> None:
    logger, graph = quiet_logger("tensorrt-rtx"), fp8(tmp_path / "graph.onnx")
    turing = BuildOptions(compute_capability="7.5")
    with logger.errors() as others, ThreadPoolExecutor(2) as threads:
        work = [
            threads.submit(build, graph, tiny_component(), progress, options)
            for options in (turing, ADA, turing)
        ]
        for built in work[::2]:
            with pytest.raises(EngineBuildError, match=r"(?i)fp8"):
                built.result()
        assert work[1].result()
        assert others == []


def test_errors_of_a_thread_that_works_for_nobody_are_told_to_all() -> None:
    logger = quiet_logger("tensorrt-rtx")
    severity = type(logger).Severity

    def log(level: object, text: str) -> None:
        thread = threading.Thread(target=logger.log, args=(level, text))
        thread.start()
        thread.join()

    with logger.errors() as outer:
        log(severity.WARNING, "a warning")
        log(severity.ERROR, "an\n error")
        with logger.errors() as inner:
            logger.log(severity.INTERNAL_ERROR, "another")
        logger.log(severity.ERROR, "a third")
    log(severity.ERROR, "late")
    assert (outer, inner) == (["an error", "a third"], ["another"])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (BuildOptions(compute_capability="9.0"), r"got '9\.0', expected .*7\.5.*8\.9"),
        (BuildOptions(compute_capability="new"), "got 'new'"),
        (BuildOptions("everywhere", "8.9"), "got 'everywhere', expected"),
    ],
)
def test_options_that_it_does_not_know(
    options: BuildOptions, reason: str, tmp_path: Path, progress: Progress
) -> None:
    graph = graph_of(tmp_path / "graph.onnx", helper.make_node("Relu", ["x"], ["y"]))
    with pytest.raises(UsageError, match=reason):
        build(graph, tiny_component(), progress, options)


def test_ctrl_c_ends_a_build_and_is_heard_again_afterwards(tmp_path: Path) -> None:
    class Interrupting(Progress):
        def start(self, description: str, total: int | None = None, *, unit: str = "") -> None:
            signal.raise_signal(signal.SIGINT)

    graph = graph_of(tmp_path / "graph.onnx", helper.make_node("Relu", ["x"], ["y"]))
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        build(graph, tiny_component(), Interrupting(io.StringIO()))
    assert signal.getsignal(signal.SIGINT) is before
    assert build(graph, tiny_component(), Progress(io.StringIO()))


def test_a_handler_of_ctrl_c_that_is_not_of_python_stays(tmp_path: Path) -> None:
    source = """
    #include <signal.h>
    static void foreign(int number) {}
    __attribute__((constructor)) static void install(void) { signal(SIGINT, foreign); }
    """
    code = """if True:
    import signal
    from types import SimpleNamespace
    from edgewright.backends.tensorrt_build import _interrupts_noted
    monitor = SimpleNamespace(interrupted=False)
    with _interrupts_noted(monitor):
        signal.raise_signal(signal.SIGINT)
    print(signal.getsignal(signal.SIGINT), monitor.interrupted)
    """
    library = compile_library(source, tmp_path / "libforeign.so")
    environment = {**os.environ, "LD_PRELOAD": str(library)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.stdout, done.returncode) == ("None False\n", 0), done.stderr
