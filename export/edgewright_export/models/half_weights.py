"""`model.safetensors` of the project's own speech models: float16 on disk, float32 in use."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from edgewright.errors import CheckpointError

FILE = "model.safetensors"
ModuleT = TypeVar("ModuleT", bound=nn.Module)


def save_weights(model: nn.Module, folder: Path) -> None:
    """Write the weights of `model` into `folder`, which exists."""
    weights = {name: tensor.half().contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, folder / FILE, metadata={"format": "pt"})


def load_weights(model: ModuleT, folder: Path) -> ModuleT:
    """Read the weights in `folder` into `model` and return it in evaluation mode, float32.

    Raises:
        CheckpointError: the file is damaged, or weights are missing, unexpected or of another
            shape.
    """
    path = folder / FILE
    try:
        weights = {name: tensor.float() for name, tensor in load_file(path).items()}
    except SafetensorError as error:
        raise CheckpointError(
            f"{path}: got a damaged file ({error}), expected safetensors; copy the checkpoint again"
        ) from error
    try:
        model.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise CheckpointError(
            f"weights {path}: got names or shapes that differ ({error}), "
            "expected those of config.json; copy both files from one training"
        ) from error
    return model.eval()
