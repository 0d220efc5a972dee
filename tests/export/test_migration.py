"""Outlier channels moved into weights: the same numbers in fp32, far better ones in int8."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper

from edgewright_export.onnx_graph import TracedComponent, export_graph
from edgewright_export.quantization import QuantizationPlan
from edgewright_export.quantization.integer import quantize_integer
from edgewright_export.quantization.migration import ChannelCollector, migrate

CHANNELS, OUTLIERS, LOUD = 32, (3, 17), 200.0


class Block(torch.nn.Module):
    """Two products behind a LayerNorm, and one beside a residual, as in a post-norm network."""

    def __init__(self, *, planted: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm = torch.nn.LayerNorm(CHANNELS)
        self.query, self.key = torch.nn.Linear(CHANNELS, 24), torch.nn.Linear(CHANNELS, 24)
        self.last_norm = torch.nn.LayerNorm(CHANNELS)
        self.wide, self.narrow = torch.nn.Linear(CHANNELS, 48), torch.nn.Linear(48, CHANNELS)
        if planted:
            self.plant()

    def plant(self) -> None:
        with torch.no_grad():
            for channel in OUTLIERS:
                for norm, products in (
                    (self.norm, (self.query, self.key)),
                    (self.last_norm, (self.wide,)),
                ):
                    norm.weight[channel] *= LOUD
                    norm.bias[channel] *= LOUD
                    for product in products:
                        product.weight[:, channel] /= LOUD

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        normed = self.norm(hidden)
        scores = torch.softmax(self.query(normed) @ self.key(normed).transpose(1, 2), -1)
        normed = self.last_norm(scores @ hidden)
        fed = self.narrow(torch.nn.functional.gelu(self.wide(normed)))
        return fed + torch.tanh(normed)


def write(module: torch.nn.Module, path: Path) -> Path:
    example = {"hidden": torch.randn(2, 5, CHANNELS)}
    axes = {"hidden": {0: "batch", 1: "time"}}
    export_graph(TracedComponent(module, example, ("out",), axes), path)
    return path


def hidden(seed: int, length: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(1, length, CHANNELS)).astype(np.float32)


def run(path: Path, array: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"hidden": array})[0]


def migrated(graph: Path, target: Path) -> tuple[str, ...]:
    collector = ChannelCollector(graph)
    for seed, length in ((1, 1), (2, 30), (3, 7)):
        collector.observe({"hidden": hidden(seed, length)})
    return migrate(graph, target, collector.finish())


def sqnr(graph: Path, folder: Path, expected: np.ndarray) -> float:
    quantize_integer(graph, folder / "int8.onnx", QuantizationPlan())
    error = run(folder / "int8.onnx", hidden(9)) - expected
    return 10 * float(np.log10(np.square(expected).sum() / np.square(error).sum()))


def test_the_largest_value_of_each_channel_is_seen(tmp_path: Path) -> None:
    graph = write(Block(), tmp_path / "fp32.onnx")
    collector = ChannelCollector(graph)
    samples = [hidden(seed, length) for seed, length in ((1, 1), (2, 30), (3, 7))]
    for sample in samples:
        collector.observe({"hidden": sample})
    maxima = collector.finish()
    module = Block()
    with torch.inference_mode():
        normed = [module.norm(torch.from_numpy(sample)).numpy() for sample in samples]
    expected = np.max([np.abs(one).max(axis=(0, 1)) for one in normed], axis=0)
    found = [channels for channels in maxima.values() if channels.shape == expected.shape]
    assert any(np.allclose(channels, expected, rtol=1e-4) for channels in found)


def test_the_same_numbers_in_fp32_and_better_ones_in_int8(tmp_path: Path) -> None:
    graph = write(Block(), tmp_path / "fp32.onnx")
    moved = tmp_path / "migrated.onnx"
    assert len(migrated(graph, moved)) == 2  # the input of `narrow` has no outliers
    onnx.checker.check_model(onnx.load(moved))
    for length in (1, 3, 40):
        expected = run(graph, hidden(9, length))
        np.testing.assert_allclose(run(moved, hidden(9, length)), expected, atol=1e-5)
    expected = run(graph, hidden(9))
    assert sqnr(graph, tmp_path, expected) < 25
    assert sqnr(moved, tmp_path, expected) > 35


def test_scales_vanish_in_a_norm_that_feeds_products_alone(tmp_path: Path) -> None:
    graph = write(Block(), tmp_path / "fp32.onnx")
    migrated(graph, tmp_path / "migrated.onnx")
    before, after = onnx.load(graph).graph, onnx.load(tmp_path / "migrated.onnx").graph
    added = {node.name for node in after.node} - {node.name for node in before.node}
    assert added == {"wide/MatMul_migration"}  # what follows the residual cannot be in the norm
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in after.initializer}
    norm = next(node for node in after.node if node.name == "norm/LayerNormalization")
    gains = np.abs(constants[norm.input[1]])
    assert gains.max() < LOUD / 5


def test_a_plain_network_is_smoothed_where_that_is_free(tmp_path: Path) -> None:
    graph = write(Block(planted=False), tmp_path / "fp32.onnx")
    assert len(migrated(graph, tmp_path / "migrated.onnx")) == 1
    np.testing.assert_allclose(
        run(tmp_path / "migrated.onnx", hidden(9)), run(graph, hidden(9)), atol=1e-5
    )


def test_silent_channels_are_left_as_they_are(tmp_path: Path) -> None:
    block = Block(planted=False)
    with torch.no_grad():
        block.norm.weight[0] = block.norm.bias[0] = 0.0
        block.query.weight[:, 1] = block.key.weight[:, 1] = 0.0
    graph = write(block, tmp_path / "fp32.onnx")
    migrated(graph, tmp_path / "migrated.onnx")
    answer = run(tmp_path / "migrated.onnx", hidden(9))
    np.testing.assert_allclose(answer, run(graph, hidden(9)), atol=1e-5)


def test_without_samples_nothing_moves(tmp_path: Path) -> None:
    graph = write(Block(), tmp_path / "fp32.onnx")
    assert migrate(graph, tmp_path / "same.onnx", ChannelCollector(graph).finish()) == ()
    np.testing.assert_array_equal(run(tmp_path / "same.onnx", hidden(9)), run(graph, hidden(9)))


class Convolutions(torch.nn.Module):
    """A convolution, a transposed and a depthwise one, all of the same noisy input."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.norm = torch.nn.LayerNorm(CHANNELS)
        self.conv = torch.nn.Conv1d(CHANNELS, 12, 3, padding=1)
        self.up = torch.nn.ConvTranspose1d(CHANNELS, 12, 3, padding=1)
        self.depthwise = torch.nn.Conv1d(CHANNELS, CHANNELS, 3, padding=1, groups=CHANNELS)
        with torch.no_grad():
            self.norm.weight[list(OUTLIERS)] *= LOUD
            self.conv.weight[:, list(OUTLIERS)] /= LOUD
            self.up.weight[list(OUTLIERS)] /= LOUD

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        normed = self.norm(hidden).transpose(1, 2)
        convolved = self.conv(normed) + self.up(normed) + self.depthwise(normed / LOUD)[:, :12]
        return convolved.transpose(1, 2)


def test_convolutions_are_scaled_along_their_input_channels(tmp_path: Path) -> None:
    graph = write(Convolutions(), tmp_path / "fp32.onnx")
    moved = tmp_path / "migrated.onnx"
    assert len(migrated(graph, moved)) == 1
    onnx.checker.check_model(onnx.load(moved))
    for length in (1, 2, 40):
        expected = run(graph, hidden(9, length))
        np.testing.assert_allclose(run(moved, hidden(9, length)), expected, atol=1e-4)
    changed = {node.name for node in onnx.load(moved).graph.node for name in node.input
               if "_migrated" in name}  # fmt: skip
    assert changed == {"conv/Conv", "up/ConvTranspose"}  # depthwise weights have a scale a channel


def test_weights_of_inner_graphs_stay(tmp_path: Path) -> None:
    """An `If` reads constants and activations of the graph around it."""
    graph = write(Block(), tmp_path / "fp32.onnx")
    model = onnx.load(graph)
    (given,) = model.graph.output
    normed = next(n.output[0] for n in model.graph.node if n.name == "norm/LayerNormalization")
    model.graph.initializer.append(numpy_helper.from_array(np.float32(2.0), "two"))
    model.graph.initializer.append(numpy_helper.from_array(np.bool_(True), "always"))
    branches = {}
    for name, kind in (("then_branch", "Mul"), ("else_branch", "Add")):
        value = onnx.helper.make_tensor_value_info(f"{name}_out", 1, None)
        node = onnx.helper.make_node(kind, [normed, "two"], [value.name])
        branches[name] = onnx.helper.make_graph([node], name, [], [value])
    model.graph.node.append(onnx.helper.make_node("If", ["always"], ["chosen"], "if", **branches))
    model.graph.node.append(onnx.helper.make_node("Add", [given.name, "chosen"], ["sum"], "sum"))
    model.graph.output[0].name = "sum"
    onnx.save(model, graph)
    migrated(graph, tmp_path / "migrated.onnx")
    answer, expected = run(tmp_path / "migrated.onnx", hidden(9)), run(graph, hidden(9))
    np.testing.assert_allclose(answer, expected, atol=1e-4)


class Around(torch.nn.Module):
    """One module alone."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.inner(hidden)


def test_graphs_without_products_and_inputs_that_are_multiplied(tmp_path: Path) -> None:
    """Nothing to look at, and nothing but an input to look at."""
    plain = write(Around(torch.nn.LayerNorm(CHANNELS)), tmp_path / "plain.onnx")
    assert migrated(plain, tmp_path / "same.onnx") == ()
    given = write(Around(torch.nn.Linear(CHANNELS, 4)), tmp_path / "given.onnx")
    collector = ChannelCollector(given)
    collector.observe({"hidden": hidden(1)})
    (maxima,) = collector.finish().values()
    np.testing.assert_array_equal(maxima, np.abs(hidden(1)).max(axis=(0, 1)))
