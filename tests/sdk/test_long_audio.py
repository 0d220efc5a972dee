"""A long recording is transcribed in memory that does not grow with it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

TRANSCRIBE = """
import resource, sys
import edgewright as ew
with ew.load(sys.argv[1], threads=1) as asr:
    duration = asr(sys.argv[2], decoding="greedy").duration
    print(duration, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
UNIT = 1024 if sys.platform == "linux" else 1
"""Bytes in one unit of `ru_maxrss`."""
RATE = 16_000
SECONDS = 600
ALLOWANCE = SECONDS * RATE * 4 // 4
"""A quarter of the samples that the longer recording has more, as float32."""


def peak(bundle: Path, recording: Path, seconds: int) -> int:
    """Return the bytes of the peak memory of a process that transcribes a recording."""
    with soundfile.SoundFile(recording, "w", RATE, 1, subtype="PCM_16") as file:
        block = (np.random.default_rng(0).normal(size=30 * RATE) / 9).astype(np.float32)
        for _ in range(seconds // 30):
            file.write(block)
    command = [sys.executable, "-c", TRANSCRIBE, str(bundle), str(recording)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    recording.unlink()  # pytest keeps the folders of three runs
    duration, most = done.stdout.split()
    assert float(duration) == seconds
    return int(most) * UNIT


def test_memory_is_that_of_a_segment(tiny: dict[str, Path], tmp_path: Path) -> None:
    recording = tmp_path / "long.wav"
    short = peak(tiny["conformer_ctc"], recording, SECONDS)
    assert peak(tiny["conformer_ctc"], recording, 2 * SECONDS) - short < ALLOWANCE
