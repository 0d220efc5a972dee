"""Tones in pieces through the tiny recognizer, which has no states: events, order, bad input."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import edgewright as ew
import tiny_bundles
from edgewright.endpointing import EndpointConfig
from edgewright.errors import InputError, InputTypeError, StateError, UsageError
from edgewright.families.conformer_ctc import ConformerCTC
from edgewright.families.conformer_encoders import WindowConfig, WindowEncoder
from edgewright.families.conformer_stream import TranscriptionStream
from edgewright.pauses import Loudness
from edgewright.runtime import Stopwatch, Timings
from edgewright.tasks.transcription import Event, Final, Partial
from edgewright.voice_activity import VoiceActivityConfig
from tiny_bundles import RATE, tones

PAUSE = [0] * 8
"""Tokens of silence, 0.4 s."""
SHORT_PAUSES = EndpointConfig(pause=0.3)
WINDOW = WindowConfig(left=0.5, middle=0.1, right=0.05)


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConformerCTC]:
    bundle = tiny_bundles.conformer_ctc(tmp_path_factory.mktemp("asr") / "asr.edge")
    with ew.load(bundle, threads=1) as model:
        assert isinstance(model, ConformerCTC)
        yield model


@pytest.fixture
def stream(recognizer: ConformerCTC) -> TranscriptionStream:
    return recognizer.stream(endpoint=SHORT_PAUSES, window=WINDOW)


def listen(stream: TranscriptionStream, pieces: Sequence[NDArray[np.float32]]) -> list[Event]:
    events = [event for piece in pieces for event in stream.feed(piece)]
    return [*events, *stream.finish()]


def timeless(events: Sequence[Event]) -> list[Event]:
    """Return events without what the clock says."""
    nothing = {"timings": Timings(0, 0, 0, 0)}
    return [replace(one, **nothing if isinstance(one, Final) else {}) for one in events]  # type: ignore[arg-type]


def sizes(waveform: NDArray[np.float32], size: int) -> list[NDArray[np.float32]]:
    return [waveform[start : start + size] for start in range(0, waveform.size, size)]


SPEECH = tones([0, 1, 2, 0, 3, *PAUSE, 3, 0, *PAUSE, 1, 2])


def test_utterances_end_at_pauses_and_keep_the_order(stream: TranscriptionStream) -> None:
    events = listen(stream, [SPEECH])
    finals = [event for event in events if isinstance(event, Final)]
    assert [final.text for final in finals] == ["ab c", "c", "ab"]
    assert [final.ending for final in finals] == ["pause", "pause", "finish"]
    positions = [event.position for event in events]
    assert positions == sorted(positions)
    words = [word for final in finals for word in final.words]
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    np.testing.assert_allclose(times[:4], [0.05, 0.15, 0.2, 0.25])
    assert finals[0].speech_end == pytest.approx(0.25, abs=0.15)  # the detector hangs over
    assert {event.streaming for event in events} == {"windows"}


def test_partials_come_before_the_final_and_only_when_something_changed(
    stream: TranscriptionStream,
) -> None:
    events = listen(stream, sizes(SPEECH, 160))
    texts = [event.text for event in events]
    assert isinstance(events[0], Partial)
    assert all(
        isinstance(old, Final) or old.text != new.text or isinstance(new, Final)
        for old, new in pairwise(events)
    )
    assert texts.index("ab c") > 0


@pytest.mark.parametrize("size", [1, 159, 160, 161, 4001])
def test_events_do_not_depend_on_the_pieces(recognizer: ConformerCTC, size: int) -> None:
    audio = SPEECH[: RATE // 2] if size == 1 else SPEECH
    streams = [recognizer.stream(endpoint=SHORT_PAUSES, window=WINDOW) for _ in range(2)]
    whole, pieces = listen(streams[0], [audio]), listen(streams[1], sizes(audio, size))
    assert timeless(pieces) == timeless(whole)
    assert len(whole) > 1


def test_int16_and_stereo_say_the_same(recognizer: ConformerCTC) -> None:
    pcm = (SPEECH * 32767).astype(np.int16)
    texts = []
    for audio in (SPEECH, pcm, np.stack([pcm, pcm], 1)):
        events = listen(recognizer.stream(window=WINDOW), [audio])
        texts.append([event.text for event in events])
    assert texts[0] == texts[1] == texts[2]


@pytest.mark.parametrize("rate", [8000, 22_050, 48_000])
def test_another_rate_is_resampled(recognizer: ConformerCTC, rate: int) -> None:
    time = np.arange(rate // 2) / rate
    tone = (0.5 * np.cos(2 * np.pi * 2000 * time)).astype(np.float32)
    events = listen(recognizer.stream(sample_rate=rate, window=WINDOW), sizes(tone, 97))
    assert events[-1].text == "c"
    assert events[-1].position == pytest.approx(0.5, abs=1e-3)


def test_audio_shorter_than_a_window_is_heard_as_the_whole(recognizer: ConformerCTC) -> None:
    audio = tones([0, 1, 2, 0, 3, 0])
    whole = recognizer(audio)
    (final,) = [e for e in listen(recognizer.stream(), sizes(audio, 500)) if isinstance(e, Final)]
    assert final.words == whole.words
    assert final.runtime == whole.runtime


@pytest.mark.parametrize("decoding", ["greedy", "beam"])
def test_every_decoding_streams(recognizer: ConformerCTC, decoding: str) -> None:
    found = recognizer.stream(decoding=decoding, endpoint=None, window=WINDOW)  # type: ignore[arg-type]
    assert listen(found, sizes(SPEECH, 400))[-1].text == "ab c c ab"


def test_hotwords_count_in_a_stream(tmp_path: Path) -> None:
    bundle = tiny_bundles.conformer_ctc(tmp_path / "free.edge", config={"search": None})
    undecided = 1.01 * tones([1], frames=1) + 0.99 * tones([3], frames=1)
    with ew.load(bundle, threads=1) as free:
        plain = free.stream(decoding="beam")
        hot = free.stream(decoding="beam", hotwords={"c": 20.0})
        assert listen(plain, [undecided])[-1].text == "a"
        assert listen(hot, [undecided])[-1].text == "c"


def test_speech_without_a_pause_is_cut_between_words(recognizer: ConformerCTC) -> None:
    audio = np.tile(tones([1, 2, 0, 3, 0]), 20)  # 5 s, and no segment is longer than 2 s
    events = listen(recognizer.stream(endpoint=None, window=WINDOW), [audio])
    finals = [event for event in events if isinstance(event, Final)]
    assert " ".join(final.text for final in finals) == " ".join(["ab c"] * 20)
    assert {final.ending for final in finals[:-1]} == {"length"}
    assert len(finals) >= 3
    spans = [(word.start, word.end) for final in finals for word in final.words]
    assert all(old[1] <= new[0] for old, new in pairwise(spans))


@pytest.mark.parametrize("silence", [0.96, 1.3, 1.46, 1.7, 1.85, 1.9])
@pytest.mark.parametrize("window", [WINDOW, WindowConfig(0.5, 0.3, 0.3), WindowConfig()])
def test_words_that_begin_where_an_utterance_ends_are_not_lost(
    recognizer: ConformerCTC, silence: float, window: WindowConfig
) -> None:
    """An utterance is 2 s long at most, and logits come later than the audio."""
    before = np.zeros(round(silence * RATE), np.float32)
    audio = np.concatenate((before, tones([1, 2, 0, 0])))
    events = listen(recognizer.stream(endpoint=None, window=window), [audio])
    assert [event.text for event in events if isinstance(event, Final)] == ["ab"]


def test_a_pause_does_not_end_what_the_detector_does_not_hear(recognizer: ConformerCTC) -> None:
    """Words keep the utterance open, as those of speech too faint for the detector do."""
    deaf = EndpointConfig(0.3, VoiceActivityConfig(least_level_db=0.0))
    audio = np.concatenate((np.tile(tones([1, 2, 0, 3, 0]), 5), tones(PAUSE)))
    finals = [
        event
        for event in listen(recognizer.stream(endpoint=deaf, window=WINDOW), [audio])
        if isinstance(event, Final)
    ]
    assert [(final.text, final.ending) for final in finals] == [(" ".join(["ab c"] * 5), "pause")]
    assert finals[0].speech_end == finals[0].words[-1].end


def test_words_that_are_taken_back_are_told_as_an_empty_partial(
    stream: TranscriptionStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = stream.feed(tones([1, 2, 0, 0]))
    assert events[-1].text
    monkeypatch.setattr(stream._utterance, "words", lambda _: ())
    assert [(event.event, event.text) for event in stream.finish()] == [("partial", "")]


def test_loudness_does_not_depend_on_the_pieces(recognizer: ConformerCTC) -> None:
    """One sample above the limit of silence, which no window of 20 ms as a whole is."""
    click = np.zeros(RATE // 2, np.float32)
    click[720] = 0.01
    for size in (10, 320, 1600):
        loudness = Loudness(RATE)
        for piece in sizes(click, size):
            loudness.feed(piece)
        assert loudness.last_loud == 0.0


def test_a_failure_inside_the_model_breaks_the_stream(
    stream: TranscriptionStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it is an InputError, as of a search that is given NaN."""
    with monkeypatch.context() as patch:
        patch.setattr(stream._encoder, "feed", lambda *_: np.full((3, 4), np.nan, np.float32))
        with pytest.raises(InputError, match="logits"):
            stream.feed(SPEECH)
    with pytest.raises(StateError, match="interrupted or failed"):
        stream.feed(SPEECH)
    stream.reset()
    assert listen(stream, [SPEECH])


def test_windows_shorter_than_a_frame_are_made_longer(recognizer: ConformerCTC) -> None:
    encoder = WindowEncoder(recognizer._graph, WindowConfig(0.0, 1e-4, 0.0))
    assert len(encoder.feed(np.zeros(RATE, np.float32), Stopwatch())) == 100


def test_a_window_that_gives_fewer_frames_than_it_spans_loses_none(
    recognizer: ConformerCTC, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As unpadded convolutions do, of which the last frames need more audio."""
    run = recognizer._graph.run
    monkeypatch.setattr(recognizer._graph, "run", lambda features: run(features)[:-2])
    encoder, watch = WindowEncoder(recognizer._graph, WindowConfig(0.5, 0.1, 0.0)), Stopwatch()
    rows = [len(encoder.feed(piece, watch)) for piece in sizes(np.zeros(RATE, np.float32), 800)]
    assert sum(rows) + len(encoder.finish(watch)) == 98


def test_silence_says_nothing(recognizer: ConformerCTC) -> None:
    assert listen(recognizer.stream(), [np.zeros(3 * RATE, np.float32)]) == []
    assert recognizer.stream().finish() == []


@pytest.mark.parametrize(
    ("piece", "error", "message"),
    [
        (np.array([0.0, np.nan], np.float32), InputError, "NaN"),
        (np.zeros(0, np.float32), InputError, "got no samples"),
        (np.zeros(10), InputTypeError, "float64"),
        (np.zeros((10, 2), np.float32), InputError, "got 2 channels, expected 1"),
        (np.full(10, 1e4, np.float32), InputError, "magnitude"),
        ([0.0, 0.1], InputTypeError, "list"),
    ],
)
def test_bad_pieces_are_refused_and_the_stream_goes_on(
    recognizer: ConformerCTC, piece: NDArray[np.float32], error: type[Exception], message: str
) -> None:
    clean, disturbed = (recognizer.stream(window=WINDOW) for _ in range(2))
    expected = [*clean.feed(SPEECH[:5000]), *clean.feed(SPEECH[5000:]), *clean.finish()]
    events = disturbed.feed(SPEECH[:5000])
    with pytest.raises(error, match=message):
        disturbed.feed(piece)
    events += [*disturbed.feed(SPEECH[5000:]), *disturbed.finish()]
    assert timeless(events) == timeless(expected)


def test_another_rate_in_the_middle_is_refused(stream: TranscriptionStream) -> None:
    stream.feed(SPEECH[:100], sample_rate=RATE)
    with pytest.raises(InputError, match="got sample rate 48000, expected 16000"):
        stream.feed(SPEECH[:100], sample_rate=48_000)
    assert listen(stream, [SPEECH])


def test_a_finished_stream_begins_anew_after_reset(stream: TranscriptionStream) -> None:
    before = listen(stream, [SPEECH])
    for call in (lambda: stream.feed(SPEECH), stream.finish):
        with pytest.raises(StateError, match=r"after it is finished.*reset"):
            call()
    stream.reset()
    assert timeless(listen(stream, [SPEECH])) == timeless(before)


def test_a_closed_stream_takes_nothing(stream: TranscriptionStream) -> None:
    with stream:
        stream.feed(SPEECH)
    for call in (lambda: stream.feed(SPEECH), stream.finish, stream.reset):
        with pytest.raises(StateError, match="closed"):
            call()


def test_an_interrupted_stream_says_so(
    stream: TranscriptionStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stream._encoder, "feed", interrupt)
        with pytest.raises(KeyboardInterrupt):
            stream.feed(SPEECH)
    with pytest.raises(StateError, match="interrupted"):
        stream.feed(SPEECH)
    stream.reset()
    assert listen(stream, [SPEECH])


def test_a_second_thread_is_refused(
    stream: TranscriptionStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, leave = threading.Event(), threading.Event()
    feed = stream._encoder.feed

    def slowly(*arguments: object) -> NDArray[np.float32]:
        inside.set()
        leave.wait(10)
        return feed(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(stream._encoder, "feed", slowly)
    first = threading.Thread(target=stream.feed, args=(SPEECH[:320],))
    first.start()
    inside.wait(10)
    for call in (lambda: stream.feed(SPEECH), stream.finish, stream.reset):
        with pytest.raises(StateError, match="one stream per caller"):
            call()
    leave.set()
    first.join()
    assert stream.position == pytest.approx(0.02)


def test_eight_streams_at_once_do_not_mix(recognizer: ConformerCTC) -> None:
    rng = np.random.default_rng(5)
    spoken = [tones([0, *rng.integers(0, 4, 12).tolist(), 0]) for _ in range(8)]
    alone = [timeless(listen(recognizer.stream(window=WINDOW), sizes(one, 700))) for one in spoken]
    with ThreadPoolExecutor(8) as pool:
        opened = (recognizer.stream(window=WINDOW) for _ in spoken)
        threaded = pool.map(listen, opened, [sizes(one, 700) for one in spoken])
        assert [timeless(events) for events in threaded] == alone
    streams = [recognizer.stream(window=WINDOW) for _ in spoken]
    found: list[list[Event]] = [[] for _ in spoken]
    for start in range(0, spoken[0].size, 700):
        for index, audio in enumerate(spoken):
            found[index] += streams[index].feed(audio[start : start + 700])
    for index, one in enumerate(streams):
        found[index] += one.finish()
    assert [timeless(events) for events in found] == alone


@pytest.mark.parametrize("options", [{"decoding": "best"}, {"decoding": "greedy", "beam_width": 4}])
def test_options_that_do_not_fit_are_refused(
    recognizer: ConformerCTC, options: dict[str, object]
) -> None:
    with pytest.raises(UsageError):
        recognizer.stream(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("window", [(-1, 1, 1), (1, 0, 1), (float("inf"), 1, 1), (1, 1e300, 1)])
def test_windows_that_are_none_are_refused(window: tuple[float, float, float]) -> None:
    with pytest.raises(UsageError, match="window"):
        WindowConfig(*window)


@pytest.mark.parametrize("rate", [0, 44100.5, True, 10**7])
def test_rates_that_no_microphone_has_are_refused(recognizer: ConformerCTC, rate: int) -> None:
    with pytest.raises(InputError, match="sample rate"):
        recognizer.stream(sample_rate=rate)
