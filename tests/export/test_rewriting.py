"""Rewritten graphs compute what the traced ones do, and graphs without the patterns stay."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
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
from edgewright_export.rewriting.swapped_axes import swap_axes_at_once
from edgewright_export.rewriting.transposed_convolutions import convolve_transposed

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
    "hifi_gan": ("fastspeech2", VOICES["with_hifigan"], "vocoder"),
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
    "hifi_gan": {"convolved transposed": 4},
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


def transposed_convolution(rank: int, attributes: dict[str, Any], bias: bool) -> ModelProto:
    """Return a graph that takes x (batch, 3, …, 6) to y, with random weights (3, 2, …)."""
    generator, kernel = np.random.default_rng(0), attributes["kernel_shape"]
    constants = {"w": generator.normal(size=(3, 2, *kernel)).astype(np.float32)}
    constants |= {"b": generator.normal(size=2).astype(np.float32)} if bias else {}
    node = helper.make_node("ConvTranspose", ["x", *constants], ["y"], "up/Up", **attributes)
    model = graph(node, shape=("batch", 3, *["height", 6][-rank:]), **constants)
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    for name in ("batch", "channels", *("height", "width")[-rank:]):
        model.graph.output[0].type.tensor_type.shape.dim.add().dim_param = name
    return model


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("length", [1, 5])
@pytest.mark.parametrize(
    "numbers",
    [(2, 2, 0, 0), (4, 2, 1, 0), (16, 8, 4, 0), (3, 2, 1, 1), (7, 3, 2, 0), (5, 2, 2, 0),
     (1, 3, 0, 0), (4, 4, 1, 0), (5, 3, 1, 2)],
)  # fmt: skip
def test_transposed_convolution_answers_as_pytorch(
    numbers: tuple[int, ...], length: int, rank: int
) -> None:
    kernel, stride, padding, extra = numbers
    attributes = {
        "kernel_shape": [kernel] * rank, "strides": [stride] * rank,
        "pads": [padding] * 2 * rank, "output_padding": [extra] * rank,
    }  # fmt: skip
    for bias in (True, False):
        model = transposed_convolution(rank, attributes, bias)
        weights = [torch.tensor(numpy_helper.to_array(t)) for t in model.graph.initializer]
        assert convolve_transposed(model) == 1
        onnx.checker.check_model(model)
        assert "ConvTranspose" not in {node.op_type for node in model.graph.node}
        x = np.random.default_rng(1).normal(size=(2, 3, *[length, 6][-rank:])).astype(np.float32)
        call = torch.conv_transpose1d if rank == 1 else torch.conv_transpose2d
        weights = weights if bias else [*weights, None]
        expected = call(torch.tensor(x), *weights, stride, padding, extra)
        np.testing.assert_allclose(answers(model, {"x": x})[0], expected.numpy(), atol=1e-4)


@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [3], "strides": [2], "dilations": [2]},
        {"kernel_shape": [5], "strides": [1]},
        {"kernel_shape": [3], "strides": [2], "auto_pad": "SAME_UPPER"},
        {"kernel_shape": [3], "strides": [2], "output_shape": [9]},
        {"kernel_shape": [2], "strides": [2], "output_padding": [1]},  # beyond the last block
    ],
    ids=lambda attributes: list(attributes)[-1],
)
def test_other_transposed_convolutions_stay(attributes: dict[str, Any]) -> None:
    model = transposed_convolution(1, attributes, bias=True)
    before = model.SerializeToString()
    assert convolve_transposed(model) == 0
    assert model.SerializeToString() == before


def test_transposed_convolution_of_unknown_width_stays() -> None:
    model = transposed_convolution(2, {"kernel_shape": [2, 2], "strides": [2, 2]}, bias=False)
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_param = "width"
    assert convolve_transposed(model) == 0


class PlainAttention(torch.nn.Module):
    """PyTorch's attention with a dynamic batch, as users write it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.projections = torch.nn.ModuleList(torch.nn.Linear(32, 32) for _ in range(3))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        heads = [p(hidden).unflatten(-1, (4, 8)).transpose(1, 2) for p in self.projections]
        mixed = torch.nn.functional.scaled_dot_product_attention(*heads)
        return mixed.transpose(1, 2).flatten(2)


def test_attention_of_a_dynamic_batch_is_fused(tmp_path: Path) -> None:
    source, target = tmp_path / "source.onnx", tmp_path / "target.onnx"
    example = {"hidden": torch.randn(2, 5, 32)}
    traced = TracedComponent(PlainAttention().eval(), example, ("mixed",), {"hidden": {0: "batch"}})
    export_graph(traced, source)
    assert rewrite(source, target) == {"swapped axes": 1, "fused attention": 1}
    for batch in (1, 3):
        hidden = torch.randn(batch, 5, 32)
        expected = traced.module(hidden).detach().numpy()
        answer = answers(target, {"hidden": hidden.numpy()})[0]
        np.testing.assert_allclose(answer, expected, atol=1e-5)


def swap(first: Any = (-1,), order: str = "front columns rows") -> ModelProto:
    """Return the exporter's way to swap the last two axes of x (batch, 2, 3, 4)."""
    pieces = {"front": (0, 2), "rows": (2, 3), "columns": (3, 2**31)}
    constants: dict[str, Any] = {"first": np.array(first)}
    slices = []
    for name, (start, end) in pieces.items():
        constants |= {f"{name}_start": np.array([start]), f"{name}_end": np.array([end])}
        inputs = ["sizes", f"{name}_start", f"{name}_end"]
        slices.append(helper.make_node("Slice", inputs, [name]))
    return graph(
        helper.make_node("Shape", ["x"], ["sizes"], start=0),
        *slices,
        helper.make_node("Concat", ["first", "rows", "columns"], ["flat"], axis=0),
        helper.make_node("Reshape", ["x", "flat"], ["flattened"]),
        helper.make_node("Transpose", ["flattened"], ["swapped"], perm=[0, 2, 1]),
        helper.make_node("Concat", order.split(), ["whole"], axis=0),
        helper.make_node("Reshape", ["swapped", "whole"], ["y"]),
        shape=("batch", 2, 3, 4),
        **constants,
    )


def test_axes_are_swapped_at_once_where_that_is_what_happens() -> None:
    model = swap()
    assert swap_axes_at_once(model) == 1
    assert [node.op_type for node in model.graph.node] == ["Transpose"]
    assert list(model.graph.node[0].attribute[0].ints) == [0, 1, 3, 2]
    literal = swap(order="front rows columns")
    literal.graph.node[4].input[:] = ["first", "two", "three"]  # as sizes, not as axes
    sizes = (numpy_helper.from_array(np.array([n]), name) for n, name in ((2, "two"), (3, "three")))
    literal.graph.initializer.extend(sizes)
    unknown = swap()
    del unknown.graph.input[0].type.tensor_type.shape.dim[1:]
    others = (swap(order="front rows columns"), swap(first=(6,)), swap(order="rows front rows"))
    for other in (*others, literal, unknown):
        before = other.SerializeToString()
        assert swap_axes_at_once(other) == 0
        assert other.SerializeToString() == before
