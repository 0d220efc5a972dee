"""Recognizers on audio that comes in pieces: by chunks with states, or by overlapping windows."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from edgewright.audio import Waveform
from edgewright.backends.stateful import StatefulGraph
from edgewright.errors import UsageError
from edgewright.families.conformer_graph import ConformerGraph, Logits
from edgewright.features import LogMelStream
from edgewright.runtime import Stopwatch
from edgewright.tasks.transcription import Streaming

LONGEST_PART = 600.0
"""Seconds of each part of a window."""


@dataclass(frozen=True)
class WindowConfig:
    """How a graph of whole audio hears a stream: in windows, of which the middle counts."""

    left: float = 6.0
    """Seconds before the middle that are heard again."""
    middle: float = 1.0
    """Seconds whose logits count: a stream tells something new as often."""
    right: float = 1.0
    """Seconds behind the middle that are waited for."""

    def __post_init__(self) -> None:
        parts = (self.left, self.middle, self.right)
        if not all(0 <= part <= LONGEST_PART for part in parts) or self.middle <= 0:
            raise UsageError(
                f"window: got {self}, expected 0 to {LONGEST_PART:g} seconds, and a middle above "
                "0; keep the defaults"
            )


class Encoder(ABC):
    """Turns a waveform that comes in pieces into logits; belongs to one caller at a time."""

    streaming: ClassVar[Streaming]

    @abstractmethod
    def feed(self, waveform: Waveform, watch: Stopwatch) -> Logits:
        """Return the logits that are now known, which follow on those of the calls before.

        Args:
            waveform: What comes next, any number of samples.
            watch: Gets the laps `pre` and `run`.
        """

    @abstractmethod
    def finish(self, watch: Stopwatch) -> Logits:
        """Return the logits of what is left, and of the silence that the graph needs behind it."""

    @abstractmethod
    def reset(self) -> None:
        """Begin a new waveform, bit for bit as a new object does."""


class ChunkEncoder(Encoder):
    """A chunk of features at a time; what came before it is in the states of the graph.

    The features are those of the whole waveform bit for bit, whatever the pieces.
    """

    streaming = "states"

    def __init__(self, graph: ConformerGraph) -> None:
        assert graph.log_mel is not None  # of graphs with states
        self._graph = graph
        self._features = LogMelStream(graph.log_mel)
        bins, size = graph.log_mel.config.num_mel_bins, graph.config.chunk_frames
        specs = {spec.name: spec for spec in (*graph.runner.inputs, *graph.runner.outputs)}
        self._chunk = np.zeros((1, size, bins), specs["features"].dtype)
        rows = (1, graph.num_frames(size), graph.num_tokens)
        self._logits = np.zeros(rows, specs["logits"].dtype)
        self._step = StatefulGraph(
            graph.runner, {"features": self._chunk}, {"logits": self._logits}
        )
        self._num_frames = 0

    def feed(self, waveform: Waveform, watch: Stopwatch) -> Logits:
        """Run the chunks that are now complete."""
        features = self._features.feed(waveform)
        watch.lap("pre")
        return self._take(features, watch)

    def finish(self, watch: Stopwatch) -> Logits:
        """Run what is left, filled up with silence."""
        last = self._take(self._features.finish(), watch)
        if not self._num_frames:
            return last
        shape = (self._graph.padding(self._num_frames), self._chunk.shape[2])
        silence = np.full(shape, self._graph.config.pad_value, np.float32)
        return np.concatenate((last, self._take(silence, watch)))

    def reset(self) -> None:
        """Begin a new waveform."""
        self._features.reset()
        self._step.reset()
        self._chunk[...] = 0
        self._num_frames = 0

    def _take(self, features: NDArray[np.float32], watch: Stopwatch) -> Logits:
        """Put features into chunks and run those that are full."""
        answers = [self._graph.no_logits()]
        size = self._chunk.shape[1]
        while len(features):
            held = self._num_frames % size
            taken = min(len(features), size - held)
            self._chunk[0, held : held + taken] = features[:taken]
            self._num_frames += taken
            features = features[taken:]
            if held + taken == size:
                self._step.run()
                answers.append(self._logits[0].astype(np.float32))
        watch.lap("run")
        return np.concatenate(answers)


class WindowEncoder(Encoder):
    """Overlapping windows of a graph that takes whole audio; each gives the logits of its middle.

    Audio shorter than middle and right gets the answer of the whole, longer audio another one.
    """

    streaming = "windows"

    def __init__(self, graph: ConformerGraph, window: WindowConfig) -> None:
        self._graph = graph
        seconds = graph.config.frame_seconds
        self._frame = round(seconds * graph.config.sample_rate)
        self._left, self._middle, self._right = (
            round(part / seconds) for part in (window.left, window.middle, window.right)
        )
        # So long that every window has a frame whose logits count.
        self._middle = max(1, self._middle, self._least_frames() - self._right)
        self._held: Waveform
        self._before: int
        self.reset()

    def feed(self, waveform: Waveform, watch: Stopwatch) -> Logits:
        """Run the windows that are now complete."""
        self._held = np.concatenate((self._held, waveform))
        answers = [self._graph.no_logits()]
        while self._held.size >= (self._before + self._middle + self._right) * self._frame:
            end = self._before + self._middle
            rows = self._run(end + self._right, watch)[self._before : end]
            answers.append(rows)
            self._drop(self._before + len(rows))
        return np.concatenate(answers)

    def finish(self, watch: Stopwatch) -> Logits:
        """Run what is left."""
        if not self._held.size:
            return self._graph.no_logits()
        return self._run(None, watch)[self._before :]

    def reset(self) -> None:
        """Begin a new waveform."""
        self._held = np.zeros(0, np.float32)
        self._before = 0  # frames of what is held that were answered already

    def _least_frames(self) -> int:
        """Return the frames of audio of which the graph makes one."""
        log_mel, frames = self._graph.log_mel, 1
        while True:
            samples = frames * self._frame
            if self._graph.num_frames(log_mel.num_frames(samples) if log_mel else samples) > 0:
                return frames
            frames += 1

    def _run(self, frames: int | None, watch: Stopwatch) -> Logits:
        samples = None if frames is None else frames * self._frame
        features = self._graph.features(self._held[:samples])
        watch.lap("pre")
        logits = self._graph.run(features)
        watch.lap("run")
        return logits

    def _drop(self, answered: int) -> None:
        """Forget what lies further to the left than windows reach."""
        kept = min(answered, self._left)
        self._held = self._held[(answered - kept) * self._frame :]
        self._before = kept
