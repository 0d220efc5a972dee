"""Names, dtypes and shapes of graph inputs and outputs, and the checks of arrays against them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from edgewright.errors import InputError, InputTypeError

Array = NDArray[np.generic]
_dtype = cache(np.dtype)


@dataclass(frozen=True)
class TensorSpec:
    """One input or output of a graph."""

    name: str
    """Name in the graph."""
    dtype: str
    """NumPy name: `float32`, `int64`, `bool`, …"""
    shape: tuple[int | str, ...]
    """Sizes; a string names a dynamic dimension, and equal names in a graph mean equal sizes."""

    def __str__(self) -> str:
        return f"{self.name}: {self.dtype} ({', '.join(map(str, self.shape))})"

    def zeros(self) -> Array:
        """Return zeros of this kind, of size 1 in dynamic dimensions."""
        sizes = [size if isinstance(size, int) else 1 for size in self.shape]
        return np.zeros(sizes, self.dtype)


class Resident(ABC):
    """An array that stays where the graph runs, such as a state in the memory of a GPU.

    It belongs to the runner that made it, which frees it when it is closed.
    """

    def __init__(self, spec: TensorSpec) -> None:
        zeros = spec.zeros()
        self.dtype, self.shape = zeros.dtype, zeros.shape
        self.ndim, self.nbytes = zeros.ndim, zeros.nbytes

    @abstractmethod
    def clear(self) -> None:
        """Set all values to zero.

        Raises:
            StateError: The runner was closed.
        """

    @abstractmethod
    def close(self) -> None:
        """Free the memory; a second time nothing is done."""


def check_arrays(specs: tuple[TensorSpec, ...], arrays: Mapping[str, Array | Resident]) -> None:
    """Check names, dtypes and shapes of `arrays` against `specs`.

    Raises:
        InputTypeError: A dtype differs.
        InputError: A name is missing or unknown, or a shape does not fit.
    """
    if len(arrays) != len(specs):
        raise _other_names(specs, arrays)
    sizes: dict[str, int] = {}
    for spec in specs:
        array = arrays.get(spec.name)
        if array is None:
            raise _other_names(specs, arrays)
        if array.dtype != _dtype(spec.dtype):
            raise InputTypeError(
                f"input '{spec.name}': got dtype {array.dtype}, expected {spec.dtype}; convert it "
                "first"
            )
        if not _fits(spec.shape, array.shape, sizes):
            named = {name: size for name, size in sizes.items() if name in spec.shape}
            raise InputError(
                f"input '{spec.name}': got shape {array.shape}, expected {spec.shape}"
                + (f" with {named}" if named else "")
                + "; reshape or transpose it"
            )


def _other_names(
    specs: tuple[TensorSpec, ...], arrays: Mapping[str, Array | Resident]
) -> InputError:
    expected = sorted(spec.name for spec in specs)
    return InputError(
        f"graph inputs: got {sorted(arrays)}, expected {expected}; pass exactly these"
    )


def _fits(expected: tuple[int | str, ...], shape: tuple[int, ...], sizes: dict[str, int]) -> bool:
    if len(shape) != len(expected):
        return False
    for want, got in zip(expected, shape, strict=True):
        if want != got and (isinstance(want, int) or sizes.setdefault(want, got) != got):
            return False
    return True
