"""Files that appear when they are complete: links are followed, what is no file stays."""

import os
from pathlib import Path

import pytest

from edgewright.errors import UsageError
from edgewright.output_file import check_output, complete_file


def write(output: Path, text: str) -> None:
    with complete_file(output) as partial:
        partial.write_text(text)


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    (tmp_path / "ahead").symlink_to("new")
    write(tmp_path / "link", "one")
    write(tmp_path / "ahead", "two")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "ahead").is_symlink()
    assert (tmp_path / "target").read_text() == "one"
    assert (tmp_path / "new").read_text() == "two"


def test_what_is_no_file_is_refused_and_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name in ("pipe", "loop"):
        with pytest.raises(UsageError, match=f"{name}', which is a device, a pipe or a link"):
            write(tmp_path / name, "text")
    assert (tmp_path / "pipe").is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["loop", "pipe"]


def test_folders_are_named_before_any_work(tmp_path: Path) -> None:
    assert check_output(tmp_path / "out") == tmp_path / "out"
    with pytest.raises(UsageError, match="which is a folder"):
        check_output(tmp_path)
    with pytest.raises(UsageError, match=r"absent/out', which lies in no existing folder"):
        write(tmp_path / "absent" / "out", "text")


def test_an_error_leaves_the_old_file_alone(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")

    def broken() -> None:
        with complete_file(tmp_path / "out") as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("out", "old")]
