"""Ranges of the tensors of a model's graphs: from the cache, or observed on the samples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from edgewright.bundle.files import hash_stream
from edgewright_export.onnx_graph import graph_files
from edgewright_export.quantization.cache import CacheKey, CalibrationCache, digest_of
from edgewright_export.quantization.ranges import DEFAULT_METHOD, RangeCollector, Ranges

_TOOLS = ("edgewright", "onnxruntime", "onnx", "numpy")

AnswerSamples = Callable[[Mapping[str, RangeCollector]], None]
"""Answers all samples and shows each collector what its graph is given."""


@dataclass(frozen=True)
class CalibrationSettings:
    """The user's choices."""

    method: str = DEFAULT_METHOD
    """A key of `METHODS`."""
    cache: CalibrationCache | None = None
    """Where ranges are kept; none observes them anew."""


@dataclass(frozen=True)
class Dependencies:
    """What ranges depend on beside graphs and method, each as a SHA-256."""

    data: str
    """Of the calibration samples."""
    preprocessing: str
    """Of the family's configuration and assets."""


class Observation:
    """The graphs of a model and the tensors to be observed in them."""

    def __init__(
        self,
        graphs: Mapping[str, Path],
        operators: Sequence[str],
        method: str,
        dependencies: Dependencies,
    ) -> None:
        """Keep what is to be observed.

        Args:
            graphs: fp32 ONNX files by component.
            operators: Their inputs and outputs are observed; none means those of all.
            method: A key of `METHODS`.
            dependencies: The rest of the cache's key.
        """
        self._graphs, self._operators, self._method = graphs, operators, method
        self._dependencies = dependencies

    def ranges(
        self, answer_samples: AnswerSamples, cache: CalibrationCache | None
    ) -> dict[str, Ranges]:
        """Return the ranges by component; samples are answered only where some are missing."""
        if cache is None:
            return self._observe(answer_samples)
        key = self.key()
        found = {name: cache.find(name, key) for name in self._graphs}
        known: dict[str, Ranges] = {name: one for name, one in found.items() if one is not None}
        if len(known) == len(self._graphs):
            return known
        observed = self._observe(answer_samples)
        for name, ranges in observed.items():
            cache.store(name, key, ranges)
        return observed

    def _observe(self, answer_samples: AnswerSamples) -> dict[str, Ranges]:
        collectors = {
            name: RangeCollector(path, self._operators, self._method)
            for name, path in self._graphs.items()
        }
        answer_samples(collectors)
        return {name: one.finish() for name, one in collectors.items()}

    def key(self) -> CacheKey:
        """Return what the ranges depend on."""
        files = [file for path in self._graphs.values() for file in graph_files(path)]
        return CacheKey(
            # What a graph is given depends on the graphs before it.
            model=digest_of({file.name: _sha256(file) for file in files}),
            data=self._dependencies.data,
            preprocessing=self._dependencies.preprocessing,
            method=f"{self._method} of {', '.join(self._operators) or 'all operators'}",
            versions=", ".join(f"{name} {version(name)}" for name in _TOOLS),
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hash_stream(file)
