"""A sentence's mel to what is heard of it: in chunks or at once, at the target loudness."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edgewright.backends.base import Runner
from edgewright.errors import UsageError
from edgewright.families.fastspeech2_config import FastSpeech2Config
from edgewright.families.vocoders import (
    Floats,
    GriffinLimVocoder,
    SpectrumVocoder,
    Vocoder,
    WaveformVocoder,
    Window,
    window_around,
    windows,
)
from edgewright.loudness import Limiter, gain, loudest_part, rms_from_part, speech_rms
from edgewright.runtime import Stopwatch
from edgewright.synthesis import MAX_FRAMES

CHUNK_SECONDS = (0.4, 1.6, 6.4)
"""Audio of the first chunks of a sentence and of all that follow: the first is there soon, and a
longer one is made while the one before is played."""
WHOLE = (MAX_FRAMES,)
"""Sizes of the chunks where a sentence is spoken at once."""
_LEVEL_SECONDS = 1.6
"""Of the part that tells the level: with 0.8 s errors are half as large again."""


class ChunkVocoder:
    """The vocoder of a voice, for any number of sentences at a time."""

    def __init__(self, config: FastSpeech2Config, runners: Mapping[str, Runner]) -> None:
        """Take what the bundle has: a graph, or Griffin-Lim."""
        self._config = config
        self._vocoder = _make_vocoder(config, runners)

    def __call__(self, mel: Floats) -> Floats:
        """Return the waveform of a mel, at once and as it is."""
        return self._vocoder(mel)

    def sizes(self, chunk_seconds: float | None = None) -> tuple[int, ...]:
        """Return the frames of the chunks, the last for all that follow.

        Raises:
            UsageError: `chunk_seconds` is out of range, or the voice speaks whole sentences.
        """
        if chunk_seconds is not None:
            self._check_seconds(chunk_seconds)
        if self._config.context is None:
            return WHOLE
        wanted = CHUNK_SECONDS if chunk_seconds is None else (chunk_seconds,)
        most = MAX_FRAMES * self._config.hop_length / self._config.sample_rate
        frames = self._config.sample_rate / self._config.hop_length
        return tuple(max(1, round(min(seconds, most) * frames)) for seconds in wanted)

    def pieces(
        self, mel: Floats, sizes: Sequence[int], watch: Stopwatch
    ) -> Iterator[tuple[Floats, bool]]:
        """Yield the waveform as it is in pieces of `sizes` frames, and whether they end it.

        A window of the mel with all that its samples depend on gives what the whole mel would.
        """
        for window in windows(len(mel), sizes, self._config.context or 0):
            yield self._hear(mel, window, watch), window.is_last

    def levelled(
        self, mel: Floats, scale: float, sizes: Sequence[int], watch: Stopwatch
    ) -> Iterator[tuple[Floats, bool]]:
        """Yield the waveform at the target loudness times `scale`, and whether a piece ends it.

        Where the voice speaks in chunks, the level of a sentence is that of its loudest part, so
        that it is known before the first chunk and does not depend on their sizes.
        """
        pieces = self.pieces(mel, sizes, watch)
        if sizes[0] >= len(mel):
            whole, _ = next(pieces)
            rms, pieces = self._rms(mel, whole), iter([(whole, True)])
        else:
            rms = self._rms_ahead(mel, watch)
        factor, limiter = np.float32(gain(rms, scale)), Limiter(self._config.sample_rate)
        for waveform, is_last in pieces:
            ready = limiter.feed(waveform * factor, end=is_last)
            watch.lap("post")
            if ready.size:
                yield ready, is_last

    def _rms(self, mel: Floats, whole: Floats) -> float:
        """Return the level of a sentence, of its waveform."""
        rate, hop = self._config.sample_rate, self._config.hop_length
        if self._config.context is None:
            return speech_rms(whole, rate)
        part = self._loudest_part(mel)
        return rms_from_part(mel, part, whole[part.start * hop : part.stop * hop])

    def _rms_ahead(self, mel: Floats, watch: Stopwatch) -> float:
        """Return the same before there is a waveform."""
        part = self._loudest_part(mel)
        window = window_around(part, len(mel), self._config.context or 0)
        return rms_from_part(mel, part, self._hear(mel, window, watch))

    def _loudest_part(self, mel: Floats) -> slice:
        return loudest_part(
            mel, round(_LEVEL_SECONDS * self._config.sample_rate / self._config.hop_length)
        )

    def _hear(self, mel: Floats, window: Window, watch: Stopwatch) -> Floats:
        """Return the waveform of what is to be heard of a window."""
        vocoded = self._vocoder.run(mel[window.frames])
        watch.lap("run")
        waveform, hop = self._vocoder.finish(vocoded), self._config.hop_length
        watch.lap("post")
        return waveform[window.heard.start * hop : window.heard.stop * hop]

    def _check_seconds(self, chunk_seconds: object) -> None:
        number = isinstance(chunk_seconds, (int, float, np.integer, np.floating))
        if not number or not 0 < chunk_seconds < math.inf:  # type: ignore[operator]
            raise UsageError(
                f"chunk_seconds: got {chunk_seconds!r}, expected a number above 0; choose one"
            )
        if self._config.context is None:
            raise UsageError(
                f"chunk_seconds: got {chunk_seconds}, expected none, for this voice speaks whole "
                "sentences, as its stream_unit says; leave it out"
            )


def _make_vocoder(config: FastSpeech2Config, runners: Mapping[str, Runner]) -> Vocoder:
    if config.griffin_lim is not None:
        return GriffinLimVocoder(config.griffin_lim, config.mel_scale, config.mel_offset)
    if config.istft is not None:
        return SpectrumVocoder(runners["vocoder"], config.istft)
    return WaveformVocoder(runners["vocoder"])
