"""The graphs of a Marian translator: the source once, then a decoder that keeps its states."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edgewright.backends.base import Runner
from edgewright.bundle.rules import STATE
from edgewright.errors import BundleError
from edgewright.specs import Array, TensorSpec

ENCODER, DECODER = "encoder", "decoder"
"""The components."""
SOURCE = ("token_ids", "attention_mask")
"""What the encoder takes."""
STEP = ("token_ids", "parents", "attention_mask")
"""What the decoder takes beside the encoder's answer and its states."""
FIRST_CAPACITY = 16
"""Tokens that the states have room for at first; it doubles as needed, so that a step of a short
sentence does not move the room of a long one."""


def capacity(tokens: int) -> int:
    """Return the room of states that hold as many tokens, 1 or more."""
    return FIRST_CAPACITY << max(0, math.ceil(math.log2(tokens / FIRST_CAPACITY)))


def check_graphs(runners: Mapping[str, Runner]) -> None:
    """Check that a bundle has an encoder and a decoder that reads its answer and its own states.

    Raises:
        BundleError: It has other components, inputs or outputs.
    """
    if set(runners) != {ENCODER, DECODER}:
        raise BundleError(
            f"manifest: got components {sorted(runners)}, expected '{ENCODER}' and '{DECODER}'; "
            "export it again"
        )
    encoder, decoder = runners[ENCODER], runners[DECODER]
    states = _state_names(decoder)
    memory = [spec.name for spec in encoder.outputs]
    got = [sorted(spec.name for spec in specs) for specs in
           (encoder.inputs, decoder.inputs, decoder.outputs)]  # fmt: skip
    expected = [sorted(names) for names in
                (SOURCE, (*STEP, *memory, *states),
                 ("logits", *(f"next_{name}" for name in states)))]  # fmt: skip
    ranks = {spec.name: len(spec.shape) for spec in decoder.inputs if spec.name in states}
    wrong = [name for name, rank in ranks.items() if rank != (1 if name == states[-1] else 5)]
    if got != expected or not states or wrong:
        raise BundleError(
            f"manifest: got encoder inputs, decoder inputs and decoder outputs {got}, expected "
            f"{expected}, with states (batch, beams, heads, time, size) and a last one (batch,); "
            "export the bundle again"
        )


def encode(runner: Runner, rows: Sequence[NDArray[np.int64]], pad_id: int) -> dict[str, Array]:
    """Return what the decoder reads of a batch of sources, their mask included.

    Args:
        runner: The encoder.
        rows: Token ids of each sentence, int64 (tokens,).
        pad_id: Fills shorter ones.
    """
    longest = max(row.size for row in rows)
    token_ids = np.full((len(rows), longest), pad_id, np.int64)
    mask = np.zeros_like(token_ids)
    for i, row in enumerate(rows):
        token_ids[i, : row.size] = row
        mask[i, : row.size] = 1
    memory = runner.run({"token_ids": token_ids, "attention_mask": mask})
    return {"attention_mask": mask, **memory}


class CachedDecoder:
    """Gives the logits of the next token, step by step; belongs to one caller."""

    def __init__(self, runner: Runner, memory: Mapping[str, Array], beams: int) -> None:
        """Begin hypotheses.

        Args:
            runner: The decoder.
            memory: What `encode` returned for a batch.
            beams: Hypotheses of every sentence.
        """
        self._runner = runner
        self._names = _state_names(runner)
        self._shapes = {spec.name: spec for spec in (*runner.inputs, *runner.outputs)}
        size = len(memory["attention_mask"]), beams
        self._inputs = {name: np.ascontiguousarray(array) for name, array in memory.items()}
        self._inputs |= {name: np.zeros(size, np.int64) for name in ("token_ids", "parents")}
        self._logits = _zeros(self._shapes["logits"], size)
        self._size, self._capacity, self._steps = size, FIRST_CAPACITY, 0
        self._bind(self._new_states())

    def __call__(
        self, token_ids: NDArray[np.int64], parents: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return logits float32 (batch, beams, vocabulary), the caller's until the next call.

        Args:
            token_ids: int64 (batch, beams), the last token of every hypothesis.
            parents: int64 (batch, beams): which hypothesis of the step before it continues.
        """
        if self._steps == self._capacity:
            self._grow()
        self._inputs["token_ids"][...] = token_ids
        self._inputs["parents"][...] = parents
        self._calls[self._steps % 2]()
        self._steps += 1
        return self._logits.astype(np.float32, copy=False)

    def _new_states(self) -> dict[str, Array]:
        shapes = self._shapes
        return {name: _zeros(shapes[name], self._size, self._capacity) for name in self._names}

    def _grow(self) -> None:
        """Give the states room for the next token, and more."""
        kept = self._states[self._steps % 2]
        self._capacity = capacity(self._steps + 1)
        states = self._new_states()
        for name, array in kept.items():
            states[name][tuple(map(slice, array.shape))] = array
        self._bind(states)

    def _bind(self, states: dict[str, Array]) -> None:
        """Let the next step read `states`; the states of one call are read by the next."""
        pair = [states, self._new_states()]
        if self._steps % 2:
            pair.reverse()
        self._states = pair
        self._calls: list[Callable[[], None]] = [
            self._runner.bind(
                {**self._inputs, **before},
                {"logits": self._logits, **{f"next_{name}": after[name] for name in after}},
            )
            for before, after in (pair, pair[::-1])
        ]


def _zeros(spec: TensorSpec, size: tuple[int, int], capacity: int = 0) -> Array:
    """Return zeros of the shape of `spec`, whose dynamic axes are batch, beams and time."""
    dynamic = dict(enumerate((*size, 0, capacity)))
    shape = [dynamic[i] if isinstance(d, str) else d for i, d in enumerate(spec.shape)]
    return np.zeros(shape, spec.dtype)


def _state_names(runner: Runner) -> list[str]:
    return sorted(spec.name for spec in runner.inputs if STATE.fullmatch(spec.name))
