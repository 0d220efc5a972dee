"""What a family is: raw sample → pre → runners → post, and a typed answer on top of it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgewright.backends.base import Runner
from edgewright.errors import BundleError, InputError, InputTypeError
from edgewright.lines import split_lines
from edgewright.runtime import Runtime, Stopwatch, Timings
from edgewright.specs import Array
from edgewright.tasks.base import Task

ConfigT = TypeVar("ConfigT")

__all__ = [
    "Model",
    "Runtime",
    "Stopwatch",
    "Timings",
    "check_graph",
    "check_input",
    "check_labels",
    "float_row",
    "read_lines",
    "require",
    "take",
]


FLOAT_PRECISIONS = frozenset({"fp32", "fp16", "bf16"})
BATCH = 8
"""Samples per run of a float graph. On one thread, 32 were 5 % slower per sample (they leave the
cache) and 1 was 17 % slower (three layers of 96 hidden values, 60 tokens)."""


class Model(ABC, Generic[ConfigT]):
    """A family's bundle, loaded.

    Calls may come from any number of threads unless a family says otherwise. Use it with `with`, or
    `close` it, to release its graphs early.
    """

    family: ClassVar[str]
    task: ClassVar[type[Task]]
    config_type: ClassVar[type[Any]]
    """The frozen dataclass that `manifest.config` is read as."""

    def __init__(
        self,
        config: ConfigT,
        assets: Callable[[str], bytes],
        runners: Mapping[str, Runner],
        runtime: Runtime,
    ) -> None:
        """Keep what the family needs.

        Args:
            config: An instance of `config_type`.
            assets: Gives the bytes of a file that the config names, by bundle path.
            runners: One per component.
            runtime: What the runners run on.
        """
        self.config = config
        self.runners = dict(runners)
        self.runtime = runtime
        self._prepare(assets)

    def _prepare(self, assets: Callable[[str], bytes]) -> None:
        """Build what calls share, such as a tokenizer; nothing by default."""

    @property
    def batch_size(self) -> int:
        """Samples per run of the graph, unless a call says otherwise.

        One where activations are quantized: a dynamic scale covers a whole tensor, so in a batch
        the answer to a sample would depend on its neighbours.
        """
        return BATCH if self.runtime.precision in FLOAT_PRECISIONS else 1

    @abstractmethod
    def infer(self, sample: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the graph's answer to one raw sample.

        Args:
            sample: The arrays that golden samples store as `input.<name>`.

        Returns:
            Its outputs, by name.
        """

    def prove(self, sample: Mapping[str, Array]) -> dict[str, Array]:
        """Compute what golden samples store as `output.<name>`, to be compared with PyTorch.

        The answer of `infer` and, where a family computes it in other ways too, those of them.
        """
        return self.infer(sample)

    def close(self) -> None:
        """Release the graphs."""
        for runner in self.runners.values():
            runner.close()

    def __enter__(self) -> "Model[ConfigT]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.runtime}>"


def require(valid: bool, key: str, got: object, expected: str) -> None:
    """Raise a BundleError about `manifest.config.<key>` unless it is `valid`."""
    if not valid:
        raise BundleError(
            f"manifest.config.{key}: got {got}, expected {expected}; export the bundle again"
        )


def float_row(answer: Array) -> NDArray[np.float32]:
    """Return the only row of a graph's output, which may be of half precision, as float32."""
    return answer[0].astype(np.float32, copy=False)  # type: ignore[no-any-return]


def check_input(runner: Runner, name: str, sizes: tuple[int | None, ...], key: str) -> None:
    """Check that an input of a graph takes the arrays that `manifest.config.<key>` leads to.

    Args:
        runner: The graph.
        name: Of its input.
        sizes: Of the array; None where any may come.
        key: Of the config, for the message.

    Raises:
        BundleError: The graph takes another number of dimensions, or another size of one.
    """
    (spec,) = (spec for spec in runner.inputs if spec.name == name)
    fits = len(spec.shape) == len(sizes) and all(
        size is None or isinstance(declared, str) or declared == size
        for declared, size in zip(spec.shape, sizes, strict=True)
    )
    shown = tuple("any" if size is None else size for size in sizes)
    require(fits, key, f"arrays of {shown}", f"what the graph takes, '{spec}'")


def read_lines(assets: Callable[[str], bytes], name: str) -> list[str]:
    """Return the lines of a text file of the bundle.

    Raises:
        BundleError: It is not UTF-8.
    """
    try:
        return split_lines(assets(name).decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BundleError(
            f"file '{name}': got bytes that are no UTF-8 ({error.reason} at byte {error.start}), "
            "expected text; export the bundle again"
        ) from error


def take(sample: Mapping[str, Array], name: str, dtype: str, ndim: int) -> Array:
    """Return `sample[name]` after checking its dtype and number of dimensions.

    Raises:
        InputTypeError: The dtype differs.
        InputError: The array is missing, or has another number of dimensions.
    """
    if name not in sample:
        raise InputError(
            f"sample: got {sorted(sample)}, expected an array named '{name}'; add it to the sample"
        )
    array = sample[name]
    if array.dtype != np.dtype(dtype):
        raise InputTypeError(
            f"sample '{name}': got dtype {array.dtype}, expected {dtype}; convert it first"
        )
    if array.ndim != ndim:
        raise InputError(
            f"sample '{name}': got shape {array.shape}, expected {ndim} dimensions; reshape it"
        )
    return array


def check_graph(
    runners: Mapping[str, Runner], inputs: tuple[str, ...], output: str, component: str = "model"
) -> None:
    """Check that a bundle has the one component that a family runs, with its inputs and output.

    Raises:
        BundleError: It has others.
    """
    if set(runners) != {component}:
        raise BundleError(
            f"manifest: got components {sorted(runners)}, expected '{component}'; export it again"
        )
    runner = runners[component]
    got = sorted(spec.name for spec in runner.inputs), [spec.name for spec in runner.outputs]
    if got != (sorted(inputs), [output]):
        raise BundleError(
            f"component '{component}': got inputs and outputs {got}, expected "
            f"{(sorted(inputs), [output])}; export the bundle again"
        )


def check_labels(labels: tuple[str, ...], runner: Runner, output: str) -> None:
    """Check that the last dimension of a graph's output has one entry per label.

    Raises:
        BundleError: The counts differ, or two labels are equal.
    """
    (spec,) = (spec for spec in runner.outputs if spec.name == output)
    if spec.shape[-1] != len(labels) or len(set(labels)) != len(labels):
        raise BundleError(
            f"manifest.config.labels: got {len(labels)} labels ({len(set(labels))} different), "
            f"expected {spec.shape[-1]} different ones for '{spec}'; export the bundle again"
        )
