"""What is read from the system to describe a machine."""

import subprocess
import sys
from pathlib import Path

import pytest

from edgewright import probe as probe_module
from edgewright.placement import DEVICES
from edgewright.probe import default_threads, probe, processor_name, usable_cores


def test_the_probe_of_this_machine_is_complete() -> None:
    here = probe()
    assert here.cores >= 1
    assert {"auto", *(fact.device for fact in here.devices)} == set(DEVICES)
    assert all(here.has(feature) for feature in here.cpu_features)
    assert 1 <= default_threads() <= 4


LOADED = """
import sys
import edgewright as ew
libraries = []
sys.addaudithook(lambda event, args: libraries.append(args[0]) if event == "ctypes.dlopen" else 0)
ew.load(sys.argv[1], device=sys.argv[2], threads=1).close()
print("libcuda.so.1" in libraries)
"""


@pytest.mark.parametrize(("device", "looks"), [("cpu", "False"), ("auto", "True")])
def test_who_asks_for_the_cpu_does_not_start_the_driver(
    device: str, looks: str, tiny: dict[str, Path]
) -> None:
    command = [sys.executable, "-c", LOADED, str(tiny["vit"]), device]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == looks


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("processor: 0\nmodel name\t: Great CPU\n", "Great CPU"),
        ("Model : A board rev 2\n", "A board rev 2"),
    ],
)
def test_processor_name(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert processor_name(tmp_path / "cpuinfo") == name


def test_siblings_and_quota_limit_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_module.os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    for cpu in range(4):
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{cpu % 2},{cpu % 2 + 2}\n")
    quota = tmp_path / "cpu.max"
    assert usable_cores(tmp_path, quota) == 2
    quota.write_text("max 100000\n")
    assert usable_cores(tmp_path, quota) == 2
    quota.write_text("50000 100000\n")
    assert usable_cores(tmp_path, quota) == 1
