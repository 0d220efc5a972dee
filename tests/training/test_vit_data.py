import numpy as np
from vit_fashion_mnist import augment, build_student, student_logits, to_pixel_values


def test_augmentation_only_shifts_and_mirrors():
    pixels = np.zeros((200, 28, 28), np.uint8)
    pixels[:, 10:13, 8:20] = np.arange(1, 13)
    moved, mirrored = augment(pixels, np.random.default_rng(0), max_shift=2)
    assert np.array_equal(moved.sum((1, 2)), pixels.sum((1, 2)))
    rows = [tuple(image[image.any(1)][0][image.any(0)]) for image in moved]
    assert [row[0] > row[-1] for row in rows] == mirrored.tolist()
    assert set(rows) == {tuple(range(1, 13)), tuple(range(12, 0, -1))}
    assert len(np.unique(moved, axis=0)) > 25


def test_grey_images_reach_all_three_channels():
    model = build_student().eval()
    values = to_pixel_values(np.random.default_rng(1).integers(0, 256, (2, 28, 28), np.uint8))
    expected = model(pixel_values=values.repeat(1, 3, 1, 1)).logits
    assert np.allclose(student_logits(model, values).detach(), expected.detach(), atol=1e-6)
