"""Train the small ViT for Fashion-MNIST: a convolutional teacher, then a ViT that learns from it.

    python examples/training/vit_fashion_mnist.py

Train: the 60,000 training images. Development (choices): test images 0-4999. Test (once, at the
end): test images 5000-9999.
"""

from __future__ import annotations

import argparse
import gzip
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from debian_data import UnpackedPackage, fetch_package
from model_card import Licenses, ModelCard, publish
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional
from training_loop import TrainingPlan, TrainingResult, epoch_indices, train
from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessorPil

CLASS_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
MEAN, STD = 0.2860, 0.3530  # of the training pixels scaled to [0, 1]
SEED = 1
TEACHER_BATCH_SIZE = 128
TEACHER_EPOCH_STEPS = 60_000 // TEACHER_BATCH_SIZE
BATCH_SIZE = 64
EPOCH_STEPS = 60_000 // BATCH_SIZE
MAX_SHIFT = 2
TEMPERATURE = 2.0
HARD_SHARE = 0.2

TEACHER_PLAN = TrainingPlan(
    num_steps=8 * TEACHER_EPOCH_STEPS, learning_rate=4e-3, warmup_steps=300, seed=SEED,
    average_decay=0.998, evaluate_every=TEACHER_EPOCH_STEPS,
)  # fmt: skip
STUDENT_PLAN = TrainingPlan(
    num_steps=6 * EPOCH_STEPS, learning_rate=1.2e-3, warmup_steps=400, seed=SEED,
    average_decay=0.998, evaluate_every=EPOCH_STEPS,
)  # fmt: skip


@dataclass(frozen=True)
class Images:
    """Grey images with labels."""

    pixels: np.ndarray
    """uint8 (number, 28, 28)."""
    labels: np.ndarray
    """int64 (number,), 0..9 in the order of `CLASS_NAMES`."""

    def part(self, start: int, stop: int) -> Images:
        """Return images `start` to `stop`, half open."""
        return Images(self.pixels[start:stop], self.labels[start:stop])


def read_fashion_mnist(package: UnpackedPackage) -> tuple[Images, Images]:
    """Read the 60,000 training and 10,000 test images in their published order."""
    folder = package.root / "usr/share/datasets/fashion-mnist"

    def read(prefix: str) -> Images:
        # IDX format: 16 bytes of header before the pixels, 8 before the labels.
        pixels = np.frombuffer(
            gzip.decompress((folder / f"{prefix}-images-idx3-ubyte.gz").read_bytes())[16:], np.uint8
        )
        labels = np.frombuffer(
            gzip.decompress((folder / f"{prefix}-labels-idx1-ubyte.gz").read_bytes())[8:], np.uint8
        )
        return Images(pixels.reshape(-1, 28, 28), labels.astype(np.int64))

    return read("train"), read("t10k")


def to_pixel_values(pixels: np.ndarray) -> torch.Tensor:
    """Normalize uint8 (batch, 28, 28) to float32 (batch, 1, 28, 28)."""
    scaled = (pixels.astype(np.float32) / 255.0 - MEAN) / STD
    return torch.from_numpy(scaled)[:, None]


def augment(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shift each image by up to `MAX_SHIFT` pixels each way and mirror every other one."""
    padded = np.pad(pixels, ((0, 0), (MAX_SHIFT, MAX_SHIFT), (MAX_SHIFT, MAX_SHIFT)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (28, 28), axis=(1, 2))
    down, right = rng.integers(0, 2 * MAX_SHIFT + 1, size=(2, len(pixels)))
    shifted = windows[np.arange(len(pixels)), down, right]
    mirrored = rng.random(len(pixels)) < 0.5
    shifted[mirrored] = shifted[mirrored, :, ::-1]
    return shifted


class Teacher(nn.Sequential):
    """A plain convolutional network; only the student is published."""

    def __init__(self) -> None:
        super().__init__(
            *_convolution(1, 32), nn.MaxPool2d(2),
            *_convolution(32, 64), *_convolution(64, 64), nn.MaxPool2d(2),
            *_convolution(64, 128), *_convolution(128, 128), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Dropout(0.2), nn.Linear(128, len(CLASS_NAMES)),
        )  # fmt: skip


def _convolution(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()


def build_student() -> ViTForImageClassification:
    """Return the ViT with random weights: 4x4 patches, 3 channels, 0.57 M parameters."""
    torch.manual_seed(SEED)
    config = ViTConfig(
        image_size=28, patch_size=4, num_channels=3, hidden_size=96, num_hidden_layers=6,
        num_attention_heads=3, intermediate_size=288, id2label=dict(enumerate(CLASS_NAMES)),
        label2id={name: number for number, name in enumerate(CLASS_NAMES)},
    )  # fmt: skip
    return ViTForImageClassification(config)


def student_logits(model: nn.Module, pixel_values: torch.Tensor) -> torch.Tensor:
    """Feed a grey image to the three channels."""
    logits: torch.Tensor = model(pixel_values=pixel_values.expand(-1, 3, -1, -1)).logits
    return logits


def accuracy(model: nn.Module, images: Images, *, three_channels: bool) -> float:
    """Return the share of images whose largest logit is at the label."""
    right = 0
    for start in range(0, len(images.labels), 500):
        batch = images.part(start, start + 500)
        values = to_pixel_values(batch.pixels)
        logits = student_logits(model, values) if three_channels else model(values)
        right += int((logits.argmax(-1).numpy() == batch.labels).sum())
    return right / len(images.labels)


def train_teacher(images: Images, dev: Images, work: Path) -> tuple[Teacher, TrainingResult]:
    """Train the teacher on labels."""
    torch.manual_seed(SEED)
    teacher = Teacher()

    def loss(model: nn.Module, rng: np.random.Generator, step: int) -> torch.Tensor:
        chosen = epoch_indices(len(images.labels), TEACHER_BATCH_SIZE, step, SEED)
        logits = model(to_pixel_values(augment(images.pixels[chosen], rng)))
        return functional.cross_entropy(logits, torch.from_numpy(images.labels[chosen]))

    result = train(
        teacher, loss, TEACHER_PLAN, work / "teacher.pt",
        evaluate=lambda model: accuracy(model, dev, three_channels=False),
    )  # fmt: skip
    return teacher, result


def train_student(
    teacher: Teacher, images: Images, dev: Images, work: Path
) -> tuple[ViTForImageClassification, TrainingResult]:
    """Train the ViT on the labels and on the teacher's answer to the same augmented images."""
    student = build_student()

    def loss(model: nn.Module, rng: np.random.Generator, step: int) -> torch.Tensor:
        chosen = epoch_indices(len(images.labels), BATCH_SIZE, step, SEED)
        values = to_pixel_values(augment(images.pixels[chosen], rng))
        with torch.no_grad():
            wanted = functional.softmax(teacher(values) / TEMPERATURE, -1)
        logits = student_logits(model, values)
        hard = functional.cross_entropy(logits, torch.from_numpy(images.labels[chosen]))
        # T^2 keeps the gradient's size independent of T (Hinton et al. 2015, section 2).
        soft = functional.cross_entropy(logits / TEMPERATURE, wanted) * TEMPERATURE**2
        return HARD_SHARE * hard + (1.0 - HARD_SHARE) * soft

    result = train(
        student, loss, STUDENT_PLAN, work / "student.pt",
        evaluate=lambda model: accuracy(model, dev, three_channels=True),
    )  # fmt: skip
    return student, result


def baseline_accuracy(images: Images, test: Images) -> float:
    """Return the test accuracy of logistic regression on the 784 scaled pixels."""
    model = LogisticRegression(max_iter=100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 100 iterations are enough, and it would warn of them
        model.fit(images.pixels.reshape(-1, 784) / 255.0, images.labels)
    return float(model.score(test.pixels.reshape(-1, 784) / 255.0, test.labels))


def write_model(student: ViTForImageClassification, folder: Path) -> None:
    """Save weights, configuration and image processor."""
    student.save_pretrained(folder)
    processor = ViTImageProcessorPil(
        size={"height": 28, "width": 28}, image_mean=[MEAN] * 3, image_std=[STD] * 3
    )
    processor.save_pretrained(folder)


def main() -> None:
    """Train both networks, judge the student on the test split, write the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = Path(__file__).resolve().parents[2]
    parser.add_argument(
        "--output", type=Path, default=root / "examples/checkpoints/vit-fashion-mnist"
    )
    parser.add_argument("--work", type=Path, default=root / "build/training/vit")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    package = fetch_package("dataset-fashion-mnist")
    images, held_out = read_fashion_mnist(package)
    dev, test = held_out.part(0, 5000), held_out.part(5000, 10_000)
    teacher, teacher_result = train_teacher(images, dev, options.work)
    student, student_result = train_student(teacher, images, dev, options.work)
    with torch.inference_mode():
        test_accuracy = accuracy(student, test, three_channels=True)
    card = ModelCard(
        name="vit-fashion-mnist",
        task="image-classification",
        summary=SUMMARY,
        licenses=Licenses(data=("MIT",)),
        notice="Trained on Fashion-MNIST, copyright 2017 Zalando SE, MIT licence.",
        data=DATA.format(version=package.version),
        metric_name="accuracy",
        dev_metric=student_result.best_metric,
        test_metric=test_accuracy,
        test_samples=len(test.labels),
        baseline_name="logistic regression on the pixels (scikit-learn, 100 iterations)",
        baseline_metric=baseline_accuracy(images, test),
        training=TRAINING.format(teacher=teacher_result.best_metric),
        curves={
            "teacher, on labels": teacher_result.history,
            "student, on labels and teacher": student_result.history,
        },
        parameters=sum(weight.numel() for weight in student.parameters()),
        seed=SEED,
        seconds=teacher_result.seconds + student_result.seconds,
        command="python examples/training/vit_fashion_mnist.py",
        limits=LIMITS,
    )
    publish(card, options.output, lambda folder: write_model(student, folder), extra={})


SUMMARY = """
A small vision transformer that names one of ten kinds of clothing in a 28x28 picture. It takes
three channels, so that ordinary RGB pictures work; it was trained on grey ones, repeated.
""".strip()

DATA = """
Fashion-MNIST (Debian package `dataset-fashion-mnist` {version}), in its published order.

- train: all 60,000 training images
- development: test images 0-4999; the published weights are those of the best epoch on it
- test: test images 5000-9999
""".strip()

TRAINING = """
First a plain convolutional network (the teacher, development accuracy {teacher:.4f}), then the
ViT, on labels and on the teacher's softened answer to the same augmented image (shift by up to 2
pixels, mirror). AdamW, warm-up and cosine, moving average of the weights.
""".strip()

LIMITS = """
Pictures must look like the data: one piece of clothing, light on black, filling the frame, shoes
from the side. Photographs do not. Shirts, T-shirts, pullovers and coats are confused most.
""".strip()

if __name__ == "__main__":
    main()
