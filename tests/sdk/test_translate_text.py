"""The translate-text command: where texts come from, its options, one answer a text."""

import argparse
import io
import json
from pathlib import Path
from typing import Any

import pytest

from edgewright.cli import main
from edgewright.errors import InputError, InputNotFoundError, UsageError
from edgewright.tasks.translate_text import TranslateText


class Answer:
    def __init__(self, text: str, options: dict[str, Any]) -> None:
        self.text, self.options, self.truncated = text.upper(), options, text == "long"


def translator(text: str, **options: Any) -> Answer:
    """Stand in for a model that shouts."""
    if text == "bad":
        raise InputError("input 'text': got bad")
    return Answer(text, options)


def command(*argv: str) -> list[Answer]:
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    TranslateText.add_arguments(parser)
    return list(TranslateText.run(translator, parser.parse_args(["x.edge", *argv])))


def texts(*argv: str) -> list[str]:
    return [one.text for one in command(*argv)]


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_texts_come_from_arguments_a_file_or_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert texts("one", "two words") == ["ONE", "TWO WORDS"]
    assert texts("--", "-x") == ["-X"]
    (file := tmp_path / "lines.txt").write_bytes("\ufeffone\r\n\n  \nzwölf\n".encode())
    assert texts("--file", str(file)) == ["ONE", "ZWÖLF"]
    for arguments in ((), ("--file", "-")):
        stdin(monkeypatch, b"from\na pipe\n")
        assert texts(*arguments) == ["FROM", "A PIPE"]


def test_options_reach_the_model() -> None:
    (found,) = command("a", "--beams", "3", "--max-new-tokens", "7", "--length-penalty", "0.6")
    assert found.options == {"num_beams": 3, "max_new_tokens": 7, "length_penalty": 0.6}
    assert set(command("a")[0].options.values()) == {None}


def test_a_cut_translation_is_told_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    command("short", "long")
    assert "text 2: truncated" in capsys.readouterr().err


def test_an_error_names_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="text 2: input 'text': got bad"):
        command("good", "bad")
    with pytest.raises(InputError, match="text 2: got an empty one"):
        command("good", " ")
    (file := tmp_path / "lines.txt").write_text("\n\nbad\n")
    with pytest.raises(InputError, match=r"line 3 of '.*lines.txt': input 'text': got bad"):
        command("--file", str(file))
    with pytest.raises(UsageError, match="got texts and --file"):
        command("good", "--file", str(file))
    with pytest.raises(InputNotFoundError, match="which is no file"):
        command("--file", str(tmp_path / "absent"))
    stdin(monkeypatch, b"\xff")
    with pytest.raises(InputError, match="got standard input, which is not UTF-8"):
        command()
    stdin(monkeypatch, b"\n")
    with pytest.raises(InputError, match="got standard input, which is blank"):
        command()


def test_the_command_prints_translations_or_records(
    tiny: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["translate-text", str(tiny["marian"]), "ab ba", "b"]
    assert main(arguments) == 0
    plain = capsys.readouterr().out.splitlines()
    assert main([*arguments, "--json", "--beams", "3"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["text"] for one in records] == plain
    assert [one["source"] for one in records] == ["ab ba", "b"]
    assert all(0 < one["confidence"] <= 1 for one in records)
