"""What is judged: the PyTorch model, or a variant of it run by the runtime."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from edgewright.specs import Array

Sample = Mapping[str, Array]
"""A raw input of a family, as it comes from the world, and as golden samples store it."""
Advance = Callable[[int], None]
"""Told how many samples were done since the last call."""


class Subject(Protocol):
    """Answers raw samples. Both the reference of a recipe and a loaded model do."""

    def infer(self, sample: Sample) -> dict[str, Array]:
        """Return the outputs for one raw sample, by name."""


class Policy(Subject, Protocol):
    """A subject that can also act step by step in an environment."""

    def reset(self, target_return: float | None = None, *, cached: bool = False) -> Any:
        """Begin an episode, of the cached step or of full windows."""

    def step(self, observation: Array, reward: float | None = None) -> Any:
        """Return an object whose `action` (float32, `(actions,)`) is to be taken now."""


class Generator(Subject, Protocol):
    """A subject that can also find a sequence of tokens of its own."""

    def generate(self, token_ids: Array) -> Array:
        """Return the token ids (int64, `(tokens,)`) that follow from those of a source."""
