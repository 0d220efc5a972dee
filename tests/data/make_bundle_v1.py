"""Makes the stored bundle of format 1: `python tests/data/make_bundle_v1.py FOLDER`.

The bundle in `tests/data/` was made once, when format 1 was released, and is not made again: later
readers must open the stored bytes. Its classifier averages an 8 × 8 image by channel and multiplies
by a 3 × 4 matrix, in fp32 and with int8 weights, so that NumPy can say the right answer.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from edgewright.bundle import BundleWriter
from edgewright.bundle.golden import write_golden
from edgewright.bundle.manifest import (
    FORMAT,
    Component,
    Golden,
    GoldenSample,
    Licenses,
    Manifest,
    Metric,
    Parity,
    Receipt,
    Rejection,
    Source,
    Target,
    Variant,
)
from edgewright.bundle.pack import pack
from edgewright.specs import TensorSpec

SIZE, OPSET = 8, 17
LABELS = ("red", "green", "blue", "bright")
SCALE = 0.05
QUANTIZED = np.array([[40, -20, -20, 14], [-20, 40, -20, 13], [-20, -20, 40, 14]], np.int8)
WEIGHTS = QUANTIZED * np.float32(SCALE)
TOLERANCE = {"fp32": 1e-4, "int8": 1e-2}


def graph(*, quantized: bool) -> bytes:
    """Return pixel_values (batch, 3, 8, 8) -> logits (batch, 4) as an ONNX model."""
    weights = [numpy_helper.from_array(WEIGHTS, "weights")]
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixel_values"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("MatMul", ["features", "weights"], ["logits"]),
    ]
    if quantized:
        weights = [
            numpy_helper.from_array(QUANTIZED, "weights_int8"),
            numpy_helper.from_array(np.float32(SCALE), "scale"),
        ]
        nodes.insert(
            2, helper.make_node("DequantizeLinear", ["weights_int8", "scale"], ["weights"])
        )
    pixels = helper.make_tensor_value_info(
        "pixel_values", TensorProto.FLOAT, ["batch", 3, SIZE, SIZE]
    )
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(LABELS)])
    model = helper.make_model(
        helper.make_graph(nodes, "colours", [pixels], [logits], weights),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def answer(image: np.ndarray) -> np.ndarray:
    """Return the logits of an image, from the definition."""
    pixels = (image.astype(np.float64) / 255 - 0.5) / 0.5
    return (pixels.mean(axis=(0, 1)) @ WEIGHTS.astype(np.float64)).astype(np.float32)


def images() -> list[np.ndarray]:
    """Return a red and a green image, with some noise."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 60, (2, SIZE, SIZE, 3))
    return [(noise[i] + np.eye(3)[i] * 180).astype(np.uint8) for i in range(2)]


def parity(model: bytes) -> Parity:
    """Return how far the graph's answers lie from the definition."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    batch = np.stack([(image.astype(np.float32) / 255 - 0.5) / 0.5 for image in images()])
    [logits] = session.run(None, {"pixel_values": batch.transpose(0, 3, 1, 2)})
    expected = np.stack([answer(image) for image in images()])
    error = logits - expected
    sqnr = 10 * np.log10(np.square(expected).sum() / np.square(error).sum())
    return Parity(float(np.abs(error).max()), float(np.abs(expected).max()), float(sqnr), 2)


def variant(name: str, target: Target) -> Variant:
    component = Component(
        files=(f"variants/{name}/model.onnx",),
        inputs=(TensorSpec("pixel_values", "float32", ("batch", 3, SIZE, SIZE)),),
        outputs=(TensorSpec("logits", "float32", ("batch", len(LABELS))),),
    )
    return Variant(
        name=name,
        precision=name,
        opsets={"ai.onnx": OPSET},
        components={"model": component},
        targets=(target,),
        receipt=Receipt(
            bytes=0,
            parity=parity(graph(quantized=name == "int8")),
            metric=Metric("top1", 1.0, 1.0, 0.99, 2, "golden samples"),
            method="built by hand",
            calibration_sha256=None,
            kept_in_higher_precision=(),
        ),
    )


def manifest() -> Manifest:
    image = {
        "resize": [SIZE, SIZE],
        "resample": "bilinear",
        "crop": None,
        "scale": 1 / 255,
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
    }
    unmeasured = Target("CPUExecutionProvider", "cpu", (), "unmeasured", None, (), "")
    measured = Target(
        "CPUExecutionProvider",
        "cpu",
        ("vnni",),
        "not recommended",
        1.1,
        (1.05, 1.15),
        "example CPU, never measured",
    )
    return Manifest(
        format=FORMAT,
        format_version=1,
        requires=(),
        family="vit",
        task="classify",
        name="colours",
        version="1.0",
        licenses=Licenses(("Apache-2.0",), ("Apache-2.0",), ("Apache-2.0",)),
        source=Source({}, "ByHand", {name: version(name) for name in ("onnx", "onnxruntime")}, 0),
        config={"image": image, "labels": list(LABELS)},
        files={},
        variants=(variant("fp32", unmeasured), variant("int8", measured)),
        rejected=(Rejection("fp16", "top1 0.5 is below the minimum 0.999"),),
        golden=Golden((GoldenSample("golden/00.npz"), GoldenSample("golden/01.npz")), TOLERANCE),
        extensions={"org.example.note": {"made_by": "make_bundle_v1.py"}},
    )


def main(folder: Path) -> None:
    with BundleWriter(folder / "bundle_v1.edge") as writer:
        writer.add("NOTICE", b"Made by hand for the tests of Edgewright.\n")
        writer.add("variants/fp32/model.onnx", graph(quantized=False))
        writer.add("variants/int8/model.onnx", graph(quantized=True))
        for index, image in enumerate(images()):
            sample = write_golden({"image": image}, {"logits": answer(image)})
            writer.add(f"golden/{index:02}.npz", sample)
        path = writer.finish(manifest())
    pack(path, folder / "bundle_v1_zip.edge", zip=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
