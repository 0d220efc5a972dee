"""A bundle appears whole or not at all, whatever interrupts the writing."""

import errno
import functools
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgewright.bundle import Bundle, BundleWriter
from edgewright.bundle.manifest import Manifest
from edgewright.bundle.writer import README
from edgewright.errors import BundleError, StateError, UsageError

FORMS = pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])


@pytest.fixture(scope="module")
def manifest(stored: Path) -> Manifest:
    return Bundle.open(stored).manifest


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "colours.edge"


def fill(writer: BundleWriter, stored: Path) -> None:
    for name in Bundle.open(stored).manifest.files:
        if name != "README.md":
            writer.add(name, (stored / name).read_bytes())


def write_again(
    stored: Path, output: Path, meanwhile: Callable[[], object] = int, **how: bool
) -> None:
    """Write the stored bundle to `output`; `meanwhile` happens just before `finish`."""
    with BundleWriter(output, **how) as writer:
        fill(writer, stored)
        meanwhile()
        writer.finish(Bundle.open(stored).manifest)


@FORMS
def test_what_is_written_opens(
    stored: Path, output: Path, manifest: Manifest, zipped: bool
) -> None:
    with BundleWriter(output, zip=zipped) as writer:
        fill(writer, stored)
        (writer.folder / "variants" / "empty").mkdir()
        assert writer.finish(manifest) == output
    assert zipfile.is_zipfile(output) == zipped
    assert list(output.parent.iterdir()) == [output]
    with Bundle.open(output) as bundle:
        written = {**bundle.manifest.files, README: None}
        assert written == {**manifest.files, README: None}  # whose words are today's
        assert bundle.read_bytes("NOTICE") == (stored / "NOTICE").read_bytes()


def test_a_bundle_has_the_permissions_of_any_new_folder(stored: Path, output: Path) -> None:
    (output.parent / "other").mkdir()
    write_again(stored, output)
    assert output.stat().st_mode == (output.parent / "other").stat().st_mode


@FORMS
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, MemoryError, ValueError])
def test_leaving_by_an_exception_leaves_nothing(
    stored: Path, output: Path, zipped: bool, interruption: type[BaseException]
) -> None:
    def interrupt() -> None:
        raise interruption

    with pytest.raises(interruption):
        write_again(stored, output, interrupt, zip=zipped)
    assert list(output.parent.iterdir()) == []


def test_leaving_without_finish_leaves_nothing(stored: Path, output: Path) -> None:
    with BundleWriter(output) as writer:
        fill(writer, stored)
        assert list(output.parent.iterdir()) == [writer.folder]
    assert list(output.parent.iterdir()) == []
    with pytest.raises(StateError, match="outside its `with` block"):
        writer.add("late", b"")


def test_a_manifest_that_lacks_a_file_leaves_nothing(output: Path, manifest: Manifest) -> None:
    with (
        pytest.raises(BundleError, match=r"which manifest\.files does not have"),
        BundleWriter(output) as writer,
    ):
        writer.finish(manifest)
    assert list(output.parent.iterdir()) == []


def no_space(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@FORMS
@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.rename", "pathlib.Path.write_bytes"])
def test_a_full_disk_leaves_nothing(
    stored: Path, output: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool, call: str
) -> None:
    with pytest.raises(OSError, match="No space left"):
        write_again(stored, output, lambda: monkeypatch.setattr(call, no_space), zip=zipped)
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.rename", "pathlib.Path.write_bytes"])
def test_a_full_disk_leaves_the_old_bundle(
    stored: Path, output: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    shutil.copytree(stored, output)
    with pytest.raises(OSError, match="No space left"):
        write_again(stored, output, lambda: monkeypatch.setattr(call, no_space), overwrite=True)
    assert list(output.parent.iterdir()) == [output]
    Bundle.open(output)


def test_a_failed_second_rename_puts_the_old_bundle_back(
    stored: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(stored, output)
    rename, calls = Path.rename, []

    def second_fails(self: Path, target: Path) -> Path:
        calls.append(self)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return rename(self, target)

    fail = functools.partial(monkeypatch.setattr, Path, "rename", second_fails)
    with pytest.raises(KeyboardInterrupt):
        write_again(stored, output, fail, overwrite=True)
    assert len(calls) == 3
    assert list(output.parent.iterdir()) == [output]
    assert Bundle.open(output).digest == Bundle.open(stored).digest


WRITE_AND_WAIT = """
    import resource, sys, time
    from pathlib import Path
    from edgewright.bundle import BundleWriter
    with BundleWriter(Path(sys.argv[1])) as writer:
        if sys.argv[2] == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
            writer.add("large", bytes(10_000))
        writer.add("small", b"")
        print("ready", flush=True)
        time.sleep(60)
"""


def start(output: Path, mode: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(WRITE_AND_WAIT), str(output), mode]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_control_c_leaves_nothing(output: Path) -> None:
    with start(output, "wait") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert len(list(output.parent.iterdir())) == 1
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert list(output.parent.iterdir()) == []


def test_a_file_size_limit_leaves_nothing(output: Path) -> None:
    with start(output, "limit") as process:
        _, errors = process.communicate(timeout=30)
    assert "File too large" in errors
    assert list(output.parent.iterdir()) == []


@FORMS
def test_an_existing_output_is_refused_before_any_work(
    stored: Path, output: Path, zipped: bool
) -> None:
    shutil.copytree(stored, output)
    with pytest.raises(UsageError, match=r"which exists, expected a new path.*--force"):
        BundleWriter(output, zip=zipped)


def test_an_output_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"folder does not exist.*mkdir -p"):
        BundleWriter(tmp_path / "absent" / "colours.edge")


def test_an_output_in_a_bundle_is_refused(stored: Path) -> None:
    for output in (stored / "x.edge", stored / "golden" / "x.edge"):
        with pytest.raises(UsageError, match=r"which lies in the bundle .* pass another path"):
            BundleWriter(output)


def test_an_output_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match=r"nothing can be made .File name too long"),
        BundleWriter(tmp_path / ("x" * 250)),
    ):
        pass


def test_an_interruption_while_beginning_leaves_nothing(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Path.mkdir

    def interrupted(self: Path) -> None:
        make(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "mkdir", interrupted)
    with pytest.raises(KeyboardInterrupt), BundleWriter(output):
        pass
    assert list(output.parent.iterdir()) == []


@FORMS
@pytest.mark.parametrize("old", ["folder", "archive"])
def test_overwrite_replaces_a_bundle_of_either_form(
    stored: Path, zipped: bool, old: str, request: pytest.FixtureRequest
) -> None:
    output: Path = request.getfixturevalue(old)
    write_again(stored, output, overwrite=True, zip=zipped)
    assert list(output.parent.iterdir()) == [output]
    assert output.is_file() == zipped
    Bundle.open(output).close()


def empty_folder(output: Path, stored: Path) -> None:
    output.mkdir()


def text_file(output: Path, stored: Path) -> None:
    output.write_text("a thesis")


def bundle_with_notes(output: Path, stored: Path) -> None:
    (shutil.copytree(stored, output) / "notes.txt").write_text("of a user")


def link(output: Path, stored: Path) -> None:
    output.symlink_to(stored)


def broken_link(output: Path, stored: Path) -> None:
    output.symlink_to("nowhere")


@pytest.mark.parametrize("make", [empty_folder, text_file, bundle_with_notes, link, broken_link])
def test_overwrite_spares_what_is_not_just_a_bundle(
    stored: Path, output: Path, make: Callable[[Path, Path], None]
) -> None:
    make(output, stored)
    with pytest.raises(UsageError, match="not a bundle and nothing but a bundle"):
        BundleWriter(output, overwrite=True)
    assert list(output.parent.iterdir()) == [output]


def test_an_output_that_appears_meanwhile_is_spared(stored: Path, output: Path) -> None:
    with pytest.raises(UsageError, match="appeared meanwhile"):
        write_again(stored, output, lambda: output.write_text("of another program"))
    assert output.read_text() == "of another program"
    assert list(output.parent.iterdir()) == [output]


@pytest.mark.parametrize("name", ["../evil", "/evil", "", "a/../../evil"])
def test_unsafe_names_are_not_written(output: Path, name: str) -> None:
    with BundleWriter(output) as writer, pytest.raises(BundleError, match="relative path"):
        writer.add(name, b"evil")


def test_a_name_is_written_once(output: Path) -> None:
    with BundleWriter(output) as writer:
        writer.add("assets/vocab.txt", b"")
        with pytest.raises(BundleError, match="twice"):
            writer.add("assets/vocab.txt", b"")


def test_links_are_not_packed(stored: Path, output: Path, manifest: Manifest) -> None:
    with BundleWriter(output) as writer:
        fill(writer, stored)
        (writer.folder / "link").symlink_to("/etc/passwd")
        with pytest.raises(BundleError, match="'link': got a link"):
            writer.finish(manifest)


def test_sizes_are_measured_and_not_believed(
    stored: Path, output: Path, manifest: Manifest
) -> None:
    with BundleWriter(output) as writer:
        fill(writer, stored)
        (writer.folder / "variants/int8/model.onnx").write_bytes(bytes(77))
        writer.finish(manifest)
    assert Bundle.open(output).variant("int8").receipt.bytes == 77
