"""Real (or, failing them, synthetic) raw samples, and the hash by which a receipt names them."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from edgewright.backends import Runner
from edgewright.bundle.manifest import Component
from edgewright.specs import Array
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
        """Return the SHA-256 (hex) of all samples."""
        return hash_samples(self.samples)


def hash_samples(samples: Iterable[Sample]) -> str:
    """Return the SHA-256 (hex) of names, dtypes, shapes and bytes of `samples`."""
    digest = hashlib.sha256()
    for sample in samples:
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


class ObservedRunner(Runner):
    """Runs another runner and shows what it is given: the graph inputs to calibrate on."""

    def __init__(self, runner: Runner, observe: Callable[[Mapping[str, Array]], None]) -> None:
        super().__init__(
            Component((), runner.inputs, runner.outputs, runner.states), runner.provider
        )
        self._runner, self._observe = runner, observe

    def _run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        self._observe(arrays)
        return self._runner.run(arrays)
