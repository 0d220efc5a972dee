"""One direction of a conversation: utterances are heard, translated and spoken, turn by turn.

Recognition runs in the caller's thread, translation and synthesis in one of their own, so that the
next utterance is heard while the last one is spoken.
"""

import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from queue import Full, Queue, SimpleQueue
from typing import Any, Literal, TypeAlias

from edgewright.alone import Alone
from edgewright.errors import InputError, StateError
from edgewright.tasks.live import SpeechStream
from edgewright.tasks.speak import SpeechChunk
from edgewright.tasks.transcription import Event, Final, Partial
from edgewright.tasks.translate_text import TranslatedText, Translator
from edgewright.waterfall import Waterfall

WAITING = 4
"""Utterances that wait for the translator before `feed` waits, too."""
_RECHECK_SECONDS = 0.2
_GRAIN_SECONDS, _REMEMBERED = 0.02, 4096  # of when audio was given: 82 s of it

Stage = Literal["recognition", "translation", "synthesis"]
Listen: TypeAlias = Callable[..., SpeechStream]
"""Opens a recognizer's stream of a `sample_rate`: `asr.stream`, or a `functools.partial` of it."""
Speak: TypeAlias = Callable[[str], Iterable[SpeechChunk]]
"""Speaks a text piece by piece: `tts.stream`, or a `functools.partial` of it."""


@dataclass(frozen=True, eq=False)
class Spoken:
    """A piece of a turn's speech, to be played behind the one before."""

    turn: int
    """Of the session, from 0."""
    speech: SpeechChunk
    event: Literal["spoken"] = "spoken"


@dataclass(frozen=True)
class Turn:
    """An utterance that was translated and spoken."""

    turn: int
    """Of the session, from 0."""
    source: str
    """What was said."""
    translation: str
    confidence: float
    """Of the translation, 0 to 1."""
    truncated: bool
    """Whether the end of the translation is missing."""
    duration: float
    """Seconds of speech."""
    waterfall: Waterfall
    event: Literal["turn"] = "turn"

    def __str__(self) -> str:
        return f"{self.source} → {self.translation} ({self.waterfall})"


@dataclass(frozen=True)
class Failed:
    """An utterance not recognized, not translated or not spoken to its end; the session goes on."""

    turn: int
    """Of the session, from 0."""
    source: str
    """What was said; empty where the recognizer failed."""
    stage: Stage
    """Where it ended."""
    reason: str
    event: Literal["failed"] = "failed"

    def __str__(self) -> str:
        return f"{self.source} → {self.stage} failed: {self.reason}"


SessionEvent: TypeAlias = Partial | Final | Spoken | Turn | Failed


class TranslationSession:
    """A conversation's one direction; belongs to one caller at a time. Close it, or use `with`.

    `feed` and `finish` return events: those of the recognizer at once, those of translation and
    synthesis (`Spoken`, then `Turn`, or `Failed`) when they are there, turn by turn in order. An
    utterance is translated as soon as it is final, while the next is heard. No more than `WAITING`
    utterances wait: then `feed` waits until one is begun, and nothing is lost.
    """

    def __init__(
        self,
        stream: SpeechStream,
        translate: Translator,
        speak: Speak,
        *,
        least_confidence: float,
        on_event: Callable[[SessionEvent], None] | None,
    ) -> None:
        """Begin; see `SpeechTranslator.session`."""
        self._stream = stream
        self._begun = time.perf_counter()
        self._given: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)
        self._alone = Alone("session", "open one session per caller")
        self._num_turns = 0
        self._events = _Events(on_event)
        self._worker = _Worker(translate, speak, least_confidence, self._now, self._events.tell)

    def feed(self, piece: Any, *, sample_rate: int | None = None) -> list[SessionEvent]:
        """Listen to the next piece; the recognizer's stream says what it takes and raises.

        Raises:
            InputError: The piece cannot be used; the session goes on.
            StateError: The session is finished, closed or interrupted, or another thread is in it.
        """
        with self._alone:
            self._hear(lambda: self._stream.feed(piece, sample_rate=sample_rate))
            return self._events.take()

    def finish(self) -> list[SessionEvent]:
        """Listen to the end, and wait until the last turn is spoken.

        Raises:
            StateError: As `feed`.
        """
        with self._alone:
            self._hear(self._stream.finish)
            self._worker.finish()
            return self._events.take()

    def cancel(self) -> None:
        """Drop the turns that wait, and end the one that is translated or spoken.

        They come as `Failed`. What is being said goes on.
        """
        self._worker.cancel(self._num_turns)

    def close(self) -> None:
        """Take in nothing more and drop what was not spoken; waits for the step that runs."""
        self._stream.close()
        self.cancel()
        self._worker.finish()

    def __enter__(self) -> "TranslationSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _now(self) -> float:
        return time.perf_counter() - self._begun

    def _hear(self, listen: Callable[[], list[Event]]) -> None:
        self._worker.check_open()
        given = self._now()
        taken = self._stream.taken
        try:
            heard = listen()
        except StateError:
            raise
        except Exception as error:  # the recognizer may be any engine
            if isinstance(error, InputError) and self._stream.taken == taken:
                raise  # the piece was refused
            self._stream.reset()
            self._given.clear()
            self._worker.submit(Failed(self._take_number(), "", "recognition", _reason(error)))
            return
        told = self._now()
        self._note(self._stream.taken, given)
        for event in heard:
            if not isinstance(event, Final):
                self._events.tell(event)
                continue
            number, capture = self._take_number(), self._captured(event)
            self._events.tell(event)  # numbered before, so that a listener can cancel it
            self._worker.submit(_Utterance(number, event, capture, given, told))

    def _take_number(self) -> int:
        self._num_turns += 1
        return self._num_turns - 1

    def _note(self, position: float, given: float) -> None:
        """Remember when the session was given the audio up to `position`."""
        if not self._given or position >= self._given[-1][0] + _GRAIN_SECONDS:
            self._given.append((position, given))

    def _captured(self, final: Final) -> float:
        """Return when the session was given the last sample of speech; forget what lies before."""
        while len(self._given) > 1 and self._given[0][0] < final.speech_end:
            self._given.popleft()
        return self._given[0][1]


class _Events:
    """Events that wait to be taken by the caller, and the listener that hears them at once."""

    def __init__(self, listener: Callable[[SessionEvent], None] | None) -> None:
        self._listener = listener
        self._waiting: SimpleQueue[SessionEvent] = SimpleQueue()
        self._one_by_one = threading.RLock()

    def tell(self, event: SessionEvent) -> None:
        with self._one_by_one:
            self._waiting.put(event)
            self._call(event)

    def _call(self, event: SessionEvent) -> None:
        if self._listener is None:
            return
        try:
            self._listener(event)
        except Exception as error:  # noqa: BLE001 - a listener's fault is no turn's
            self._listener = None
            warnings.warn(
                f"on_event: got {type(error).__name__} '{error}' from it, expected a call that "
                "returns; it is called no more",
                RuntimeWarning,
                stacklevel=2,
            )

    def take(self) -> list[SessionEvent]:
        taken = []
        while not self._waiting.empty():
            taken.append(self._waiting.get())
        return taken


@dataclass(frozen=True)
class _Utterance:
    """What the worker gets."""

    turn: int
    final: Final
    capture: float
    endpoint: float
    last_token: float


class _NotSpoken(Exception):  # noqa: N818 - no error: it only ends the turn
    """The turn is not wanted."""


class _Worker:
    """Translates and speaks utterances in a thread, one by one."""

    def __init__(
        self,
        translate: Translator,
        speak: Speak,
        least_confidence: float,
        now: Callable[[], float],
        tell: Callable[[SessionEvent], None],
    ) -> None:
        self._translate, self._speak = translate, speak
        self._least_confidence, self._now, self._tell = least_confidence, now, tell
        self._waiting: Queue[_Utterance | Failed | None] = Queue(WAITING)
        self._first_wanted = 0  # earlier turns are not wanted any more
        self._is_finished = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def check_open(self) -> None:
        if self._is_finished:
            raise StateError(
                "session: got a call after its end, expected an open one; begin another session"
            )

    def cancel(self, turns: int) -> None:
        """Drop the first `turns` turns of the session, where they are not spoken yet."""
        self._first_wanted = turns

    def finish(self) -> None:
        """Wait for the last turn and end the thread."""
        self._is_finished = True
        self.submit(None)
        self._thread.join()

    def submit(self, item: "_Utterance | Failed | None") -> None:
        """Let the thread translate an utterance, tell what failed, or end.

        Waits while too many wait, but not where the thread has ended.
        """
        while self._thread.is_alive():
            with suppress(Full):
                self._waiting.put(item, timeout=_RECHECK_SECONDS)
                return

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            with suppress(BaseException):  # of a listener, or of a warning that is an error
                self._tell(item if isinstance(item, Failed) else self._answer(item))

    def _answer(self, utterance: _Utterance) -> Turn | Failed:
        """Translate and speak; whatever goes wrong ends this turn only."""
        stage: Stage = "translation"
        try:
            self._check_wanted(utterance)
            translated = self._translate(utterance.final.text)
            done = self._now()
            self._check_sure(translated)
            stage = "synthesis"
            return self._spoken(utterance, translated, done)
        except BaseException as error:  # noqa: BLE001 - engines raise what they like, also to exit
            return Failed(utterance.turn, utterance.final.text, stage, _reason(error))

    def _check_sure(self, translated: TranslatedText) -> None:
        if translated.confidence < self._least_confidence:
            raise _NotSpoken(
                f"confidence {translated.confidence:.2f} of '{translated.text}' is below "
                f"{self._least_confidence:g}"
            )

    def _spoken(self, utterance: _Utterance, translated: TranslatedText, done: float) -> Turn:
        first, duration = None, 0.0
        self._check_wanted(utterance)
        for speech in self._speak(translated.text):
            self._check_wanted(utterance)
            first = self._now() if first is None else first
            duration += speech.duration
            self._tell(Spoken(utterance.turn, speech))
        if first is None:
            raise _NotSpoken(f"nothing can be spoken of '{translated.text}'")
        return Turn(
            turn=utterance.turn,
            source=utterance.final.text,
            translation=translated.text,
            confidence=translated.confidence,
            truncated=translated.truncated,
            duration=duration,
            waterfall=Waterfall(
                capture=utterance.capture,
                endpoint=utterance.endpoint,
                last_token=utterance.last_token,
                translation=done,
                first_audio=first,
                last_audio=self._now(),
            ),
        )

    def _check_wanted(self, utterance: _Utterance) -> None:
        if utterance.turn < self._first_wanted:
            raise _NotSpoken("cancelled")


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
