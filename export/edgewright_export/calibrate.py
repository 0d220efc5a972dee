"""Real (or, failing them, synthetic) raw samples, and the hash by which a receipt names them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from edgewright_export.subject import Sample

T = TypeVar("T")


@dataclass(frozen=True)
class Calibration:
    """Raw samples of a family, without labels."""

    samples: Sequence[Sample]
    """At least one."""
    data: str
    """What they are: a file or folder name, or `synthetic samples`."""

    def sha256(self) -> str:
        """Return the SHA-256 (hex) of names, dtypes, shapes and bytes of all samples."""
        digest = hashlib.sha256()
        for sample in self.samples:
            for name in sorted(sample):
                array = np.ascontiguousarray(sample[name])
                digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
                digest.update(array.tobytes())
        return digest.hexdigest()


def spread(items: Sequence[T], count: int) -> list[T]:
    """Return up to `count` of `items`, spread evenly over all."""
    last = len(items) - 1
    picked = np.unique(np.linspace(0, last, min(count, last + 1)).round().astype(int))
    return [items[int(index)] for index in picked]
