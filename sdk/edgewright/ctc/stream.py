"""Decoding of an utterance that comes in pieces."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from edgewright.ctc.checks import MAX_BEAM_WIDTH, check_whole, input_errors
from edgewright.errors import UsageError

Result = TypeVar("Result")


class _Kernel(Protocol):
    def feed(self, logits: NDArray[np.float32]) -> None: ...
    def reset(self) -> None: ...


class CTCStream(Generic[Result]):
    """Decodes an utterance that comes in pieces; belongs to one caller at a time.

    `greedy_stream`, `BeamSearch.stream` and `WordSearch.stream` make one; several of one search do
    not touch each other. The results are those of `greedy_decode` or of the search on all frames
    so far, bit for bit, whatever the pieces. Each frame is decoded once, when it comes.

    What a stream keeps grows until `reset`: its tokens, or what its beam still says. One of
    `BeamSearch` also keeps the logits (4 bytes × frames × vocabulary), with which `best` aligns
    each result to find its times, and every prefix that was ever in the beam.
    """

    def __init__(
        self,
        kernel: _Kernel,
        check: Callable[[NDArray[np.float32], int], NDArray[np.float32]],
        best: Callable[[int], list[Result]],
    ) -> None:
        self._kernel = kernel
        self._check = check
        self._best = best
        self._num_frames = 0
        self._vocabulary = 0

    @property
    def num_frames(self) -> int:
        """Frames of the utterance so far."""
        return self._num_frames

    def feed(self, logits: NDArray[np.float32]) -> None:
        """Decode more frames; a stream that refuses them stays as it was.

        Args:
            logits: dtype float32, shape (frames, vocabulary), as for the search; any number of
                frames, in a beam search up to `MAX_BEAM_FRAMES` in all.

        Raises:
            InputTypeError: Another dtype.
            InputError: Another shape, too many frames; NaN, +inf, or a frame of -inf alone.
            UsageError: A vocabulary without a token of the options, or not that of the frames
                before.
        """
        logits = self._check(logits, self._num_frames)
        if self._num_frames and logits.shape[1] != self._vocabulary:
            raise UsageError(
                f"input 'logits': got a vocabulary of {logits.shape[1]}, expected "
                f"{self._vocabulary} as in the frames before; call reset() for another model"
            )
        with input_errors():
            self._kernel.feed(logits)
        self._num_frames += len(logits)
        self._vocabulary = logits.shape[1]

    def best(self, n_best: int = 1) -> list[Result]:
        """Return what is found if the utterance ends here, best first; it may go on afterwards.

        Args:
            n_best: Most results, 1 to `MAX_BEAM_WIDTH`. Greedy decoding has one.

        Raises:
            UsageError: `n_best` out of range.
        """
        check_whole("n_best", n_best, 1, MAX_BEAM_WIDTH, "ask for one or more")
        return self._best(n_best)

    def reset(self) -> None:
        """Begin a new utterance, as with a new stream."""
        self._kernel.reset()
        self._num_frames = 0
