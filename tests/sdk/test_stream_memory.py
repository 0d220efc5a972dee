"""A long stream: memory stays as it is, and no event is lost or told twice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

CLIP = Path(__file__).parents[2] / "examples" / "data" / "speech" / "vm-tooshort.flac"
LISTEN = """
import gc, json, resource, sys
import numpy as np, soundfile
import edgewright as ew
from edgewright.tasks.transcription import Final

bundle, clip, minutes = sys.argv[1], sys.argv[2], float(sys.argv[3])
waveform, rate = soundfile.read(clip, dtype="float32")
chunk = rate * 576 // 1000  # so that every turn lies in the chunks as the one before
silence = 2 * rate + -(len(waveform) + 2 * rate) % chunk
once = np.concatenate((waveform, np.zeros(silence, np.float32)))
texts, ends, states, peaks = [], [], set(), []
with ew.load(bundle, precision="int8", threads=1) as asr, asr.stream(sample_rate=rate) as stream:
    for turn in range(round(60 * minutes * rate / len(once))):
        for start in range(0, len(once), rate // 10):
            for event in stream.feed(once[start : start + rate // 10]):
                if isinstance(event, Final):
                    texts.append(event.text)
                    ends += [event.words[0].start, event.words[-1].end]
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(json.dumps({"turns": turn + 1, "texts": texts, "sorted": ends == sorted(ends),
                  "growth": peaks[-1] - peaks[len(peaks) // 4]}))
"""
UNIT = 1024 if sys.platform == "linux" else 1
"""Bytes in one unit of `ru_maxrss`."""
ALLOWANCE = 4 * 10**6


@pytest.mark.parametrize("minutes", [20, pytest.param(60, marks=pytest.mark.slow)])
def test_minutes_of_looped_audio(demo_bundles: Path, minutes: int) -> None:
    bundle = demo_bundles / "conformer-ctc-en.edge"
    command = [sys.executable, "-c", LISTEN, str(bundle), str(CLIP), str(minutes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    heard = json.loads(done.stdout)
    assert heard["growth"] * UNIT < ALLOWANCE
    assert heard["sorted"]
    assert len(heard["texts"]) == heard["turns"] > 100
    assert len(set(heard["texts"][1:])) == 1  # the first has nothing before it
