"""The most that this machine computes: ONNX Runtime's own matrix products, and copies of memory.

`tests/product_graphs.py` writes the two graphs beside this module. Both matrices are inputs of the
graph, so that it takes no bytes.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgewright.backends.onnxrt import OnnxRuntime
from edgewright.bundle.manifest import Component
from edgewright.specs import Array, TensorSpec

SIZES = (256, 512, 1024)
"""Rows and columns of the square matrices: from what fits a small cache to what packing pays."""
SECONDS = 0.25
"""That each size, and the copies, are repeated for; the fastest counts."""
COPIED_BYTES = 1 << 26
"""Of the array that is copied: more than most caches hold, and no more than small devices have."""
PRODUCTS = {
    "float32": ("matmul.onnx", "float32", "float32", "float32"),
    "int8": ("matmul_integer.onnx", "uint8", "int8", "int32"),
}
"""By kind: the file, and the dtypes of `a`, `b` and their product `y`."""


@dataclass(frozen=True)
class Peak:
    """What no graph on this machine exceeds by far."""

    threads: int
    float32: float
    """Operations a second of fp32 products; a multiply-add is two."""
    int8: float
    """The same of products of uint8 with int8."""
    copied: float
    """Bytes a second that are read while one thread copies memory."""


def measure_peak(threads: int = 1) -> Peak:
    """Measure this machine, within a few seconds.

    Args:
        threads: Of the products.

    Raises:
        PlacementError: ONNX Runtime cannot open the graphs.
        StateError: The process has a shared pool of threads.
    """
    return Peak(
        threads=threads,
        float32=_fastest_product("float32", threads),
        int8=_fastest_product("int8", threads),
        copied=_copied(),
    )


def _fastest_product(kind: str, threads: int) -> float:
    file, *dtypes = PRODUCTS[kind]
    a, b, y = (
        TensorSpec(name, dtype, shape)
        for name, dtype, shape in zip(
            "aby", dtypes, (("m", "k"), ("k", "n"), ("m", "n")), strict=True
        )
    )
    component = Component((file,), (a, b), (y,))
    path = Path(__file__).with_name(file)
    with OnnxRuntime.open([path], component, device="cpu", threads=threads) as runner:
        return max(
            2
            * size**3
            / _least_seconds(
                runner.bind(
                    {"a": _numbers(size, a.dtype), "b": _numbers(size, b.dtype)},
                    {"y": _numbers(size, y.dtype)},
                )
            )
            for size in SIZES
        )


def _numbers(size: int, dtype: str) -> Array:
    """Return a square matrix of small numbers, which no product of any dtype overflows."""
    numbers: Array = np.random.default_rng(0).integers(0, 8, (size, size)).astype(dtype)
    return numbers


def _copied() -> float:
    source = np.ones(COPIED_BYTES, np.uint8)
    target = np.empty_like(source)
    return COPIED_BYTES / _least_seconds(lambda: np.copyto(target, source))


def _least_seconds(call: Callable[[], None]) -> float:
    """Return the seconds of the fastest call, after one to warm up."""
    call()
    least, end = float("inf"), time.perf_counter() + SECONDS
    while (began := time.perf_counter()) < end or least == float("inf"):
        call()
        least = min(least, time.perf_counter() - began)
    return least
