"""Images: reading pictures of any kind as 8-bit RGB, and the transform that a checkpoint names."""

import io
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from edgewright import _core
from edgewright.errors import InputError, InputNotFoundError, InputTypeError, UsageError

MAX_PIXELS = 80_000_000
"""Larger pictures are refused before they are decoded (Pillow itself warns from 89 million on)."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""Pillow's names of the file formats that are read; none of them runs another program."""
UPRIGHT = 1
"""EXIF orientation of a picture that is stored as it is seen."""
RESAMPLES = ("bilinear", "bicubic")
"""Filters of `ImageTransform`."""

# What Pillow raises for damaged or oversized files, depending on the format and the damage.
_DECODE_ERRORS = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
_MAX_SIDE = 1 << 20
_READ_AT_ONCE = 1 << 16


def read_image(
    source: str | Path | Image.Image | NDArray[np.uint8], *, name: str = "image"
) -> NDArray[np.uint8]:
    """Return a picture as RGB, dtype uint8, shape (height, width, 3), range 0 to 255.

    Of an animation the first frame is taken. The EXIF orientation is applied, colour profiles are
    not. Transparency is dropped: the colours below it stay, as `PIL.Image.convert("RGB")` does.
    16-bit grey is divided by 256.

    Args:
        source: A file of one of `FORMATS`, a PIL image, or an array of RGB (height, width, 3) or
            grey (height, width).
        name: What messages call this input.

    Raises:
        InputNotFoundError: The file does not exist.
        InputTypeError: `source` is none of these, or the array is not uint8.
        InputError: The picture is damaged, has more than `MAX_PIXELS`, or cannot become RGB.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, name)
    if isinstance(source, Image.Image):
        return _from_picture(source, f"input '{name}'")
    if isinstance(source, (str, Path)):
        return _from_file(source, f"input '{name}' ({source})")
    raise InputTypeError(
        f"input '{name}': got {type(source).__name__}, expected a path, a PIL image or a uint8 "
        "array (height, width, 3); convert it to one of these"
    )


def _from_array(array: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    if array.dtype != np.uint8:
        raise InputTypeError(
            f"input '{name}': got dtype {array.dtype}, expected uint8 from 0 to 255; "
            "scale values in 0 to 1 by 255, round, and convert with .astype(np.uint8)"
        )
    grey = array.ndim == 2
    if array.size == 0 or not (grey or (array.ndim == 3 and array.shape[2] == 3)):
        raise InputError(
            f"input '{name}': got shape {array.shape}, expected (height, width, 3) or "
            "(height, width) with at least one pixel; "
            "move the channels last, drop alpha, and pass one picture at a time"
        )
    return np.ascontiguousarray(np.repeat(array[:, :, np.newaxis], 3, 2) if grey else array)


def _from_file(path: str | Path, what: str) -> NDArray[np.uint8]:
    try:
        file = _open(path, what)
    except InputError:
        raise
    except OSError as error:
        raise _unreadable(what, error) from error
    try:
        with file, Image.open(file, formats=FORMATS) as picture:
            return _from_picture(picture, what)
    except InputError:
        raise
    except _DECODE_ERRORS as error:
        raise _undecodable(what, error) from error


def _open(path: str | Path, what: str) -> BinaryIO:
    """Open a file. A small one is read at once: Pillow reads it in many pieces of a few bytes.

    For a picture of 28 x 28 pixels, that and doing without pathlib save a third of the time.
    """
    if not os.path.isfile(path):  # noqa: PTH113
        raise _no_file(what, Path(path))
    file = open(path, "rb", buffering=0)  # noqa: PTH123, SIM115 - the caller closes it
    if os.fstat(file.fileno()).st_size > _READ_AT_ONCE:
        return io.BufferedReader(file)
    with file:
        return io.BytesIO(file.read())


def _from_picture(picture: Image.Image, what: str) -> NDArray[np.uint8]:
    width, height = picture.size
    if width * height > MAX_PIXELS or width * height == 0:
        raise InputError(
            f"{what}: got {width} x {height} pixels, expected 1 to {MAX_PIXELS:,} pixels; "
            "resize it first"
        )
    try:
        if picture.getexif().get(ExifTags.Base.Orientation, UPRIGHT) != UPRIGHT:
            return np.array(_to_rgb(ImageOps.exif_transpose(picture), picture.format, what))
        return np.array(_to_rgb(picture, picture.format, what))
    except InputError:
        raise
    except _DECODE_ERRORS as error:
        raise _undecodable(what, error) from error


def _to_rgb(picture: Image.Image, file_format: str | None, what: str) -> Image.Image:
    """Convert to mode RGB; `file_format` tells what 32-bit integers mean."""
    if picture.mode.startswith("I;16") or (picture.mode == "I" and file_format in {"PNG", "PPM"}):
        # Pillow clips 16 bits to 255 when it converts; the high byte is the picture.
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    if picture.mode in {"I", "F"}:
        raise InputError(
            f"{what}: got {picture.mode!r} pixels (32 bits without a known range), expected 8 or "
            "16 bits a channel; scale it to 8 bits first"
        )
    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")  # the way that Pillow advises for palettes with alpha
    return picture.convert("RGB")


def _no_file(what: str, path: Path) -> InputError:
    if path.exists():
        return InputError(
            f"{what}: got something that is no file, expected a picture; pass its files one by one"
        )
    return InputNotFoundError(
        f"{what}: got a path that does not exist, expected a picture; check the path"
    )


def _unreadable(what: str, error: OSError) -> InputError:
    return InputError(
        f"{what}: got {error.strerror}, expected a file that can be read; check path and rights"
    )


def _undecodable(what: str, error: Exception) -> InputError:
    unknown = isinstance(error, UnidentifiedImageError)  # its text names a Python object
    reason = "it begins like no picture" if unknown else error
    return InputError(
        f"{what}: got data that cannot be decoded ({reason}), expected a complete picture of at "
        f"most {MAX_PIXELS:,} pixels as {', '.join(FORMATS)}; save it again in one of these formats"
    )


@dataclass(frozen=True)
class ImageTransform:
    """What a checkpoint's image processor does: resize, centre crop, rescale, normalize.

    The pixels equal those of Pillow 13 and the values those of the processor in its PIL form.
    (Older Pillow differs in the order of roundings for pictures that lose far more height than
    width.)
    """

    resize: tuple[int, ...] | None
    """(height, width), or (shortest_edge,) which keeps the aspect ratio; None keeps the size."""
    resample: str
    """One of `RESAMPLES`, antialiased when the picture shrinks."""
    crop: tuple[int, ...] | None
    """Centre crop (height, width); a smaller picture is padded with black. None crops nothing."""
    scale: float
    """Factor of the pixel values, usually 1/255."""
    mean: tuple[float, ...]
    """Of red, green, blue after scaling; subtracted."""
    std: tuple[float, ...]
    """Of red, green, blue after scaling; divided by."""

    def __post_init__(self) -> None:
        _check_sizes("resize", self.resize, (1, 2))
        _check_sizes("crop", self.crop, (2,))
        if self.resample not in RESAMPLES:
            raise UsageError(
                f"resample: got {self.resample!r}, expected one of {RESAMPLES}; "
                "use a checkpoint with one of these filters"
            )
        numbers = np.array([self.scale, *self.mean, *self.std])
        if (len(self.mean), len(self.std)) != (3, 3) or not np.isfinite(numbers).all():
            raise UsageError(
                f"mean, std: got {self.mean} and {self.std}, expected three finite numbers each; "
                "repeat a grey value three times"
            )
        if not all(value > 0 for value in self.std):
            raise UsageError(f"std: got {self.std}, expected numbers above 0; correct the record")

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the input of the model for one picture.

        Args:
            image: dtype uint8, shape (height, width, 3), RGB; see `read_image`.

        Returns:
            dtype float32, shape (3, *output_size(height, width)).

        Raises:
            InputTypeError: `image` is not uint8.
            InputError: `image` has another shape, or the result would exceed `MAX_PIXELS`.
        """
        image = read_image(image)
        height, width = image.shape[:2]
        resized = self._resized(height, width)
        size = self.output_size(height, width)
        # The kernel counts rows and columns in 32 bits.
        if size[0] * size[1] > MAX_PIXELS or max(height, width, *resized) > 1 << 30:
            raise InputError(
                f"input 'image': got {height} x {width} pixels, which become {resized[0]} x "
                f"{resized[1]}, expected at most {MAX_PIXELS:,} pixels; cut it to a usual shape"
            )
        corner = (resized[0] - size[0]) // 2, (resized[1] - size[1]) // 2
        cubic = self.resample == "bicubic"
        return _core.transform_image(
            image, resized, corner, size, cubic, self.scale, self.mean, self.std
        )

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """The (height, width) that every picture gets; None where it depends on the picture."""
        size = self.crop if self.crop is not None else self.resize
        return (size[0], size[1]) if size is not None and len(size) == 2 else None

    def output_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the (height, width) that a picture of `height` x `width` pixels gets."""
        if self.crop is not None:
            return self.crop[0], self.crop[1]
        return self._resized(height, width)

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        if self.resize is None:
            return height, width
        if len(self.resize) == 2:
            return self.resize[0], self.resize[1]
        edge = self.resize[0]
        # The longer edge is rounded down after a float division, as the processors do.
        if width <= height:
            return int(edge * height / width), edge
        return edge, int(edge * width / height)


def _check_sizes(name: str, sizes: tuple[int, ...] | None, lengths: tuple[int, ...]) -> None:
    if sizes is None:
        return
    if len(sizes) not in lengths or not all(1 <= size <= _MAX_SIDE for size in sizes):
        expected = " or ".join(map(str, lengths))
        raise UsageError(
            f"{name}: got {sizes}, expected {expected} sizes from 1 to {_MAX_SIDE}; "
            "pass (height, width)"
        )
