"""The transcribe command: its options, one answer a file, progress on standard error."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgewright.ctc import CTCToken
from edgewright.errors import BundleError
from edgewright.tasks.transcribe import Transcribe
from edgewright.tasks.transcription import Word
from edgewright.transcript import FrameClock, Vocabulary, fit_words, read_lexicon


@dataclass(frozen=True)
class Answer:
    path: str
    options: tuple[str, int, dict[str, float] | None]
    duration: float = 20.0


def transcriber(
    path: str,
    *,
    decoding: str,
    beam_width: int,
    hotwords: dict[str, float] | None,
    progress: Callable[[float], None],
) -> Answer:
    """Stand in for a model that hears two segments in any file."""
    for seconds in (12.5, 20.0):
        progress(seconds)
    return Answer(path, (decoding, beam_width, hotwords))


def command(*argv: str) -> list[Answer]:
    parser = argparse.ArgumentParser()
    Transcribe.add_arguments(parser)
    args = parser.parse_args([*argv, "--decoding", "beam", "--beam-width", "4"])
    return list(Transcribe.run(transcriber, args))  # type: ignore[arg-type]


def test_the_command_transcribes_file_by_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("a.wav", "b.wav") == [Answer(p, ("beam", 4, None)) for p in ("a.wav", "b.wav")]
    captured = capsys.readouterr()
    assert "Transcribing" in captured.err
    assert captured.out == ""


def test_hotwords_have_weights() -> None:
    [answer] = command("a.wav", "--hotword", "extension", "--hotword", "queen=-2.5")
    assert answer.options[2] == {"extension": 5.0, "queen": -2.5}


@pytest.mark.parametrize("argument", ["", "=3", "queen=", "queen=much", "queen=nan"])
def test_bad_hotwords_are_refused(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command("a.wav", "--hotword", argument)
    assert "expected a word, or a word, '=' and a number" in capsys.readouterr().err


def test_progress_counts_seconds_of_audio(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgewright.progress.PLAIN_INTERVAL", 0.0)
    files = [str(tmp_path / name) for name in ("a.wav", "b.flac")]
    for file in files:
        soundfile.write(file, np.zeros(20 * 1000, np.float32), 1000)
    command(*files)
    shown = [line for line in capsys.readouterr().err.splitlines() if "%" in line]
    assert [line.split()[-2] for line in shown] == ["30", "50", "80", "100"]
    command(*files, "absent.wav")
    assert "Transcribing: 32 seconds of audio" in capsys.readouterr().err


def test_separators_end_words_and_special_tokens_are_no_text() -> None:
    vocabulary = Vocabulary("<pad>\n|\nh\ni\né\n".encode(), "separator", (0,))
    ids = [2, 3, 1, 0, 1, 4]
    tokens = [CTCToken(token, 2 * i, 2 * i + 1, 0.5) for i, token in enumerate(ids)]
    words = vocabulary.words(tokens, FrameClock(0.1, 10.0))
    assert [word.text for word in words] == ["hi", "é"]
    assert words[0].end == pytest.approx(10.3)
    assert vocabulary.separator_id == 1


@pytest.mark.parametrize("end", [0.01, 0.5, 0.93, 1.0, 1.15, 2.0])
def test_words_heard_behind_the_end_come_before_it(end: float) -> None:
    spans = [(0.1, 0.2), (0.9, 1.0), (1.0, 1.04), (1.1, 1.3)]
    words = [Word("a", start, stop, 0.5) for start, stop in spans]
    fitted = fit_words(words, 0.0, end, 0.04)
    times = [time for word in fitted for time in (word.start, word.end)]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= end
    least = min(0.04, end / 4)
    assert all(word.end - word.start >= least - 1e-12 for word in fitted)
    inside = [word for word in words if word.end <= end - 3 * 0.04]
    assert fitted[: len(inside)] == inside


def test_no_words_are_no_words() -> None:
    assert fit_words([], 1.0, 1.0, 0.04) == []


def test_damaged_assets_are_refused() -> None:
    with pytest.raises(BundleError, match="UTF-8"):
        Vocabulary(b"\xff\n", "prefix", ())
    with pytest.raises(BundleError, match="special_ids"):
        Vocabulary(b"a\n", "prefix", (1,))
    with pytest.raises(BundleError, match="lexicon"):
        read_lexicon(b"word\tone two\n")
