"""Speech in chunks: they join to what a call returns, whatever their sizes."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgewright as ew
import tiny_voice
from edgewright.errors import InputError, InputTypeError, UsageError
from edgewright.families.fastspeech2 import FastSpeech2
from edgewright.families.vocoders import windows
from edgewright.tasks.speak import SpeechChunk

FRAME = tiny_voice.HOP / tiny_voice.RATE
LONG = "see no see no see.no.see no no see see"
EQUAL = 1e-6
"""Of float graphs: rounding; full scale is 1."""


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, FastSpeech2]]:
    """Return a voice that speaks in chunks, and those that speak sentences."""
    folder = tmp_path_factory.mktemp("voices")
    bundles = {
        "chunks": tiny_voice.fastspeech2(folder / "c.edge", vocoder="spectrum", chunks=True),
        "spectrum": tiny_voice.fastspeech2(folder / "s.edge", vocoder="spectrum"),
        "waveform": tiny_voice.fastspeech2(folder / "w.edge", vocoder="waveform"),
        "griffin_lim": tiny_voice.fastspeech2(folder / "g.edge"),
    }
    with pytest.MonkeyPatch.context() as patch:
        models = {name: ew.load(bundle, threads=1) for name, bundle in bundles.items()}
        for model in models.values():
            assert isinstance(model, FastSpeech2)
            patch.setattr(model, "_phonemize", tiny_voice.phonemize)
        yield models


@pytest.fixture
def voice(voices: dict[str, FastSpeech2]) -> FastSpeech2:
    return voices["chunks"]


def joined(chunks: list[SpeechChunk]) -> Any:
    return np.concatenate([chunk.waveform for chunk in chunks])


@pytest.mark.parametrize("text", ["no", "see no.", LONG])
@pytest.mark.parametrize("frames", [None, 1, 2, 3, 5, 17, 1000])
def test_chunks_of_any_size_join_to_the_whole(
    voice: FastSpeech2, text: str, frames: int | None
) -> None:
    seconds = None if frames is None else frames * FRAME
    chunks, whole = list(voice.stream(text, chunk_seconds=seconds)), voice(text)
    assert joined(chunks).shape == whole.waveform.shape
    assert np.abs(joined(chunks) - whole.waveform).max() <= EQUAL
    assert tuple(one for chunk in chunks for one in chunk.phonemes) == whole.phonemes


@pytest.mark.parametrize("scale", [0.25, 4.0])
def test_the_loudness_does_not_depend_on_the_chunks(voice: FastSpeech2, scale: float) -> None:
    chunks = list(voice.stream(LONG, chunk_seconds=3 * FRAME, energy_scale=scale))
    whole = voice(LONG, energy_scale=scale)
    assert np.abs(joined(chunks) - whole.waveform).max() <= EQUAL
    assert np.abs(whole.waveform).max() <= np.float32(0.99)


def test_a_chunk_says_where_it_belongs(voice: FastSpeech2) -> None:
    chunks = list(voice.stream(LONG, chunk_seconds=10 * FRAME))
    ends = np.cumsum([chunk.duration for chunk in chunks])
    np.testing.assert_allclose([chunk.start for chunk in chunks], [0, *ends[:-1]])
    groups = [list(group) for _, group in itertools.groupby(chunks, lambda one: one.sentence)]
    assert [group[0].text for group in groups] == LONG.split(".")
    assert [chunk.sentence for chunk in chunks if chunk.is_last] == [0, 1, 2]
    for group in groups:
        assert [chunk.is_last for chunk in group] == [False] * (len(group) - 1) + [True]
    for chunk in chunks:
        assert chunk.waveform.size > 0
        end = chunk.start + chunk.duration
        assert all(chunk.start <= one.start < end for one in chunk.phonemes)
        parts = chunk.timings.pre + chunk.timings.run + chunk.timings.post
        assert 0 < parts <= chunk.timings.total * 1.001


def test_the_time_of_the_caller_is_not_counted(
    voice: FastSpeech2, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count()
    monkeypatch.setattr("edgewright.runtime.time.perf_counter", lambda: float(next(clock)))
    totals = []
    for chunk in voice.stream("see no see", chunk_seconds=10 * FRAME):
        totals.append(chunk.timings.total)
        for _ in range(1000):
            next(clock)
    assert len(totals) > 1
    assert max(totals) < 100


@pytest.mark.parametrize("name", ["spectrum", "waveform", "griffin_lim"])
def test_other_voices_stream_by_sentence_and_say_so(
    voices: dict[str, FastSpeech2], name: str
) -> None:
    voice = voices[name]
    assert (voice.stream_unit, voices["chunks"].stream_unit) == ("sentence", "chunk")
    chunks = list(voice.stream(LONG))
    assert [chunk.text for chunk in chunks] == LONG.split(".")
    assert all(chunk.is_last for chunk in chunks)
    np.testing.assert_array_equal(joined(chunks), voice(LONG).waveform)
    with pytest.raises(UsageError, match=r"chunk_seconds: got 0\.5, .*stream_unit"):
        voice.stream("see", chunk_seconds=0.5)


def test_closing_the_stream_stops_the_work(
    voice: FastSpeech2, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    run = voice.runners["vocoder"].run
    monkeypatch.setattr(voice.runners["vocoder"], "run", lambda it: [runs.append(1), run(it)][1])
    stream = voice.stream(LONG, chunk_seconds=10 * FRAME)
    next(stream)
    done = len(runs)
    stream.close()
    assert list(stream) == []
    assert len(runs) == done <= 2
    assert voice("see").waveform.size


def test_streams_at_a_time_do_not_disturb_each_other(voice: FastSpeech2) -> None:
    texts = ["see no see", LONG, "no no", "see.no"]
    streams = [voice.stream(text, chunk_seconds=4 * FRAME) for text in texts]
    heard: list[list[SpeechChunk]] = [[] for _ in texts]
    for row in itertools.zip_longest(*streams):
        for chunks, chunk in zip(heard, row, strict=True):
            chunks.extend([chunk] if chunk else [])

    def spoken(text: str) -> Any:
        return joined(list(voice.stream(text, chunk_seconds=4 * FRAME)))

    with ThreadPoolExecutor(4) as pool:
        for chunks, beside in zip(heard, pool.map(spoken, texts), strict=True):
            np.testing.assert_array_equal(joined(chunks), beside)


def test_bad_calls_are_refused_before_the_first_chunk(voice: FastSpeech2) -> None:
    for value in (0, -1.0, float("nan"), float("inf"), "long"):
        with pytest.raises(UsageError, match="chunk_seconds: got"):
            voice.stream("see", chunk_seconds=value)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="speaking_rate"):
        voice.stream("see", speaking_rate=9)
    with pytest.raises(InputTypeError, match="'text': got bytes"):
        voice.stream(b"see")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="nothing can be spoken"):
        next(voice.stream("?!"))
    assert voice.stream("see", chunk_seconds=1e300)


def test_the_proof_covers_the_chunks(tmp_path: Path) -> None:
    """A context that is too small is found by `verify`."""
    bundle = tiny_voice.fastspeech2(tmp_path / "good.edge", vocoder="spectrum", chunks=True)
    assert ew.verify(bundle).ok
    bundle = tiny_voice.fastspeech2(
        tmp_path / "bad.edge", vocoder="spectrum", chunks=True, config={"context": 1}
    )
    assert not ew.verify(bundle).ok


@pytest.mark.parametrize("frames", [1, 2, 9, 10, 11, 30])
def test_windows_hear_every_frame_once(frames: int) -> None:
    for sizes, context in itertools.product([(1,), (3, 5), (10,), (1000,)], [0, 2, 50]):
        heard, mel = [], np.arange(frames)
        found = list(windows(frames, sizes, context))
        for window in found:
            part = mel[window.frames]
            inner = part[window.heard]
            heard += inner.tolist()
            assert part[0] == max(0, inner[0] - context)
            assert part[-1] == min(frames - 1, inner[-1] + context)
        assert heard == mel.tolist()
        assert [one.is_last for one in found] == [False] * (len(found) - 1) + [True]
