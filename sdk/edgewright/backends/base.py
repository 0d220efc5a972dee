"""What a backend is: it opens one component of a variant as a runner on one device."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast
from weakref import WeakSet

import numpy as np

from edgewright.backends.facts import Facts
from edgewright.bundle.manifest import Component, Manifest, StatePair, Variant
from edgewright.errors import InputError, InputTypeError, IntegrityError, StateError
from edgewright.specs import Array, Resident, TensorSpec, check_arrays


@dataclass(frozen=True)
class DeviceFact:
    """Whether one backend can use one device of this machine."""

    backend: str
    """Key in `BACKENDS`."""
    device: str
    """`cpu`, `cuda`, …"""
    provider: str
    """Execution provider that serves the device."""
    version: str
    """Version of the backend's library; empty when it is not installed."""
    problem: str | None
    """Why it cannot be used and what to do about it; none where it can."""


class BoundCall:
    """A graph bound to arrays, which it lets go of when its runner is closed."""

    def __init__(
        self,
        call: Callable[[], None],
        inputs: Mapping[str, Array | Resident],
        outputs: Mapping[str, Array | Resident],
    ) -> None:
        self._call: Callable[[], None] | None = call
        self.inputs, self.outputs = inputs, outputs

    def __call__(self) -> None:
        """Read the inputs as they are now and write the outputs.

        Raises:
            StateError: The runner was closed.
        """
        call = self._call
        if call is None:
            raise closed_error()
        call()

    def close(self) -> None:
        """Let go of the graph and of the arrays; a running call finishes first."""
        self._call = None
        self.inputs, self.outputs = {}, {}


class Runner(ABC):
    """One opened component. Safe for concurrent `run` calls; use it with `with` or `close` it."""

    def __init__(self, component: Component, provider: str) -> None:
        self.inputs: tuple[TensorSpec, ...] = component.inputs
        self.outputs: tuple[TensorSpec, ...] = component.outputs
        self.states: tuple[StatePair, ...] = component.states
        self.provider = provider
        """Execution provider that the opened graph reported."""
        self.shared_with_cpu: str | None = None
        """Why a part of the graph runs on the CPU beside it; none where nothing does."""
        self._closed = False
        self._kept: WeakSet[BoundCall | Resident] = WeakSet()
        """What holds memory of the graph and is closed with it."""
        self._keeping = threading.Lock()

    def run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Run one inference.

        Args:
            arrays: By input name, with the dtypes and shapes of `inputs`.

        Returns:
            The outputs by name.

        Raises:
            InputError: Names, dtypes or shapes differ from `inputs`.
            StateError: The runner was closed.
        """
        self._check_open()
        check_arrays(self.inputs, arrays)
        return self._run(arrays)

    def _check_open(self) -> None:
        if self._closed:
            raise closed_error()

    def state(self, spec: TensorSpec) -> Array | Resident:
        """Return zeros for a state of the graph, where it runs; `bind` takes them.

        Args:
            spec: One of `inputs`; dynamic sizes are 1.

        Raises:
            InputError: The graph has no such input.
            StateError: The runner was closed.
        """
        self._check_open()
        if spec not in self.inputs:
            raise InputError(
                f"state: got '{spec}', expected one of the graph's inputs "
                f"[{'; '.join(map(str, self.inputs))}]; take it from `inputs`"
            )
        state = self._state(spec)
        if isinstance(state, Resident):
            self._keep(state)
        return state

    def _state(self, spec: TensorSpec) -> Array | Resident:
        """Return `state`'s answer; in the memory of the host by default."""
        return spec.zeros()

    def _keep(self, held: BoundCall | Resident) -> None:
        """Close `held` when the runner is closed, at once if it was."""
        with self._keeping:
            if not self._closed:
                self._kept.add(held)
                return
        held.close()
        raise closed_error()

    def bind(
        self,
        inputs: Mapping[str, Array | Resident],
        outputs: Mapping[str, Array | Resident],
    ) -> BoundCall:
        """Return a call that reads `inputs` as they are then and writes `outputs`.

        For small graphs that run often: names, dtypes and shapes are checked once. The call belongs
        to one caller at a time; it raises StateError once the runner was closed.

        Args:
            inputs: By input name, with the dtypes and shapes of `inputs`, C-contiguous; states as
                `state` makes them.
            outputs: By output name, of the dtypes and shapes of the answer, C-contiguous; states as
                `state` makes them. None may share memory with an input.

        Raises:
            InputTypeError: A dtype differs, or something is no array.
            InputError: Names or shapes differ, an array is not C-contiguous, an output is
                read-only, or a state is another runner's.
            StateError: The runner was closed.
        """
        self._check_open()
        arrays = {**inputs, **outputs}
        for name, array in arrays.items():
            self._check_bound(name, array, written=name in outputs)
        check_arrays(self.inputs, inputs)
        check_arrays(self.outputs, outputs)
        check_arrays((*self.inputs, *self.outputs), arrays)  # equal names mean equal sizes
        inputs, outputs = dict(inputs), dict(outputs)
        call = BoundCall(self._bind(inputs, outputs), inputs, outputs)
        self._keep(call)
        return call

    def _check_bound(self, name: str, array: object, *, written: bool) -> None:
        if isinstance(array, Resident):
            if array not in self._kept:
                raise InputError(
                    f"'{name}': got a state of another runner, expected one of this; make it by "
                    "its `state`"
                )
        elif not isinstance(array, np.ndarray):
            raise InputTypeError(
                f"'{name}': got {type(array).__name__}, expected a NumPy array or what `state` "
                "made; convert it first"
            )
        elif not array.flags.c_contiguous:
            raise InputError(
                f"'{name}': got strides {array.strides} of shape {array.shape}, expected "
                "values without gaps; pass numpy.ascontiguousarray(...)"
            )
        elif written and not array.flags.writeable:
            raise InputError(
                f"'{name}': got a read-only array, expected one that is written; pass a copy"
            )

    def _bind(
        self, inputs: Mapping[str, Array | Resident], outputs: Mapping[str, Array | Resident]
    ) -> Callable[[], None]:
        """Return `bind`'s call, of checked arrays; none is resident where `state` makes no such."""
        given, wanted = cast("Mapping[str, Array]", inputs), cast("Mapping[str, Array]", outputs)

        def call() -> None:
            answer = self._run(given)
            for name, array in wanted.items():
                array[...] = answer[name]

        return call

    @abstractmethod
    def _run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Run checked inputs."""

    def close(self) -> None:
        """Let go of the graph, its bound calls and its states; a running call finishes first."""
        with self._keeping:
            self._closed = True
            kept = list(self._kept)
        with ExitStack() as closing:
            for held in kept:
                closing.callback(held.close)

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Backend(ABC):
    """A library that runs graphs. Its import is late: asking for a missing one is no error."""

    key: ClassVar[str]
    untested: ClassVar[str] = ""
    """What a `self_test` without a complaint leaves open; nothing where it ran a graph."""

    @classmethod
    @abstractmethod
    def devices(cls, facts: Facts) -> tuple[DeviceFact, ...]:
        """Return one fact per device that the backend knows, in order of preference; pure."""

    @classmethod
    def variant_problem(
        cls, facts: Facts, manifest: Manifest, variant: Variant, device: str, *, asked: bool
    ) -> str | None:
        """Say why a variant cannot be taken on a device that can be used; none where it can; pure.

        Args:
            facts: Of the machine.
            manifest: Of the bundle.
            variant: One of its variants.
            device: One of `devices` without a problem.
            asked: Whether the device was asked for, not found by `auto`.
        """
        return None

    @classmethod
    @abstractmethod
    def self_test(cls, device: str) -> str | None:
        """Try `device`, by a one-node graph unless `untested`; return what went wrong, or none."""

    @classmethod
    @abstractmethod
    def open(
        cls,
        files: Sequence[Path],
        component: Component,
        *,
        device: str,
        threads: int,
        shared_threads: bool = False,
        strict: bool = True,
        precision: str = "",
        options: Mapping[str, str] | None = None,
    ) -> Runner:
        """Open one component.

        Args:
            files: The graph first, then its external data.
            component: Its signature in the manifest.
            device: One of `devices` without a problem.
            threads: Size of the runner's own pool.
            shared_threads: Use the pool made by `share_threads` instead.
            strict: Refuse a graph of which a part would run elsewhere than on `device`; otherwise
                `Runner.shared_with_cpu` says so.
            precision: Of the variant; engines are found by it.
            options: The manifest's own for this provider.

        Raises:
            IntegrityError: The graph's signature differs from the manifest's.
            PlacementError: The graph cannot be opened, or opened elsewhere than asked.
            StateError: The process has a shared pool, and `shared_threads` is not set.
        """

    @classmethod
    @abstractmethod
    def share_threads(cls, threads: int) -> None:
        """Make the pool that runners opened with `shared_threads` use. Once per process."""


def closed_error() -> StateError:
    """Return what a call after `close` raises."""
    return StateError("model: got a call after close(), expected an open model; load it")


def check_signature(
    kind: str, where: str, listed: Sequence[TensorSpec], found: Sequence[TensorSpec]
) -> None:
    """Compare the inputs or outputs of a graph with those that the manifest lists.

    Fixed sizes, names and dtypes must be equal. A dynamic dimension must be dynamic on both sides;
    its name may differ, because libraries rename derived dimensions.

    Raises:
        IntegrityError: They differ.
    """
    if _comparable(listed) != _comparable(found):
        raise IntegrityError(
            f"{where}: got graph {kind} [{'; '.join(map(str, found))}], expected those of the "
            f"manifest [{'; '.join(map(str, listed))}]; export the bundle again"
        )


def _comparable(specs: Sequence[TensorSpec]) -> dict[str, tuple[str, tuple[int | None, ...]]]:
    return {
        spec.name: (spec.dtype, tuple(d if isinstance(d, int) else None for d in spec.shape))
        for spec in specs
    }
