"""Decision Transformers: observations and rewards in, actions out."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewright.context import ContextWindow
from edgewright.errors import BundleError, InputError, InputTypeError, StateError
from edgewright.families.base import Model, Stopwatch, check_graph, check_input, take
from edgewright.specs import Array
from edgewright.tasks.control import Action, Control

INPUTS = ("states", "actions", "returns_to_go", "timesteps", "attention_mask")
"""Of the graph."""


@dataclass(frozen=True)
class DecisionTransformerConfig:
    """`manifest.config` of the family."""

    state_dim: int
    action_dim: int
    context_length: int
    """Steps that the model sees."""
    max_ep_len: int
    """Timesteps that the model knows; later ones are clipped to the last."""
    return_scale: float
    """Returns-to-go are divided by it."""
    state_mean: tuple[float, ...]
    """Of the training data, per dimension."""
    state_std: tuple[float, ...]
    """Of the training data, per dimension."""
    action_low: tuple[float, ...]
    """Lower limit of each action value."""
    action_high: tuple[float, ...]
    """Upper limit of each action value."""
    environment: str | None
    """Gymnasium id that it was trained for; none where unknown."""
    target_return: float | None
    """Return that `reset` asks for by default; none where unknown."""


class DecisionTransformer(Model[DecisionTransformerConfig]):
    """A policy: `reset` and `step` belong to one caller at a time; `infer` to any number."""

    family = "decision_transformer"
    task = Control
    config_type = DecisionTransformerConfig

    def _prepare(self, assets: Callable[[str], bytes]) -> None:
        check_graph(self.runners, INPUTS, "action_preds")
        self._check_limits()
        model, config = self.runners["model"], self.config
        check_input(model, "states", (None, None, config.state_dim), "state_dim")
        check_input(model, "actions", (None, None, config.action_dim), "action_dim")
        self._context = self._new_context()
        self._low = np.array(self.config.action_low, np.float32)
        self._high = np.array(self.config.action_high, np.float32)
        self._busy = threading.Lock()
        self._return_to_go: float | None = None
        self._is_first = True

    def reset(self, target_return: float | None = None) -> float:
        """Begin an episode.

        Args:
            target_return: Return to ask for; the bundle's by default.

        Returns:
            The return that is asked for.

        Raises:
            InputError: None is given and the bundle has none, or it is not finite.
            StateError: Another thread is in `step`.
        """
        target = self.config.target_return if target_return is None else target_return
        if target is None:
            raise InputError(
                "input 'target_return': got none, and the bundle has no default, expected the "
                "return to ask for; pass reset(target_return=…)"
            )
        with self._alone():
            self._context.reset(target)
            self._return_to_go, self._is_first = float(target), True
        return float(target)

    def step(self, observation: ArrayLike, reward: float | None = None) -> Action:
        """Choose the next action.

        A call that raises `InputError` leaves the episode as it was: call again with good values.
        The exception is a state so far from the training data that the model has no finite answer,
        which ends the episode, as an interruption does: call `reset`.

        Args:
            observation: Raw state (state_dim,), any real dtype, finite.
            reward: Of the previous action; none at the first step of an episode, and only there.

        Raises:
            InputError: An argument has another size, is not finite, or the reward is missing.
            StateError: `reset` was not called, or another thread is in `step`.
        """
        watch = Stopwatch()
        with self._alone():
            return_to_go = self._advance(observation, reward)
            try:
                action = self._choose(watch)
            except BaseException:  # no action follows this state, so there is no next step
                self._return_to_go = None
                raise
            return Action(action, return_to_go, watch.timings(), self.runtime)

    def infer(self, sample: Mapping[str, Array]) -> dict[str, Array]:
        """Map an episode so far to the next action, before the limits.

        Args:
            sample: `states` float32 (T, state_dim), raw; `actions` float32 (T - 1, action_dim);
                `rewards` float32 (T - 1,); `target_return` float32 (). T is at least 1.

        Returns:
            `action` float32 (action_dim,).
        """
        states = take(sample, "states", "float32", 2)
        actions, rewards = (
            take(sample, "actions", "float32", 2),
            take(sample, "rewards", "float32", 1),
        )
        if not len(states) == len(actions) + 1 == len(rewards) + 1:
            raise InputError(
                f"sample: got {len(states)} states, {len(actions)} actions, {len(rewards)} "
                "rewards, expected one state more than the others; add the present state last"
            )
        context = self._new_context()
        context.reset(float(take(sample, "target_return", "float32", 0)))
        context.observe(states[0])
        for state, action, reward in zip(states[1:], actions, rewards, strict=True):
            context.act(action)
            context.reward(float(reward))
            context.observe(state)
        inputs: dict[str, Array] = dict(context.arrays())
        return {"action": self._run(inputs)}

    def _check_limits(self) -> None:
        config = self.config
        sizes = (
            {len(config.state_mean), len(config.state_std)},
            {len(config.action_low), len(config.action_high)},
        )
        if sizes != ({config.state_dim}, {config.action_dim}):
            raise BundleError(
                f"manifest.config: got state and action records of sizes {sizes}, expected "
                f"{config.state_dim} and {config.action_dim}; export the bundle again"
            )
        if any(low > high for low, high in zip(config.action_low, config.action_high, strict=True)):
            raise BundleError(
                f"manifest.config: got action_low {config.action_low} above action_high "
                f"{config.action_high}, expected lower limits first; export the bundle again"
            )

    def _choose(self, watch: Stopwatch) -> NDArray[np.float32]:
        """Run the model on the context and take in its action, within the limits."""
        inputs: dict[str, Array] = dict(self._context.arrays())
        watch.lap("pre")
        predicted = self._run(inputs)
        watch.lap("run")
        if not np.isfinite(predicted).all():
            raise InputError(
                "input 'observation': got values for which the model answers NaN or infinity, "
                "expected states like those of its training; check the sensor, then call reset()"
            )
        action: NDArray[np.float32] = np.clip(predicted, self._low, self._high)
        self._context.act(action)
        watch.lap("post")
        return action

    def _advance(self, observation: ArrayLike, reward: float | None) -> float:
        """Take in the reward of the last action and the new state: both, or neither.

        Returns:
            The return that is still asked for.
        """
        if self._return_to_go is None:
            raise StateError("policy: got step before reset, expected reset first; call reset()")
        if self._is_first != (reward is None):
            got, expected = (
                ("none", "that of the last action") if reward is None else (reward, "none")
            )
            raise InputError(
                f"input 'reward': got {got}, expected {expected}; the first step after reset has "
                "no reward, every later one has"
            )
        state = check_observation(observation, self.config.state_dim)
        if reward is not None:
            self._context.reward(reward)
            self._return_to_go -= float(reward)
        self._context.observe(state)
        self._is_first = False
        return self._return_to_go

    def _run(self, inputs: Mapping[str, Array]) -> NDArray[np.float32]:
        predictions = self.runners["model"].run(inputs)["action_preds"]
        last: NDArray[np.float32] = predictions[0, -1].astype(np.float32, copy=False)
        return last

    def _new_context(self) -> ContextWindow:
        config = self.config
        return ContextWindow(
            config.context_length,
            config.state_mean,
            config.state_std,
            config.action_dim,
            config.return_scale,
            config.max_ep_len,
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._busy.acquire(blocking=False):
            raise StateError(
                "policy: got a call while another thread is in it, expected one caller at a time; "
                "load one policy per caller"
            )
        try:
            yield
        finally:
            self._busy.release()


def check_observation(observation: ArrayLike, size: int) -> NDArray[np.float32]:
    """Return a raw state as float32 (size,).

    Raises:
        InputTypeError: It is not made of real numbers.
        InputError: It has another shape, or a value that is not finite in float32.
    """
    try:
        state = np.asarray(observation)
    except ValueError as error:  # lists of unequal lengths
        raise InputTypeError(
            f"input 'observation': got values that make no array ({error}), expected {size} real "
            "numbers; pass one flat list or array"
        ) from error
    if state.dtype.kind not in "fiu":
        raise InputTypeError(
            f"input 'observation': got dtype {state.dtype}, expected real numbers; convert it"
        )
    if state.shape != (size,):
        raise InputError(
            f"input 'observation': got shape {state.shape}, expected ({size},); pass one state of "
            "the environment that the policy was trained for"
        )
    with np.errstate(over="ignore"):  # what overflows becomes infinite and is refused below
        state = state.astype(np.float32)
    if not np.isfinite(state).all():
        raise InputError(
            f"input 'observation': got {state[~np.isfinite(state)][0]} at index "
            f"{int(np.flatnonzero(~np.isfinite(state))[0])}, expected finite numbers; "
            "check the sensor or the simulation"
        )
    return state
