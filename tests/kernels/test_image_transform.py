import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import DeiTImageProcessorPil, ViTImageProcessorPil

from edgewright import records
from edgewright.errors import InputError, InputTypeError, UsageError
from edgewright.image import ImageTransform
from reference import image as reference

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
side = st.integers(1, 70)


def random_image(height, width, seed=0):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    # Black and white make bicubic overshoot, which must be clipped as Pillow clips it.
    return np.where(image > 127, 255, 0).astype(np.uint8) if seed % 2 else image


def resize(image, height, width, resample):
    """Show the resized pixels themselves: float32 holds 0 to 255 exactly."""
    transform = ImageTransform((height, width), resample, None, 1.0, (0, 0, 0), (1, 1, 1))
    return transform(image).transpose(1, 2, 0)


@pytest.mark.parametrize("resample", FILTERS)
@settings(deadline=None, max_examples=150)
@given(st.tuples(side, side), st.tuples(side, side), st.integers(0, 9))
def test_resized_pixels_equal_pillow(resample, size, new_size, seed):
    image = random_image(*size, seed)
    expected = Image.fromarray(image).resize(new_size[::-1], FILTERS[resample])
    np.testing.assert_array_equal(resize(image, *new_size, resample), expected)


@pytest.mark.parametrize("resample", FILTERS)
@pytest.mark.parametrize(
    ("size", "new_size"),
    [
        ((1, 1), (64, 64)),
        ((1, 500), (224, 224)),
        ((500, 1), (224, 3)),
        ((480, 640), (224, 224)),
        ((1920, 1080), (224, 224)),  # the height first
        ((1080, 1920), (224, 224)),  # the width first
        ((60, 30), (40, 20)),  # exactly twice as many rows lost: the width first
        ((61, 30), (40, 20)),
        ((2000, 2000), (1, 1)),
        ((31, 33), (31, 33)),
    ],
)
def test_resized_pixels_equal_pillow_at_the_edges(size, new_size, resample):
    image = random_image(*size)
    expected = Image.fromarray(image).resize(new_size[::-1], FILTERS[resample])
    np.testing.assert_array_equal(resize(image, *new_size, resample), expected)


@pytest.mark.parametrize("resample", FILTERS)
@pytest.mark.parametrize("size", [(7, 5), (5, 23), (40, 9), (1, 1)])
@pytest.mark.parametrize("crop", [None, (9, 9), (12, 14), (30, 8), (11, 31)])
def test_whole_transform_equals_reference(size, crop, resample):
    image = random_image(*size)
    resized = reference.resize(image, 12, 14, resample)
    cropped = resized if crop is None else reference.center_crop(resized, *crop)
    transform = ImageTransform((12, 14), resample, crop, 1 / 255, MEAN, STD)
    expected = reference.normalize(cropped, 1 / 255, MEAN, STD)
    np.testing.assert_array_equal(transform(image), expected)


@settings(deadline=None, max_examples=60)
@given(side, side, st.sampled_from([(16, 16), (33, 20), (20, 41)]), st.booleans())
def test_transform_equals_the_checkpoints_processor(height, width, crop, shortest):
    size = {"shortest_edge": 24} if shortest else {"height": 24, "width": 29}
    processor = ViTImageProcessorPil(
        size=size,
        resample=3,
        do_center_crop=True,
        crop_size={"height": crop[0], "width": crop[1]},
        image_mean=list(MEAN),
        image_std=list(STD),
    )
    image = random_image(height, width)
    expected = processor(image, return_tensors="np", input_data_format="channels_last")
    got = ImageTransform(tuple(size.values()), "bicubic", crop, 1 / 255, MEAN, STD)(image)
    # Tolerance: none is needed, both round in float32 at the same places.
    np.testing.assert_array_equal(got, expected["pixel_values"][0])


@pytest.mark.parametrize(
    ("processor", "transform"),
    [
        (
            ViTImageProcessorPil(image_mean=[0.5] * 3, image_std=[0.5] * 3),
            ImageTransform((224, 224), "bilinear", None, 1 / 255, (0.5,) * 3, (0.5,) * 3),
        ),
        (
            DeiTImageProcessorPil(),
            ImageTransform((256, 256), "bicubic", (224, 224), 1 / 255, (0.5,) * 3, (0.5,) * 3),
        ),
        (
            ViTImageProcessorPil(do_resize=False, do_rescale=False, do_normalize=False),
            ImageTransform(None, "bilinear", None, 1.0, (0.0,) * 3, (1.0,) * 3),
        ),
    ],
    ids=["vit", "deit", "nothing"],
)
def test_public_processors(processor, transform):
    image = random_image(180, 320)
    expected = processor(image, return_tensors="np", input_data_format="channels_last")
    np.testing.assert_array_equal(transform(image), expected["pixel_values"][0])


def test_cropped_part_is_the_part_of_the_whole():
    image = random_image(90, 120)
    whole = ImageTransform((50, 60), "bicubic", None, 1 / 255, MEAN, STD)(image)
    part = ImageTransform((50, 60), "bicubic", (20, 31), 1 / 255, MEAN, STD)(image)
    np.testing.assert_array_equal(part, whole[:, 15:35, 14:45])


def test_arrays_of_any_layout_and_grey():
    image = random_image(40, 30)
    transform = ImageTransform((20, 20), "bilinear", None, 1 / 255, MEAN, STD)
    strided = np.repeat(np.repeat(image, 2, 0), 3, 1)[::2, ::3]
    assert not strided.flags.c_contiguous
    np.testing.assert_array_equal(transform(strided), transform(image))
    np.testing.assert_array_equal(transform(np.asfortranarray(image)), transform(image))
    grey = image[:, :, 0]
    np.testing.assert_array_equal(transform(grey), transform(np.stack([grey] * 3, 2)))


def test_output_size_keeps_the_aspect_ratio():
    transform = ImageTransform((24,), "bilinear", None, 1.0, (0, 0, 0), (1, 1, 1))
    assert transform.output_size(480, 640) == (24, 32)
    assert transform.output_size(100, 30) == (80, 24)
    assert transform(random_image(100, 30)).shape == (3, 80, 24)


@pytest.mark.parametrize("resize", [None, (24,), (24, 32)])
def test_transform_is_a_record(resize):
    transform = ImageTransform(resize, "bicubic", (20, 20), 1 / 255, MEAN, STD)
    stored = json.loads(json.dumps(records.plain(transform)))
    assert records.read(ImageTransform, stored, "config.image") == transform


def test_one_row_of_a_million_columns_is_refused_before_memory_is():
    transform = ImageTransform((1000,), "bilinear", None, 1.0, (0, 0, 0), (1, 1, 1))
    with pytest.raises(InputError, match=r"1 x 1000000 pixels, which become 1000 x 1000000000"):
        transform(np.zeros((1, 1_000_000, 3), np.uint8))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"resample": "lanczos"}, "resample: got 'lanczos', expected one of"),
        ({"resize": (0, 5)}, r"resize: got \(0, 5\), expected 1 or 2 sizes"),
        ({"crop": (5,)}, r"crop: got \(5,\), expected 2 sizes"),
        ({"std": (1.0, 0.0, 1.0)}, "std: got .* expected numbers above 0"),
        ({"mean": (0.5,)}, "expected three finite numbers"),
        ({"scale": float("nan")}, "expected three finite numbers|finite"),
    ],
)
def test_impossible_transforms_are_refused(changed, message):
    fields = {
        "resize": (8, 8),
        "resample": "bilinear",
        "crop": None,
        "scale": 1.0,
        "mean": MEAN,
        "std": STD,
    }
    with pytest.raises(UsageError, match=message):
        ImageTransform(**fields | changed)


def test_float_images_are_refused():
    transform = ImageTransform((8, 8), "bilinear", None, 1.0, MEAN, STD)
    with pytest.raises(InputTypeError, match=r"got dtype float32, expected uint8 .*astype"):
        transform(np.zeros((4, 4, 3), np.float32))
