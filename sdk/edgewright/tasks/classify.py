"""Images (or other single inputs) to ranked labels."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from edgewright.runtime import Runtime, Timings
from edgewright.specs import Array
from edgewright.tasks.base import Query, Task, one_query_each


@dataclass(frozen=True)
class Label:
    """One class and its probability."""

    index: int
    name: str
    score: float
    """Softmax probability, in [0, 1]."""

    def __str__(self) -> str:
        return f"{self.name} {self.score:.3f}"


@dataclass(frozen=True)
class Classification:
    """The most likely classes of one input."""

    input: str
    """Path of the file; `image`, or `image 3` in a list, for an input from memory."""
    labels: tuple[Label, ...]
    """The `top_k` most likely, best first."""
    timings: Timings
    runtime: Runtime

    def __str__(self) -> str:
        return f"{self.input}: {', '.join(map(str, self.labels))}"


class Classifier(Protocol):
    """A model that this task's command can run."""

    def __call__(self, image: str, *, top_k: int) -> Classification:
        """Classify a file."""


class Classify(Task):
    """`edgewright classify BUNDLE IMAGE…`."""

    key = "classify"
    help = "name the most likely classes of images"

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the images and `--top-k`."""
        parser.add_argument("images", metavar="IMAGE", nargs="+", help="image file")
        parser.add_argument(
            "--top-k", type=int, default=5, metavar="K", help="classes to print (default: 5)"
        )

    @classmethod
    def run(cls, model: Classifier, args: argparse.Namespace) -> Iterator[Any]:
        """Classify the images one by one, so that each answer has its own latency."""
        for image in args.images:
            yield model(image, top_k=args.top_k)

    @classmethod
    def queries(
        cls, model: Any, samples: Mapping[str, Mapping[str, Array]], inputs: Sequence[str]
    ) -> list[Query]:
        """Classify images."""
        return one_query_each(model, samples, "image", inputs)
