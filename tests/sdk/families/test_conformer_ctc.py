"""Tones through the tiny recognizer: words, times, rates, channels, long and bad audio."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

import edgewright as ew
import tiny_bundles
from edgewright.errors import (
    BundleError,
    InputError,
    InputNotFoundError,
    InputTypeError,
    UsageError,
)
from edgewright.families.conformer_ctc import ConformerCTC
from edgewright.tasks.transcription import Decoding, Word
from tiny_bundles import RATE, tone_logits, tones


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConformerCTC]:
    bundle = tiny_bundles.conformer_ctc(tmp_path_factory.mktemp("asr") / "asr.edge")
    with ew.load(bundle, threads=1) as model:
        assert isinstance(model, ConformerCTC)
        yield model


def test_infer_equals_the_definition(recognizer: ConformerCTC) -> None:
    waveform = np.random.default_rng(0).normal(size=1700).astype(np.float32)
    logits = recognizer.infer({"waveform": waveform})["logits"]
    np.testing.assert_allclose(logits, tone_logits(waveform), atol=1e-4)


@pytest.mark.parametrize("decoding", ["default", "greedy", "beam"])
def test_words_have_times(recognizer: ConformerCTC, decoding: Decoding) -> None:
    result = recognizer(tones([0, 1, 2, 0, 3, 0]), decoding=decoding)
    assert result.text == "ab c"
    times = [(word.start, word.end) for word in result.words]
    np.testing.assert_allclose(times, [(0.05, 0.15), (0.2, 0.25)])
    assert all(0.9 < word.confidence <= 1 for word in result.words)
    assert result.duration == pytest.approx(0.3)
    assert result.timings.real_time_factor == pytest.approx(result.timings.total / 0.3)


def test_the_lexicon_keeps_to_its_words(recognizer: ConformerCTC) -> None:
    odd = tones([1, 0, 3, 0])
    assert recognizer(odd, decoding="greedy").text == "a c"
    assert set(recognizer(odd).text.split()) <= {"ab", "c"}


def test_without_a_lexicon_any_word_is_heard(tmp_path: Path) -> None:
    bundle = tiny_bundles.conformer_ctc(tmp_path / "free.edge", config={"search": None})
    with ew.load(bundle, threads=1) as free:
        audio = tones([1, 0, 3, 0, 1, 2])
        plain, greedy = free(audio, decoding="beam"), free(audio)
        assert plain.text == greedy.text == "a c ab"
        spans = [[(word.start, word.end) for word in result.words] for result in (plain, greedy)]
        np.testing.assert_allclose(*spans)
        undecided = 1.01 * tones([1], frames=1) + 0.99 * tones([3], frames=1)
        assert free(undecided, decoding="beam").text == "a"
        assert free(undecided, decoding="beam", hotwords={"c": 20.0}).text == "c"


def test_every_form_of_one_recording_gives_one_text(
    recognizer: ConformerCTC, tmp_path: Path
) -> None:
    waveform = tones([0, 1, 2, 0, 3, 0])
    pcm = (waveform * 32767).astype(np.int16)
    path = tmp_path / "tones.flac"
    soundfile.write(path, np.stack([pcm, pcm], axis=1), RATE)
    results = recognizer([waveform, pcm, np.stack([pcm] * 6, axis=1)])
    results += recognizer([path, str(path)])
    assert {result.text for result in results} == {"ab c"}
    assert [result.input for result in results[:2]] == ["audio 0", "audio 1"]


def test_a_list_of_unequal_lengths_equals_the_single_answers(recognizer: ConformerCTC) -> None:
    many = [tones([1, 2, 0, 3]), tones([3, 0]), tones([0, 1, 2])]
    for one, among in zip(map(recognizer, many), recognizer(many), strict=True):
        assert one.words == among.words
    assert recognizer([]) == []


def test_eight_callers_get_what_one_gets(recognizer: ConformerCTC) -> None:
    rng = np.random.default_rng(2)
    pieces = [tones([0, *rng.integers(0, 4, 9).tolist(), 0]) for _ in range(24)]

    def heard(audio: NDArray[np.float32]) -> tuple[Word, ...]:
        return recognizer(audio, sample_rate=RATE // 2).words

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(heard, pieces)) == list(map(heard, pieces))


def test_another_rate_is_resampled(recognizer: ConformerCTC) -> None:
    time = np.arange(96_000 // 2) / 96_000
    tone = (0.5 * np.cos(2 * np.pi * 2000 * time)).astype(np.float32)
    result = recognizer(np.stack([tone] * 6, axis=1), sample_rate=96_000)
    assert result.text == "c"
    assert result.duration == pytest.approx(0.5, abs=1e-3)


def test_long_audio_is_cut_at_pauses_and_times_go_on(recognizer: ConformerCTC) -> None:
    once = tones([0, 1, 2, 0, 3, 0], 20)
    result = recognizer(np.tile(once, 4))
    assert result.text == " ".join(["ab c"] * 4)
    heard: list[float] = []
    assert recognizer(np.tile(once, 4), progress=heard.append).words == result.words
    assert len(heard) >= 3
    assert heard == sorted(heard)
    assert heard[-1] == result.duration
    starts = [word.start for word in result.words[::2]]
    np.testing.assert_allclose(starts, 0.2 + 1.2 * np.arange(4), atol=0.011)


@pytest.mark.parametrize("size", [1, 159, 160, 32_000])
def test_silence_and_the_shortest_audio_have_no_words(recognizer: ConformerCTC, size: int) -> None:
    assert recognizer(np.zeros(size, np.float32)).text == ""


@pytest.mark.parametrize(
    ("audio", "error", "match"),
    [
        (np.zeros(0, np.float32), InputError, "at least one sample"),
        (np.full(800, np.nan, np.float32), InputError, "NaN"),
        (np.zeros(800), InputTypeError, "float64"),
        (np.zeros((2, 800), np.float32), InputError, "transpose"),
        (np.zeros((2, 2, 8), np.float32), InputError, "shape"),
        (3, InputTypeError, "got int"),
        ("absent.wav", InputNotFoundError, "does not exist"),
        (".", InputError, "no file"),
    ],
)
def test_bad_audio_is_refused(
    recognizer: ConformerCTC, audio: object, error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        recognizer(audio)


def test_damaged_files_are_refused(recognizer: ConformerCTC, tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("These are words, but nobody speaks them.\n" * 20)
    noise = np.random.default_rng(0).normal(size=RATE * 5).astype(np.float32) / 9
    cut = tmp_path / "cut.flac"
    soundfile.write(cut, noise, RATE)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    for path in (text, cut):
        with pytest.raises(InputError, match=path.name):
            recognizer(path)


def test_options_out_of_range_are_refused(recognizer: ConformerCTC) -> None:
    audio = tones([1])
    with pytest.raises(UsageError, match="decoding"):
        recognizer(audio, decoding="best")
    for width in (0, True, 2.5, "3", 5000):
        with pytest.raises(UsageError, match=r"beam_width: got .* whole number from 1 to 4096"):
            recognizer(audio, beam_width=width)
    with pytest.raises(UsageError, match="greedy"):
        recognizer(audio, decoding="greedy", beam_width=4)
    with pytest.raises(UsageError, match=r"hotwords: got .* with greedy"):
        recognizer(audio, decoding="greedy", hotwords={"ab": 1.0})
    with pytest.raises(UsageError, match="hotwords: got list, expected a mapping"):
        recognizer(audio, decoding="beam", hotwords=["ab"])
    with pytest.raises(InputError, match="sample rate"):
        recognizer(audio, sample_rate=0)


@pytest.mark.parametrize(
    "config",
    [
        {"sample_rate": 0}, {"chunk_frames": 0}, {"chunk_frames": 10**9}, {"frame_seconds": -1.0},
        {"max_segment": 0.0}, {"subsampling": [[3, 0, 0]]}, {"subsampling": [[3, 2]]},
    ],
    ids=str,
)  # fmt: skip
def test_numbers_out_of_range_are_a_broken_bundle(tmp_path: Path, config: dict[str, Any]) -> None:
    bundle = tiny_bundles.conformer_ctc(tmp_path / "bad.edge", config=config)
    with pytest.raises(BundleError, match=rf"manifest.config.{next(iter(config))}"):
        ew.load(bundle)


def test_a_lexicon_of_unknown_tokens_is_a_broken_bundle(tmp_path: Path) -> None:
    tokens = ("\n".join(tiny_bundles.TOKENS) + "\n").encode()
    assets = {"assets/tokens.txt": tokens, "assets/lexicon.txt": b"ab\t1 9\n"}
    bundle = tiny_bundles.conformer_ctc(tmp_path / "bad.edge", assets=assets)
    with pytest.raises(BundleError, match="got token 9, expected below 4"):
        ew.load(bundle)
