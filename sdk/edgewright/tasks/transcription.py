"""What was said: a whole transcription, and the events of a stream."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from edgewright.runtime import Runtime, Timings

Decoding = Literal["default", "greedy", "beam"]
DECODINGS: tuple[Decoding, ...] = ("default", "greedy", "beam")
Streaming = Literal["states", "windows"]
"""How a stream computes: `states`, the graph keeps what was before, and the answer is that of the
whole audio; `windows`, a graph of whole audio runs on overlapping pieces, and it is another one."""
Ending = Literal["pause", "length", "finish"]
"""Why an utterance ended: a pause, its greatest length (then the word that may go on belongs to the
next), or the end of the stream."""


@dataclass(frozen=True)
class Word:
    """One recognized word."""

    text: str
    start: float
    """Seconds from the beginning of the audio."""
    end: float
    """Seconds from the beginning of the audio."""
    confidence: float
    """Mean probability of its tokens, 0 to 1."""


@dataclass(frozen=True)
class AudioTimings(Timings):
    """Wall-clock seconds of one audio input, and how they compare with its length."""

    real_time_factor: float
    """Compute time divided by audio time: below 1 is faster than the speech."""


@dataclass(frozen=True)
class Transcription:
    """What was said."""

    input: str
    """Path of the file; `audio`, or `audio 3` in a list, for an input from memory."""
    text: str
    """The words, separated by spaces; empty for silence."""
    words: tuple[Word, ...]
    """In time order."""
    duration: float
    """Seconds of audio."""
    timings: AudioTimings
    runtime: Runtime

    def __str__(self) -> str:
        return f"{self.input}: {self.text}"


@dataclass(frozen=True)
class Partial:
    """What is heard so far of an utterance that goes on; a later event may correct all of it."""

    text: str
    """The words, separated by spaces."""
    words: tuple[Word, ...]
    """In time order; the first begins where the last `Final` ended or later."""
    position: float
    """Seconds of audio that the stream had heard, no less than at the event before."""
    streaming: Streaming
    event: Literal["partial"] = "partial"

    def __str__(self) -> str:
        return f"{self.position:7.2f} s … {self.text}"


@dataclass(frozen=True)
class Final:
    """An utterance, as it will stay."""

    text: str
    """The words, separated by spaces; at least one."""
    words: tuple[Word, ...]
    """In time order; the first begins where the last `Final` ended or later."""
    position: float
    """Seconds of audio that the stream had heard, no less than at the event before."""
    speech_end: float
    """Where the pause began, seconds; the end of the last word where there was none."""
    ending: Ending
    """Why it ended."""
    timings: AudioTimings
    """Of all calls since the last `Final`; the factor is of the audio since then."""
    streaming: Streaming
    runtime: Runtime
    event: Literal["final"] = "final"

    def __str__(self) -> str:
        return f"{self.position:7.2f} s   {self.text}"


Event: TypeAlias = Partial | Final
"""What a stream tells."""
