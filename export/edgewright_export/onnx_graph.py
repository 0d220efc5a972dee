"""PyTorch module -> optimized ONNX file, with named inputs, outputs and dynamic dimensions."""

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path

import numpy as np
import onnx
import onnx_ir
import torch
from onnx import TensorProto

from edgewright.bundle.manifest import Component, SizeRange, StatePair
from edgewright.bundle.rules import STATE
from edgewright.errors import CheckpointError
from edgewright.specs import TensorSpec
from edgewright_export.quiet import quiet_libraries

EXTERNAL_DATA_BYTES = 2_000_000_000
"""Weights beyond this go to a file of their own: a protobuf message holds less than 2 GiB."""
_SCOPES = "pkg.torch.onnx.name_scopes"  # where PyTorch says which module a node comes from


@dataclass(frozen=True)
class TracedComponent:
    """What becomes one graph."""

    module: torch.nn.Module
    """Takes and gives exactly the tensors below, in their order."""
    inputs: Mapping[str, torch.Tensor]
    """Example inputs by graph name, dynamic sizes as in typical use and at least 2."""
    outputs: tuple[str, ...]
    """Graph names of the outputs."""
    dynamic: Mapping[str, Mapping[int, str]]
    """By input: axis -> name of its dynamic dimension; equal names mean equal sizes."""
    probes: tuple[Mapping[str, torch.Tensor], ...] = field(default=())
    """Inputs of other sizes, on which the graph is compared with `module`."""
    ranges: Mapping[str, tuple[SizeRange, ...]] = field(default_factory=dict)
    """By name of a dynamic dimension: the sizes that engines are built for."""


def export_graph(traced: TracedComponent, path: Path) -> None:
    """Write `traced` to `path` (and `path` + `.data` where the weights are too large for one file).

    Python's source positions are left out: they would name folders of the exporting machine.

    Raises:
        CheckpointError: PyTorch cannot export the module.
    """
    names = sorted({name for axes in traced.dynamic.values() for name in axes.values()})
    dims = {name: torch.export.Dim(name) for name in names}
    shapes = (
        {axis: dims[dim] for axis, dim in traced.dynamic.get(name, {}).items()}
        for name in traced.inputs
    )
    arguments = signature(traced.module.forward).bind(*shapes).arguments
    try:
        with quiet_libraries(), torch.no_grad():
            program = torch.onnx.export(
                traced.module.eval(),
                tuple(traced.inputs.values()),
                dynamo=True,
                dynamic_shapes=arguments if dims else None,
                input_names=list(traced.inputs),
                output_names=list(traced.outputs),
                optimize=True,
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise CheckpointError(
            f"{type(traced.module).__name__}: got '{error}' from torch.onnx.export, expected a "
            "graph; report it with config.json"
        ) from error
    assert program is not None  # only fallback modes return nothing
    _save(program.model, path)


def _save(model: onnx_ir.Model, path: Path) -> None:
    _name_by_module(model)
    _strip(model)
    tensors = (value.const_value for value in model.graph.initializers.values())
    size = sum(tensor.nbytes for tensor in tensors if tensor is not None)
    external = f"{path.name}.data" if size > EXTERNAL_DATA_BYTES else None
    onnx_ir.save(model, path, external_data=external)


def _name_by_module(model: onnx_ir.Model) -> None:
    """Name every node after the module that it comes from: `model.classifier/Gemm`."""
    seen: Counter[str] = Counter()
    for node in onnx_ir.traversal.RecursiveGraphIterator(model.graph):
        scopes = ast.literal_eval(node.metadata_props.get(_SCOPES, "[]"))
        module = next((scope for scope in reversed(scopes[:-1]) if scope), "graph")
        name = f"{module}/{node.op_type}"
        seen[name] += 1
        node.name = name if seen[name] == 1 else f"{name}_{seen[name]}"


def _strip(model: onnx_ir.Model) -> None:
    model.doc_string = None
    model.metadata_props.clear()
    model.graph.doc_string = None
    model.graph.metadata_props.clear()
    for node in onnx_ir.traversal.RecursiveGraphIterator(model.graph):
        node.doc_string = None
        node.metadata_props.clear()
        for value in node.outputs:
            value.doc_string = None
            value.metadata_props.clear()
    for value in model.graph.initializers.values():
        value.doc_string = None
        value.metadata_props.clear()


def read_names(node: onnx.NodeProto) -> set[str]:
    """Return the names of what `node` reads, those that its inner graphs read too."""
    inner = (used_names(attribute.g) for attribute in node.attribute if attribute.HasField("g"))
    return set(node.input).union(*inner)


def used_names(graph: onnx.GraphProto) -> set[str]:
    """Return the names of what the nodes of `graph` read or what it gives."""
    return {value.name for value in graph.output}.union(*map(read_names, graph.node))


def save_model(model: onnx.ModelProto, path: Path) -> None:
    """Write a graph that was made from another to `path`, as `export_graph` does."""
    large = sum(len(tensor.raw_data) for tensor in model.graph.initializer) > EXTERNAL_DATA_BYTES
    onnx.save(model, path, save_as_external_data=large, location=f"{path.name}.data")


def graph_files(path: Path) -> tuple[Path, ...]:
    """Return the ONNX file `path` and its external data, where it has such."""
    data = path.with_name(f"{path.name}.data")
    return (path, data) if data.is_file() else (path,)


def describe(path: Path, folder: Path) -> Component:
    """Return the manifest record of the graph in `path`, with file names relative to `folder`."""
    graph = onnx.load(path, load_external_data=False).graph
    states = sorted(value.name for value in graph.input if STATE.fullmatch(value.name))
    return Component(
        files=tuple(file.relative_to(folder).as_posix() for file in graph_files(path)),
        inputs=tuple(_spec(value) for value in graph.input),
        outputs=tuple(_spec(value) for value in graph.output),
        states=tuple(StatePair(name, f"next_{name}") for name in states),
    )


def opsets(paths: Sequence[Path]) -> dict[str, int]:
    """Return the operator-set versions of the graphs in `paths` by domain, the latest of each."""
    found: dict[str, int] = {}
    for path in paths:
        for entry in onnx.load(path, load_external_data=False).opset_import:
            domain = entry.domain or "ai.onnx"
            found[domain] = max(entry.version, found.get(domain, 0))
    return found


def _spec(value: onnx.ValueInfoProto) -> TensorSpec:
    tensor = value.type.tensor_type
    shape = tuple(dim.dim_param or dim.dim_value for dim in tensor.shape.dim)
    return TensorSpec(value.name, _dtype(tensor.elem_type), shape)


def _dtype(kind: int) -> str:
    if kind == TensorProto.UNDEFINED:
        raise CheckpointError(
            "graph: got an input or output without dtype, expected one; report it with config.json"
        )
    return str(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind)))
