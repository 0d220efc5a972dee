"""A view of an ONNX graph that answers who makes and who reads a tensor, and edits it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, numpy_helper
from onnx.helper import get_attribute_value, make_node

from edgewright_export.onnx_graph import read_names

Dim = int | str
"""Size of an axis: known, or the name of its dynamic dimension (`?` and a number: unknown)."""


class GraphView:
    """The nodes of a graph by the tensors between them.

    Edits reach the graph with `finish`, which also removes what nobody reads any more. Subgraphs
    (of If, Loop, Scan) count as readers, and are not edited.
    """

    def __init__(self, graph: GraphProto) -> None:
        """Index `graph`."""
        self._graph = graph
        self._nodes = list(graph.node)
        self._names = {node.name for node in graph.node}
        self._outputs = {value.name for value in graph.output}
        inputs = {value.name for value in graph.input}  # a constant for one is but its default
        self._constants = {t.name: t for t in graph.initializer if t.name not in inputs}
        unknown = count()
        self._shapes = {
            value.name: tuple(_dim(dim, unknown) for dim in value.type.tensor_type.shape.dim)
            for value in (*graph.input, *graph.value_info, *graph.output)
            if value.type.tensor_type.HasField("shape")
        }
        self._index()

    def _index(self) -> None:
        self._makers = {name: node for node in self._nodes for name in node.output if name}
        self._readers: dict[str, list[NodeProto]] = defaultdict(list)
        for node in self._nodes:
            for name in read_names(node):
                self._readers[name].append(node)

    def nodes(self, *operators: str) -> Iterator[NodeProto]:
        """Return the standard nodes of some types that are there when they are reached."""
        for node in list(self._nodes):
            if _is(node, operators) and any(self._makers.get(n) is node for n in node.output):
                yield node

    def maker(self, name: str, *operators: str) -> NodeProto | None:
        """Return the node that makes a tensor, if it is a standard one of these types."""
        node = self._makers.get(name)
        return node if node is not None and _is(node, operators) else None

    def only_reader(self, name: str, *operators: str) -> NodeProto | None:
        """Return the one node that reads a tensor, if it is a standard one of these types."""
        if name in self._outputs or len(self._readers[name]) != 1:
            return None
        node = self._readers[name][0]
        return node if _is(node, operators) else None

    def readers(self, name: str) -> list[NodeProto]:
        """Return the nodes that read a tensor, each once."""
        return list(self._readers[name])

    def is_output(self, name: str) -> bool:
        """Whether a tensor is an output of the graph."""
        return name in self._outputs

    def constant(self, name: str) -> NDArray[Any] | None:
        """Return the value of a constant tensor."""
        tensor = self._constants.get(name)
        return None if tensor is None else numpy_helper.to_array(tensor)

    def scalar(self, name: str) -> float | None:
        """Return the value of a constant of one element."""
        tensor = self._constants.get(name)
        if tensor is None or any(size != 1 for size in tensor.dims):
            return None
        return float(numpy_helper.to_array(tensor).reshape(()))

    def shape(self, name: str) -> tuple[Dim, ...] | None:
        """Return the sizes of a tensor; none where the graph does not tell even the rank."""
        if name in self._constants:
            return tuple(self._constants[name].dims)
        return self._shapes.get(name)

    def replace(self, old: Iterable[NodeProto], new: Sequence[NodeProto]) -> None:
        """Put `new` where the last of `old` is, and remove `old`."""
        gone = {id(node) for node in old}
        last = max(i for i, node in enumerate(self._nodes) if id(node) in gone)
        before = [node for node in self._nodes[:last] if id(node) not in gone]
        self._nodes = [*before, *new, *self._nodes[last + 1 :]]
        self._index()

    def insert_after(self, tensor: str, node: NodeProto) -> None:
        """Put `node` behind the one that makes `tensor`, or first where an input is read."""
        maker = self._makers.get(tensor)
        place = next((i for i, other in enumerate(self._nodes) if other is maker), -1)
        self._nodes.insert(place + 1, node)
        self._index()

    def forget_shape(self, name: str) -> None:
        """Take back what the graph says of the sizes of a tensor."""
        self._shapes.pop(name, None)

    def rewire(self, old: str, new: str) -> bool:
        """Let all that read `old` read `new`, and say whether that could be done.

        It cannot where one of them is read inside a subgraph, or where an output of the graph would
        have to be an input or another output. The node that makes `old` may stay, for `finish`.
        """
        if any(name not in n.input for name in (old, new) for n in self._readers[name]):
            return False
        if old in self._outputs:
            return self._become(new, old)
        self._read(old, new)
        self._index()
        return True

    def _become(self, name: str, output: str) -> bool:
        """Let the tensor `name` be the output of the graph instead of the one that is."""
        maker = self._makers.get(name)
        if maker is None or name in self._outputs or len(self._makers[output].output) != 1:
            return False
        self._nodes = [node for node in self._nodes if output not in node.output]
        maker.output[:] = [output if made == name else made for made in maker.output]
        self._read(name, output)
        self._index()
        return True

    def _read(self, old: str, new: str) -> None:
        for node in self._readers[old]:
            node.input[:] = [new if name == old else name for name in node.input]

    def node(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        like: NodeProto,
        **attributes: Any,
    ) -> NodeProto:
        """Return a new standard node, named after the module of `like` as the exporter does."""
        name = f"{like.name.rpartition('/')[0] or 'graph'}/{operator}"
        numbered = (f"{name}_{number}" for number in count(2))
        free = (
            name if name not in self._names else next(n for n in numbered if n not in self._names)
        )
        self._names.add(free)
        return make_node(operator, inputs, outputs, free, **attributes)

    def add_constant(self, name: str, value: NDArray[Any]) -> str:
        """Store a constant under `name` or, where that is taken, one like it, and return that."""
        free = self.free_name(name)
        self._constants[free] = numpy_helper.from_array(np.ascontiguousarray(value), free)
        self._graph.initializer.append(self._constants[free])
        return free

    def free_name(self, name: str) -> str:
        """Return `name`, or where a tensor has it, one like it."""
        taken = self._constants.keys() | self._makers.keys() | self._shapes.keys()
        numbered = (f"{name}_{number}" for number in count(2))
        return name if name not in taken else next(n for n in numbered if n not in taken)

    def finish(self) -> None:
        """Write the edits to the graph, without nodes, constants and shapes that nobody needs."""
        wanted, kept = set(self._outputs), []
        for node in reversed(self._nodes):
            if wanted.intersection(node.output):
                kept.append(node)
                wanted.update(read_names(node))
        self._nodes = kept[::-1]
        self._index()
        graph = self._graph
        del graph.node[:]
        graph.node.extend(self._nodes)
        constants = [tensor for tensor in graph.initializer if tensor.name in wanted]
        del graph.initializer[:]
        graph.initializer.extend(constants)
        known = self._makers.keys() & self._shapes.keys()
        shapes = [value for value in graph.value_info if value.name in known]
        del graph.value_info[:]
        graph.value_info.extend(shapes)


def _is(node: NodeProto, operators: Sequence[str]) -> bool:
    return node.domain in ("", "ai.onnx") and node.op_type in operators


def _dim(dim: Any, unknown: Iterator[int]) -> Dim:
    """Return one size; shapes of the exporter have 0 where it knows none."""
    return dim.dim_param or dim.dim_value or f"?{next(unknown)}"


def with_inputs(node: NodeProto, inputs: Sequence[str]) -> NodeProto:
    """Return a copy of a node that reads other tensors."""
    copy = NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = inputs
    return copy


def attribute(node: NodeProto, name: str, default: Any) -> Any:
    """Return the value of an attribute of numbers."""
    values = [get_attribute_value(item) for item in node.attribute if item.name == name]
    return values[0] if values else default
