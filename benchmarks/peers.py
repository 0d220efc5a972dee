"""How users run the shipped checkpoints without Edgewright: from a file or observation to answers.

Every peer is written the short way. `HAND` is onnxruntime by hand on the graph of our own bundle:
what it takes less than us is the price of the SDK.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kaldi_native_fbank
import numpy as np
import onnxruntime
import soundfile
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image
from transformers import (
    BertForSequenceClassification,
    BertTokenizer,
    DecisionTransformerModel,
    ViTForImageClassification,
    ViTImageProcessorPil,
)

ROOT = Path(__file__).resolve().parents[1]
CHECKPOINTS, BUNDLES = ROOT / "examples" / "checkpoints", ROOT / "build" / "demo"
HAND = "onnxruntime by hand"
Call = Callable[[Any], Any]


@dataclass(frozen=True)
class Bundle:
    """A shipped bundle as files, opened by hand."""

    path: Path

    @classmethod
    def of(cls, name: str) -> "Bundle":
        return cls(BUNDLES / f"{name}.edge")

    @property
    def config(self) -> dict[str, Any]:
        return json.loads((self.path / "manifest.json").read_text())["config"]

    def session(self, variant: str) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        graph = self.path / "variants" / variant / "model.onnx"
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def lines(self, asset: str) -> list[str]:
        return (self.path / asset).read_text().splitlines()


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def in_torch(kind: str, model: torch.nn.Module) -> torch.nn.Module:
    """Return a model as one of the usual ways to run PyTorch: fp32, bf16, compiled."""
    model = model.eval()
    if kind == "torch bf16":
        return model.bfloat16()
    return torch.compile(model) if kind == "torch.compile" else model


def images(kind: str, variant: str) -> Call:
    """Return from the path of an image to the names of its five likeliest classes."""
    folder = CHECKPOINTS / "vit-fashion-mnist"
    if kind == HAND:
        bundle = Bundle.of("vit-fashion-mnist")
        session = bundle.session(variant)
        image, labels = bundle.config["image"], bundle.config["labels"]
        mean, std = (np.array(image[key], np.float32)[:, None, None] for key in ("mean", "std"))

        def by_hand(path: str) -> list[str]:
            picture = Image.open(path).convert("RGB").resize((28, 28), Image.Resampling.BILINEAR)
            pixels = np.asarray(picture, np.float32).transpose(2, 0, 1) / 255
            logits = session.run(None, {"pixel_values": ((pixels - mean) / std)[None]})[0][0]
            best = np.argsort(-softmax(logits))[:5]
            return [labels[index] for index in best]

        return by_hand
    processor = ViTImageProcessorPil.from_pretrained(folder)
    if kind == "transformers pipeline":
        model = ViTForImageClassification.from_pretrained(folder)
        classify = transformers.pipeline("image-classification", model, image_processor=processor)
        return lambda path: [one["label"] for one in classify(path, top_k=5)]
    model = in_torch(kind, ViTForImageClassification.from_pretrained(folder))
    labels = model.config.id2label

    def eager(path: str) -> list[str]:
        inputs = processor(Image.open(path).convert("RGB"), return_tensors="pt")
        with torch.inference_mode():
            logits = model(inputs["pixel_values"].to(next(model.parameters()).dtype)).logits[0]
            return [labels[index.item()] for index in logits.softmax(-1).topk(5).indices]

    return eager


def windows_of(path: str, window: int, stride: int) -> list[str]:
    """Read a FASTA file of one record by hand and cut it; the last window ends with it."""
    bases = "".join(line.strip() for line in Path(path).read_text().splitlines()[1:]).upper()
    starts = sorted({*range(0, len(bases) - window + 1, stride), len(bases) - window})
    return [bases[start : start + window] for start in starts]


def sequences(kind: str, variant: str, *, window: int = 60, stride: int = 1000) -> Call:
    """Return from the path of a FASTA file to the label of every window, one after the other."""
    folder, k = CHECKPOINTS / "dnabert-splice", 3
    tokenizer = BertTokenizer.from_pretrained(folder, do_lower_case=False)

    def words(bases: str) -> str:
        return " ".join(bases[i : i + k] for i in range(len(bases) - k + 1))

    if kind == HAND:
        bundle = Bundle.of("dnabert-splice")
        session, labels = bundle.session(variant), bundle.config["labels"]

        def score(bases: str) -> str:
            encoded = tokenizer(words(bases), return_tensors="np")
            inputs = {
                "token_ids": encoded["input_ids"],
                "attention_mask": encoded["attention_mask"],
            }
            named = {one.name: inputs[one.name].astype(np.int64) for one in session.get_inputs()}
            return labels[int(softmax(session.run(None, named)[0][0]).argmax())]

    elif kind == "transformers pipeline":
        model = BertForSequenceClassification.from_pretrained(folder)
        classify = transformers.pipeline("text-classification", model, tokenizer=tokenizer)

        def score(bases: str) -> str:
            return classify(words(bases))[0]["label"]

    else:
        model = in_torch(kind, BertForSequenceClassification.from_pretrained(folder))
        labels = model.config.id2label

        def score(bases: str) -> str:
            encoded = tokenizer(words(bases), return_tensors="pt")
            with torch.inference_mode():
                return labels[model(**encoded).logits[0].softmax(-1).argmax().item()]

    return lambda path: [score(bases) for bases in windows_of(path, window, stride)]


def kaldi_features(samples: NDArray[np.float32], config: dict[str, Any]) -> NDArray[np.float32]:
    """Return log-mel features by kaldi-native-fbank."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0.0
    options.frame_opts.samp_freq = config["sample_rate"]
    options.mel_opts.num_bins = config["num_mel_bins"]
    options.mel_opts.low_freq = config["low_frequency"]
    options.mel_opts.high_freq = config["high_frequency"]
    fbank = kaldi_native_fbank.OnlineFbank(options)
    fbank.accept_waveform(config["sample_rate"], samples * config["input_scale"])
    fbank.input_finished()
    return np.stack([fbank.get_frame(index) for index in range(fbank.num_frames_ready)])


def greedy(best: Sequence[int], pieces: Sequence[str]) -> str:
    """Join the likeliest piece of every frame: repeats and blanks (0) go."""
    kept = [b for i, b in enumerate(best) if b and (i == 0 or b != best[i - 1])]
    return "".join(pieces[index] for index in kept).replace("▁", " ").strip()


def speech(kind: str, variant: str) -> Call:
    """Return from the path of an audio file to its text, decoded greedily."""
    bundle = Bundle.of("conformer-ctc-en")
    config, pieces = bundle.config, bundle.lines(bundle.config["vocabulary"])
    if kind == HAND:
        session = bundle.session(variant)

        def logits_of(features: NDArray[np.float32]) -> NDArray[np.float32]:
            return session.run(None, {"features": features[None]})[0][0]

    else:
        from edgewright_export.models.conformer import load_checkpoint

        model = in_torch(kind, load_checkpoint(CHECKPOINTS / "conformer-ctc-en"))

        def logits_of(features: NDArray[np.float32]) -> NDArray[np.float32]:
            dtype = next(model.parameters()).dtype
            with torch.inference_mode():
                return model(torch.from_numpy(features)[None].to(dtype))[0].float().numpy()

    def transcribe(path: str) -> str:
        samples, rate = soundfile.read(path, dtype="float32")
        assert rate == config["sample_rate"]
        features = kaldi_features(samples, config["features"])
        missing = -len(features) % config["chunk_frames"]
        features = np.pad(features, ((0, missing), (0, 0)), constant_values=config["pad_value"])
        return greedy(logits_of(features).argmax(-1).tolist(), pieces)

    return transcribe


class Policy:
    """The Decision Transformer on arrays that slide by one step a call, as in its example."""

    def __init__(self, kind: str, variant: str) -> None:
        bundle = Bundle.of("decision-transformer-hopper")
        self._config = config = bundle.config
        self._kind, length = kind, config["context_length"]
        self._mean, self._std = (
            np.array(config[f"state_{k}"], np.float32) for k in ("mean", "std")
        )
        self._states = np.zeros((1, length, len(self._mean)), np.float32)
        self._actions = np.zeros((1, length, config["action_dim"]), np.float32)
        self._returns = np.zeros((1, length, 1), np.float32)
        self._times = np.zeros((1, length), np.int64)
        self._mask = np.zeros((1, length), np.int64)
        if kind == HAND:
            self._session = bundle.session(variant)
            self._names = [one.name for one in self._session.get_inputs()]
        else:
            folder = CHECKPOINTS / "decision-transformer-hopper"
            self._model = in_torch(kind, DecisionTransformerModel.from_pretrained(folder))

    def __call__(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        for array in (self._states, self._actions, self._returns, self._times, self._mask):
            array[:, :-1] = array[:, 1:]
        self._states[0, -1] = (observation - self._mean) / self._std
        self._actions[0, -1] = 0
        self._returns[0, -1] = self._returns[0, -2] if self._mask[0, -2] else 2.5
        step = self._times[0, -2] + 1 if self._mask[0, -2] else 0
        self._times[0, -1] = min(step, self._config["max_ep_len"] - 1)
        self._mask[0, -1] = 1
        action = np.clip(self._answer(), self._config["action_low"], self._config["action_high"])
        self._actions[0, -1] = action
        return action.astype(np.float32)

    def _answer(self) -> NDArray[np.float32]:
        arrays = {
            "states": self._states, "actions": self._actions, "returns_to_go": self._returns,
            "timesteps": self._times, "attention_mask": self._mask,
        }  # fmt: skip
        if self._kind == HAND:
            given = {name: arrays[name] for name in self._names}
            return self._session.run(None, given)[0][0, -1]
        dtype = next(self._model.parameters()).dtype
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        floats = {name: t.to(dtype) for name, t in tensors.items() if t.is_floating_point()}
        with torch.inference_mode():
            return self._model(**{**tensors, **floats}).action_preds[0, -1].float().numpy()


PEERS = {"images": images, "sequences": sequences, "speech": speech, "policy": Policy}
KINDS = (HAND, "torch fp32", "torch bf16", "torch.compile", "transformers pipeline")
UNFIT = {
    ("speech", "transformers pipeline"): "no pipeline knows the project's own Conformer",
    ("policy", "transformers pipeline"): "there is no pipeline for policies",
}
"""What is not comparable, and why."""
