"""A graph that hands its states from one call to the next: streams and policies run it."""

from collections.abc import Mapping

from edgewright.backends.base import Runner
from edgewright.errors import InputError
from edgewright.specs import Array, Resident


class StatefulGraph:
    """A graph with states, bound to arrays; belongs to one caller at a time.

    Several on one runner keep their states apart. The first states are all zeros.
    """

    def __init__(
        self, runner: Runner, inputs: Mapping[str, Array], outputs: Mapping[str, Array]
    ) -> None:
        """Bind the graph.

        Args:
            runner: The graph; dynamic sizes of its states are those of the batch, which is 1 here.
            inputs: By name, all but the states: `run` reads them as they are then.
            outputs: By name, all but the states: `run` writes them.

        Raises:
            InputError: An array is missing, has another dtype or shape, or stands for a state.
            StateError: The runner was closed.
        """
        states = {name for pair in runner.states for name in (pair.input, pair.output)}
        if given := sorted(states & {*inputs, *outputs}):
            raise InputError(
                f"states: got arrays for {given}, expected none: the graph keeps its states "
                "itself; leave them away, or bind the runner"
            )
        specs = {spec.name: spec for spec in runner.inputs}
        self._states, following = (
            {pair.input: runner.state(specs[pair.input]) for pair in runner.states}
            for _ in range(2)
        )
        self._spare = following
        # The states of one call are read by the next, so there are two of each.
        self._calls = [
            runner.bind(
                {**inputs, **before},
                {**outputs, **{pair.output: after[pair.input] for pair in runner.states}},
            )
            for before, after in ((self._states, following), (following, self._states))
        ]
        self._turn = 0

    def run(self) -> None:
        """Read the inputs and the states; write the outputs and keep the next states.

        Raises:
            StateError: The runner was closed.
        """
        self._calls[self._turn]()
        self._turn = 1 - self._turn

    def reset(self) -> None:
        """Begin anew: bit for bit as with a new object.

        Raises:
            StateError: The runner was closed, and the states lay on its device.
        """
        for states in (self._states, self._spare):
            for state in states.values():
                if isinstance(state, Resident):
                    state.clear()
                else:
                    state[...] = 0
        self._turn = 0
