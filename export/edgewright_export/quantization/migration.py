"""Outlier channels moved from activations into weights, by scales within the fp32 graph.

One scale has to serve all channels of an activation that becomes int8. Where a few channels are
far larger than the others, these lose their digits. Dividing channel j by s_j and multiplying row j
of the weights by it changes no product: SmoothQuant (Xiao et al. 2023, equation 4, alpha = 1/2).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from edgewright.specs import Array
from edgewright_export.onnx_graph import save_model

Floats = NDArray[np.float32]

OUTLIER = 10.0
"""A tensor is worth a multiplication of its own where its largest channel exceeds the median
channel so many times; where the scales vanish in a LayerNorm they cost nothing."""


@dataclass(frozen=True)
class _Reading:
    """Products of one activation with weights."""

    tensor: str
    products: tuple[onnx.NodeProto, ...]


class ChannelCollector:
    """Runs a fp32 graph and keeps the largest absolute value of each channel that products read."""

    def __init__(self, graph: Path) -> None:
        """Open the graph in the ONNX file `graph`."""
        model = onnx.load(graph)
        self._tensors = [reading.tensor for reading in _readings(model.graph)]
        inputs = {value.name for value in model.graph.input}
        given = {value.name for value in model.graph.output}
        model.graph.output.extend(
            helper.make_empty_tensor_value_info(name)
            for name in self._tensors
            if name not in inputs | given
        )
        with TemporaryDirectory() as folder:
            save_model(model, path := Path(folder) / "observed.onnx")
            self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self._given = sorted(inputs.intersection(self._tensors))
        self._maxima: dict[str, Floats] = {}

    def observe(self, inputs: Mapping[str, Array]) -> None:
        """Run the graph once and widen the maxima."""
        wanted = [name for name in self._tensors if name not in self._given]
        values = dict(zip(wanted, self._session.run(wanted, dict(inputs)), strict=True))
        values |= {name: inputs[name] for name in self._given}
        for name, value in values.items():
            channels = np.abs(value).reshape(-1, value.shape[-1]).max(axis=0, initial=0)
            known = self._maxima.get(name, np.zeros_like(channels))
            self._maxima[name] = np.maximum(known, channels)

    def finish(self) -> dict[str, Floats]:
        """Return by tensor the largest absolute value of each channel, float32 `(channels,)`."""
        return self._maxima


def migrate(source: Path, target: Path, maxima: Mapping[str, Floats]) -> tuple[str, ...]:
    """Write the fp32 graph `source` with its outlier channels moved into the weights to `target`.

    Where a LayerNorm feeds nothing but products, it takes up the scales; other activations are
    multiplied where one of their channels is an outlier.

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
        reading.tensor
        for reading in list(_readings(model.graph))
        if reading.tensor in maxima and _Rewrite(model.graph, reading).apply(maxima)
    ]
    _drop_unused(model.graph)
    save_model(model, target)
    return tuple(scaled)


class _Rewrite:
    """One activation of a graph and the products that read it."""

    def __init__(self, graph: onnx.GraphProto, reading: _Reading) -> None:
        self._graph, self._reading = graph, reading
        self._constants = {tensor.name: tensor for tensor in graph.initializer}

    def apply(self, maxima: Mapping[str, Floats]) -> bool:
        """Scale activation and weights; return whether that was worth it."""
        largest, norm = maxima[self._reading.tensor], self._norm()
        if norm is None and largest.max() <= OUTLIER * np.median(largest):
            return False
        scales = self._scales(largest)
        for product in self._reading.products:
            self._scale_rows(product, scales)
        if norm is None:
            self._divide(scales)
        else:
            for index in range(1, len(norm.input)):
                self._replace(norm, index, self._value(norm.input[index]) / scales)
        return True

    def _norm(self) -> onnx.NodeProto | None:
        """Return the LayerNorm that gives the activation to these products and nothing else."""
        tensor, names = self._reading.tensor, {node.name for node in self._reading.products}
        readers = {node.name for node in self._graph.node if tensor in node.input}
        given = {value.name for value in self._graph.output}
        maker = next((node for node in self._graph.node if tensor in node.output), None)
        if maker is None or maker.op_type != "LayerNormalization":
            return None
        vectors = {name for name, tensor in self._constants.items() if len(tensor.dims) == 1}
        scalable = vectors.issuperset(maker.input[1:])
        return maker if scalable and readers == names and tensor not in given else None

    def _scales(self, largest: Floats) -> Floats:
        rows = np.max([np.abs(self._rows(node)).max(axis=1) for node in self._reading.products], 0)
        usable = (largest > 0) & (rows > 0)
        ratio = np.divide(largest, rows, out=np.ones_like(largest), where=usable)
        return np.asarray(np.sqrt(ratio), np.float32)

    def _rows(self, product: onnx.NodeProto) -> Floats:
        """Return the weights of a product, `(channels, outputs)`."""
        weights = self._value(product.input[1])
        return weights.T if _transposed(product) else weights

    def _scale_rows(self, product: onnx.NodeProto, scales: Floats) -> None:
        weights = self._value(product.input[1])
        self._replace(
            product, 1, weights * (scales if _transposed(product) else scales[:, np.newaxis])
        )

    def _divide(self, scales: Floats) -> None:
        tensor, first = self._reading.tensor, self._reading.products[0]
        factors, divided = f"{tensor}_migration", f"{tensor}_migrated"
        self._graph.initializer.append(numpy_helper.from_array(1 / scales, factors))
        node = helper.make_node("Mul", [tensor, factors], [divided], f"{first.name}_migration")
        names = [one.name for one in self._graph.node]
        self._graph.node.insert(names.index(first.name), node)
        for product in self._reading.products:
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


def _readings(graph: onnx.GraphProto) -> Iterator[_Reading]:
    """Yield every activation that products with weights read, in the graph's order."""
    matrices = {t.name for t in graph.initializer if len(t.dims) == 2}
    constants = {t.name for t in graph.initializer}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        plain = node.op_type == "MatMul" or (
            node.op_type == "Gemm" and not _attribute(node, "transA")
        )
        if plain and node.input[1] in matrices and node.input[0] not in constants:
            readers.setdefault(node.input[0], []).append(node)
    for tensor, products in readers.items():
        yield _Reading(tensor, tuple(products))


def _transposed(product: onnx.NodeProto) -> bool:
    return bool(_attribute(product, "transB"))


def _attribute(node: onnx.NodeProto, name: str) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == name), 0)


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
