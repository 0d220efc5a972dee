"""The graphs of a Decision Transformer, run step by step: a whole window, or one cached step."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from edgewright.backends.base import Runner
from edgewright.backends.stateful import StatefulGraph
from edgewright.context import ContextWindow
from edgewright.errors import BundleError
from edgewright.specs import Array

INPUTS = ("states", "actions", "returns_to_go", "timesteps")
"""Of the graph, beside its states: of the present step, but for the action, which is the last."""


class StepConfig(Protocol):
    """What the step reads of the family's configuration."""

    @property
    def state_dim(self) -> int:
        """Values of a state."""

    @property
    def action_dim(self) -> int:
        """Values of an action."""


def check_step(runner: Runner, config: StepConfig) -> None:
    """Check that a graph takes a step and its states, and gives the action and the next states.

    Raises:
        BundleError: It has other inputs or outputs.
    """
    shapes = {spec.name: spec.shape for spec in runner.inputs}
    states = [pair.input for pair in runner.states]
    outputs = sorted(spec.name for spec in runner.outputs)
    expected = sorted(("action_preds", *(f"next_{name}" for name in states)))
    sizes = {"states": (1, config.state_dim), "actions": (1, config.action_dim),
             "returns_to_go": (1, 1), "timesteps": (1, 3)}  # fmt: skip
    fixed = all(isinstance(size, int) for name in states for size in shapes[name])
    plain = {name: shape for name, shape in shapes.items() if name not in states}
    if not (states and fixed) or plain != sizes or outputs != expected:
        raise BundleError(
            f"component 'step': got inputs {shapes} and outputs {outputs}, expected {sizes} with "
            "states of fixed sizes, an action and the next states; export the bundle again"
        )


class Window:
    """A graph of the last K steps, run again and again. Belongs to one caller at a time."""

    def __init__(self, runner: Runner, context: ContextWindow, action_dim: int) -> None:
        """Bind the graph.

        Args:
            runner: The graph.
            context: Of the arrays that `run` will get.
            action_dim: Values of an action.
        """
        context.reset(0.0)
        self._inputs = {
            name: np.zeros_like(array)
            for name, array in context.step(np.zeros(context.state_dim, np.float32)).items()
        }
        (spec,) = runner.outputs
        (steps,) = self._inputs["timesteps"].shape[1:]
        steps = spec.shape[1] if isinstance(spec.shape[1], int) else steps
        answer = np.zeros((1, steps, action_dim), spec.dtype)
        self._action: Array = answer[0, -1]
        self._call = runner.bind(self._inputs, {spec.name: answer})

    def reset(self) -> None:
        """Begin an episode: nothing is kept."""

    def run(self, steps: Mapping[str, Array]) -> Array:
        """Return the action of the last step, before the limits (action_dim,), until the next call.

        Args:
            steps: The arrays of a `ContextWindow`.
        """
        for name, array in self._inputs.items():
            array[...] = steps[name]
        self._call()
        return self._action


class CachedStep:
    """A graph of one step and what its layers keep of one episode, for one caller at a time."""

    def __init__(self, runner: Runner) -> None:
        specs = {spec.name: spec for spec in (*runner.inputs, *runner.outputs)}
        self._inputs = {name: specs[name].zeros() for name in INPUTS}
        answer = specs["action_preds"].zeros()
        self._action: Array = answer[0, -1]
        self._graph = StatefulGraph(runner, self._inputs, {"action_preds": answer})

    def reset(self) -> None:
        """Begin an episode, of which nothing is kept yet."""
        self._graph.reset()

    def run(self, steps: Mapping[str, Array]) -> Array:
        """Return the action of the present step, before the limits (action_dim,), until the next.

        Args:
            steps: The arrays of a `ContextWindow` of two steps.
        """
        inputs, times = self._inputs, steps["timesteps"]
        inputs["states"][...] = steps["states"][:, 1]
        inputs["actions"][...] = steps["actions"][:, 0]
        inputs["returns_to_go"][...] = steps["returns_to_go"][:, 1]
        inputs["timesteps"][0, :2] = times[0, 1]
        inputs["timesteps"][0, 2] = times[0, 0]
        self._graph.run()
        return self._action
