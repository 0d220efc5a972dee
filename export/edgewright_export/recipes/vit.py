"""Vision Transformers that classify images: ViT and DeiT."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import transformers
from torch import nn

from edgewright.errors import (
    InputError,
    InputNotFoundError,
    UnsupportedCheckpointError,
)
from edgewright.families.vit import ViTConfig
from edgewright.image import read_image
from edgewright.specs import Array
from edgewright.tasks.metrics import top1
from edgewright_export.calibrate import Calibration, spread
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.evaluation import (
    AgreementEvaluation,
    Evaluation,
    LabelledEvaluation,
    right_class,
    same_class,
)
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.recipes.base import (
    MAX_CALIBRATION_SAMPLES,
    SYNTHETIC_SAMPLES,
    Recipe,
)
from edgewright_export.recipes.image_processor import image_transform, read_processor
from edgewright_export.recipes.labels import read_labels
from edgewright_export.sizes import BATCH
from edgewright_export.subject import Sample

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".gif"})
GOLDEN_SIDE = 1024
"""Largest height and width of a golden image."""


@dataclass(frozen=True)
class ViTOptions:
    """Options of the family in `edgewright.json`."""

    preprocessor: dict[str, Any] | None = None
    """Content of `preprocessor_config.json`, for a checkpoint without that file."""


class ViTRecipe(Recipe):
    """A ViT or DeiT with its image processor."""

    family = "vit"
    architectures: ClassVar[tuple[str, ...]] = (
        "ViTForImageClassification",
        "DeiTForImageClassification",
        "DeiTForImageClassificationWithTeacher",
    )

    def __init__(self, model: nn.Module, processor: Any, config: ViTConfig, image_size: int):
        self._model, self._processor, self._config = model, processor, config
        self._image_size = image_size

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> "ViTRecipe":
        """Read weights and image processor of `checkpoint`.

        Raises:
            CheckpointError: Something is missing or cannot be used.
        """
        options = checkpoint.family_options(ViTOptions)
        model = checkpoint.load(getattr(transformers, checkpoint.architecture))
        if model.config.num_channels != 3:
            raise UnsupportedCheckpointError(
                f"checkpoint {checkpoint.folder}: got {model.config.num_channels} colour channels, "
                "expected 3 (RGB); repeat the patch embedding's weights for three channels"
            )
        processor = read_processor(checkpoint, options.preprocessor)
        size = _square(model.config.image_size)
        config = ViTConfig(
            image=image_transform(processor, (size, size)), labels=read_labels(model.config)
        )
        return cls(model, processor, config, size)

    @property
    def config(self) -> ViTConfig:
        """The runtime family's configuration record."""
        return self._config

    def components(self) -> dict[str, TracedComponent]:
        """Return the one graph: normalized pixels to logits."""
        generator = torch.Generator().manual_seed(0)
        shape = (3, self._image_size, self._image_size)
        one, two, three = (torch.randn((n, *shape), generator=generator) for n in (1, 2, 3))
        return {
            "model": TracedComponent(
                module=_Logits(self._model),
                inputs={"pixel_values": two},
                outputs=("logits",),
                dynamic={"pixel_values": {0: "batch"}},
                ranges={"batch": BATCH},
                probes=({"pixel_values": one}, {"pixel_values": three}),
            )
        }

    def reference(self) -> "ViTReference":
        """Return PyTorch behind the original image processor."""
        return ViTReference(self._model, self._processor)

    def calibration(self, path: Path | None, seed: int) -> Calibration:
        """Return the images in the folder `path`, or synthetic ones of several sizes."""
        if path is None:
            generator = np.random.default_rng(seed)
            images = [_noise(generator, self._image_size) for _ in range(SYNTHETIC_SAMPLES)]
            return Calibration([{"image": image} for image in images], "synthetic samples")
        files = spread(_image_files(path), MAX_CALIBRATION_SAMPLES)
        return Calibration(_Images(files), path.name)

    def golden(self, calibration: Calibration) -> list[Sample]:
        """Return a few images, large ones cut, so that a bundle stays small."""
        samples = super().golden(calibration)
        return [{"image": sample["image"][:GOLDEN_SIDE, :GOLDEN_SIDE]} for sample in samples]

    def evaluation(self, path: Path | None, calibration: Calibration, seed: int) -> Evaluation:
        """Return top-1 on a folder of class-named folders, or top-1 agreement on `calibration`."""
        if path is None:
            return AgreementEvaluation.create(
                "top1_agreement", calibration, self.reference(), "logits", same_class
            )
        files, labels = _labelled_images(path, self._config.labels)
        return LabelledEvaluation("top1", path.name, _Images(files), labels, top1, hits=right_class)


class ViTReference:
    """PyTorch on what the original image processor makes of an image."""

    def __init__(self, model: nn.Module, processor: Any):
        self._model, self._processor = model, processor

    def infer(self, sample: Sample) -> dict[str, Array]:
        """Return the logits of one image (uint8, `(height, width, 3)`)."""
        image = sample["image"]
        pixels = self._processor(image, input_data_format="channels_last", return_tensors="np")[
            "pixel_values"
        ]
        with torch.inference_mode():
            logits = self._model(pixel_values=torch.from_numpy(np.float32(pixels))).logits
        return {"logits": logits[0].numpy()}


class _Logits(nn.Module):
    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(pixel_values=pixel_values).logits
        return logits


class _Images(Sequence[Sample]):
    """Images that are read when they are needed, so that a large set takes no memory."""

    def __init__(self, files: list[Path]):
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: Any) -> Any:
        return {"image": read_image(self._files[index])}


def folder_name(label: str) -> str:
    """Return the name of the folder that has the images of `label`."""
    return label.replace("/", "-")


def _square(size: Any) -> int:
    if not isinstance(size, int):
        raise UnsupportedCheckpointError(
            f"config.json: got image_size {size}, expected one number (square images); export "
            "another checkpoint"
        )
    return size


def _noise(generator: np.random.Generator, size: int) -> Array:
    """Return smooth random colours of a random size about `size`."""
    height, width = generator.integers(max(size // 2, 1), 2 * size + 1, size=2)
    coarse = generator.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    return np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)[:height, :width]


def _image_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputNotFoundError(
            f"images: got {folder}, which is no folder, expected one with images; check the path"
        )
    files = sorted(f for f in folder.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise InputError(
            f"images: got {folder} without images, expected files ending in "
            f"{', '.join(sorted(IMAGE_SUFFIXES))}; point at the folder that has them"
        )
    return files


def _labelled_images(folder: Path, labels: tuple[str, ...]) -> tuple[list[Path], Any]:
    if not folder.is_dir():
        raise InputNotFoundError(
            f"evaluation: got {folder}, which is no folder, expected one with a folder of images "
            "for each class; check the path"
        )
    classes = {folder_name(label): index for index, label in enumerate(labels)}
    folders = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    unknown = [entry.name for entry in folders if entry.name not in classes]
    if unknown or not folders:
        raise InputError(
            f"evaluation: got {folder} with the folders {unknown or 'none'}, expected names of "
            f"classes such as {list(classes)[:5]}; rename them ('/' in a name becomes '-')"
        )
    pairs = [(file, classes[entry.name]) for entry in folders for file in _image_files(entry)]
    return [file for file, _ in pairs], np.array([index for _, index in pairs], dtype=np.int64)
