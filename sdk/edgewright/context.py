"""The last steps of an episode, as a Decision Transformer reads them."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewright import _core
from edgewright.errors import InputError, InputTypeError, StateError, UsageError

_LARGEST = float(np.finfo(np.float32).max)
_LONGEST = 1 << 16
"""Steps of a context; far beyond what any model reads, and little memory."""


# Calls that may follow.
_OBSERVE = frozenset({"observe"})
_OBSERVED = frozenset({"act", "arrays"})
_ACTED = frozenset({"reward", "observe"})

_Inputs = dict[str, NDArray[np.float32] | NDArray[np.int64]]


class ContextWindow:
    """Keeps the last `context_length` steps (return-to-go, state, action) of one episode.

    Call `reset` once an episode; then, each step, `observe` and `arrays` (or `step`, which is
    both), `act` and, once it is known, `reward`. Belongs to one caller at a time.
    """

    def __init__(  # noqa: PLR0917 - the constants of a checkpoint, all needed
        self,
        context_length: int,
        state_mean: Sequence[float],
        state_std: Sequence[float],
        action_dim: int,
        return_scale: float,
        max_ep_len: int,
    ) -> None:
        """Take the constants of the checkpoint.

        Args:
            context_length: Number of steps that the model reads (K).
            state_mean: Mean of every state value.
            state_std: Standard deviation of every state value, above 0.
            action_dim: Number of action values.
            return_scale: Divisor of the returns-to-go, above 0.
            max_ep_len: Number of timesteps that the model knows; later steps count as the last.

        Raises:
            UsageError: A size is below 1 or beyond any model, a divisor is not above 0, or a number
                is not finite.
        """
        mean, std = _constants("state_mean", state_mean), _constants("state_std", state_std)
        for name, size in (
            ("context_length", context_length),
            ("action_dim", action_dim),
            ("max_ep_len", max_ep_len),
            ("state_mean", mean.size),
        ):
            if not 1 <= size < 1 << 31:
                raise UsageError(f"{name}: got {size}, expected at least 1; correct the checkpoint")
        if context_length > _LONGEST:
            raise UsageError(
                f"context_length: got {context_length}, expected at most {_LONGEST}; "
                "correct the checkpoint"
            )
        if mean.shape != std.shape or not (std > 0).all():
            raise UsageError(
                f"state_std: got {std.size} values, smallest {std.min(initial=math.inf)}, expected "
                f"{mean.size} values above 0; use 1 for states that never change"
            )
        if not (math.isfinite(return_scale) and return_scale > 0):
            raise UsageError(f"return_scale: got {return_scale}, expected above 0; use 1 for none")
        self.state_dim = int(mean.size)
        self.action_dim = action_dim
        self._kernel = _core.ContextWindow(
            context_length, mean, std, action_dim, return_scale, max_ep_len
        )
        self._awaits: frozenset[str] = frozenset()

    def reset(self, target_return: float) -> None:
        """Start an episode that is to collect `target_return`.

        Raises:
            InputError: `target_return` is not finite.
        """
        self._kernel.reset(_finite("target_return", target_return))
        self._awaits = _OBSERVE

    def observe(self, state: ArrayLike) -> None:
        """Start a step with its raw state, shape (state_dim,), any real dtype.

        Raises:
            StateError: `reset` was not called, or the last step has no action yet.
            InputTypeError: `state` is not made of real numbers.
            InputError: `state` has another size or values that are not finite.
        """
        self._expect("observe")
        if not self._kernel.observe(state):
            self._kernel.observe(_vector("state", state, self.state_dim))
        self._awaits = _OBSERVED

    def step(self, state: ArrayLike) -> _Inputs:
        """Start a step and return the inputs of the model: `observe` and `arrays` in one call.

        Raises:
            StateError: `reset` was not called, or the last step has no action yet.
            InputTypeError: `state` is not made of real numbers.
            InputError: `state` has another size or values that are not finite.
        """
        self._expect("observe")
        arrays = self._kernel.step(state)
        if arrays is None:
            arrays = self._kernel.step(_vector("state", state, self.state_dim))
            assert arrays is not None  # `_vector` gave what the kernel takes
        self._awaits = _OBSERVED
        return arrays

    def arrays(self) -> _Inputs:
        """Return the inputs of the model, padded with zeros at the left, K = `context_length`.

        The arrays do not change while anything refers to one of them or to a view of it. Once all
        are dropped, a later call may give their memory out again, which a bare pointer
        (`array.ctypes.data`) or a weak reference would notice.

        Returns:
            `states` (1, K, state_dim), `actions` (1, K, action_dim), with zeros for the present
            step, and `returns_to_go` (1, K, 1), dtype float32; `timesteps` (1, K) and
            `attention_mask` (1, K), dtype int64.

        Raises:
            StateError: `observe` was not called for this step.
        """
        self._expect("arrays")
        return self._kernel.arrays()

    def act(self, action: ArrayLike) -> None:
        """Set the action of the present step, shape (action_dim,), any real dtype.

        Raises:
            StateError: `observe` was not called for this step.
            InputTypeError: `action` is not made of real numbers.
            InputError: `action` has another size or values that are not finite.
        """
        self._expect("act")
        if not self._kernel.act(action):
            self._kernel.act(_vector("action", action, self.action_dim))
        self._awaits = _ACTED

    def reward(self, reward: float) -> None:
        """Take the reward of the present step off the return that is still to come.

        Raises:
            StateError: `act` was not called for this step, or it already has its reward.
            InputError: `reward` is not finite.
        """
        self._expect("reward")
        self._kernel.reward(_finite("reward", reward))
        self._awaits = _OBSERVE

    def _expect(self, call: str) -> None:
        if call not in self._awaits:
            expected = " or ".join(sorted(self._awaits)) or "reset"
            raise StateError(
                f"context window: got a call of {call}, expected {expected}; the order is reset, "
                "then observe, arrays, act, reward for every step"
            )


def _constants(name: str, values: Sequence[float]) -> NDArray[np.float32]:
    array = np.asarray(values, dtype=np.float32)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise UsageError(
            f"{name}: got shape {array.shape} or numbers that are not finite, expected finite "
            "numbers of shape (state_dim,); correct the checkpoint"
        )
    return np.ascontiguousarray(array)


def _vector(name: str, values: ArrayLike, size: int) -> NDArray[np.float32]:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise InputTypeError(
            f"input '{name}': got dtype {array.dtype}, expected real numbers; convert to float32"
        )
    if array.shape != (size,):
        raise InputError(
            f"input '{name}': got shape {array.shape}, expected ({size},); pass one step at a time"
        )
    with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused below
        array = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(array).all():
        raise InputError(
            f"input '{name}': got NaN, infinity or a number beyond float32 at index "
            f"{int(np.flatnonzero(~np.isfinite(array))[0])}, expected finite numbers; "
            "check the sensor or the simulation"
        )
    return array


def _finite(name: str, value: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise InputTypeError(
            f"input '{name}': got {type(value).__name__}, expected a number; pass a float"
        ) from error
    except OverflowError:  # of a whole number beyond every float
        number = math.inf
    # The model reads 32-bit numbers; beyond them lies infinity.
    if not abs(number) <= _LARGEST:
        raise InputError(
            f"input '{name}': got {number}, expected a finite number of float32; check where it "
            "comes from"
        )
    return number
