"""Rewritten graphs compute what the traced ones do, and graphs without the patterns stay."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from checkpoint_layouts import RECOGNIZERS, TINY, TINY_RECOGNIZERS, VOICES, Layout, save
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.onnx_graph import TracedComponent, export_graph
from edgewright_export.quantization import QuantizationPlan
from edgewright_export.quantization.precisions import PRECISIONS
from edgewright_export.recipes import RECIPES
from edgewright_export.rewriting import rewrite
from edgewright_export.rewriting.masks import drop_idle_masks
from edgewright_export.rewriting.residual_sums import keep_residual_sums
from edgewright_export.rewriting.rewrite import REWRITES

TOLERANCE = 1e-4
"""Of the largest value of an output."""
MODELS: dict[str, tuple[str, Layout, str]] = {
    "vit": ("vit", TINY["vit"], "model"),
    "dna": ("dnabert", TINY["dna"], "model"),
    "hopper": ("decision_transformer", TINY["hopper"], "model"),
    "parakeet": ("conformer_ctc", TINY_RECOGNIZERS["parakeet"], "model"),
    "wav2vec2": ("conformer_ctc", TINY_RECOGNIZERS["wav2vec2"], "model"),
    "rotary": ("conformer_ctc", RECOGNIZERS["wav2vec2_rotary"], "model"),
    "encoder": ("fastspeech2", VOICES["alone"], "encoder"),
    "decoder": ("fastspeech2", VOICES["alone"], "decoder"),
}
"""Family, checkpoint and component."""
PLACES = {
    "vit": {
        "dropped masks": 1,
        "fused attention": 1,
        "unfused residual sums": 1,
    },
    "dna": {
        "fused attention": 1,
        "unfused residual sums": 3,
    },
    "parakeet": {
        "simplified convolution masks": 7,
        "folded factors": 3,
        "shared position padding": 1,
        "fused attention": 1,
        "unfused residual sums": 1,
    },
}
"""What a model of one layer has."""

Traced = Callable[[str], tuple[Path, TracedComponent]]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Traced:
    """Return a function from a key of MODELS to its fp32 graph and what it was traced from."""
    root, made = tmp_path_factory.mktemp("rewriting"), {}

    def get(name: str) -> tuple[Path, TracedComponent]:
        if name not in made:
            family, layout, component = MODELS[name]
            recipe = RECIPES[family].load(Checkpoint(save(layout, root / name)))
            traced, path = recipe.components()[component], root / f"{name}.onnx"
            export_graph(traced, path)
            made[name] = path, traced
        return made[name]

    return get


def answers(graph: Path | ModelProto, inputs: dict[str, Any]) -> list[Any]:
    """Run a graph on the CPU."""
    source = str(graph) if isinstance(graph, Path) else graph.SerializeToString()
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    outputs: list[Any] = session.run(None, inputs)
    return outputs


def samples(traced: TracedComponent) -> list[dict[str, Any]]:
    """Return inputs of several batches and lengths; those of batches have padding."""
    return [
        {name: tensor.numpy() for name, tensor in inputs.items()}
        for inputs in (traced.inputs, *traced.probes)
    ]


@pytest.mark.parametrize("name", MODELS)
def test_rewritten_graph_answers_as_the_traced_one(
    name: str, models: Traced, tmp_path: Path
) -> None:
    source, traced = models(name)
    rewrite(source, target := tmp_path / "rewritten.onnx")
    onnx.checker.check_model(onnx.load(target))
    for inputs in samples(traced):
        for answer, expected in zip(answers(target, inputs), answers(source, inputs), strict=True):
            scale = np.abs(expected).max()
            np.testing.assert_allclose(answer, expected, rtol=0, atol=TOLERANCE * scale)


@pytest.mark.parametrize("name", PLACES)
def test_every_rewrite_finds_its_places(name: str, models: Traced, tmp_path: Path) -> None:
    assert rewrite(models(name)[0], tmp_path / "rewritten.onnx") == PLACES[name]


@pytest.mark.parametrize("name", MODELS)
def test_rewriting_again_changes_nothing(name: str, models: Traced, tmp_path: Path) -> None:
    once, twice = tmp_path / "once.onnx", tmp_path / "twice.onnx"
    rewrite(models(name)[0], once)
    assert rewrite(once, twice) == {}
    assert once.read_bytes() == twice.read_bytes()


@pytest.mark.parametrize("name", PLACES)
def test_nodes_are_named_after_modules(name: str, models: Traced, tmp_path: Path) -> None:
    rewrite(models(name)[0], target := tmp_path / "rewritten.onnx")
    names = [node.name for node in onnx.load(target).graph.node]
    assert len(set(names)) == len(names)
    before = {node.name.rpartition("/")[0] for node in onnx.load(models(name)[0]).graph.node}
    assert {each.rpartition("/")[0] for each in names} <= before


@pytest.mark.parametrize("name", ["vit", "dna", "parakeet"])
def test_rewritten_graph_becomes_dynamic_int8(name: str, models: Traced, tmp_path: Path) -> None:
    source, traced = models(name)
    rewrite(source, rewritten := tmp_path / "rewritten.onnx")
    PRECISIONS["int8"].write(rewritten, target := tmp_path / "int8.onnx", QuantizationPlan(), {})
    exact, answer = (answers(path, samples(traced)[0])[0] for path in (source, target))
    assert 0 < np.abs(answer - exact).max() < 0.1 * np.abs(exact).max()


def graph(*nodes: Any, shape: tuple[int | str, ...] = ("batch", 4), **constants: Any) -> ModelProto:
    """Return a model from x to y of one shape."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    weights = [
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    ]
    made = helper.make_graph(nodes, "graph", ends[:1], ends[1:], weights)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.mark.parametrize("apply", REWRITES.values(), ids=REWRITES)
def test_graph_without_the_pattern_is_untouched(apply: Callable[[ModelProto], int]) -> None:
    model = graph(
        helper.make_node("MatMul", ["x", "w"], ["product"]),
        helper.make_node("Softmax", ["product"], ["y"]),
        w=np.eye(4, dtype=np.float32),
        unused=np.ones(3, np.float32),
    )
    before = model.SerializeToString()
    assert apply(model) == 0
    assert model.SerializeToString() == before


def test_mask_that_masks_stays() -> None:
    nodes = (
        helper.make_node("Where", ["seen", "zero", "low"], ["mask"]),
        helper.make_node("Add", ["x", "mask"], ["y"]),
    )
    constants = {"zero": np.float32(0), "low": np.float32(-9)}
    masking = graph(*nodes, **constants, seen=np.array([[True, False, True, True]]))
    assert drop_idle_masks(masking) == 0
    unknown = graph(*nodes, **constants, seen=np.ones((1, 4), bool))
    assert drop_idle_masks(unknown) == 0  # the graph does not tell the shape of the mask
    shape = helper.make_tensor_value_info("mask", TensorProto.FLOAT, (1, 4))
    unknown.graph.value_info.append(shape)
    unknown.graph.node.insert(0, helper.make_node("Relu", ["x"], ["positive"]))
    unknown.graph.node[2].input[0] = "positive"
    unknown.graph.value_info.append(
        helper.make_tensor_value_info("positive", TensorProto.FLOAT, ("batch", 4))
    )
    assert drop_idle_masks(unknown) == 1
    assert [node.op_type for node in unknown.graph.node] == ["Relu"]


def test_sum_that_is_read_twice_stays() -> None:
    model = graph(
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Add", ["x", "a"], ["sum"]),
        helper.make_node("LayerNormalization", ["sum", "scale"], ["norm"]),
        helper.make_node("Add", ["sum", "norm"], ["y"]),
        scale=np.ones(4, np.float32),
    )
    assert keep_residual_sums(model) == 0
