"""Speech to speech with stand-ins for engines: order, overlap, failures, the waterfall."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import edgewright as ew
import tiny_bundles
from edgewright.endpointing import EndpointConfig
from edgewright.errors import InputError, InputNotFoundError, StateError, UsageError
from edgewright.families.conformer_ctc import ConformerCTC
from edgewright.families.conformer_encoders import WindowConfig
from edgewright.runtime import Runtime, Timings
from edgewright.tasks.speak import SpeechChunk
from edgewright.tasks.transcription import Final, Partial
from edgewright.translation import (
    Failed,
    Listen,
    SessionEvent,
    SpeechTranslator,
    Spoken,
    Turn,
)
from edgewright.translation_session import WAITING
from tiny_bundles import RATE, tones

PAUSE = [0] * 14
SPEECH = tones([0, 1, 2, 0, 3, *PAUSE, 3, 0, *PAUSE, 1, 2, *PAUSE])  # "ab c", "c", "ab"


@dataclass(frozen=True)
class Translated:
    text: str
    confidence: float = 0.9
    truncated: bool = False


def shout(text: str) -> Translated:
    return Translated(text.upper())


def say(text: str) -> Iterator[SpeechChunk]:
    """Speak every word as a piece of as many samples as it has letters."""
    start = 0.0
    for word in text.split():
        waveform = np.full(len(word), 0.5, np.float32)
        timings, runtime = Timings(0, 0, 0, 0), Runtime(*[""] * 8, 1, False, (), None)
        yield SpeechChunk(word, 0, waveform, 100, (), start, False, timings, runtime)
        start += len(word) / 100


@pytest.fixture(scope="module")
def ears(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listen]:
    """Return the tiny recognizer, with short pauses."""
    bundle = tiny_bundles.conformer_ctc(tmp_path_factory.mktemp("asr") / "asr.edge")
    with ew.load(bundle, threads=1) as model:
        assert isinstance(model, ConformerCTC)
        window = WindowConfig(left=0.5, middle=0.1, right=0.05)
        yield partial(model.stream, endpoint=EndpointConfig(pause=0.3), window=window)


def translated(translator: SpeechTranslator) -> list[SessionEvent]:
    with translator.session() as session:
        pieces = np.split(SPEECH, range(800, SPEECH.size, 800))
        events = [event for piece in pieces for event in session.feed(piece)]
        return [*events, *session.finish()]


def of(events: list[SessionEvent], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_every_utterance_is_translated_and_spoken_in_order(ears: Listen) -> None:
    events = translated(SpeechTranslator(ears, shout, say))
    assert [turn.translation for turn in of(events, Turn)] == ["AB C", "C", "AB"]
    assert [one.speech.text for one in of(events, Spoken)] == ["AB", "C", "C", "AB"]
    assert [one.turn for one in of(events, Spoken)] == [0, 0, 1, 2]
    assert [final.text for final in of(events, Final)] == ["ab c", "c", "ab"]
    assert of(events, Partial)
    assert not of(events, Failed)
    for turn in of(events, Turn):
        spoken = [events.index(one) for one in of(events, Spoken) if one.turn == turn.turn]
        assert max(spoken) < events.index(turn)


def test_the_waterfall_goes_down(ears: Listen) -> None:
    turns = of(translated(SpeechTranslator(ears, shout, say)), Turn)
    for turn in turns:
        steps = list(turn.waterfall.steps())
        times = [steps[0][1], *(end for _, _, end in steps)]
        assert times == sorted(times)
        assert turn.waterfall.response >= 0
        assert sum(end - begin for _, begin, end in steps) == pytest.approx(times[-1] - times[0])
    assert turns[0].waterfall.last_audio <= turns[1].waterfall.last_audio


def test_the_next_utterance_is_heard_while_the_last_is_translated(ears: Listen) -> None:
    heard_all = threading.Event()

    def patient(text: str) -> Translated:
        assert heard_all.wait(20)
        return shout(text)

    with SpeechTranslator(ears, patient, say).session() as session:
        events = session.feed(SPEECH)
        assert [final.text for final in of(events, Final)] == ["ab c", "c", "ab"]
        assert not of(events, Turn)
        heard_all.set()
        assert [turn.translation for turn in of(session.finish(), Turn)] == ["AB C", "C", "AB"]


def test_too_many_waiting_utterances_make_feed_wait(ears: Listen) -> None:
    """One is being translated and as many wait as may: the next waits in `feed`, none is lost."""
    go_on = threading.Event()

    def patient(text: str) -> Translated:
        assert go_on.wait(20)
        return shout(text)

    audio = tones([1, 2, *PAUSE] * (WAITING + 3))
    with SpeechTranslator(ears, patient, say).session() as session:
        events: list[SessionEvent] = []
        feeding = threading.Thread(target=lambda: events.extend(session.feed(audio)))
        feeding.start()
        feeding.join(1.0)
        assert feeding.is_alive()
        with pytest.raises(StateError, match="one session per caller"):
            session.feed(audio)
        go_on.set()
        feeding.join(20)
        events += session.finish()
    assert [turn.turn for turn in of(events, Turn)] == list(range(WAITING + 3))


@pytest.mark.parametrize("stage", ["translation", "synthesis"])
def test_a_failure_ends_its_turn_only(ears: Listen, stage: str) -> None:
    def translate(text: str) -> Translated:
        if stage == "translation" and text == "c":
            raise ValueError("no word for it")
        return shout(text)

    def hoarse(text: str) -> Iterator[SpeechChunk]:
        if stage == "synthesis" and text == "C":
            raise SystemExit("no sound for it")
        yield from say(text)

    events = translated(SpeechTranslator(ears, translate, hoarse))
    (failed,) = of(events, Failed)
    assert (failed.turn, failed.source, failed.stage) == (1, "c", stage)
    assert "for it" in failed.reason
    assert [turn.turn for turn in of(events, Turn)] == [0, 2]


def test_an_uncertain_translation_is_not_spoken(ears: Listen) -> None:
    def unsure(text: str) -> Translated:
        return Translated(text.upper(), confidence=0.1 if text == "c" else 0.9)

    events = translated(SpeechTranslator(ears, unsure, say, least_confidence=0.5))
    (failed,) = of(events, Failed)
    assert failed.reason == "confidence 0.10 of 'C' is below 0.5"
    assert [one.speech.text for one in of(events, Spoken)] == ["AB", "C", "AB"]


def test_cancel_drops_what_waits_and_the_session_goes_on(ears: Listen) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(text: str) -> Translated:
        begun.set()
        assert go_on.wait(20)
        return shout(text)

    with SpeechTranslator(ears, slow, say).session() as session:
        events = session.feed(SPEECH)
        begun.wait(20)
        session.cancel()
        go_on.set()
        events += session.feed(tones([3, *PAUSE]))
        events += session.finish()
    assert [failed.reason for failed in of(events, Failed)] == ["cancelled"] * 3
    assert [turn.translation for turn in of(events, Turn)] == ["C"]


def test_events_are_told_at_once_to_a_listener(ears: Listen) -> None:
    told: list[SessionEvent] = []
    with SpeechTranslator(ears, shout, say).session(on_event=told.append) as session:
        events = [*session.feed(SPEECH), *session.finish()]
    assert told == events


def test_a_listener_that_raises_is_called_no_more(ears: Listen) -> None:
    told = []

    def refuse(event: SessionEvent) -> None:
        told.append(event)
        raise RuntimeError("no loudspeaker")

    with SpeechTranslator(ears, shout, say).session(on_event=refuse) as session:
        with pytest.warns(RuntimeWarning, match="no loudspeaker"):
            events = session.feed(SPEECH)
        events += session.finish()
    assert len(told) == 1
    assert len(of(events, Turn)) == 3


def test_a_failing_recognizer_costs_what_was_said_and_no_more(
    ears: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    with SpeechTranslator(ears, shout, say).session() as session:
        with monkeypatch.context() as patch:
            patch.setattr(session._stream._encoder, "feed", fail)  # type: ignore[attr-defined]
            events = session.feed(SPEECH)
        events += [*session.feed(SPEECH), *session.finish()]
    (failed,) = of(events, Failed)
    assert (failed.turn, failed.stage, failed.reason) == (0, "recognition", "out of memory")
    assert [turn.turn for turn in of(events, Turn)] == [1, 2, 3]


def test_an_interrupt_while_feed_waits_lets_the_session_close(
    ears: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many utterances wait as may, and nobody takes them: closing ends all the same."""
    go_on = threading.Event()

    def patient(text: str) -> Translated:
        assert go_on.wait(20)
        return shout(text)

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    session = SpeechTranslator(ears, patient, say).session()
    session.feed(tones([1, 2, *PAUSE] * WAITING))
    with monkeypatch.context() as patch:
        patch.setattr(session._worker, "submit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            session.close()
    go_on.set()
    session.close()
    assert not session._worker._thread.is_alive()


def test_a_final_can_be_cancelled_by_the_listener(ears: Listen) -> None:
    def refuse(event: SessionEvent) -> None:
        if event.event == "final" and event.text == "c":
            session.cancel()

    with SpeechTranslator(ears, shout, say).session(on_event=refuse) as session:
        pieces = np.split(SPEECH, range(800, SPEECH.size, 800))
        events = [event for piece in pieces for event in session.feed(piece)]
        events += session.finish()
    assert "c" in [failed.source for failed in of(events, Failed)]
    assert of(events, Turn)[-1].source == "ab"


def test_a_translation_without_a_sound_is_no_turn(ears: Listen) -> None:
    events = translated(SpeechTranslator(ears, lambda _: Translated(""), say))
    assert len(of(events, Failed)) == 3
    assert not of(events, Turn)


def test_bad_pieces_are_refused_and_the_session_goes_on(ears: Listen) -> None:
    with SpeechTranslator(ears, shout, say).session() as session:
        with pytest.raises(InputError, match="NaN"):
            session.feed(np.full(10, np.nan, np.float32))
        events = [*session.feed(SPEECH), *session.finish()]
        with pytest.raises(StateError, match="after its end"):
            session.feed(SPEECH)
    assert len(of(events, Turn)) == 3


def test_a_closed_session_leaves_no_thread(ears: Listen) -> None:
    before = threading.active_count()
    with SpeechTranslator(ears, shout, say).session() as session:
        session.feed(SPEECH)
    assert threading.active_count() == before


@pytest.mark.parametrize("real_time", [False, True])
def test_a_recording_is_translated(ears: Listen, tmp_path: Path, real_time: bool) -> None:
    path = tmp_path / "tones.wav"
    soundfile.write(path, SPEECH, RATE)
    answer = SpeechTranslator(ears, shout, say)(path, real_time=real_time)
    assert (answer.transcript, answer.translation) == ("ab c c ab", "AB C C AB")
    assert (answer.waveform.size, answer.sample_rate) == (6, 100)
    assert answer.failed == ()
    if real_time:
        assert all(turn.waterfall.endpoint_delay > 0.2 for turn in answer.turns)


def test_what_cannot_be_translated_is_said(ears: Listen, tmp_path: Path) -> None:
    translator = SpeechTranslator(ears, shout, say)
    with pytest.raises(InputNotFoundError):
        translator(tmp_path / "absent.wav")
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE, np.float32), RATE)
    silence = translator(tmp_path / "silence.wav")
    assert (silence.transcript, silence.waveform.size, silence.sample_rate) == ("", 0, 0)
    with pytest.raises(UsageError, match="least_confidence"):
        SpeechTranslator(ears, shout, say, least_confidence=2)
