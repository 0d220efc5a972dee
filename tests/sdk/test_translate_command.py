"""`edgewright translate` with tiny engines: turns, files, pictures, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import tiny_translator
from edgewright.cli import main
from tiny_bundles import RATE, tones


@pytest.fixture
def clips(tmp_path: Path) -> list[str]:
    paths = [tmp_path / "one.wav", tmp_path / "two.wav"]
    for path in paths:
        soundfile.write(path, tones([0, 1, 2, 0, 3, 0]), RATE)
    return [str(path) for path in paths]


def run(tiny: dict[str, Path], *arguments: str) -> int:
    parts = {"--asr": "conformer_ctc", "--mt": "marian", "--tts": "fastspeech2"}
    bundles = [word for option, family in parts.items() for word in (option, str(tiny[family]))]
    return main(["translate", *bundles, "--threads", "1", *arguments])


def test_recordings_become_speech_and_a_picture(
    tiny: dict[str, Path],
    demo_bundles: Path,
    clips: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "waterfall.png"
    engines = {**tiny, "fastspeech2": demo_bundles / "fastspeech2-en.edge"}
    code = run(engines, *clips, "-o", str(tmp_path / "es"), "--json", "--picture", str(picture))
    assert code == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["event"] for record in records] == ["turn", "translated"] * 2
    turn, whole = records[:2]
    assert (turn["source"], whole["transcript"]) == ("ab c", "ab c")
    assert turn["translation"] == whole["translation"] != ""
    assert whole["waterfalls"] == [turn["waterfall"]]
    assert soundfile.info(tmp_path / "es" / "one.wav").frames > 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_doubtful_translation_is_not_spoken(
    tiny: dict[str, Path], clips: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.wav"
    picture = str(tmp_path / "picture.png")
    doubtful = ("--least-confidence", "1", "--picture", picture)
    assert run(tiny, clips[0], "-o", str(output), *doubtful) == 1
    shown = capsys.readouterr()
    assert "translation failed: confidence" in shown.out
    assert "nothing to say" in shown.out
    assert "is not written" in shown.err
    assert not output.exists()


def test_the_translator_says_what_is_doubtful_unless_the_user_does(
    tiny: dict[str, Path], clips: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sure = tiny_translator.marian(tmp_path / "sure.edge", config={"least_confidence": 1.0})
    output = tmp_path / "out.wav"
    assert run({**tiny, "marian": sure}, clips[0], "-o", str(output)) == 1
    assert "translation failed: confidence" in capsys.readouterr().out
    run({**tiny, "marian": sure}, clips[0], "-o", str(output), "--least-confidence", "0")
    assert "translation failed" not in capsys.readouterr().out


def test_silence_is_no_failure(tiny: dict[str, Path], tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(RATE, np.float32), RATE)
    assert run(tiny, str(tmp_path / "silence.wav"), "-o", str(tmp_path / "out.wav")) == 0


def test_a_recording_is_not_written_over(
    tiny: dict[str, Path], clips: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path(clips[0]).read_bytes()
    assert run(tiny, clips[0], "-o", clips[0]) == 2
    assert run(tiny, *clips, "-o", str(tmp_path)) == 2
    assert "one of the recordings" in capsys.readouterr().err
    assert Path(clips[0]).read_bytes() == before


def test_what_is_missing_is_said_before_models_are_loaded(
    tiny: dict[str, Path], clips: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tiny, clips[0], "absent.wav", "-o", str(tmp_path / "es")) == 3
    wrong = {**tiny, "marian": tiny["vit"]}
    assert run(wrong, clips[0], "-o", str(tmp_path / "out.wav")) == 2
    assert "expected one whose task is 'translate-text'" in capsys.readouterr().err
