"""What the peers share: checkpoints and bundles as files, opened by hand."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINTS, BUNDLES = ROOT / "examples" / "checkpoints", ROOT / "build" / "demo"
HAND = "onnxruntime by hand"
FP32, BF16, COMPILED = "torch fp32", "torch bf16", "torch.compile"
PIPELINE = "transformers pipeline"
SHERPA, OPTIMUM = "sherpa-onnx", "optimum-onnx"


@dataclass(frozen=True)
class Bundle:
    """A shipped bundle as files, opened by hand."""

    path: Path

    @classmethod
    def of(cls, name: str) -> "Bundle":
        return cls(BUNDLES / f"{name}.edge")

    @property
    def config(self) -> dict[str, Any]:
        return self.json("manifest.json")["config"]

    def json(self, name: str) -> dict[str, Any]:
        return json.loads((self.path / name).read_text())

    def session(self, variant: str, component: str = "model") -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        graph = self.path / "variants" / variant / f"{component}.onnx"
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def lines(self, asset: str) -> list[str]:
        return (self.path / asset).read_text().splitlines()


def softmax(logits: NDArray[Any]) -> NDArray[Any]:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def in_torch(kind: str, model: torch.nn.Module) -> torch.nn.Module:
    """Return a model as one of the usual ways to run PyTorch: fp32, bf16, compiled."""
    model = model.eval()
    if kind == BF16:
        return model.bfloat16()
    return torch.compile(model) if kind == COMPILED else model
