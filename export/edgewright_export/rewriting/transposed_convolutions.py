"""Transposed convolutions, as convolutions whose answers are interleaved.

Known as sub-pixel convolution (Shi et al. 2016, "Real-time single image and video
super-resolution", arXiv:1609.05158).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto

from edgewright_export.rewriting.graph import Dim, GraphView, attribute

SEQUENCE, IMAGE = 1, 2
"""Axes of the positions: (batch, channels, length) and (batch, channels, height, width)."""
TO_THE_END = np.iinfo(np.int64).max


def convolve_transposed(model: ModelProto) -> int:
    """Write transposed convolutions as convolutions.

    ONNX Runtime has no integer kernel for them. With stride s, each input begins a block of s
    answers, and a block depends on as many inputs as the kernel is strides long: that is a
    convolution to s times the channels, of which each group gives every s-th answer. The
    interleaving has the channels last, as the integer kernels have them, so that ONNX Runtime need
    not change the layout between int8 convolutions.

    Returns:
        How many were written so: those of constant weights without groups and dilations, and of
        images those whose width is known.
    """
    view, changed = GraphView(model.graph), 0
    for node in view.nodes("ConvTranspose"):
        changed += _convolve(view, node)
    if changed:
        view.finish()
    return changed


@dataclass(frozen=True)
class _Axis:
    """One axis of the positions."""

    size: Dim
    """Inputs along it."""
    kernel: int
    stride: int
    before: int
    """Answers that are cut off at its beginning."""
    after: int
    """Answers that are cut off at its end."""

    @property
    def taps(self) -> int:
        """Inputs that a block of answers depends on."""
        return ceil(self.kernel / self.stride)

    @property
    def surplus(self) -> int:
        """Answers of the last block that are not wanted."""
        return self.taps * self.stride - self.kernel + self.after


def _convolve(view: GraphView, node: NodeProto) -> bool:
    names = node.input[1:]  # of the weights, and of the bias if there is one
    values = [value for name in names if (value := view.constant(name)) is not None]
    axes = _axes(view, node, values[0].shape[2:]) if len(values) == len(names) else None
    if axes is None:
        return False
    weight, *biases = values
    repeats = prod(axis.stride for axis in axes)
    written = [_blocks(weight, axes), *(np.tile(bias, repeats) for bias in biases)]
    stored = [
        view.add_constant(f"{name}_blocks", value)
        for name, value in zip(names, written, strict=True)
    ]
    blocks = view.node(
        "Conv",
        [node.input[0], *stored],
        [view.free_name(f"{node.output[0]}_blocks")],
        node,
        kernel_shape=[axis.taps for axis in axes],
        pads=[axis.taps - 1 for axis in axes] * 2,
    )
    interleaving = _interleaving(axes, weight.shape[1])
    view.replace([node], [blocks, *_chain(view, blocks, interleaving, node)])
    return True


def _axes(view: GraphView, node: NodeProto, kernel: Sequence[int]) -> list[_Axis] | None:
    """Return the axes of a transposed convolution; none where it stays."""
    rank, shape = len(kernel), view.shape(node.input[0])
    plain = (
        attribute(node, "auto_pad", b"NOTSET") == b"NOTSET"
        and attribute(node, "group", 1) == 1
        and set(attribute(node, "dilations", [1])) == {1}
        and not attribute(node, "output_shape", [])
    )
    if not plain or shape is None or rank not in (SEQUENCE, IMAGE):
        return None
    pads = attribute(node, "pads", [0] * 2 * rank)
    wanted = attribute(node, "output_padding", [0] * rank)
    after = [pad - more for pad, more in zip(pads[rank:], wanted, strict=True)]
    strides = attribute(node, "strides", [1] * rank)
    numbers = zip(shape[2:], kernel, strides, pads[:rank], after, strict=True)
    axes = [_Axis(*each) for each in numbers]
    written = all(axis.surplus >= 0 for axis in axes) and any(axis.stride > 1 for axis in axes)
    return axes if written and (rank == SEQUENCE or isinstance(shape[-1], int)) else None


def _blocks(weight: NDArray[Any], axes: Sequence[_Axis]) -> NDArray[Any]:
    """Return the kernel (in, out, kernel…) as one of blocks (strides… · out, in, taps…)."""
    missing = [(0, axis.taps * axis.stride - axis.kernel) for axis in axes]
    split = [size for axis in axes for size in (axis.taps, axis.stride)]
    parts = np.pad(weight, [(0, 0), (0, 0), *missing]).reshape(*weight.shape[:2], *split)
    taps, strides = range(2, parts.ndim, 2), range(3, parts.ndim, 2)
    # An input one further back meets the kernel one stride further on.
    ordered = np.flip(parts, tuple(taps)).transpose(*strides, 1, 0, *taps)
    return ordered.reshape(-1, *ordered.shape[-1 - len(axes) :])


@dataclass(frozen=True)
class _Step:
    """A node with one tensor that changes and others that are constant."""

    operator: str
    constants: tuple[Sequence[int], ...] = ()
    permutation: Sequence[int] = ()


def _interleaving(axes: Sequence[_Axis], channels: int) -> list[_Step]:
    """Return what lays out blocks (batch, strides… · channels, …) as (batch, channels, …)."""
    if len(axes) == SEQUENCE:
        steps = [
            _Step("Transpose", permutation=(0, 2, 1)),
            _Step("Reshape", ((0, -1, channels),)),
        ]
    else:
        rows, columns = axes
        width = columns.stride * (int(columns.size) + columns.taps - 1)
        steps = [
            _Step("Transpose", permutation=(0, 2, 3, 1)),
            _Step("Reshape", ((0, 0, 0, rows.stride, columns.stride * channels),)),
            _Step("Transpose", permutation=(0, 1, 3, 2, 4)),
            _Step("Reshape", ((0, -1, width, channels),)),
        ]
    if any(axis.before or axis.surplus for axis in axes):
        first = [axis.before for axis in axes]
        last = [-axis.surplus or TO_THE_END for axis in axes]
        steps.append(_Step("Slice", (first, last, range(1, 1 + len(axes)))))
    last_to_second = (0, len(axes) + 1, *range(1, len(axes) + 1))
    return [*steps, _Step("Transpose", permutation=last_to_second)]


def _chain(
    view: GraphView, source: NodeProto, steps: Sequence[_Step], node: NodeProto
) -> list[NodeProto]:
    """Return the nodes of the steps from the output of `source` to that of `node`."""
    nodes, name = [], source.output[0]
    for i, step in enumerate(steps):
        last = i == len(steps) - 1
        output = node.output[0] if last else view.free_name(f"{source.output[0]}_{i}")
        constants = [
            view.add_constant(f"{output}_{step.operator.lower()}", np.array(values, np.int64))
            for values in step.constants
        ]
        attributes = {"perm": step.permutation} if step.permutation else {}
        nodes.append(view.node(step.operator, [name, *constants], [output], node, **attributes))
        name = output
    return nodes
