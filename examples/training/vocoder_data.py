"""What the vocoder learns from: flite's waveforms, its mels, and the same mels of FastSpeech 2.

The mels of FastSpeech 2 are made with the teacher's durations, pitch and energy, so frame i of both
belongs to the same samples. A vocoder that has heard them is not surprised by their smoothness.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from fastspeech2_data import HOP_LENGTH, Corpus
from fastspeech2_training import BATCH_SIZE, make_batch
from flite_teacher import FliteTeacher

from edgewright_export.models.fastspeech2 import FastSpeech2, load_checkpoint


@dataclass(frozen=True)
class VocoderCorpus:
    """Utterances one after another; frame i is centred at sample i * hop of its utterance."""

    mel: np.ndarray
    """float16 (frames, 80), of the teacher's speech."""
    predicted: np.ndarray
    """float16 (frames, 80), of FastSpeech 2."""
    waveform: np.ndarray
    """int16 (samples,); each utterance fills its frames * hop samples, zeros at its end."""
    frame_ends: np.ndarray
    """int64 (utterances,)."""

    def frames(self, index: int) -> slice:
        """Return where the frames of an utterance lie."""
        return slice(int(self.frame_ends[index - 1]) if index else 0, int(self.frame_ends[index]))

    def samples(self, index: int) -> np.ndarray:
        """Return float32 (samples,) of an utterance, in [-1, 1)."""
        frames = self.frames(index)
        part = self.waveform[frames.start * HOP_LENGTH : frames.stop * HOP_LENGTH]
        return part.astype(np.float32) / 32768.0


def read_vocoder_corpus(corpus: Corpus, libraries: Path, voice: Path, work: Path) -> VocoderCorpus:
    """Return waveforms and mels of `corpus`; made on the first call, kept in `work`.

    Args:
        corpus: sentences and the teacher's mels.
        libraries: root of the unpacked package `libflite1`.
        voice: checkpoint folder of FastSpeech 2.
        work: folder of the files that are kept; it exists.
    """
    weights = hashlib.sha256((voice / "model.safetensors").read_bytes()).hexdigest()[:8]
    waveform, predicted = work / "waveform.npy", work / f"predicted-{weights}.npy"
    if not waveform.exists():
        _save(waveform, _speak(corpus, FliteTeacher(libraries)))
    if not predicted.exists():
        _save(predicted, _predict(corpus, load_checkpoint(voice)))
    return VocoderCorpus(
        corpus.mel, np.load(predicted, "r"), np.load(waveform, "r"), corpus.frame_ends
    )


def _save(path: Path, array: np.ndarray) -> None:
    temporary = path.with_suffix(".tmp.npy")
    np.save(temporary, array)
    temporary.replace(path)


def _speak(corpus: Corpus, teacher: FliteTeacher) -> np.ndarray:
    waveform = np.zeros(len(corpus.mel) * HOP_LENGTH, np.int16)
    for index, text in enumerate(corpus.texts):
        frames, spoken = corpus.frames(index), teacher(str(text)).waveform
        if 1 + len(spoken) // HOP_LENGTH != frames.stop - frames.start:
            raise ValueError(f"sentence {text!r}: the teacher speaks it otherwise than before")
        start = frames.start * HOP_LENGTH
        waveform[start : start + len(spoken)] = np.round(spoken * 32768.0)
    return waveform


@torch.inference_mode()
def _predict(corpus: Corpus, model: FastSpeech2) -> np.ndarray:
    predicted = np.empty_like(corpus.mel)
    lengths = np.diff(corpus.frame_ends, prepend=0)
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), BATCH_SIZE):
        chosen = order[start : start + BATCH_SIZE]
        for index, mel in zip(chosen, _teacher_forced(corpus, chosen, model), strict=True):
            predicted[corpus.frames(int(index))] = mel[: lengths[index]]
    return predicted


def _teacher_forced(corpus: Corpus, chosen: np.ndarray, model: FastSpeech2) -> np.ndarray:
    """Return float32 (batch, frames, 80) with the teacher's durations, pitch and energy."""
    batch = make_batch(corpus, chosen, model)
    keep, encoder, decoder = batch.token_ids != 0, model.encoder, model.decoder
    hidden = encoder.encode(batch.token_ids)
    hidden = encoder.add_variance(hidden, batch.pitch, batch.energy, keep)
    rows = batch.rows[:, :, None].expand(-1, -1, hidden.shape[-1])
    mel = decoder.normalized(hidden.gather(1, rows), batch.frame_keep)
    return (mel * decoder.mel_std + decoder.mel_mean).numpy()
