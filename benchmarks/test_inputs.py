"""Pictures, nucleotides, files of sequences, and the steps of an episode."""

import gzip
import itertools
from pathlib import Path

import cv2
import dnaio
import numpy as np
import pyfastx
import pytest
from PIL import Image
from transformers import BertTokenizer, ViTImageProcessorPil

from edgewright.context import ContextWindow
from edgewright.image import ImageTransform
from edgewright.sequence import KmerTokenizer, read_records

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZES = pytest.mark.parametrize(
    ("size", "bar"), [((1080, 1920), 0.15), ((480, 640), 0.2)], ids=["1920x1080", "640x480"]
)


def make_picture(size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)


def normalized(pixels: np.ndarray) -> np.ndarray:
    values = pixels.astype(np.float32) * np.float32(1 / 255)
    values = (values - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1))


@SIZES
def test_image(versus, size, bar):
    pixels = make_picture(size)
    transform = ImageTransform((224, 224), "bilinear", None, 1 / 255, MEAN, STD)
    picture = Image.fromarray(pixels)

    def theirs() -> np.ndarray:
        return normalized(np.asarray(picture.resize((224, 224), Image.Resampling.BILINEAR)))

    np.testing.assert_allclose(transform(pixels), theirs(), atol=1e-6)
    versus("pillow", lambda: transform(pixels), theirs, bar=bar, work=1, unit="picture")


@SIZES
def test_image_against_opencv(versus, size, bar):
    """For speed only: the peer's linear resize has no antialiasing and other pixels."""
    cv2.setNumThreads(0)
    pixels = make_picture(size)
    transform = ImageTransform((224, 224), "bilinear", None, 1 / 255, MEAN, STD)
    versus(
        "opencv-python-headless", lambda: transform(pixels),
        lambda: normalized(cv2.resize(pixels, (224, 224))), bar=None, work=1, unit="picture",
    )  # fmt: skip


@SIZES
def test_image_against_transformers(versus, size, bar):
    """The whole image processor of a ViT, as its users call it."""
    pixels = make_picture(size)
    transform = ImageTransform((224, 224), "bilinear", None, 1 / 255, MEAN, STD)
    processor = ViTImageProcessorPil(image_mean=list(MEAN), image_std=list(STD))

    def theirs() -> np.ndarray:
        return processor(pixels, return_tensors="np")["pixel_values"][0]

    np.testing.assert_allclose(transform(pixels), theirs(), atol=1e-6)
    versus("transformers", lambda: transform(pixels), theirs, bar=None, work=1, unit="picture")


KMERS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
KMERS += ["".join(kmer) for kmer in itertools.product("ACGT", repeat=6)]


def make_letters(count: int) -> np.ndarray:
    return np.random.default_rng(0).choice(np.frombuffer(b"ACGT", np.uint8), count)


def test_kmer_ids(versus):
    """The bar is 1 GB/s: 1,000 microseconds a megabase."""
    tokenizer, letters = KmerTokenizer(KMERS), make_letters(1_000_000)
    codes = np.zeros(256, np.int64)
    codes[np.frombuffer(b"ACGT", np.uint8)] = np.arange(4)

    def theirs() -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(codes[letters], 6)
        return windows @ (4 ** np.arange(5, -1, -1)) + 5

    np.testing.assert_array_equal(tokenizer.encode(letters), theirs())
    versus("numpy", lambda: tokenizer.encode(letters), theirs, bar=None, work=1, unit="megabase")


def test_kmer_ids_against_transformers(versus, tmp_path):
    """The peer is given words: cutting the sequence into k-mers is not timed."""
    tokenizer, sequence = KmerTokenizer(KMERS), make_letters(50_000).tobytes()
    words = " ".join(sequence[i : i + 6].decode() for i in range(len(sequence) - 5))
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join(KMERS))
    peer = BertTokenizer(str(vocabulary), do_lower_case=False, model_max_length=len(sequence))

    def theirs() -> list[int]:
        return peer.encode(words, add_special_tokens=False)

    assert tokenizer.encode(sequence).tolist() == theirs()
    versus(
        "transformers", lambda: tokenizer.encode(sequence), theirs,
        bar=None, work=0.05, unit="megabase", block_seconds=0.0001,
    )  # fmt: skip


def make_lines(count: int) -> list[str]:
    return [row.tobytes().decode() for row in make_letters(70 * count).reshape(count, 70)]


def write(path: Path, text: str, packed: bool) -> float:
    """Write the file and return its megabytes of text."""
    data = text.encode()
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    return len(data) / 1e6


PACKED = pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])


@PACKED
def test_fasta(versus, tmp_path, packed):
    """The peer neither checks the letters nor makes them upper case."""
    lines = make_lines(20_000)
    records = [f">r{i}\n" + "\n".join(lines[i : i + 100]) for i in range(0, len(lines), 100)]
    path = tmp_path / "genome.fa"
    size = write(path, "\n".join(records) + "\n", packed)

    def ours() -> int:
        return sum(len(chunk.sequence) for chunk in read_records(path))

    def theirs() -> int:
        return sum(len(sequence) for _, sequence in pyfastx.Fastx(str(path)))

    assert ours() == theirs() == 70 * len(lines)
    versus("pyfastx", ours, theirs, bar=1.0, work=size, unit="megabyte")


@PACKED
def test_fastq(versus, tmp_path, packed):
    lines = make_lines(20_000)
    path = tmp_path / ("reads.fq.gz" if packed else "reads.fq")
    quality = "I" * 70
    text = "".join(f"@r{i}\n{line}\n+\n{quality}\n" for i, line in enumerate(lines))
    size = write(path, text, packed)

    def ours() -> int:
        return sum(len(chunk.sequence) for chunk in read_records(path))

    def theirs() -> int:
        with dnaio.open(path) as reads:
            return sum(len(read.sequence) for read in reads)

    assert ours() == theirs() == 70 * len(lines)
    versus("dnaio", ours, theirs, bar=1.0, work=size, unit="megabyte")


def test_context_step(versus):
    """The peer writes into long arrays and returns sliding views of them."""
    length, state, action = 20, np.zeros(11, np.float32), np.zeros(3, np.float32)
    mean, std = np.zeros(11, np.float32), np.ones(11, np.float32)
    context = ContextWindow(length, [0.0] * 11, [1.0] * 11, 3, 1000.0, 1000)
    context.reset(3600.0)

    def ours() -> dict[str, np.ndarray]:
        arrays = context.step(state)
        context.act(action)
        return arrays

    steps = itertools.cycle(range(length, 4000))
    states, actions = np.zeros((4096, 11), np.float32), np.zeros((4096, 3), np.float32)
    returns, times = np.zeros((4096, 1), np.float32), np.arange(4096)
    mask = np.ones((1, length), np.int64)

    def theirs() -> dict[str, np.ndarray]:
        step = next(steps)
        states[step] = (state - mean) / std
        returns[step] = 3.6
        actions[step] = action
        rows = slice(step - length + 1, step + 1)
        return {
            "states": states[None, rows], "actions": actions[None, rows],
            "returns_to_go": returns[None, rows], "timesteps": times[None, rows],
            "attention_mask": mask,
        }  # fmt: skip

    shapes = {name: array.shape for name, array in theirs().items()}
    assert {name: array.shape for name, array in ours().items()} == shapes
    versus("numpy", ours, theirs, bar=0.4, work=1, unit="step")
