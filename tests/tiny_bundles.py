"""Bundles of a few kB with graphs so small that NumPy can say the right answer.

Made without PyTorch: the graphs come from `onnx.helper`, everything around them is the real thing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
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
    Target,
    Variant,
)
from edgewright.specs import TensorSpec
from tiny_graphs import CPU, OPSET, UNMEASURED_FP32, make_graph
from tiny_translator import marian
from tiny_voice import fastspeech2

RECOMMENDED_INT8 = Target(CPU, "cpu", ("vnni",), "recommended", 0.5, (0.4, 0.6), "test CPU")

SIZE = 8
COLOURS = ("red", "green", "blue", "bright")
COLOUR_WEIGHTS = np.array([[4, -2, -2, 1], [-2, 4, -2, 1], [-2, -2, 4, 1]], np.float32)

K = 2
VOCABULARY = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *map("".join, product("ATCG", repeat=K)),
)
SITES = ("no", "site")
HIDDEN = 4
_RNG = np.random.default_rng(7)
EMBEDDINGS = _RNG.normal(size=(len(VOCABULARY), HIDDEN)).astype(np.float32)
SITE_WEIGHTS = _RNG.normal(size=(HIDDEN, len(SITES))).astype(np.float32)
MAX_TOKENS = 34

STATES, ACTIONS, CONTEXT = 3, 2, 4
STATE_WEIGHTS = _RNG.normal(size=(STATES, ACTIONS)).astype(np.float32)
ACTION_WEIGHTS = _RNG.normal(size=(ACTIONS, ACTIONS)).astype(np.float32)
STATE_MEAN, STATE_STD, RETURN_SCALE = (0.5, -1.0, 2.0), (1.0, 2.0, 0.5), 10.0

RATE, FRAME = 16000, 160
TOKENS = ("<blank>", "\u2581a", "b", "\u2581c")
TONES = np.array([0, 500, 1000, 2000])
"""Hz; whole periods in a frame, so frames of one tone give nothing for the others."""
TONE_KERNELS = np.cos(2 * np.pi * TONES[:, None] * np.arange(FRAME) / RATE).astype(np.float32)
TONE_KERNELS[0] = 0
BLANK_BIAS = np.array([20, 0, 0, 0], np.float32)


def colour_logits(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Answer of the `vit` bundle for an image of SIZE × SIZE."""
    pixels = (image.astype(np.float64) / 255 - 0.5) / 0.5
    return (pixels.mean(axis=(0, 1)) @ COLOUR_WEIGHTS).astype(np.float32)


def kmer_ids(sequence: str) -> list[int]:
    """Ids of the k-mers, looked up one by one."""
    words = [sequence[i : i + K].upper() for i in range(len(sequence) - K + 1)]
    return [VOCABULARY.index(word) if word in VOCABULARY else 1 for word in words]


def site_logits(sequence: str) -> NDArray[np.float32]:
    """Answer of the `dnabert` bundle: mean embedding of all tokens times the weights."""
    return EMBEDDINGS[[2, *kmer_ids(sequence), 3]].mean(axis=0) @ SITE_WEIGHTS


def action_of(
    state: NDArray[np.float32], last_action: NDArray[np.float32], return_to_go: float, step: int
) -> NDArray[np.float32]:
    """Answer of the `decision_transformer` bundle; the previous action is the slot before."""
    normal = (np.asarray(state) - STATE_MEAN) / STATE_STD
    return normal @ STATE_WEIGHTS + last_action @ ACTION_WEIGHTS + return_to_go / 10 + 0.1 * step


def vit(output: Path, **changes: Any) -> Path:
    """Write a colour classifier with the variants fp32 and int8 (the latter slightly off)."""
    pixels = TensorSpec("pixel_values", "float32", ("batch", 3, SIZE, SIZE))
    logits = TensorSpec("logits", "float32", ("batch", len(COLOURS)))
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixel_values"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("MatMul", ["features", "weights"], ["logits"]),
    ]
    graphs = {
        "fp32": make_graph(nodes, (pixels,), (logits,), weights=COLOUR_WEIGHTS),
        "int8": make_graph(nodes, (pixels,), (logits,), weights=COLOUR_WEIGHTS * np.float32(1.01)),
    }
    image = {"resize": [SIZE, SIZE], "resample": "bilinear", "crop": None, "scale": 1 / 255,
             "mean": [0.5] * 3, "std": [0.5] * 3}  # fmt: skip
    pictures = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), np.uint8)
    samples = [({"image": p}, {"logits": colour_logits(p)}) for p in pictures]
    config = {"image": image, "labels": list(COLOURS)}
    return _write(output, "vit", "classify", config, graphs, (pixels,), (logits,), samples, changes)


def dnabert(output: Path, head: str = "sequence", **changes: Any) -> Path:
    """Write a k-mer scorer with the head `sequence`, `token` or `embedding`; variant fp32."""
    tokens = TensorSpec("token_ids", "int64", ("batch", "time"))
    mask = TensorSpec("attention_mask", "int64", ("batch", "time"))
    embed = [helper.make_node("Gather", ["embeddings", "token_ids"], ["embedded"])]
    weigh = [
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["weights3"]),
        helper.make_node("Mul", ["embedded", "weights3"], ["hidden"]),
    ]
    pool = [
        helper.make_node("ReduceSum", ["hidden", "time"], ["summed"], keepdims=0),
        helper.make_node("ReduceSum", ["weights3", "time"], ["count"], keepdims=0),
        helper.make_node("Div", ["summed", "count"], ["mean"]),
    ]
    constants = {"embeddings": EMBEDDINGS, "last": np.array([-1]), "time": np.array([1]),
                 "sites": SITE_WEIGHTS}  # fmt: skip
    text = "ACGTACGGTNACCATG"
    ids = kmer_ids(text)
    if head == "sequence":
        output_spec = TensorSpec("logits", "float32", ("batch", len(SITES)))
        nodes = [*embed, *weigh, *pool, helper.make_node("MatMul", ["mean", "sites"], ["logits"])]
        answer = {"logits": site_logits(text)}
    elif head == "token":
        output_spec = TensorSpec("logits", "float32", ("batch", "time", len(SITES)))
        nodes = [*embed, *weigh, helper.make_node("MatMul", ["hidden", "sites"], ["logits"])]
        answer = {"logits": EMBEDDINGS[ids] @ SITE_WEIGHTS}
    else:
        output_spec = TensorSpec("hidden", "float32", ("batch", "time", HIDDEN))
        nodes = [*embed, *weigh]
        answer = {"embedding": EMBEDDINGS[ids].mean(axis=0)}
    graphs = {"fp32": make_graph(nodes, (tokens, mask), (output_spec,), **constants)}
    samples = [({"sequence": np.frombuffer(text.encode(), np.uint8)}, answer)]
    config = {"k": K, "head": head, "labels": [] if head == "embedding" else list(SITES),
              "max_tokens": MAX_TOKENS, "window": 10}  # fmt: skip
    assets = {"assets/vocab.txt": ("\n".join(VOCABULARY) + "\n").encode()}
    return _write(
        output, "dnabert", "score", config, graphs, (tokens, mask), (output_spec,), samples,
        {"assets": assets, **changes},
    )  # fmt: skip


def decision_transformer(output: Path, **changes: Any) -> Path:
    """Write a policy that is linear in state, last action, return-to-go and time; variant fp32."""
    inputs = (
        TensorSpec("states", "float32", ("batch", "time", STATES)),
        TensorSpec("actions", "float32", ("batch", "time", ACTIONS)),
        TensorSpec("returns_to_go", "float32", ("batch", "time", 1)),
        TensorSpec("timesteps", "int64", ("batch", "time")),
        TensorSpec("attention_mask", "int64", ("batch", "time")),
    )
    predictions = TensorSpec("action_preds", "float32", ("batch", "time", ACTIONS))
    nodes = [
        helper.make_node("MatMul", ["states", "state_weights"], ["from_states"]),
        # Shifted by one step: position t sees the action of t - 1.
        helper.make_node("Pad", ["actions", "one_step"], ["padded"]),
        helper.make_node("Slice", ["padded", "begin", "end", "axis"], ["shifted"]),
        helper.make_node("MatMul", ["shifted", "action_weights"], ["from_actions"]),
        helper.make_node("Mul", ["timesteps", "attention_mask"], ["valid"]),
        helper.make_node("Cast", ["valid"], ["valid_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["valid_float", "tenth"], ["scaled"]),
        helper.make_node("Unsqueeze", ["scaled", "last"], ["from_time"]),
        helper.make_node("Sum", ["from_states", "from_actions", "returns_to_go", "from_time"],
                         ["action_preds"]),
    ]  # fmt: skip
    graph = make_graph(
        nodes, inputs, (predictions,),
        state_weights=STATE_WEIGHTS, action_weights=ACTION_WEIGHTS, tenth=np.float32(0.1),
        one_step=np.array([0, 1, 0, 0, 0, 0]), begin=np.array([0]), end=np.array([-1]),
        axis=np.array([1]), last=np.array([-1]),
    )  # fmt: skip
    config = {
        "state_dim": STATES, "action_dim": ACTIONS, "context_length": CONTEXT, "max_ep_len": 1000,
        "return_scale": RETURN_SCALE, "state_mean": list(STATE_MEAN), "state_std": list(STATE_STD),
        "action_low": [-1.0] * ACTIONS, "action_high": [1.0] * ACTIONS,
        "environment": None, "target_return": 20.0,
    }  # fmt: skip
    states = np.array([[0.1, 0.2, 0.3], [0.2, -0.1, 1.0]], np.float32)
    actions, rewards = np.array([[0.5, -0.25]], np.float32), np.array([2.0], np.float32)
    inputs_of_sample = {"states": states, "actions": actions, "rewards": rewards,
                        "target_return": np.array(20, np.float32)}  # fmt: skip
    answer = action_of(states[1], actions[0], 18.0, 1).astype(np.float32)
    samples = [(inputs_of_sample, {"action": answer})]
    return _write(
        output, "decision_transformer", "control", config, {"fp32": graph}, inputs, (predictions,),
        samples, changes,
    )  # fmt: skip


def tone_logits(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Answer of the `conformer_ctc` bundle: each whole frame against the cosines of the tokens."""
    frames = waveform[: waveform.size // FRAME * FRAME].reshape(-1, FRAME)
    return (frames @ TONE_KERNELS.T + BLANK_BIAS).astype(np.float32)


def tones(token_ids: Sequence[int], frames: int = 5) -> NDArray[np.float32]:
    """Speak token ids: `frames` frames of each one's cosine (the blank is silent)."""
    return np.concatenate([np.tile(TONE_KERNELS[i], frames) for i in token_ids]) / np.float32(2)


def conformer_ctc(output: Path, **changes: Any) -> Path:
    """Write a recognizer of tones with the words "ab" and "c"; variant fp32."""
    waveform = TensorSpec("waveform", "float32", ("batch", "samples"))
    logits = TensorSpec("logits", "float32", ("batch", "frames", len(TOKENS)))
    nodes = [
        helper.make_node("Unsqueeze", ["waveform", "one"], ["channel"]),
        helper.make_node("Conv", ["channel", "kernels", "bias"], ["scores"], strides=[FRAME]),
        helper.make_node("Transpose", ["scores"], ["logits"], perm=[0, 2, 1]),
    ]
    graph = make_graph(
        nodes, (waveform,), (logits,),
        one=np.array([1]), kernels=TONE_KERNELS[:, None], bias=BLANK_BIAS,
    )  # fmt: skip
    config = {
        "sample_rate": RATE, "features": None, "normalize_waveform": False, "blank_id": 0,
        "special_ids": [0], "word_boundary": "prefix", "chunk_frames": 1, "pad_value": 0.0,
        "frame_seconds": FRAME / RATE, "subsampling": [[FRAME, FRAME, 0]], "max_segment": 2.0,
        "vocabulary": "assets/tokens.txt",
        "search": {"beam_width": 8, "lm_weight": 0.0, "word_bonus": 0.0, "token_threshold": -30.0,
                   "beam_threshold": 60.0, "lexicon": "assets/lexicon.txt",
                   "language_model": None},
    }  # fmt: skip
    assets = {
        "assets/tokens.txt": ("\n".join(TOKENS) + "\n").encode(),
        "assets/lexicon.txt": b"ab\t1 2\nc\t3\n",
    }
    sample = tones([1, 0, 2, 0, 3])
    samples = [({"waveform": sample}, {"logits": tone_logits(sample)})]
    return _write(
        output, "conformer_ctc", "transcribe", config, {"fp32": graph}, (waveform,), (logits,),
        samples, {"assets": assets, **changes},
    )  # fmt: skip


MAKERS = {
    "vit": vit,
    "dnabert": dnabert,
    "decision_transformer": decision_transformer,
    "conformer_ctc": conformer_ctc,
    "fastspeech2": fastspeech2,
    "marian": marian,
}
"""By family."""


def _write(  # noqa: PLR0917
    output: Path,
    family: str,
    task: str,
    config: Mapping[str, Any],
    graphs: Mapping[str, bytes],
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    samples: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    changes: Mapping[str, Any],
) -> Path:
    """Write the bundle; `changes` may replace `config` entries, `graphs`, `assets`, `manifest`."""
    graphs = {**graphs, **changes.get("graphs", {})}
    with BundleWriter(output) as writer:
        writer.add("NOTICE", b"Made for the tests of Edgewright.\n")
        for name, data in changes.get("assets", {}).items():
            writer.add(name, data)
        for name, graph in graphs.items():
            writer.add(f"variants/{name}/model.onnx", graph)
        files = [f"golden/{i:02}.npz" for i in range(len(samples))]
        for file, (raw, answer) in zip(files, samples, strict=True):
            writer.add(file, write_golden(raw, answer))
        manifest = Manifest(
            format=FORMAT, format_version=1, requires=(), family=family, task=task,
            name=f"tiny-{family}", version="1.0",
            licenses=Licenses(("Apache-2.0",), ("Apache-2.0",), ("Apache-2.0",)),
            source=Source({}, "ByHand", {}, 0), config={**config, **changes.get("config", {})},
            files={}, variants=tuple(_variant(name, inputs, outputs) for name in graphs),
            rejected=(),
            golden=Golden(tuple(map(GoldenSample, files)),
                          {name: 1e-5 if name == "fp32" else 0.05 for name in graphs}),
        )  # fmt: skip
        return writer.finish(replace(manifest, **changes.get("manifest", {})))


def _variant(name: str, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> Variant:
    return Variant(
        name=name,
        precision=name,
        opsets={"ai.onnx": OPSET},
        components={"model": Component((f"variants/{name}/model.onnx",), inputs, outputs)},
        targets=(RECOMMENDED_INT8 if name == "int8" else UNMEASURED_FP32,),
        receipt=Receipt(
            bytes=0,
            parity=Parity(max_abs=1e-7, scale=2.0, sqnr_db=140.0, samples=2),
            metric=Metric("top1", 1.0, 1.0, 0.99, 2, "golden samples"),
            method="by hand",
            calibration_sha256=None,
            kept_in_higher_precision=(),
        ),
    )
