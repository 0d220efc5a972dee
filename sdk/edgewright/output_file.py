"""Files that appear, or are replaced, only when they are complete."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgewright.errors import UsageError


def check_output(output: Path) -> Path:
    """Check, before hours of work, that a file may be made at `output`.

    Returns:
        Where it will lie: links are followed, so that what they lead to is written.

    Raises:
        UsageError: A folder, a device or a pipe lies there, or the folder around it is missing or
            may not be written.
    """
    target = Path(os.path.realpath(output))
    folder = target.parent
    if os.path.isdir(target):  # noqa: PTH112 - the path's own method raises on names too long
        got = "is a folder"
    elif os.path.lexists(target) and not os.path.isfile(target):  # noqa: PTH113
        got = "is a device, a pipe or a link to itself"
    elif not os.path.isdir(folder):  # noqa: PTH112
        got = "lies in no existing folder"
    elif not os.access(folder, os.W_OK | os.X_OK):
        got = "lies in a folder that may not be written to"
    else:
        return target
    raise UsageError(
        f"output: got '{output}', which {got}, expected the path of a file in a folder that may be "
        "written to; make the folder or pass another path"
    )


def output_folder(output: Path, files: int) -> Path:
    """Return the folder for several files, which is made where it is missing.

    Raises:
        UsageError: A file lies there, or there is no folder around it.
    """
    if (output.exists() and not output.is_dir()) or not output.parent.is_dir():
        raise UsageError(
            f"output: got '{output}', expected a folder for {files} files, or a new one in an "
            "existing folder; name one"
        )
    output.mkdir(exist_ok=True)
    return output


@contextmanager
def complete_file(output: str | Path) -> Iterator[Path]:
    """Give the path of a file to make, which moves to `output` when the block ends well.

    Otherwise it is removed, and what lay at `output` stays.

    Raises:
        UsageError: As `check_output`.
    """
    target = check_output(Path(output))
    partial = target.with_name(f".{secrets.token_hex(8)}.partial")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
