"""Files played to a stream: pace, emission delays, and the command that does it."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

import edgewright as ew
import tiny_bundles
from edgewright.errors import InputNotFoundError, UsageError
from edgewright.families.conformer_ctc import ConformerCTC
from edgewright.runtime import Runtime
from edgewright.tasks.live import EmissionDelays, Played, Player
from edgewright.tasks.transcription import AudioTimings, Final, Partial, Word
from tiny_bundles import RATE, tones

RUNTIME = Runtime("", "", "", "", "", "", "", "", 1, False, (), None)


def words(*spans: tuple[str, float]) -> tuple[Word, ...]:
    return tuple(Word(text, end - 0.1, end, 1.0) for text, end in spans)


def partial(*spans: tuple[str, float]) -> Partial:
    return Partial("", words(*spans), 0.0, "states")


def final(*spans: tuple[str, float]) -> Final:
    timings = AudioTimings(0, 0, 0, 0, 0)
    return Final("", words(*spans), 0.0, 0.0, "pause", timings, "states", RUNTIME)


def delays(*told: tuple[Partial | Final, float]) -> Sequence[float]:
    found = EmissionDelays()
    for event, now in told:
        found.observe(event, now)
    return found.seconds


def test_a_word_is_told_when_it_first_stands_as_it_stays() -> None:
    seconds = delays(
        (partial(("press", 0.5)), 0.9),
        (partial(("press", 0.5), ("run", 0.8)), 1.2),
        (partial(("press", 0.5), ("one", 0.8)), 1.6),
        (final(("press", 0.5), ("one", 0.8), ("now", 1.9)), 2.5),
        (final(("bye", 3.0)), 3.5),
    )
    np.testing.assert_allclose(seconds, [0.4, 0.8, 0.6, 0.5])


def test_a_word_that_was_taken_back_is_told_anew() -> None:
    seconds = delays((partial(("press", 0.5)), 0.9), (partial(), 1.2), (final(("press", 0.5)), 2.0))
    np.testing.assert_allclose(seconds, [1.5])


def test_a_stream_says_what_its_calls_took(bundle: Path) -> None:
    with ew.load(bundle, threads=1) as model:
        assert isinstance(model, ConformerCTC)
        stream = model.stream(endpoint=None)
        assert stream.timings.total < 0.1
        events = [*stream.feed(tones([0, 1, 2, 0])), *stream.finish()]
        (told,) = [event for event in events if isinstance(event, Final)]
        assert 0 < told.timings.total <= stream.timings.total
        assert told.timings.run == pytest.approx(stream.timings.run)
        stream.reset()
        assert stream.timings.run == 0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bundles.conformer_ctc(tmp_path_factory.mktemp("asr") / "asr.edge")


@pytest.fixture
def clip(tmp_path: Path) -> str:
    path = tmp_path / "tones.wav"
    soundfile.write(path, tones([0, 1, 2, 0, 3, 0]), RATE)
    return str(path)


def player(model: ConformerCTC, *, real_time: bool, piece_seconds: float = 0.1) -> Player:
    return Player(
        lambda rate: model.stream(sample_rate=rate),
        model.runtime,
        piece_seconds=piece_seconds,
        real_time=real_time,
    )


def test_real_time_gives_no_sample_before_it_was_spoken(bundle: Path, clip: str) -> None:
    with ew.load(bundle, threads=1) as model:
        assert isinstance(model, ConformerCTC)
        plays = player(model, real_time=True)
        began = time.perf_counter()
        *_, last = plays.play(clip)
        assert time.perf_counter() - began >= 0.3
        assert isinstance(last, Played)
        assert (last.text, last.utterances, last.duration) == ("ab c", 1, pytest.approx(0.3))
        delay = plays.emission_delay()
        assert delay is not None
        assert delay.words == 2
        assert delay.percentiles[0].seconds is not None
        assert delay.percentiles[0].seconds > 0
        assert "p90" not in str(delay)  # too few words


def test_a_player_of_nothing_has_no_delay(bundle: Path) -> None:
    with ew.load(bundle, threads=1) as model:
        assert isinstance(model, ConformerCTC)
        plays = player(model, real_time=False)
        assert plays.emission_delay() is None
        with pytest.raises(InputNotFoundError):
            list(plays.play("absent.wav"))
        for seconds in (0.0, -1.0, float("nan"), 1e9):
            with pytest.raises(UsageError, match="piece"):
                player(model, real_time=False, piece_seconds=seconds)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgewright", "transcribe", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_prints_events_and_delays(bundle: Path, clip: str) -> None:
    done = run(str(bundle), clip, clip, "--stream", "--chunk-ms", "20", "--json")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [record["event"] for record in records]
    assert kinds.count("played") == kinds.count("final") == 2
    assert kinds[-1] == "emission delay"
    assert records[-1]["words"] == 4
    assert records[-1]["clock"] == "audio"
    assert next(one for one in records if one["event"] == "final")["words"][0]["text"] == "ab"
    spoken = run(str(bundle), clip, "--realtime")
    assert "emission delay (real time) of 2 words: p50" in spoken.stdout


@pytest.mark.parametrize("option", [("--chunk-ms", "0"), ("--pause", "0.01")])
def test_the_command_refuses_what_is_no_time(
    bundle: Path, clip: str, option: tuple[str, str]
) -> None:
    assert run(str(bundle), clip, "--stream", *option).returncode == 2
    whole = run(str(bundle), clip, *option)
    assert whole.returncode == 2
    assert "beside --stream" in whole.stderr


def test_a_file_of_one_sample_says_nothing(bundle: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "one.wav", np.zeros(1, np.float32), 48_000)
    done = run(str(bundle), str(tmp_path / "one.wav"), "--stream", "--json")
    assert json.loads(done.stdout)["utterances"] == 0
