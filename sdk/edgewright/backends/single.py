"""Graphs that answer one sample of a fixed size again and again, such as a picture."""

from collections.abc import Mapping
from typing import cast

from edgewright.backends.base import BoundCall, Runner
from edgewright.specs import Array


class SingleRuns:
    """`Runner.run`, where single samples go through arrays that are bound once.

    Safe for concurrent calls: each takes arrays that no other one has, so there are as many of them
    as there were calls at the same time. For graphs whose only dynamic dimension is the batch;
    inputs of any other size than one sample are run as they are.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._sample = {spec.name: spec.zeros() for spec in runner.inputs}
        self._free: list[BoundCall] = []

    def __call__(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Run one inference; arguments, answer and errors are those of `Runner.run`."""
        if not self._is_single(arrays):
            return self._runner.run(arrays)
        try:
            bound = self._free.pop()
        except IndexError:
            bound = self._bind()
        inputs, outputs = (
            cast("Mapping[str, Array]", held) for held in (bound.inputs, bound.outputs)
        )
        for name, array in inputs.items():
            array[...] = arrays[name]
        bound()
        answer = {name: array.copy() for name, array in outputs.items()}
        self._free.append(bound)
        return answer

    def _is_single(self, arrays: Mapping[str, Array]) -> bool:
        return arrays.keys() == self._sample.keys() and all(
            array.shape == arrays[name].shape and array.dtype == arrays[name].dtype
            for name, array in self._sample.items()
        )

    def _bind(self) -> BoundCall:
        inputs = {name: array.copy() for name, array in self._sample.items()}
        outputs = {spec.name: spec.zeros() for spec in self._runner.outputs}
        return self._runner.bind(inputs, outputs)
