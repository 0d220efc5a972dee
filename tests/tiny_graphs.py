"""ONNX graphs by hand, and what every tiny bundle says of its variants."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from edgewright.bundle.manifest import Target
from edgewright.specs import TensorSpec

CPU = "CPUExecutionProvider"
OPSET = 17
UNMEASURED_FP32 = Target(CPU, "cpu", (), "unmeasured", None, (), "")


def make_graph(
    nodes: Sequence[Any],
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    **constants: Any,
) -> bytes:
    """Return a serialized model."""
    model = helper.make_model(
        helper.make_graph(
            list(nodes),
            "tiny",
            [_value(spec) for spec in inputs],
            [_value(spec) for spec in outputs],
            [numpy_helper.from_array(np.asarray(c), name) for name, c in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
    )
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _value(spec: TensorSpec) -> Any:
    kind = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}[spec.dtype]
    return helper.make_tensor_value_info(spec.name, kind, spec.shape)
