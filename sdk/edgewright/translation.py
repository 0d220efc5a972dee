"""Speech to speech in another language: a recognizer, a translator and a voice in a row."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgewright.audio import PIECE_SECONDS, paced, read_pieces
from edgewright.errors import UsageError
from edgewright.tasks.transcription import Final
from edgewright.tasks.translate_text import Translator
from edgewright.translation_session import (
    Failed,
    Listen,
    SessionEvent,
    Speak,
    Spoken,
    TranslationSession,
    Turn,
)

__all__ = [
    "Failed",
    "Listen",
    "SessionEvent",
    "Speak",
    "SpeechTranslation",
    "SpeechTranslator",
    "Spoken",
    "TranslationSession",
    "Turn",
]


@dataclass(frozen=True, eq=False)
class SpeechTranslation:
    """A recording in another language."""

    transcript: str
    translation: str
    waveform: NDArray[np.float32]
    """float32 (samples,): all that was spoken, also of turns that failed later, in order."""
    sample_rate: int
    """Hz; 0 where nothing was spoken."""
    turns: tuple[Turn, ...]
    failed: tuple[Failed, ...]


class SpeechTranslator:
    """Three engines as one; any number of sessions at a time, as far as the engines take them.

    Args:
        listen: Hears the source language: `asr.stream` of a loaded recognizer, or
            `functools.partial(asr.stream, hotwords=…)`.
        translate: Translates an utterance: a loaded translator, or another engine.
        speak: Speaks the target language: `tts.stream` of a loaded voice.
        least_confidence: A translation below it is not spoken: the turn fails, and says so.

    Raises:
        UsageError: `least_confidence` is none from 0 to 1.
    """

    def __init__(
        self,
        listen: Listen,
        translate: Translator,
        speak: Speak,
        *,
        least_confidence: float = 0.0,
    ) -> None:
        if not 0 <= least_confidence <= 1:
            raise UsageError(
                f"least_confidence: got {least_confidence}, expected 0 to 1; keep 0 for none"
            )
        self._listen, self._translate, self._speak = listen, translate, speak
        self._least_confidence = least_confidence

    def session(
        self,
        *,
        sample_rate: int | None = None,
        on_event: Callable[[SessionEvent], None] | None = None,
    ) -> "TranslationSession":
        """Listen to audio that comes in pieces.

        Args:
            sample_rate: Of the pieces, Hz; the recognizer's own by default.
            on_event: Called with every event at once, one by one, some from another thread: a
                player starts here rather than at the next `feed`. It may call `cancel` and nothing
                else of the session; once it raises, it is called no more, with a warning.
        """
        return TranslationSession(
            self._listen(sample_rate=sample_rate),
            self._translate,
            self._speak,
            least_confidence=self._least_confidence,
            on_event=on_event,
        )

    def __call__(
        self,
        path: str | Path,
        *,
        real_time: bool = False,
        on_event: Callable[[SessionEvent], None] | None = None,
    ) -> SpeechTranslation:
        """Translate a recording.

        Args:
            path: An audio file.
            real_time: Give no sample to the session before it was spoken, so that the waterfalls
                are those of a microphone.
            on_event: As of `session`.

        Raises:
            InputNotFoundError: The file does not exist.
            InputError: It cannot be read.
        """
        rate, pieces = read_pieces(path, PIECE_SECONDS)
        events: list[SessionEvent] = []
        with self.session(sample_rate=rate, on_event=on_event) as session:
            for piece in paced(pieces, rate) if real_time else pieces:
                events += session.feed(piece)
            events += session.finish()
        return _collected(events)


def _collected(events: list[SessionEvent]) -> SpeechTranslation:
    speech = [event.speech for event in events if isinstance(event, Spoken)]
    turns = tuple(event for event in events if isinstance(event, Turn))
    nothing = [np.zeros(0, np.float32)]
    return SpeechTranslation(
        transcript=" ".join(event.text for event in events if isinstance(event, Final)),
        translation=" ".join(turn.translation for turn in turns),
        waveform=np.concatenate([*nothing, *(one.waveform for one in speech)]),
        sample_rate=speech[0].sample_rate if speech else 0,
        turns=turns,
        failed=tuple(event for event in events if isinstance(event, Failed)),
    )
