"""The recognizer's graph as sherpa-onnx takes one: dressed as a CTC model of WeNet.

sherpa-onnx computes Kaldi's features as the checkpoint wants them but for two things: they are cut
at -16 rather than 0, which the dress makes good, and the first frame begins 7.5 ms before the audio
(`snip_edges=False`), so that a letter may differ. Its frames are 10 ms apart, whatever the
checkpoint wants: with one of 8 ms it computes a fifth less, and what it hears may differ more.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
import sherpa_onnx
import soundfile
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from peers.opened import Bundle

BLANK = "<blk>"


def sherpa(bundle: Bundle, variant: str) -> Callable[[str], str]:
    """Return from the path of an audio file to its text, decoded greedily."""
    with TemporaryDirectory() as folder:
        model, tokens = Path(folder, "model.onnx"), Path(folder, "tokens.txt")
        onnx.save(dressed(bundle, variant), model)
        pieces = [BLANK, *bundle.lines(bundle.config["vocabulary"])[1:]]
        tokens.write_text("".join(f"{piece} {index}\n" for index, piece in enumerate(pieces)))
        recognizer = sherpa_onnx.OfflineRecognizer.from_wenet_ctc(
            str(model), str(tokens), num_threads=1
        )

    def transcribe(path: str) -> str:
        samples, rate = soundfile.read(path, dtype="float32")
        stream = recognizer.create_stream()
        stream.accept_waveform(rate, samples)
        recognizer.decode_stream(stream)
        return stream.result.text

    return transcribe


def dressed(bundle: Bundle, variant: str) -> onnx.ModelProto:
    """Return the graph with WeNet's inputs, outputs and metadata, and with its first states."""
    model = onnx.load(bundle.path / "variants" / variant / "model.onnx")
    graph, config = model.graph, bundle.config
    features, *states = graph.input
    size, vocabulary = _shape(features)[2], _shape(graph.output[0])[2]
    zeros = {
        state.name: np.zeros([n or 1 for n in _shape(state)], _dtype(state)) for state in states
    }
    axis = {"axis": np.array([1])}
    before, constants = _padding(features.name, config)
    behind = [
        helper.make_node("LogSoftmax", ["logits"], ["log_probs"], axis=-1),
        helper.make_node("Shape", ["logits"], ["answered"]),
        helper.make_node("Gather", ["answered", "axis"], ["log_probs_lens"]),
    ]
    stored = {**zeros, **axis, **constants}
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in stored.items())
    _replace(graph.node, [*before, *graph.node, *behind])
    _replace(graph.input, [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", size]),
        helper.make_tensor_value_info("x_lens", TensorProto.INT64, ["N"]),
    ])  # fmt: skip
    _replace(graph.output, [
        helper.make_tensor_value_info("log_probs", TensorProto.FLOAT, ["N", "L", vocabulary]),
        helper.make_tensor_value_info("log_probs_lens", TensorProto.INT64, ["N"]),
    ])  # fmt: skip
    subsampling = np.prod([stride for _, stride, _ in config["subsampling"]])
    facts = {"vocab_size": vocabulary, "subsampling_factor": subsampling}
    helper.set_model_props(model, {name: str(value) for name, value in facts.items()})
    onnx.checker.check_model(model)
    return model


def _padding(
    features: str, config: dict[str, Any]
) -> tuple[list[onnx.NodeProto], dict[str, NDArray[Any]]]:
    """Return nodes from `x` to padded features, as ours are (the flush, whole chunks)."""
    nodes = [
        helper.make_node("Max", ["x", "floor"], ["heard"]),
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Gather", ["shape", "axis"], ["time"]),
        helper.make_node("Add", ["time", "flush"], ["flushed"]),
        helper.make_node("Neg", ["flushed"], ["negative"]),
        helper.make_node("Mod", ["negative", "chunk"], ["missing"]),
        helper.make_node("Add", ["missing", "flush"], ["more"]),
        helper.make_node("Concat", ["before", "more", "behind"], ["widths"], axis=0),
        helper.make_node("Pad", ["heard", "widths", "silence"], [features]),
    ]
    constants = {
        "floor": np.array(0, np.float32), "silence": np.array(config["pad_value"], np.float32),
        "flush": np.array([config["flush_frames"]]), "chunk": np.array([config["chunk_frames"]]),
        "before": np.zeros(4, np.int64), "behind": np.zeros(1, np.int64),
    }  # fmt: skip
    return nodes, constants


def _shape(value: onnx.ValueInfoProto) -> list[int]:
    return [one.dim_value for one in value.type.tensor_type.shape.dim]


def _dtype(value: onnx.ValueInfoProto) -> np.dtype[Any]:
    return helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)


def _replace(field: Any, values: Sequence[Any]) -> None:
    del field[:]
    field.extend(values)
