import platform
from pathlib import Path

import pytest

from edgewright import _core


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="Linux tells the flags there")
def test_features_are_those_that_linux_reports():
    text = Path("/proc/cpuinfo").read_text()
    flags = set(text.replace("Features", "flags").split("flags", 1)[1].split("\n", 1)[0].split())
    if platform.machine() == "aarch64":
        expected = {"dotprod": "asimddp" in flags, "i8mm": "i8mm" in flags, "neon": True}
        expected |= {"avx2": False, "avx512f": False, "vnni": False}
    else:
        expected = {name: name in flags for name in ("avx2", "avx512f")}
        expected["vnni"] = bool(flags & {"avx512_vnni", "avx_vnni"})
        expected |= {"neon": False, "dotprod": False, "i8mm": False}
    assert _core.cpu_features() == expected
