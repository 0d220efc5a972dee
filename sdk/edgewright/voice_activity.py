"""Voice activity by energy: which 10 ms of a stream hold speech."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewright import _core
from edgewright.arguments import whole_number
from edgewright.errors import UsageError
from edgewright.features import check_waveform

LEAST_RATE, MOST_RATE = 8_000, 192_000
"""Sample rates that are taken, Hz."""
_FRAMES_PER_SECOND = 100


@dataclass(frozen=True)
class VoiceActivityConfig:
    """When a frame is speech.

    Levels are those of the signal behind the high-pass, 0 dB for a mean square of 1. Durations are
    rounded to whole frames, half a frame to the even number.
    """

    high_pass_frequency: float = 200.0
    """What lies below does not count (DC, hum, rumble), Hz; 20 to 1,000. 24 dB an octave."""
    speech_margin_db: float = 7.0
    """How far above the noise floor speech begins, dB; 1 to 60."""
    silence_margin_db: float = 4.0
    """How far above the noise floor speech goes on, dB; 0 to `speech_margin_db`."""
    least_level_db: float = -55.0
    """Nothing below is speech, dB; -100 to 0."""
    attack: float = 0.04
    """Loud frames in a row that make speech, seconds; at least one frame, at most 1. A click
    touches two, and the high-pass rings on into a third."""
    hangover: float = 0.1
    """How long speech lasts behind its last loud frame, seconds; 0 to 10."""
    noise_window: float = 2.5
    """A sound without a quieter moment for so long becomes the noise floor, seconds; 0.1 to 30."""


class VoiceActivity:
    """Tells speech from silence in a waveform that comes in pieces; belongs to one caller.

    The decisions do not depend on the pieces, bit for bit, and memory stays as it is. The steps
    stand above `cpp_ext/core/voice_activity.h`.

    Energy alone decides: music, or a noise that comes up, is speech until it has lasted
    `config.noise_window` without a quieter moment; a vowel held for longer no longer is. The first
    frames of speech, fewer than `config.attack`, are answered as silence, so keep some audio from
    before.

    Args:
        sample_rate: Of the waveform, Hz, 8,000 to 192,000.
        config: When a frame is speech.

    Raises:
        UsageError: The rate or a field of `config` is out of range.
    """

    def __init__(
        self, sample_rate: int, config: VoiceActivityConfig = VoiceActivityConfig()
    ) -> None:
        self.sample_rate = _check_rate(sample_rate)
        _check_config(config)
        self.config = config
        self._kernel = _core.VoiceActivity(
            sample_rate=self.sample_rate,
            frame_samples=self.frame_samples,
            high_pass_frequency=config.high_pass_frequency,
            speech_margin_db=config.speech_margin_db,
            silence_margin_db=config.silence_margin_db,
            least_level_db=config.least_level_db,
            attack_frames=max(1, self._frames(config.attack)),
            hangover_frames=self._frames(config.hangover),
            noise_frames=self._frames(config.noise_window),
        )

    @property
    def frame_samples(self) -> int:
        """Samples of a frame: 10 ms rounded, 110 at 11,025 Hz."""
        return round(self.sample_rate / _FRAMES_PER_SECOND)

    @property
    def frame_seconds(self) -> float:
        """Seconds of a frame: 0.01, or a little beside it where the rate is no multiple of 100."""
        return self.frame_samples / self.sample_rate

    def feed(self, waveform: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return for the frames that are now complete whether they are speech.

        What is left over of a frame waits for the next piece.

        Args:
            waveform: dtype float32, shape (samples,), range -1 to 1; any number of samples.

        Returns:
            dtype bool, shape (frames,).

        Raises:
            InputTypeError: Another dtype.
            InputError: Another shape, or values out of range.
        """
        return self._kernel.feed(check_waveform(waveform))

    def reset(self) -> None:
        """Begin a new waveform, as with a new detector."""
        self._kernel.reset()

    def _frames(self, seconds: float) -> int:
        return round(seconds / self.frame_seconds)


def _check_rate(sample_rate: int) -> int:
    expected = f"{LEAST_RATE} to {MOST_RATE} Hz"
    rate = whole_number("sample_rate", sample_rate, expected)
    if not LEAST_RATE <= rate <= MOST_RATE:
        raise UsageError(f"sample_rate: got {rate}, expected {expected}; resample the audio")
    return rate


def _check_config(config: VoiceActivityConfig) -> None:
    _require_number("high_pass_frequency", config.high_pass_frequency, 20, 1_000, "Hz")
    _require_number("speech_margin_db", config.speech_margin_db, 1, 60, "dB")
    _require_number("silence_margin_db", config.silence_margin_db, 0, config.speech_margin_db, "dB")
    _require_number("least_level_db", config.least_level_db, -100, 0, "dB")
    _require_number("attack", config.attack, 0, 1, "seconds")
    _require_number("hangover", config.hangover, 0, 10, "seconds")
    _require_number("noise_window", config.noise_window, 0.1, 30, "seconds")


def _require_number(name: str, value: Any, least: float, most: float, unit: str) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and least <= value <= most):
        raise UsageError(
            f"{name}: got {value!r:.80}, expected {least:g} to {most:g} {unit}; correct the config"
        )
