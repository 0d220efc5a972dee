"""Image transforms, one pixel and one weight at a time, in exact integers where Pillow has them."""

import math

import numpy as np

UNIT = 1 << 22
"""Weight 1 of Pillow's 8-bit resampling."""


def bilinear(x):
    return max(1 - abs(x), 0.0)


def bicubic(x):
    a, x = -0.5, abs(x)
    if x < 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def weights(in_size, out_size, resample):
    """Return for every output the pairs (input, integer weight)."""
    kernel, support = {"bilinear": (bilinear, 1), "bicubic": (bicubic, 2)}[resample]
    scale = in_size / out_size
    stretch = max(scale, 1.0)
    for i in range(out_size):
        center = (i + 0.5) * scale
        begin = max(0, int(center - support * stretch + 0.5))
        end = min(in_size, int(center + support * stretch + 0.5))
        values = [kernel((j + 0.5 - center) / stretch) for j in range(begin, end)]
        yield [
            (begin + j, math.floor(abs(v) / sum(values) * UNIT + 0.5) * (1 if v > 0 else -1))
            for j, v in enumerate(values)
        ]


def resize_axis(pixels, out_size, resample):
    """Resize axis 0 of integer `pixels`."""
    rows = []
    for pairs in weights(len(pixels), out_size, resample):
        total = sum(pixels[j].astype(np.int64) * weight for j, weight in pairs) + UNIT // 2
        rows.append(np.clip(total // UNIT, 0, 255))
    return np.stack(rows)


def resize(image, height, width, resample):
    """Resize uint8 (H, W, 3), in the order of Pillow 13."""

    def along_width(pixels):
        return resize_axis(pixels.swapaxes(0, 1), width, resample).swapaxes(0, 1)

    lost_rows, lost_columns = image.shape[0] - height, image.shape[1] - width
    if lost_rows > 0 and lost_rows > 2 * lost_columns:
        return along_width(resize_axis(image, height, resample))
    return resize_axis(along_width(image), height, resample)


def center_crop(image, height, width):
    """Crop in the middle; black where the image is too small."""
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    result = np.zeros((height, width, 3), image.dtype)
    for y in range(height):
        for x in range(width):
            if 0 <= y + top < image.shape[0] and 0 <= x + left < image.shape[1]:
                result[y, x] = image[y + top, x + left]
    return result


def normalize(image, scale, mean, std):
    """Rescale in float64, normalize in float32, channels first."""
    rescaled = (image.astype(np.float64) * scale).astype(np.float32)
    return ((rescaled - np.float32(mean)) / np.float32(std)).transpose(2, 0, 1)
