"""Where an utterance ends: a pause, the shorter the longer the utterance is."""

import math
from dataclasses import dataclass, field

from edgewright.audio import Waveform
from edgewright.errors import UsageError
from edgewright.voice_activity import VoiceActivity, VoiceActivityConfig

SHORTEST_PAUSE = 0.1
"""Pause that ends an utterance of the greatest length, seconds."""


@dataclass(frozen=True)
class EndpointConfig:
    """When an utterance ends."""

    pause: float = 0.8
    """Seconds without speech, at least `SHORTEST_PAUSE`."""
    voice: VoiceActivityConfig = field(default_factory=VoiceActivityConfig)
    """What is speech."""

    def __post_init__(self) -> None:
        if not SHORTEST_PAUSE <= self.pause <= 60:
            raise UsageError(
                f"pause: got {self.pause}, expected {SHORTEST_PAUSE:g} to 60 seconds; keep 0.8"
            )


class Endpointer:
    """Follows an utterance; belongs to one caller.

    The pause that ends an utterance is `config.pause` up to half of `longest`, and goes down to
    `SHORTEST_PAUSE` at `longest`, so that long speech is cut between words rather than in one.

    Args:
        sample_rate: Of the waveform, Hz.
        config: When an utterance ends; none for not before its greatest length.
        longest: Seconds of an utterance.
    """

    def __init__(self, sample_rate: int, config: EndpointConfig | None, longest: float) -> None:
        self._longest = longest
        self._pause = math.inf if config is None else config.pause
        self._voice = VoiceActivity(sample_rate, (config or EndpointConfig()).voice)
        self._num_frames = self._speech_end = self._start = 0

    def feed(self, waveform: Waveform) -> None:
        """Listen to what comes next."""
        for is_speech in self._voice.feed(waveform):
            self._num_frames += 1
            if is_speech:
                self._speech_end = self._num_frames

    def begin(self) -> None:
        """Begin the next utterance here."""
        self._start = self._num_frames

    @property
    def speech_end(self) -> float:
        """Where the last speech ended, seconds from the beginning of the waveform."""
        return self._speech_end * self._voice.frame_seconds

    @property
    def has_speech(self) -> bool:
        """Whether the utterance has speech so far."""
        return self._speech_end > self._start

    def is_pause(self, since: float = 0.0) -> bool:
        """Whether the utterance has come to the pause that ends it.

        Args:
            since: Where the pause began at the earliest, seconds, though there may be no speech.
        """
        seconds = self._voice.frame_seconds
        begin = max(self._speech_end * seconds, self._start * seconds, since)
        # Half a frame, so that no rounding moves the end to the next block.
        return (self._num_frames + 0.5) * seconds - begin >= self._needed_pause()

    @property
    def is_too_long(self) -> bool:
        """Whether the utterance has its greatest length."""
        return self._length >= self._longest

    def reset(self) -> None:
        """Begin a new waveform."""
        self._voice.reset()
        self._num_frames = self._speech_end = self._start = 0

    @property
    def _length(self) -> float:
        return (self._num_frames - self._start) * self._voice.frame_seconds

    def _needed_pause(self) -> float:
        left = max(0.0, min(1.0, 2 - 2 * self._length / self._longest))
        return SHORTEST_PAUSE + left * (self._pause - SHORTEST_PAUSE)
