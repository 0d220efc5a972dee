"""Judge a vocoder: what it makes of the teacher's mels beside the teacher."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from fastspeech2_evaluate import Speaker, ask_judge, record
from vocoder_data import VocoderCorpus
from vocoder_training import waveform_of

from edgewright_export.models.istft_vocoder import IstftVocoder


def vocode(model: IstftVocoder, mel: np.ndarray) -> np.ndarray:
    """Turn a natural-log mel float32 (frames, 80) into float32 ((frames - 1) * hop,)."""
    with torch.inference_mode():
        spectrum = torch.view_as_complex(model(torch.from_numpy(mel)[None]))
        return waveform_of(spectrum, model.config)[0].numpy()


def copy_speaker(recorded: VocoderCorpus, way: Callable[[np.ndarray], np.ndarray]) -> Speaker:
    """Return a speaker that begins with the mel of the recording."""
    return lambda index: way(recorded.mel[recorded.frames(index)].astype(np.float32))


def pesq(speaker: Speaker, recorded: VocoderCorpus, indices: range, judge: Path) -> float:
    """Return the mean wide-band PESQ of what `speaker` says beside the teacher's waveforms."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        record(recorded.samples, indices, Path(first))
        record(speaker, indices, Path(second))
        return float(np.mean(ask_judge(judge, "pesq_judge.py", Path(first), Path(second))))
