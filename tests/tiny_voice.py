"""A voice so small that NumPy can say the right mel: `fastspeech2` for `tiny_bundles.MAKERS`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

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
    Source,
    StatePair,
    Variant,
)
from edgewright.specs import TensorSpec
from tiny_graphs import OPSET, UNMEASURED_FP32, make_graph

VOCABULARY = ("<pad>", "pau", "pau,", "pau.", "pau?", "_s", "iy1", "n", "_n", "ow1")
SPANISH_VOCABULARY = ("<pad>", "pau", "pau,", "pau.", "pau?", "_s", "i1", "n", "_n", "o1")
SIZE, BINS, RATE, HOP = 4, 8, 8000, 32
_RNG = np.random.default_rng(5)
EMBEDDINGS = _RNG.uniform(0.2, 1.0, (len(VOCABULARY), SIZE)).astype(np.float32)
LENGTHS = np.array([0, 3, 4, 6, 6, 5, 9, 4, 4, 11], np.float32)
MEL_WEIGHTS = _RNG.normal(size=(SIZE, BINS)).astype(np.float32)
N_FFT = 2 * HOP
SMOOTHING = np.array([0.2, 0.5, 0.3], np.float32)
"""Of the spectra, over the frame before, its own and the next."""
SPECTRUM_WEIGHTS = _RNG.normal(size=(BINS, N_FFT + 2)).astype(np.float32)
MEL = {
    "sample_rate": RATE, "num_mel_bins": BINS, "n_fft": 128, "win_length": 128, "hop_length": HOP,
    "window": "hann", "periodic": True, "padding": "reflect", "preemphasis": 0.0,
    "preemphasis_scope": "frame", "remove_dc": False, "power": 1.0, "low_frequency": 0.0,
    "high_frequency": 4000.0, "mel_scale": "slaney", "triangles": "hertz", "mel_norm": "slaney",
    "input_scale": 1.0, "floor": 1e-5, "floor_mode": "max", "normalization": "none",
}  # fmt: skip
SCALES = ("speaking_rate", "pitch_scale", "energy_scale")


@dataclass(frozen=True)
class Phone:
    symbol: str
    stress: int | None
    word_start: bool
    word: str

    @property
    def syllable_start(self) -> bool:
        return self.word_start  # all words here have one syllable


@dataclass(frozen=True)
class Sentence:
    text: str
    tokens: tuple[Phone, ...]


WORDS = {
    "see": (Phone("s", None, True, "see"), Phone("iy", 1, False, "see")),
    "no": (Phone("n", None, True, "no"), Phone("ow", 2, False, "no")),
}


def phonemize(text: str) -> tuple[Sentence, ...]:
    """Stand in for the lexicon: only "see" and "no" can be spoken."""
    sentences = []
    for part in filter(None, text.split(".")):
        phones = tuple(phone for word in part.split() for phone in WORDS.get(word, ()))
        sentences.append(Sentence(part, (*phones, Phone("pau", None, False, "."))))
    return tuple(sentences)


def mel_of(token_ids: NDArray[np.int64], durations: NDArray[np.int64]) -> NDArray[np.float32]:
    """Answer of the bundle with given durations."""
    return np.repeat(EMBEDDINGS[token_ids], durations, axis=0) @ MEL_WEIGHTS


def durations_of(token_ids: NDArray[np.int64], rate: float = 1.0) -> NDArray[np.int64]:
    """Frames of each token; halves are rounded to even, as in ONNX, PyTorch and NumPy."""
    return np.round(LENGTHS[token_ids] / np.float32(rate)).astype(np.int64)


def waveform_of(mel: NDArray[np.float32], vocoder: str) -> NDArray[np.float32]:
    """Answer of the vocoder: the first bin, repeated, or the inverse STFT by its definition."""
    if vocoder == "waveform":
        return np.repeat(mel[:, 0], HOP)
    before, here, behind = (
        np.pad(mel, ((1, 1), (0, 0)))[:-2],
        mel,
        np.pad(mel, ((0, 1), (0, 0)))[1:],
    )
    smooth = SMOOTHING[0] * before + SMOOTHING[1] * here + SMOOTHING[2] * behind
    real, imaginary = (smooth @ SPECTRUM_WEIGHTS).reshape(len(mel), -1, 2).transpose(2, 0, 1)
    window = np.hanning(N_FFT + 1)[:-1]
    frames = np.fft.irfft(real + 1j * imaginary) * window
    padded, weights = np.zeros((2, (len(mel) - 1) * HOP + N_FFT))
    for index, frame in enumerate(frames):
        padded[index * HOP : index * HOP + N_FFT] += frame
        weights[index * HOP : index * HOP + N_FFT] += window**2
    inner = slice(N_FFT // 2, N_FFT // 2 + (len(mel) - 1) * HOP)
    return np.pad(padded[inner] / weights[inner], (0, HOP)).astype(np.float32)


def fastspeech2(
    output: Path,
    *,
    vocoder: str = "",
    chunks: bool = False,
    language: str = "en",
    **changes: Any,
) -> Path:
    """Write the voice; its vocoder, if any, gives a "waveform" or a "spectrum".

    With a spectrum it may speak in `chunks`: one frame each way is smoothed, one overlaps. A
    Spanish one ("es") says "sí" and "no". `changes` replace `config` entries.
    """
    vocabulary = SPANISH_VOCABULARY if language == "es" else VOCABULARY
    graphs = {"encoder": _encoder(), "decoder": _decoder()}
    config: dict[str, Any] = {
        "sample_rate": RATE, "hop_length": HOP, "style": "flite", "spaces": False,
        "griffin_lim": {"mel": MEL, "iterations": 4, "momentum": 0.99},
        "mel_scale": [1.0], "mel_offset": [0.0], "max_phones": 20,
    }  # fmt: skip
    if vocoder:
        graphs["vocoder"], config["griffin_lim"] = VOCODERS[vocoder](), None
    if vocoder == "spectrum":
        config["istft"] = {"n_fft": N_FFT, "hop_length": HOP}
    if chunks:
        config["context"] = 2
    if language == "es":
        config |= {"language": "es", "lexicon": None, "letter_to_sound": None}
    ids = np.arange(1, len(vocabulary))
    sample = {"token_ids": ids, "durations": durations_of(ids)}
    answer = {"durations": durations_of(ids), "mel": mel_of(ids, durations_of(ids))}
    if vocoder:
        answer["waveform"] = waveform_of(answer["mel"], vocoder)
    if chunks:
        answer["stream_waveform"] = answer["waveform"]
    with BundleWriter(output) as writer:
        writer.add("NOTICE", b"Made for the tests of Edgewright.\n")
        writer.add(
            "assets/vocab.json",
            json.dumps({token: i for i, token in enumerate(vocabulary)}).encode(),
        )
        for name in ("lexicon", "letter_to_sound") if language == "en" else ():
            writer.add(f"assets/{name}.xz", b"not needed: the tests bring their own phones")
        for name, (graph, _, _) in graphs.items():
            writer.add(f"variants/fp32/{name}.onnx", graph)
        writer.add("golden/00.npz", write_golden(sample, answer))
        config |= changes.get("config", {})
        return writer.finish(manifest_of("fastspeech2", "speak", config, graphs))


Graph = tuple[bytes, tuple[TensorSpec, ...], tuple[TensorSpec, ...]]


def _encoder() -> Graph:
    inputs = (
        TensorSpec("token_ids", "int64", ("batch", "time")),
        *(TensorSpec(name, "float32", ("batch",)) for name in SCALES),
    )
    outputs = (
        TensorSpec("hidden", "float32", ("batch", "time", SIZE)),
        TensorSpec("durations", "int64", ("batch", "time")),
    )
    nodes = [
        helper.make_node("Gather", ["embeddings", "token_ids"], ["embedded"]),
        helper.make_node("Mul", ["pitch_scale", "energy_scale"], ["factor"]),
        helper.make_node("Unsqueeze", ["factor", "axes"], ["factor3"]),
        helper.make_node("Mul", ["embedded", "factor3"], ["hidden"]),
        helper.make_node("Gather", ["lengths", "token_ids"], ["frames"]),
        helper.make_node("Unsqueeze", ["speaking_rate", "axis"], ["rate2"]),
        helper.make_node("Div", ["frames", "rate2"], ["real"]),
        helper.make_node("Round", ["real"], ["rounded"]),
        helper.make_node("Cast", ["rounded"], ["durations"], to=TensorProto.INT64),
    ]
    constants = {"embeddings": EMBEDDINGS, "lengths": LENGTHS, "axes": np.array([1, 2]),
                 "axis": np.array([1])}  # fmt: skip
    return make_graph(nodes, inputs, outputs, **constants), inputs, outputs


def _decoder() -> Graph:
    inputs = (TensorSpec("frames", "float32", ("batch", "frames", SIZE)),)
    outputs = (TensorSpec("mel", "float32", ("batch", "frames", BINS)),)
    nodes = [helper.make_node("MatMul", ["frames", "weights"], ["mel"])]
    return make_graph(nodes, inputs, outputs, weights=MEL_WEIGHTS), inputs, outputs


def _waveform_vocoder() -> Graph:
    inputs = (TensorSpec("mel", "float32", ("batch", "frames", BINS)),)
    outputs = (TensorSpec("waveform", "float32", ("batch", "samples")),)
    nodes = [
        helper.make_node("Slice", ["mel", "zero", "one", "last"], ["first"]),
        helper.make_node("Tile", ["first", "repeats"], ["tiled"]),
        helper.make_node("Flatten", ["tiled"], ["waveform"], axis=1),
    ]
    constants = {"zero": np.array([0]), "one": np.array([1]), "last": np.array([2]),
                 "repeats": np.array([1, 1, HOP])}  # fmt: skip
    return make_graph(nodes, inputs, outputs, **constants), inputs, outputs


def _spectrum_vocoder() -> Graph:
    inputs = (TensorSpec("mel", "float32", ("batch", "frames", BINS)),)
    outputs = (TensorSpec("spectrum", "float32", ("batch", "frames", N_FFT // 2 + 1, 2)),)
    nodes = [
        helper.make_node("Transpose", ["mel"], ["bins_first"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["bins_first", "smoothing"], ["smooth"], pads=[1, 1], group=BINS),
        helper.make_node("Transpose", ["smooth"], ["frames_first"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["frames_first", "weights"], ["flat"]),
        helper.make_node("Reshape", ["flat", "shape"], ["spectrum"]),
    ]
    constants = {"weights": SPECTRUM_WEIGHTS, "shape": np.array([0, 0, -1, 2]),
                 "smoothing": np.tile(SMOOTHING, (BINS, 1, 1))}  # fmt: skip
    return make_graph(nodes, inputs, outputs, **constants), inputs, outputs


VOCODERS = {"waveform": _waveform_vocoder, "spectrum": _spectrum_vocoder}


def manifest_of(
    family: str,
    task: str,
    config: Mapping[str, Any],
    graphs: Mapping[str, Graph],
    states: Mapping[str, tuple[StatePair, ...]] = MappingProxyType({}),
) -> Manifest:
    """Return the manifest of a bundle of several components and one golden sample."""
    components = {
        name: Component((f"variants/fp32/{name}.onnx",), inputs, outputs, states.get(name, ()))
        for name, (_, inputs, outputs) in graphs.items()
    }
    receipt = Receipt(
        bytes=0,
        parity=Parity(max_abs=1e-7, scale=2.0, sqnr_db=140.0, samples=1),
        metric=Metric("agreement", 1.0, 1.0, 0.999, 1, "golden samples"),
        method="by hand",
        calibration_sha256=None,
        kept_in_higher_precision=(),
    )
    variant = Variant("fp32", "fp32", {"ai.onnx": OPSET}, components, (UNMEASURED_FP32,), receipt)
    return Manifest(
        format=FORMAT, format_version=1, requires=(), family=family, task=task,
        name=f"tiny-{family}", version="1.0",
        licenses=Licenses(("Apache-2.0",), ("Apache-2.0",), ("Apache-2.0",)),
        source=Source({}, "ByHand", {}, 0), config=dict(config), files={}, variants=(variant,),
        rejected=(), golden=Golden((GoldenSample("golden/00.npz"),), {"fp32": 1e-5}),
    )  # fmt: skip
