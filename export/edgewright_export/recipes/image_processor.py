"""`preprocessor_config.json` of image classifiers: read by the original classes, then checked."""

from collections.abc import Mapping
from typing import Any

from transformers import DeiTImageProcessorPil, ViTImageProcessorPil

from edgewright.errors import CheckpointError, UnsupportedCheckpointError
from edgewright.image import ImageTransform
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.quiet import quiet_libraries

FILE = "preprocessor_config.json"
RESAMPLING = {2: "bilinear", 3: "bicubic"}
"""Filters of Pillow, by its number, that the runtime computes."""
_CLASSES = {"ViT": ViTImageProcessorPil, "DeiT": DeiTImageProcessorPil}
_OTHER_FILTERS = {0: "nearest", 1: "lanczos", 4: "box", 5: "hamming"}


def read_processor(checkpoint: Checkpoint, raw: Mapping[str, Any] | None) -> Any:
    """Return the original image processor of `checkpoint`.

    Args:
        checkpoint: Has `preprocessor_config.json`, unless `raw` is given.
        raw: What to use instead of that file.

    Raises:
        CheckpointNotFoundError: Neither the file nor `raw` is there.
        UnsupportedCheckpointError: It names another processor than those of ViT and DeiT.
    """
    settings = dict(raw) if raw is not None else checkpoint.read_json(FILE)
    named = settings.get("image_processor_type", settings.get("feature_extractor_type"))
    family = _processor_family(checkpoint) if named is None else _strip_suffix(str(named))
    if family not in _CLASSES:
        raise UnsupportedCheckpointError(
            f"{FILE}: got the processor {named}, expected that of ViT or DeiT; export a checkpoint "
            "with one of them"
        )
    try:
        with quiet_libraries():
            return _CLASSES[family].from_dict(settings)
    except (TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"{FILE}: got settings that {family}ImageProcessor does not take ({error}), expected "
            "those that it saved; download the file again"
        ) from error


def _processor_family(checkpoint: Checkpoint) -> str:
    return "DeiT" if checkpoint.config.get("model_type") == "deit" else "ViT"


def _strip_suffix(name: str) -> str:
    for suffix in ("ImageProcessorFast", "ImageProcessorPil", "ImageProcessor", "FeatureExtractor"):
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def image_transform(processor: Any, image_size: tuple[int, int]) -> ImageTransform:
    """Return what `processor` does, as the runtime's record.

    Args:
        processor: From `read_processor`.
        image_size: Height and width that the model takes.

    Raises:
        UnsupportedCheckpointError: It does something that the runtime does not.
        CheckpointError: Its images are not of `image_size`.
    """
    if processor.do_pad:
        raise _unsupported("padding (do_pad)", "none")
    resize = _resize(processor.size) if processor.do_resize else None
    crop = _pair("crop_size", processor.crop_size) if processor.do_center_crop else None
    _check_size(crop or resize, image_size)
    return ImageTransform(
        resize=resize,
        resample=_resample(processor.resample),
        crop=crop,
        scale=float(processor.rescale_factor) if processor.do_rescale else 1.0,
        mean=_channels(processor.image_mean) if processor.do_normalize else (0.0, 0.0, 0.0),
        std=_channels(processor.image_std) if processor.do_normalize else (1.0, 1.0, 1.0),
    )


def _resize(size: Mapping[str, int]) -> tuple[int, ...]:
    given = dict(size)
    if set(given) == {"shortest_edge"}:
        return (int(given["shortest_edge"]),)
    return _pair("size", size)


def _pair(name: str, size: Mapping[str, int] | None) -> tuple[int, int]:
    given = dict(size or {})
    if set(given) != {"height", "width"}:
        raise _unsupported(f"{name} {given}", "height and width, or shortest_edge")
    return int(given["height"]), int(given["width"])


def _resample(number: int) -> str:
    if int(number) not in RESAMPLING:
        name = _OTHER_FILTERS.get(int(number), str(number))
        raise _unsupported(f"resample {name}", " or ".join(RESAMPLING.values()))
    return RESAMPLING[int(number)]


def _channels(values: float | tuple[float, ...]) -> tuple[float, ...]:
    if isinstance(values, (int, float)):
        return (float(values),) * 3
    if len(values) != 3:
        raise _unsupported(f"{len(values)} values of image_mean or image_std", "3, or one for all")
    return tuple(float(value) for value in values)


def _check_size(size: tuple[int, ...] | None, image_size: tuple[int, int]) -> None:
    if size != image_size:
        made = "the size of the input" if size is None else "x".join(map(str, size))
        if size is not None and len(size) == 1:
            made = f"a shortest edge of {size[0]}"
        raise CheckpointError(
            f"{FILE}: got images of {made}, expected {image_size[0]}x{image_size[1]} as config.json"
            " says; correct size or crop_size"
        )


def _unsupported(got: str, expected: str) -> UnsupportedCheckpointError:
    return UnsupportedCheckpointError(
        f"{FILE}: got {got}, expected {expected}; the runtime computes nothing else: change the "
        "setting where the accuracy allows it"
    )
