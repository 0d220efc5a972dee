import io
import zlib

import numpy as np
import pytest
from PIL import Image

from edgewright.errors import InputError, InputNotFoundError, InputTypeError
from edgewright.image import MAX_PIXELS, read_image

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def save(path, picture, **options):
    picture.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "ppm"])
@pytest.mark.parametrize("convert", [str, lambda path: path, Image.open])
def test_lossless_files_give_their_pixels(tmp_path, suffix, convert):
    path = save(tmp_path / f"x.{suffix}", Image.fromarray(RGB))
    np.testing.assert_array_equal(read_image(convert(path)), RGB)


@pytest.mark.parametrize("rows", [1363, 1364, 1365])
def test_files_around_64_kib_give_their_pixels(tmp_path, rows):
    """Up to that size they are read at once."""
    pixels = np.random.default_rng(1).integers(0, 256, (rows, 16, 3), np.uint8)
    path = save(tmp_path / "x.bmp", Image.fromarray(pixels))
    assert (path.stat().st_size > 1 << 16) == (rows == 1365)
    np.testing.assert_array_equal(read_image(path), pixels)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_modes_become_rgb_as_pillow_converts_them(mode):
    base = Image.fromarray(RGB)
    picture = base.convert("L").convert(mode) if mode == "LA" else base.convert(mode)
    got = read_image(picture)
    assert (got.dtype, got.shape, got.flags.c_contiguous) == (np.uint8, (6, 9, 3), True)
    np.testing.assert_array_equal(got, picture.convert("RGB"))


def test_cmyk_jpeg_and_one_pixel(tmp_path):
    path = save(tmp_path / "cmyk.jpg", Image.new("CMYK", (1, 1), (0, 255, 255, 0)))
    red, green, blue = read_image(path)[0, 0].astype(int)
    assert red > 200
    assert max(green, blue) < 60


def test_palette_with_transparency(tmp_path):
    picture = Image.fromarray(RGB).convert("P")
    path = save(tmp_path / "x.png", picture, transparency=bytes(range(256)))
    np.testing.assert_array_equal(read_image(path), picture.convert("RGB"))


@pytest.mark.parametrize("suffix", ["png", "tiff", "pgm"])
def test_16_bit_grey_keeps_its_high_byte(tmp_path, suffix):
    values = np.array([[0, 255, 256, 0x1234], [0x7FFF, 0x8000, 0xFF00, 0xFFFF]], np.uint16)
    path = save(tmp_path / f"x.{suffix}", Image.fromarray(values))
    np.testing.assert_array_equal(read_image(path)[:, :, 1], values >> 8)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_pixels_of_unknown_range_are_refused(tmp_path, dtype):
    path = save(tmp_path / "x.tiff", Image.fromarray(np.ones((3, 3), dtype)))
    with pytest.raises(InputError, match=r"32 bits without a known range.*scale it to 8 bits"):
        read_image(path)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_animation_gives_its_first_frame(tmp_path, suffix):
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "lime", "blue")]
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(
        tmp_path / f"x.{suffix}", frames[0], save_all=True, append_images=frames[1:], **options
    )
    with Image.open(path) as picture:
        assert picture.n_frames == 3
    np.testing.assert_array_equal(read_image(path), np.asarray(frames[0]))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "x.png", Image.fromarray(RGB), exif=exif)
    turned = {1: RGB, 2: RGB[:, ::-1], 3: RGB[::-1, ::-1], 4: RGB[::-1], 5: RGB.swapaxes(0, 1)}
    turned |= {6: np.rot90(RGB, -1), 7: RGB[::-1, ::-1].swapaxes(0, 1), 8: np.rot90(RGB)}
    np.testing.assert_array_equal(read_image(path), turned[orientation])


def test_arrays(tmp_path):
    np.testing.assert_array_equal(read_image(RGB[::-1, ::2]), RGB[::-1, ::2])
    np.testing.assert_array_equal(read_image(RGB[:, :, 0]), np.stack([RGB[:, :, 0]] * 3, 2))
    with pytest.raises(InputTypeError, match=r"'photo': got dtype float64, expected uint8"):
        read_image(RGB / 255, name="photo")
    for shape in [(6, 9, 4), (3, 6, 9), (0, 9, 3), (2, 6, 9, 3), (6,)]:
        with pytest.raises(InputError, match=r"got shape .* expected \(height, width, 3\)"):
            read_image(np.zeros(shape, np.uint8))
    with pytest.raises(InputTypeError, match="got bytes, expected a path"):
        read_image(b"x.png")


def test_missing_folder_and_text(tmp_path):
    with pytest.raises(InputNotFoundError, match="does not exist") as caught:
        read_image(tmp_path / "none.png")
    assert isinstance(caught.value, FileNotFoundError)
    with pytest.raises(InputError, match="no file, expected a picture"):
        read_image(tmp_path)
    with pytest.raises(InputError, match="got File name too long, expected a file that can be"):
        read_image(tmp_path / ("x" * 5000))
    for name, data in {"text.png": b"hello", "empty.png": b""}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=r"it begins like no picture.* save it again"):
            read_image(tmp_path / name)


def test_postscript_is_not_run(tmp_path):
    (tmp_path / "x.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n")
    with pytest.raises(InputError, match="cannot be decoded"):
        read_image(tmp_path / "x.eps")


@pytest.mark.parametrize("side", [30_000, 9_000])
def test_huge_pictures_are_refused_before_decoding(tmp_path, side):
    buffer = io.BytesIO()
    Image.new("1", (8, 8)).save(buffer, "PNG")
    data = bytearray(buffer.getvalue())
    data[16:24] = side.to_bytes(4, "big") * 2  # the size in the header
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    (tmp_path / "bomb.png").write_bytes(data)
    with pytest.raises(InputError, match=f"at most {MAX_PIXELS:,}|1 to {MAX_PIXELS:,}"):
        read_image(tmp_path / "bomb.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "tiff", "webp", "ppm"])
def test_truncated_files_are_refused(tmp_path, suffix):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / f"x.{suffix}", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="expected a complete picture"):
        read_image(path)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of damaged metadata
@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "bmp", "tiff", "webp", "ppm"])
def test_damaged_files_give_pixels_or_an_input_error(tmp_path, suffix):
    path = save(tmp_path / f"x.{suffix}", Image.fromarray(RGB))
    intact, rng = path.read_bytes(), np.random.default_rng(2)
    for _ in range(150):
        damaged = bytearray(intact)
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(len(damaged))] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            got = read_image(path)
        except InputError:
            continue
        assert got.dtype == np.uint8
        assert got.shape[2] == 3
