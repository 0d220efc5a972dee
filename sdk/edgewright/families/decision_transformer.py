"""Decision Transformers: observations and rewards in, actions out."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewright.alone import Alone
from edgewright.context import ContextWindow
from edgewright.errors import BundleError, InputError, InputTypeError, StateError
from edgewright.families.base import Model, Stopwatch, check_graph, check_input, take
from edgewright.families.decision_step import CachedStep, Window, check_step
from edgewright.specs import Array
from edgewright.tasks.control import Action, Control

INPUTS = ("states", "actions", "returns_to_go", "timesteps", "attention_mask")
"""Of the graph."""
STEP = "step"
"""The component of the cached step, which a bundle may have."""
LAST_STEPS = 2
"""Steps of the context that the cached step reads: the present one and that of the last action."""


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
        others = {name: one for name, one in self.runners.items() if name != STEP}
        check_graph(others, INPUTS, "action_preds")
        self._check_limits()
        model, config = self.runners["model"], self.config
        check_input(model, "states", (None, None, config.state_dim), "state_dim")
        check_input(model, "actions", (None, None, config.action_dim), "action_dim")
        context = self._new_context(config.context_length)
        self._full = context, Window(model, context, config.action_dim)
        self._cached: tuple[ContextWindow, CachedStep] | None = None
        if STEP in self.runners:
            check_step(self.runners[STEP], config)
            self._cached = self._new_context(LAST_STEPS), CachedStep(self.runners[STEP])
        self._context, self._graph = self._choose_mode(cached=False)
        self._low = np.array(self.config.action_low, np.float32)
        self._high = np.array(self.config.action_high, np.float32)
        self._alone = Alone("policy", "load one policy per caller")
        self._return_to_go: float | None = None
        self._is_first = True

    def reset(self, target_return: float | None = None, *, cached: bool = False) -> float:
        """Begin an episode.

        Args:
            target_return: Return to ask for; the bundle's by default.
            cached: Compute only the newest step of every call and keep what the layers made of the
                steps before. The same actions until the context is full; from then on, steps that
                have left it still act on those that they were seen by.

        Returns:
            The return that is asked for.

        Raises:
            InputError: None is given and the bundle has none, or it is not finite; or the bundle
                has no cached step.
            StateError: Another thread is in `step`.
        """
        target = self.config.target_return if target_return is None else target_return
        if target is None:
            raise InputError(
                "input 'target_return': got none, and the bundle has no default, expected the "
                "return to ask for; pass reset(target_return=…)"
            )
        with self._alone:
            context, graph = self._choose_mode(cached=cached)
            context.reset(target)
            graph.reset()
            self._context, self._graph = context, graph
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
        with self._alone:
            inputs, return_to_go = self._advance(observation, reward)
            try:
                action = self._act(inputs, watch)
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
            `action` float32 (action_dim,). Where the bundle has the cached step also
            `cached_action` (action_dim,): its answer if it begins `2 * context_length` steps before
            the end.
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
        target = float(take(sample, "target_return", "float32", 0))
        context = self._new_context(self.config.context_length)
        for _ in _observed(context, target, states, actions, rewards):
            pass
        predictions = self.runners["model"].run(context.arrays())["action_preds"]
        answer: dict[str, Array] = {"action": predictions[0, -1].astype(np.float32, copy=False)}
        if STEP in self.runners:
            context, step = self._new_context(LAST_STEPS), CachedStep(self.runners[STEP])
            begin = len(states) - 2 * self.config.context_length
            for index in _observed(context, target, states, actions, rewards):
                if index >= begin:
                    action = step.run(context.arrays())
            answer["cached_action"] = action.astype(np.float32)
        return answer

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

    def _choose_mode(self, *, cached: bool) -> tuple[ContextWindow, Window | CachedStep]:
        if not cached:
            return self._full
        if self._cached is None:
            raise InputError(
                "input 'cached': got True, and the bundle has no component 'step', expected False; "
                "export it with the option cached_step"
            )
        return self._cached

    def _act(self, inputs: Mapping[str, Array], watch: Stopwatch) -> NDArray[np.float32]:
        """Run the graph on the context and take in its action, within the limits."""
        watch.lap("pre")
        predicted = self._run(inputs)
        watch.lap("run")
        if not all(map(math.isfinite, predicted.tolist())):  # NumPy takes longer for a few numbers
            raise InputError(
                "input 'observation': got values for which the model answers NaN or infinity, "
                "expected states like those of its training; check the sensor, then call reset()"
            )
        action: NDArray[np.float32] = np.minimum(np.maximum(predicted, self._low), self._high)
        self._context.act(action)
        watch.lap("post")
        return action

    def _advance(
        self, observation: ArrayLike, reward: float | None
    ) -> tuple[Mapping[str, Array], float]:
        """Take in the reward of the last action and the new state: both, or neither.

        Returns:
            What the graph reads, and the return that is still asked for.
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
        inputs = self._context.step(state)
        self._is_first = False
        return inputs, self._return_to_go

    def _run(self, inputs: Mapping[str, Array]) -> NDArray[np.float32]:
        return self._graph.run(inputs).astype(np.float32, copy=False)

    def _new_context(self, length: int) -> ContextWindow:
        config = self.config
        return ContextWindow(
            length,
            config.state_mean,
            config.state_std,
            config.action_dim,
            config.return_scale,
            config.max_ep_len,
        )


def _observed(
    context: ContextWindow, target: float, states: Array, actions: Array, rewards: Array
) -> Iterator[int]:
    """Show an episode to `context`; yield the number of each step once it is the present one."""
    context.reset(target)
    for index, state in enumerate(states):
        if index:
            context.act(actions[index - 1])
            context.reward(float(rewards[index - 1]))
        context.observe(state)
        yield index


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
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows becomes infinite
        state = state.astype(np.float32)
        is_small = math.isfinite(state @ state)  # quicker than to look at each of a few numbers
    if not (is_small or np.isfinite(state).all()):
        raise InputError(
            f"input 'observation': got {state[~np.isfinite(state)][0]} at index "
            f"{int(np.flatnonzero(~np.isfinite(state))[0])}, expected finite numbers; "
            "check the sensor or the simulation"
        )
    return state
