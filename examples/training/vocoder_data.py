"""What a vocoder learns from: a teacher's waveforms, its mels, and the same mels of FastSpeech 2.

The mels of FastSpeech 2 are made with the teacher's durations, pitch and energy, so frame i of both
belongs to the same samples. A vocoder that has heard them is not surprised by their smoothness.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from fastspeech2_data import HOP_LENGTH, Corpus, describe, gather
from fastspeech2_training import BATCH_SIZE, make_batch
from spoken_phones import Teacher, Utterance

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


def read_vocoder_corpus(
    corpus: Corpus, make_teacher: Callable[[], Teacher], voice: Path, work: Path
) -> VocoderCorpus:
    """Return waveforms and mels of `corpus`; made on the first call, kept in `work`.

    Args:
        corpus: sentences and the teacher's mels.
        make_teacher: loads the teacher that spoke it.
        voice: checkpoint folder of FastSpeech 2.
        work: folder of the files that are kept; it exists.
    """
    path = work / "waveform.npy"
    if not path.exists():
        save(path, _speak(corpus, make_teacher()))
    return with_predictions(corpus, np.load(path, "r"), voice, work)


def with_predictions(
    corpus: Corpus, waveform: np.ndarray, voice: Path, work: Path
) -> VocoderCorpus:
    """Add the mels that the checkpoint `voice` predicts; they are kept in `work`."""
    weights = hashlib.sha256((voice / "model.safetensors").read_bytes()).hexdigest()[:8]
    predicted = work / f"predicted-{weights}.npy"
    if not predicted.exists():
        save(predicted, _predict(corpus, load_checkpoint(voice)))
    return VocoderCorpus(corpus.mel, np.load(predicted, "r"), waveform, corpus.frame_ends)


def save(path: Path, array: np.ndarray) -> None:
    """Write an array; a file that exists is whole."""
    temporary = path.with_suffix(".tmp.npy")
    np.save(temporary, array)
    temporary.replace(path)


def _speak(corpus: Corpus, teacher: Teacher) -> np.ndarray:
    waveform = np.zeros(len(corpus.mel) * HOP_LENGTH, np.int16)
    for index, text in enumerate(corpus.texts):
        frames, utterance = corpus.frames(index), teacher(str(text))
        size = (frames.stop - frames.start) * HOP_LENGTH
        if utterance is None or 1 + len(utterance.waveform) // HOP_LENGTH != size // HOP_LENGTH:
            raise ValueError(f"sentence {text!r}: the teacher speaks it otherwise than before")
        waveform[frames.start * HOP_LENGTH : frames.stop * HOP_LENGTH] = _filled(utterance, size)
    return waveform


def _filled(utterance: Utterance, size: int) -> np.ndarray:
    """Return int16 (size,), zeros behind the utterance."""
    samples = np.round(utterance.waveform * 32768.0)
    return np.pad(samples, (0, size - len(samples))).clip(-32768, 32767).astype(np.int16)


def record_corpus(
    teacher: Teacher, vocabulary: dict[str, int], texts: Sequence[str]
) -> tuple[Corpus, np.ndarray]:
    """Let a teacher speak texts that never sounds twice the same; keep its waveforms.

    Returns:
        What `make_corpus` gives, and int16 (frames * hop,).
    """
    spoken, rows, waveforms = [], [], []
    for text in texts:
        utterance = teacher(text)
        arrays = None if utterance is None else describe(utterance, vocabulary)
        if utterance is not None and arrays is not None:
            spoken.append(text)
            rows.append(arrays)
            waveforms.append(_filled(utterance, len(arrays[-1]) * HOP_LENGTH))
    return gather(spoken, rows), np.concatenate(waveforms)


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
