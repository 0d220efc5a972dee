"""Which shared libraries are needed and found, on libraries that are compiled here."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from edgewright.backends.shared_libraries import find_needed, load_from_wheels, wheel_folders
from native_library import compile_library


@pytest.fixture
def provider(tmp_path: Path) -> Path:
    """Return a library that needs `libfirst.so.10`, which lies in the folder of a wheel."""
    wheel = tmp_path / "site" / "nvidia" / "cu13" / "lib"
    wheel.mkdir(parents=True)
    first = compile_library("int first(void) { return 42; }", wheel / "libfirst.so.10")
    source = "int first(void); int second(void) { return first(); }"
    return compile_library(source, tmp_path / "provider.so", first)


def test_a_library_is_missing_unless_the_loader_finds_it(provider: Path, tmp_path: Path) -> None:
    needed = find_needed(provider)
    assert needed["libfirst.so.10"] is False
    assert needed["libc.so.6"] is True
    folder = tmp_path / "site" / "nvidia" / "cu13" / "lib"
    assert all(find_needed(provider, [folder]).values())


def test_what_cannot_be_listed_is_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_needed(tmp_path / "absent.so") == {}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_needed(Path(sys.executable)) == {}


def test_folders_of_wheels_lie_beside_other_packages(
    provider: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), str(tmp_path / "absent")])
    assert wheel_folders() == (tmp_path / "site" / "nvidia" / "cu13" / "lib",)
    assert provider.exists()


def test_a_library_of_a_wheel_serves_those_that_need_it(
    provider: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OSError, match=r"libfirst.so.10"):
        ctypes.CDLL(str(provider))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    load_from_wheels(["libabsent.so.1", "libfirst.so.10"])
    assert ctypes.CDLL(str(provider)).second() == 42


def test_listing_loads_nothing(tmp_path: Path) -> None:
    told = '__attribute__((constructor)) void told(void) { puts("loaded"); }'
    library = compile_library(f"#include <stdio.h>\n{told}", tmp_path / "libloud.so")
    code = (
        "import sys; from pathlib import Path; from edgewright.backends import shared_libraries; "
        "print(shared_libraries.find_needed(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(library)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "'libc.so.6': True" in shown
    assert "loaded" not in shown
