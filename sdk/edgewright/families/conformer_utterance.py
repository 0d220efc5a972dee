"""The utterance that a recognizer is hearing: its logits, and the words in them so far."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from edgewright.ctc import CTCStream, CTCToken, Hypothesis, Sentence
from edgewright.families.conformer_graph import Logits
from edgewright.tasks.transcription import Word
from edgewright.transcript import Found, FrameClock, fit_words

SearchStream: TypeAlias = (
    CTCStream[tuple[CTCToken, ...]] | CTCStream[Hypothesis] | CTCStream[Sentence]
)


class Utterance:
    """One utterance after another; frames are counted from the beginning of the stream.

    Args:
        search: Finds tokens or words in logits that come in pieces.
        words: Turns what was found into words with times.
        frame_seconds: Of a frame of logits.
    """

    def __init__(
        self,
        search: SearchStream,
        words: Callable[[Found, FrameClock], list[Word]],
        frame_seconds: float,
    ) -> None:
        self._search, self._words, self._frame_seconds = search, words, frame_seconds
        self._held: list[Logits]
        self._first_frame: int
        self._num_frames: int
        self.reset()

    @property
    def start(self) -> float:
        """Where it begins, seconds."""
        return self._first_frame * self._frame_seconds

    @property
    def heard(self) -> float:
        """Up to where there are logits, seconds."""
        return (self._first_frame + self._num_frames) * self._frame_seconds

    def feed(self, logits: Logits) -> None:
        """Take in what follows."""
        self._search.feed(logits)
        self._held.append(logits)
        self._num_frames += len(logits)

    def words(self, end: float) -> tuple[Word, ...]:
        """Return the words so far, between `start` and `end` of the audio, seconds."""
        clock = FrameClock(self._frame_seconds, first_frame=self._first_frame)
        found = self._words(self._search.best()[0], clock)
        return tuple(fit_words(found, self.start, end, self._frame_seconds))

    def begin_next(self, seconds: float) -> None:
        """End this one at a time between `start` and `heard`; the logits behind it are kept."""
        frames = round(seconds / self._frame_seconds) - self._first_frame
        rest = np.concatenate(self._held)[frames:] if self._held else None
        self._begin(self._first_frame + frames)
        if rest is not None and len(rest):
            self.feed(rest)

    def reset(self) -> None:
        """Begin the first utterance of a new stream."""
        self._begin(0)

    def _begin(self, frame: int) -> None:
        self._search.reset()
        self._held, self._first_frame, self._num_frames = [], frame, 0
