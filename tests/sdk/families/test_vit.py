"""Images through the classifier: answers, batches, unusual and bad input."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import edgewright as ew
import tiny_bundles
from edgewright.errors import (
    BundleError,
    InputError,
    InputNotFoundError,
    InputTypeError,
    UsageError,
)
from edgewright.families.vit import ViT


@pytest.fixture(scope="module")
def vit(tiny: dict[str, Path]) -> ViT:
    model = ew.load(tiny["vit"], precision="fp32", threads=1)
    assert isinstance(model, ViT)
    return model


def pictures(count: int) -> list[np.ndarray]:
    return list(np.random.default_rng(1).integers(0, 256, (count, 8, 8, 3), np.uint8))


def test_infer_equals_the_definition(vit: ViT) -> None:
    for picture in pictures(5):
        logits = vit.infer({"image": picture})["logits"]
        np.testing.assert_allclose(logits, tiny_bundles.colour_logits(picture), atol=1e-6)


def test_the_answer_is_ranked_and_timed(vit: ViT) -> None:
    result = vit(np.full((20, 30, 3), (250, 10, 10), np.uint8), top_k=3)
    assert result.labels[0].name == "red"
    scores = [label.score for label in result.labels]
    assert scores == sorted(scores, reverse=True)
    assert 0.99 < sum(label.score for label in vit(pictures(1)[0], top_k=9).labels) < 1.01
    parts = result.timings.pre + result.timings.run + result.timings.post
    assert 0 < parts <= result.timings.total * 1.001
    assert result.runtime.provider == "CPUExecutionProvider"
    assert str(result).startswith("image: red 1.000, bright 0.000")


def test_a_list_is_a_batch_and_equals_its_single_answers(vit: ViT) -> None:
    many = pictures(2 * vit.batch_size + 3)
    for one, batched in zip(map(vit, many), vit(many), strict=True):
        assert [label.name for label in one.labels] == [label.name for label in batched.labels]
        scores = [[label.score for label in result.labels] for result in (one, batched)]
        np.testing.assert_allclose(*scores, rtol=1e-5)
    assert vit([]) == []


def test_a_quantized_answer_does_not_depend_on_its_neighbours(tiny: dict[str, Path]) -> None:
    """Dynamic quantization scales a whole batch at once, so such variants run one by one."""
    with ew.load(tiny["vit"], precision="int8", threads=1) as model:
        shapes: list[tuple[int, ...]] = []
        run = model._runs
        model._runs = lambda a: shapes.append(a["pixel_values"].shape) or run(a)
        model(pictures(3))
    assert shapes == [(1, 3, 8, 8)] * 3


def test_without_resize_sizes_may_differ_within_a_batch(tmp_path: Path) -> None:
    image = {"resize": None, "resample": "bilinear", "crop": None, "scale": 1 / 255,
             "mean": [0.5] * 3, "std": [0.5] * 3}  # fmt: skip
    bundle = tiny_bundles.vit(tmp_path / "as-is.edge", config={"image": image})
    with (
        ew.load(bundle, precision="fp32", threads=1) as model,
        pytest.raises(InputError, match="pixel_values"),
    ):
        model([np.zeros((8, 8, 3), np.uint8), np.zeros((9, 8, 3), np.uint8)])


@pytest.mark.parametrize("mode", ["CMYK", "L", "P", "RGBA", "1"])
def test_unusual_pictures_work(vit: ViT, tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("picture.tiff" if mode == "CMYK" else "picture.png")
    Image.fromarray(pictures(1)[0]).convert(mode).save(path)
    result = vit(path)
    assert result.input == str(path)
    expected = Image.open(path).convert("RGBA" if mode == "P" else "RGB").convert("RGB")
    assert result.labels[0] == vit(expected).labels[0]


def test_bad_pictures_are_refused_by_name(vit: ViT, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(InputError, match=r"text\.png.*cannot be decoded"):
        vit(tmp_path / "text.png")
    with pytest.raises(InputNotFoundError, match=r"'image 1' \(.*absent\.png\).*does not exist"):
        vit([pictures(1)[0], tmp_path / "absent.png"])
    with pytest.raises(InputTypeError, match="got dtype float64, expected uint8"):
        vit(np.zeros((8, 8, 3)))
    for top_k in (0, 1.5, None):
        with pytest.raises(UsageError, match=f"top_k: got {top_k}"):
            vit(pictures(1)[0], top_k=top_k)  # type: ignore[arg-type]


def test_raw_samples_are_checked(vit: ViT) -> None:
    with pytest.raises(InputError, match="expected an array named 'image'"):
        vit.infer({})
    with pytest.raises(InputTypeError, match="got dtype float32, expected uint8"):
        vit.infer({"image": np.zeros((8, 8, 3), np.float32)})
    with pytest.raises(InputError, match="expected 3 dimensions"):
        vit.infer({"image": np.zeros((8, 8), np.uint8)})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"labels": ["one", "two"]}, "got 2 labels"),
        ({"labels": ["a", "a", "b", "c"]}, "3 different"),
        ({"surprise": 1}, "unknown keys .'surprise'."),
        ({"image": {"resize": [8, 8], "resample": "nearest", "crop": None, "scale": 1.0,
                    "mean": [0.0] * 3, "std": [1.0] * 3}}, "manifest.config: resample"),
        ({"image": {"resize": [9, 8], "resample": "bilinear", "crop": None, "scale": 1.0,
                    "mean": [0.0] * 3, "std": [1.0] * 3}}, r"image: got .*'any', 3, 9, 8"),
    ],
)  # fmt: skip
def test_a_config_that_does_not_fit_is_a_broken_bundle(
    tmp_path: Path, config: dict[str, object], message: str
) -> None:
    bundle = tiny_bundles.vit(tmp_path / "bad.edge", config=config)
    with pytest.raises(BundleError, match=message):
        ew.load(bundle, precision="fp32")
