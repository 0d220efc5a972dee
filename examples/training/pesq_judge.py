"""Compare WAV files with recordings by PESQ (ITU-T P.862.2); run by the judge's environment.

    judge/bin/pip install pesq soundfile
    judge/bin/python examples/training/pesq_judge.py RECORDINGS FOLDER  # a JSON list, by file name

The package `pesq` is a training-time judge only: the ITU's reference code in it is licensed for
evaluation, so it is no dependency of this project.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import soundfile
from pesq import pesq


def scores(recordings: Path, folder: Path) -> list[float]:
    """Return the wide-band score, 1.04 to 4.64, of every `*.wav` of `folder`, in name order."""
    found = []
    for path in sorted(folder.glob("*.wav")):
        recorded, rate = soundfile.read(recordings / path.name, dtype="float32")
        spoken, _ = soundfile.read(path, dtype="float32")
        size = min(len(recorded), len(spoken))
        found.append(float(np.float64(pesq(rate, recorded[:size], spoken[:size], "wb"))))
    return found


if __name__ == "__main__":
    print(json.dumps(scores(Path(sys.argv[1]), Path(sys.argv[2]))))
