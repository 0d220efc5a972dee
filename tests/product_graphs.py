"""The graphs by which the report of `edgewright bench` measures a machine.

python tests/product_graphs.py            writes them beside sdk/edgewright/bench/report/peak.py
"""

from pathlib import Path

from onnx import TensorProto, helper

FOLDER = Path(__file__).parents[1] / "sdk" / "edgewright" / "bench" / "report"
PRODUCTS = {
    "matmul.onnx": ("MatMul", TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.FLOAT),
    "matmul_integer.onnx": (
        "MatMulInteger", TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32
    ),
}  # fmt: skip
"""By file: the operator, and the types of `a`, `b` and their product `y`."""


def make_product(file: str) -> bytes:
    """Return the serialized graph of a (m, k) times b (k, n)."""
    operator, *kinds = PRODUCTS[file]
    a, b, y = (
        helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in zip("aby", kinds, ("mk", "kn", "mn"), strict=True)
    )
    graph = helper.make_graph(
        [helper.make_node(operator, ["a", "b"], ["y"])], "product", [a, b], [y]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString(deterministic=True)


if __name__ == "__main__":
    for name in PRODUCTS:
        (FOLDER / name).write_bytes(make_product(name))
