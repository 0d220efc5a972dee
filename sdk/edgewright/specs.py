"""Names, dtypes and shapes of graph inputs and outputs, and the checks of arrays against them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewright.errors import InputError, InputTypeError

Array = NDArray[np.generic]


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
    """An array that stays where the graph runs, such as a state in the memory of a GPU."""

    def __init__(self, spec: TensorSpec) -> None:
        zeros = spec.zeros()
        self.dtype, self.shape = zeros.dtype, zeros.shape
        self.ndim, self.nbytes = zeros.ndim, zeros.nbytes

    @abstractmethod
    def clear(self) -> None:
        """Set all values to zero."""


def check_arrays(specs: tuple[TensorSpec, ...], arrays: Mapping[str, Array | Resident]) -> None:
    """Check names, dtypes and shapes of `arrays` against `specs`.

    Raises:
        InputTypeError: A dtype differs.
        InputError: A name is missing or unknown, or a shape does not fit.
    """
    expected = {spec.name for spec in specs}
    if expected != set(arrays):
        raise InputError(
            f"graph inputs: got {sorted(arrays)}, expected {sorted(expected)}; pass exactly these"
        )
    sizes: dict[str, int] = {}
    for spec in specs:
        _check_array(spec, arrays[spec.name], sizes)


def _check_array(spec: TensorSpec, array: Array | Resident, sizes: dict[str, int]) -> None:
    if array.dtype != np.dtype(spec.dtype):
        raise InputTypeError(
            f"input '{spec.name}': got dtype {array.dtype}, expected {spec.dtype}; convert it first"
        )
    fits = len(spec.shape) == array.ndim and all(
        got == (sizes.setdefault(want, got) if isinstance(want, str) else want)
        for want, got in zip(spec.shape, array.shape, strict=True)
    )
    if not fits:
        named = {name: size for name, size in sizes.items() if name in spec.shape}
        raise InputError(
            f"input '{spec.name}': got shape {array.shape}, expected {spec.shape}"
            + (f" with {named}" if named else "")
            + "; reshape or transpose it"
        )
