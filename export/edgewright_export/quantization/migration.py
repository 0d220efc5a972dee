"""Outlier channels moved from activations into weights, by scales within the fp32 graph.

One scale has to serve all channels of an activation that becomes int8. Where a few channels are
far larger than the others, these lose their digits. Dividing channel j by s_j and multiplying its
weights by it changes no product: SmoothQuant (Xiao et al. 2023, equation 4, alpha = 1/2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgewright.specs import Array
from edgewright_export.onnx_graph import read_names, save_model, used_names
from edgewright_export.rewriting.graph import attribute

Floats = NDArray[np.float32]

OUTLIER = 10.0
"""A tensor is worth a multiplication of its own where its largest channel exceeds the median one
of those that are not silent so many times; scales that vanish in a LayerNorm cost nothing."""

LAST, SECOND = -1, 1
"""Axes that channels lie on: of what matrices multiply, and of what is convolved."""
_WEIGHT_AXES = {"MatMul": 0, "Gemm": 0, "Conv": 1, "ConvTranspose": 0}
"""By operator: axis of the weights that belongs to the channels of the activation."""


@dataclass(frozen=True)
class Channels:
    """An activation and the axis of its channels."""

    tensor: str
    axis: int


Maxima = Mapping[Channels, Floats]
"""The largest absolute value of each channel, float32 `(channels,)`."""


class ChannelCollector:
    """Runs a fp32 graph and keeps the largest absolute value of each channel that products read."""

    def __init__(self, graph: Path) -> None:
        """Open the graph in the ONNX file `graph`."""
        model = onnx.load(graph)
        self._channels = list(_products(model.graph))
        tensors = {channels.tensor for channels in self._channels}
        inputs = {value.name for value in model.graph.input}
        self._wanted, self._given = sorted(tensors - inputs), sorted(tensors & inputs)
        known = {value.name for value in model.graph.output}
        model.graph.output.extend(
            helper.make_empty_tensor_value_info(name) for name in self._wanted if name not in known
        )
        with TemporaryDirectory() as folder:
            save_model(model, path := Path(folder) / "observed.onnx")
            self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self._maxima: dict[Channels, Floats] = {}

    def observe(self, inputs: Mapping[str, Array]) -> None:
        """Run the graph once and widen the maxima."""
        answers = self._session.run(self._wanted, dict(inputs)) if self._wanted else []
        values = dict(zip(self._wanted, answers, strict=True))
        values |= {name: inputs[name] for name in self._given}
        for channels in self._channels:
            value = np.moveaxis(np.abs(values[channels.tensor]), channels.axis, -1)
            largest = value.reshape(-1, value.shape[-1]).max(axis=0, initial=0)
            known = self._maxima.get(channels, np.zeros_like(largest))
            self._maxima[channels] = np.maximum(known, largest)

    def finish(self) -> Maxima:
        """Return what was seen."""
        return self._maxima


def migrate(source: Path, target: Path, maxima: Maxima) -> tuple[str, ...]:
    """Write the fp32 graph `source` with its outlier channels moved into the weights to `target`.

    Where a LayerNorm feeds nothing but matrix products, it takes up the scales; other activations
    are multiplied where one of their channels is an outlier.

    Args:
        source: ONNX file.
        target: ONNX file to write; it gives the same numbers but for rounding.
        maxima: What a `ChannelCollector` saw.

    Returns:
        Names of the tensors that were scaled; none where nothing was to be gained, and then
        `target` is the graph as it was.
    """
    model = onnx.load(source)
    scaled = [
        channels.tensor
        for channels, products in _products(model.graph).items()
        if channels in maxima and _Rewrite(model.graph, channels, products).apply(maxima[channels])
    ]
    _drop_unused(model.graph)
    save_model(model, target)
    return tuple(scaled)


class _Rewrite:
    """One activation of a graph and the products that read its channels."""

    def __init__(
        self, graph: onnx.GraphProto, channels: Channels, products: list[onnx.NodeProto]
    ) -> None:
        self._graph, self._channels, self._products = graph, channels, products
        self._constants = {tensor.name: tensor for tensor in graph.initializer}

    def apply(self, largest: Floats) -> bool:
        """Scale activation and weights; return whether that was worth it."""
        norm = self._norm()
        if norm is None and not _has_outlier(largest):
            return False
        scales = self._scales(largest)
        for product in self._products:
            weights = self._value(product.input[1])
            self._replace(product, 1, weights * _along(scales, _weight_axis(product), weights.ndim))
        if norm is None:
            self._divide(scales)
        else:
            for index in range(1, len(norm.input)):
                self._replace(norm, index, self._value(norm.input[index]) / scales)
        return True

    def _norm(self) -> onnx.NodeProto | None:
        """Return the LayerNorm that gives the activation to these products and nothing else."""
        tensor, names = self._channels.tensor, {node.name for node in self._products}
        readers = {node.name for node in self._graph.node if tensor in read_names(node)}
        given = {value.name for value in self._graph.output}
        maker = next((node for node in self._graph.node if tensor in node.output), None)
        if maker is None or maker.op_type != "LayerNormalization" or self._channels.axis != LAST:
            return None
        vectors = {name for name, value in self._constants.items() if len(value.dims) == 1}
        scalable = vectors.issuperset(maker.input[1:])
        return maker if scalable and readers == names and tensor not in given else None

    def _scales(self, largest: Floats) -> Floats:
        rows = np.max([self._largest_weights(product) for product in self._products], axis=0)
        usable = (largest > 0) & (rows > 0)
        ratio = np.divide(largest, rows, out=np.ones_like(largest), where=usable)
        return np.asarray(np.sqrt(ratio), np.float32)

    def _largest_weights(self, product: onnx.NodeProto) -> Floats:
        """Return by channel the largest absolute weight."""
        weights = np.moveaxis(np.abs(self._value(product.input[1])), _weight_axis(product), 0)
        return np.asarray(weights.reshape(len(weights), -1).max(axis=1), np.float32)

    def _divide(self, scales: Floats) -> None:
        first = self._products[0]
        factors, divided = f"{first.name}_migration_factors", f"{first.name}_migrated"
        rank = len(self._constants[first.input[1]].dims)
        value = 1 / (scales if self._channels.axis == LAST else _along(scales, SECOND, rank))
        self._graph.initializer.append(numpy_helper.from_array(value, factors))
        node = helper.make_node(
            "Mul", [self._channels.tensor, factors], [divided], f"{first.name}_migration"
        )
        names = [one.name for one in self._graph.node]
        self._graph.node.insert(names.index(first.name), node)
        for product in self._products:
            product.input[0] = divided

    def _value(self, name: str) -> Floats:
        return np.asarray(numpy_helper.to_array(self._constants[name]), np.float32)

    def _replace(self, node: onnx.NodeProto, index: int, value: Floats) -> None:
        """Give `node` a constant of its own: others may read the old one."""
        name = f"{node.name}_migrated_{index}"
        tensor = numpy_helper.from_array(np.ascontiguousarray(value), name)
        self._graph.initializer.append(tensor)
        self._constants[name] = tensor
        node.input[index] = name


def _has_outlier(largest: Floats) -> bool:
    sounding = largest[largest > 0]
    return bool(sounding.size) and float(sounding.max()) > OUTLIER * float(np.median(sounding))


def _products(graph: onnx.GraphProto) -> dict[Channels, list[onnx.NodeProto]]:
    """Return by activation the products with weights that read it, in the graph's order."""
    ranks = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    found: dict[Channels, list[onnx.NodeProto]] = {}
    for node in graph.node:
        if node.op_type not in _WEIGHT_AXES or node.input[0] in ranks:
            continue
        convolves = node.op_type.startswith("Conv")
        rank = ranks.get(node.input[1], 0)
        plain = attribute(node, "group", 1) == 1 and not attribute(node, "transA", 0)
        if plain and (rank > 2 if convolves else rank == 2):
            channels = Channels(node.input[0], SECOND if convolves else LAST)
            found.setdefault(channels, []).append(node)
    return found


def _weight_axis(product: onnx.NodeProto) -> int:
    return _WEIGHT_AXES[product.op_type] + int(attribute(product, "transB", 0))


def _along(scales: Floats, axis: int, rank: int) -> Floats:
    """Return `scales` in the shape that multiplies `axis` of an array of `rank` axes."""
    return scales.reshape([-1 if one == axis else 1 for one in range(rank)])


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = used_names(graph)
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
