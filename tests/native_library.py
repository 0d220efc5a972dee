"""Small shared libraries for tests, compiled here."""

import shutil
import subprocess
from pathlib import Path

import pytest

COMPILER = shutil.which("cc")


def compile_library(source: str, output: Path, *needed: Path) -> Path:
    """Compile C into the shared library `output`, which needs the libraries `needed`."""
    if COMPILER is None:
        pytest.skip("no C compiler here")
    links = [part for path in needed for part in (f"-L{path.parent}", f"-l:{path.name}")]
    names = ["-shared", "-fPIC", f"-Wl,-soname,{output.name}", "-Wl,--no-as-needed"]
    command = [COMPILER, *names, "-x", "c", "-", "-x", "none", *links, "-o", str(output)]
    subprocess.run(command, input=source, text=True, check=True)
    return output
