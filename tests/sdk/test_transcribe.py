"""The transcribe command: its options, one answer a file, progress on standard error."""

import argparse

import pytest

from edgewright.ctc import CTCToken
from edgewright.errors import BundleError
from edgewright.tasks.transcribe import Transcribe
from edgewright.transcript import Vocabulary, read_lexicon


def test_the_command_transcribes_file_by_file(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    Transcribe.add_arguments(parser)
    args = parser.parse_args(["a.wav", "b.wav", "--decoding", "beam", "--beam-width", "4"])
    answers = Transcribe.run(lambda path, **options: (path, options), args)
    options = {"decoding": "beam", "beam_width": 4}
    assert list(answers) == [("a.wav", options), ("b.wav", options)]
    captured = capsys.readouterr()
    assert "Transcribing" in captured.err
    assert captured.out == ""


def test_separators_end_words_and_special_tokens_are_no_text() -> None:
    vocabulary = Vocabulary("<pad>\n|\nh\ni\né\n".encode(), "separator", (0,))
    ids = [2, 3, 1, 0, 1, 4]
    tokens = [CTCToken(token, 2 * i, 2 * i + 1, 0.5) for i, token in enumerate(ids)]
    words = vocabulary.words(tokens, 0.1, 10.0)
    assert [word.text for word in words] == ["hi", "é"]
    assert words[0].end == pytest.approx(10.3)
    assert vocabulary.separator_id == 1


def test_damaged_assets_are_refused() -> None:
    with pytest.raises(BundleError, match="UTF-8"):
        Vocabulary(b"\xff\n", "prefix", ())
    with pytest.raises(BundleError, match="special_ids"):
        Vocabulary(b"a\n", "prefix", (1,))
    with pytest.raises(BundleError, match="lexicon"):
        read_lexicon(b"word\tone two\n")
