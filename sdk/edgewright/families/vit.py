"""Vision transformers: an image in, ranked classes out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar, Union, overload

import numpy as np
from numpy.typing import NDArray

from edgewright.arguments import whole_number
from edgewright.backends.single import SingleRuns
from edgewright.decoding import softmax_top_k
from edgewright.errors import UsageError
from edgewright.families.base import Model, Stopwatch, check_graph, check_input, check_labels, take
from edgewright.image import ImageTransform, read_image
from edgewright.specs import Array
from edgewright.tasks.classify import Classification, Classify, Label

if TYPE_CHECKING:
    from PIL import Image as PillowImage

Image: TypeAlias = Union[str, Path, "PillowImage.Image", NDArray[np.uint8]]
"""A file, a Pillow image, or uint8 (height, width, 3) RGB or (height, width) grey."""

AnyImage = TypeVar("AnyImage", bound=Image)


@dataclass(frozen=True)
class ViTConfig:
    """`manifest.config` of the family."""

    image: ImageTransform
    """The checkpoint's image processor."""
    labels: tuple[str, ...]
    """Name of each class, by index."""


class ViT(Model[ViTConfig]):
    """An image classifier. Safe for concurrent calls."""

    family = "vit"
    task = Classify
    config_type = ViTConfig

    def _prepare(self, assets: Callable[[str], bytes]) -> None:
        check_graph(self.runners, ("pixel_values",), "logits")
        check_labels(self.config.labels, self.runners["model"], "logits")
        height, width = self.config.image.fixed_size or (None, None)
        check_input(self.runners["model"], "pixel_values", (None, 3, height, width), "image")
        self._runs = SingleRuns(self.runners["model"])

    @overload
    def __call__(
        self, image: list[AnyImage] | tuple[AnyImage, ...], *, top_k: int = 5
    ) -> list[Classification]: ...

    @overload
    def __call__(self, image: Image, *, top_k: int = 5) -> Classification: ...

    def __call__(
        self, image: Image | list[AnyImage] | tuple[AnyImage, ...], *, top_k: int = 5
    ) -> Classification | list[Classification]:
        """Classify an image, or a list of images as batches.

        Args:
            image: Path, Pillow image or uint8 array (height, width, 3); a list or tuple of these
                is a batch and gives a list.
            top_k: Classes to return, at least 1; more than there are gives all.

        Raises:
            InputError: An image cannot be used; the message says which and why.
            UsageError: `top_k` is no whole number from 1.
        """
        top_k = whole_number("top_k", top_k, "1 or more")
        if top_k < 1:
            raise UsageError(
                f"top_k: got {top_k!r}, expected a whole number from 1; ask for one class or more"
            )
        if not isinstance(image, (list, tuple)):
            return self._classify(["image"], [image], top_k)[0]
        names = [f"image {index}" for index in range(len(image))]
        batches = (slice(i, i + self.batch_size) for i in range(0, len(image), self.batch_size))
        return [one for b in batches for one in self._classify(names[b], image[b], top_k)]

    def infer(self, sample: Mapping[str, Array]) -> dict[str, Array]:
        """Map `image` uint8 (height, width, 3) to `logits` float32 (classes,)."""
        image = take(sample, "image", "uint8", 3)
        pixel_values = self.config.image(read_image(image.astype(np.uint8, copy=False)))
        return {"logits": self._run(pixel_values[None])[0]}

    def _classify(
        self, names: Sequence[str], images: Sequence[Image], top_k: int
    ) -> list[Classification]:
        watch = Stopwatch()
        pixel_values = [
            self.config.image(read_image(image, name=name))
            for name, image in zip(names, images, strict=True)
        ]
        watch.lap("pre")
        logits = [row for batch in _equal_sizes(pixel_values) for row in self._run(batch)]
        watch.lap("run")
        top = [self._labels(row, top_k) for row in logits]
        watch.lap("post")
        timings = watch.timings()
        return [
            Classification(
                str(image) if isinstance(image, (str, Path)) else name,
                labels,
                timings,
                self.runtime,
            )
            for name, image, labels in zip(names, images, top, strict=True)
        ]

    def _run(self, pixel_values: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = self._runs({"pixel_values": pixel_values})["logits"]
        return logits.astype(np.float32, copy=False)

    def _labels(self, logits: NDArray[np.float32], top_k: int) -> tuple[Label, ...]:
        indices, probabilities = softmax_top_k(logits, min(int(top_k), logits.size))
        return tuple(
            Label(index, self.config.labels[index], probability)
            for index, probability in zip(indices.tolist(), probabilities.tolist(), strict=True)
        )


def _equal_sizes(images: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Return batches of neighbours of one size: a processor without resize keeps sizes apart."""
    if len(images) == 1:  # nothing to copy
        return [images[0][None]]
    same = (list(batch) for _, batch in groupby(images, key=lambda one: one.shape))
    return [np.stack(batch) for batch in same]
