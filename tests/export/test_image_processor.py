"""Conventions of `preprocessor_config.json`, as transformers itself reads them."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checkpoint_layouts import edit_json
from edgewright.errors import CheckpointError, CheckpointNotFoundError, UnsupportedCheckpointError
from edgewright.image import ImageTransform
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.recipes.image_processor import FILE, image_transform, read_processor
from edgewright_export.recipes.vit import ViTRecipe

Tiny = Callable[[str], Path]
HALF = (0.5, 0.5, 0.5)


def transform(folder: Path, settings: dict[str, Any]) -> ImageTransform:
    (folder / FILE).write_text(json.dumps(settings))
    return image_transform(read_processor(Checkpoint(folder), None), (16, 16))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"size": 16}, ImageTransform((16, 16), "bilinear", None, 1 / 255, HALF, HALF)),
        (
            {"size": {"height": 16, "width": 16}, "resample": 3, "do_normalize": False},
            ImageTransform((16, 16), "bicubic", None, 1 / 255, (0.0,) * 3, (1.0,) * 3),
        ),
        (
            {"size": {"shortest_edge": 20}, "do_center_crop": True, "crop_size": 16},
            ImageTransform((20,), "bilinear", (16, 16), 1 / 255, HALF, HALF),
        ),
        (
            {"image_processor_type": "DeiTImageProcessor", "crop_size": 16, "do_rescale": False},
            ImageTransform((256, 256), "bicubic", (16, 16), 1.0, HALF, HALF),
        ),
        (
            {"feature_extractor_type": "DeiTFeatureExtractor", "do_resize": False, "crop_size": 16},
            ImageTransform(None, "bicubic", (16, 16), 1 / 255, HALF, HALF),
        ),
    ],
)
def test_settings_become_the_transform(
    settings: dict[str, Any], expected: ImageTransform, tiny: Tiny
) -> None:
    assert transform(tiny("vit"), settings) == expected


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"size": 16, "resample": 0}, "resample nearest"),
        ({"size": 16, "resample": 1}, "resample lanczos"),
        ({"size": {"shortest_edge": 20, "longest_edge": 40}}, "longest_edge"),
        ({"size": 16, "do_pad": True}, "padding"),
        ({"size": 16, "image_processor_type": "BeitImageProcessor"}, "BeitImageProcessor"),
        ({"size": 16, "image_mean": [0.5, 0.5]}, "2 values"),
    ],
)
def test_what_the_runtime_cannot_do_is_refused(
    settings: dict[str, Any], words: str, tiny: Tiny
) -> None:
    with pytest.raises(UnsupportedCheckpointError, match=words):
        transform(tiny("vit"), settings)


@pytest.mark.parametrize(
    "settings", [{"size": 17}, {"do_resize": False}, {"size": {"shortest_edge": 16}}]
)
def test_images_of_another_size_are_refused(settings: dict[str, Any], tiny: Tiny) -> None:
    with pytest.raises(CheckpointError, match="expected 16x16"):
        transform(tiny("vit"), settings)


def test_missing_processor_is_asked_for_unless_options_give_it(tiny: Tiny) -> None:
    folder = tiny("vit")
    (folder / FILE).unlink()
    with pytest.raises(CheckpointNotFoundError, match=FILE):
        ViTRecipe.load(Checkpoint(folder))
    (folder / "edgewright.json").write_text(json.dumps({"preprocessor": {"size": 16}}))
    assert ViTRecipe.load(Checkpoint(folder)).config.image.resize == (16, 16)


def test_gaps_in_labels_are_refused(tiny: Tiny) -> None:
    folder = tiny("vit")
    edit_json(folder / "config.json", id2label={"0": "a", "2": "b", "3": "c"})
    with pytest.raises(CheckpointError, match="id2label"):
        ViTRecipe.load(Checkpoint(folder))


def test_grey_models_are_refused(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    model = SimpleNamespace(config=SimpleNamespace(num_channels=1))
    monkeypatch.setattr(Checkpoint, "load", lambda *_, **__: model)
    with pytest.raises(UnsupportedCheckpointError, match="1 colour channels"):
        ViTRecipe.load(Checkpoint(tiny("vit")))
