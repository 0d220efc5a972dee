"""Audio for calibration and evaluation: what is read, how it is judged, what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from edgewright.errors import InputError, InputNotFoundError
from edgewright_export.evaluation import Measured
from edgewright_export.recipes.speech_evaluation import WordErrorEvaluation, token_agreement
from edgewright_export.recipes.speech_samples import (
    Clips,
    Utterance,
    read_transcripts,
    synthetic_speech,
)

RATE = 8000
CLIPS = Clips(RATE, 2.0)


def record(path: Path, seconds: float, level: float = 0.1, rate: int = RATE) -> Path:
    rng = np.random.default_rng(int(10 * seconds))
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.clip(level * rng.normal(size=int(seconds * rate)), -1, 1)
    soundfile.write(path, samples.astype(np.float32), rate)
    return path


def test_a_folder_gives_pieces_with_sound_of_every_format(tmp_path: Path) -> None:
    record(tmp_path / "a.wav", 1.0)
    record(tmp_path / "b" / "long.flac", 5.0, rate=16000)
    record(tmp_path / "c.ogg", 1.0)
    record(tmp_path / "silent.wav", 1.0, level=0.0)
    record(tmp_path / "short.wav", 0.05)
    (tmp_path / "notes.txt").write_text("no audio")
    pieces = CLIPS.read_folder(tmp_path, 128)
    assert all(piece.dtype == np.float32 and piece.size <= 2.0 * RATE for piece in pieces)
    assert sum(piece.size for piece in pieces) == pytest.approx(7.0 * RATE, abs=0.2 * RATE)
    assert len(CLIPS.read_folder(tmp_path / "b", 2)) == 2


@pytest.mark.parametrize(
    ("prepare", "kind", "words"),
    [
        (lambda p: None, InputNotFoundError, "no folder"),
        (lambda p: p.mkdir(), InputError, "no audio"),
        (lambda p: record(p / "a.wav", 1.0, level=0.0), InputError, "silence"),
        (lambda p: (record(p / "b.wav", 1.0), (p / "a.wav").write_bytes(b"RIFF")), InputError,
         "a.wav"),
    ],
)  # fmt: skip
def test_wrong_folders_are_named(
    prepare: Any, kind: type[Exception], words: str, tmp_path: Path
) -> None:
    prepare(tmp_path / "set")
    with pytest.raises(kind, match=words):
        CLIPS.read_folder(tmp_path / "set", 9)


def test_a_table_stands_in_its_folder_or_is_named(tmp_path: Path) -> None:
    one = record(tmp_path / "sub" / "one.wav", 0.2)
    table = tmp_path / "transcripts.tsv"
    table.write_text("path\ttext\nsub/one.wav\tone  word\n\n")
    expected = (Utterance(one, "one  word"),)
    assert read_transcripts(tmp_path) == read_transcripts(table) == expected


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        (None, InputNotFoundError, "no such file"),
        (b"one.wav\tone", InputError, "header"),
        (b"path\ttext\n", InputError, "no words"),
        (b"path\ttext\none.wav\t \n", InputError, "no words"),
        (b"path\ttext\none.wav\n", InputError, "line 2: got 1 columns"),
        (b"path\ttext\none.wav\tone\ttwo\n", InputError, "line 2: got 3 columns"),
        (b"path\ttext\nsix.wav\tsix\n", InputNotFoundError, "line 2: got 'six.wav'"),
        (b"path\ttext\none.wav\t\xff\n", InputError, "no UTF-8"),
    ],
)
def test_wrong_tables_are_named(
    content: bytes | None, kind: type[Exception], words: str, tmp_path: Path
) -> None:
    record(tmp_path / "one.wav", 0.2)
    if content is not None:
        (tmp_path / "transcripts.tsv").write_bytes(content)
    with pytest.raises(kind, match=words):
        read_transcripts(tmp_path)


class Speller:
    """Answers each piece with its length in half seconds."""

    def infer(self, sample: Any) -> dict[str, Any]:
        return {"logits": np.full((1, 1), round(sample["waveform"].size / RATE * 2), np.float32)}


def test_word_errors_are_counted_over_all_pieces_whatever_their_case(tmp_path: Path) -> None:
    words = {1: "One", 2: "TWO", 4: "four"}
    utterances = (
        Utterance(record(tmp_path / "a.wav", 0.5), "one"),
        Utterance(record(tmp_path / "b.wav", 1.0), "three two"),
        Utterance(record(tmp_path / "silent.wav", 1.0, level=0.0), "gone"),
    )
    evaluation = WordErrorEvaluation(
        "word_error_rate", "set", utterances, CLIPS, lambda logits: words[int(logits[0, 0])]
    )
    done: list[int] = []
    measured = evaluation.measure(Speller(), done.append)
    assert (measured.value, measured.interval()) == (2 / 4, (0.0, 1.0))  # of a, b or the silent one
    assert (evaluation.samples, sum(done)) == (3, 3)
    assert evaluation.minimum(Measured(0.1), "int8") == pytest.approx(0.105)
    assert evaluation.minimum(Measured(0.1), "fp32") == pytest.approx(0.101)


def test_tokens_agree_as_far_as_edits_allow() -> None:
    def logits(*ids: int) -> np.ndarray:
        return np.eye(4, dtype=np.float32)[list(ids)]

    agree = token_agreement(blank_id=0)
    assert agree(logits(1, 1, 0, 2), logits(1, 2, 2, 0)) == 1.0
    assert agree(logits(1, 2, 3), logits(1, 3)) == pytest.approx(2 / 3)
    assert agree(logits(0, 0), logits(0, 1)) == 0.0
    assert agree(logits(0), logits(0)) == 1.0


def test_synthetic_speech_is_seeded_audible_and_bounded() -> None:
    one, same = (synthetic_speech(np.random.default_rng(3), 1.5, RATE) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    assert one.shape == (12000,)
    assert one.dtype == np.float32
    assert 0.05 < np.abs(one).max() <= 0.5
