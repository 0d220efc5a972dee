"""Where the time of a spoken turn went."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Waterfall:
    """When the steps of a turn ended: seconds since the session began, on one clock."""

    capture: float
    """The session was given the last sample of speech."""
    endpoint: float
    """It was given the samples that made the recognizer decide that the utterance had ended."""
    last_token: float
    """The recognizer told the utterance."""
    translation: float
    """The translator was done, which may have had to wait for the turn before."""
    first_audio: float
    """The first piece of speech could be heard."""
    last_audio: float
    """The last piece of speech was made."""

    @property
    def endpoint_delay(self) -> float:
        """Seconds from the end of speech to the decision that the utterance had ended."""
        return self.endpoint - self.capture

    @property
    def response(self) -> float:
        """Seconds from that decision to the first audio."""
        return self.first_audio - self.endpoint

    def steps(self) -> Iterator[tuple[str, float, float]]:
        """Yield name, beginning and end of each step, in order."""
        names = ("endpoint delay", "recognition", "translation", "first audio", "rest of the audio")
        times = (
            self.capture, self.endpoint, self.last_token, self.translation, self.first_audio,
            self.last_audio,
        )  # fmt: skip
        yield from zip(names, times[:-1], times[1:], strict=True)

    def __str__(self) -> str:
        return ", ".join(
            f"{name} {1e3 * (end - begin):.0f} ms" for name, begin, end in self.steps()
        )
