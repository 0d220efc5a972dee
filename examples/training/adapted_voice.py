"""A voice adapted to one recorded speaker: it says new sentences that the recognizer trains on.

A recognizer learns a quarter of an hour of prompts by heart. The shipped FastSpeech 2 goes on from
its weights on those same prompts, aligned with what it says itself, and then speaks as many other
texts as wanted. Held-back prompts are never touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import fastspeech2_data as voice_data
import numpy as np
import torch
from fastspeech2_data import Corpus, make_vocabulary, token_of
from fastspeech2_training import FEATURES, losses, make_batch, total_loss
from flite_teacher import FliteTeacher
from speech_clips import Clip
from torch import Tensor, nn
from training_loop import TrainingPlan, epoch_indices, train

from edgewright.features import LogMelConfig
from edgewright.synthesis import GriffinLim, GriffinLimConfig
from edgewright_export.models.fastspeech2 import FastSpeech2, load_checkpoint

BATCH_SIZE = 12
ROUNDS = (150, 200)  # steps of training after each alignment
ITERATIONS = 8  # of Griffin-Lim: phases hardly count for log-mel features
LARGEST_JUMP = 3  # frames of the reference a frame of the recording may go on

Prompt = tuple[np.ndarray, ...]
"""Token ids, durations, pitch, energy, mel, as in `Corpus`."""


def align(reference: np.ndarray, recording: np.ndarray) -> np.ndarray:
    """Return int64 (recorded frames,): the frame of the reference that each one corresponds to.

    Never decreasing, from the first to the last frame of the reference (Viterbi; steps of 0 to
    `LARGEST_JUMP`), with the least sum of squared distances.
    """
    squares = (recording**2).sum(1)[:, None] + (reference**2).sum(1)
    cost = squares - 2.0 * recording @ reference.T
    steps = np.zeros(cost.shape, np.int64)
    best = np.where(np.arange(len(reference)) == 0, cost[0], np.inf)
    for row in range(1, len(recording)):
        moved = np.full((LARGEST_JUMP + 1, len(reference)), np.inf)
        for step in range(min(LARGEST_JUMP + 1, len(reference))):
            moved[step, step:] = best[: len(reference) - step]
        steps[row] = moved.argmin(0)
        best = moved.min(0) + cost[row]
    path = np.empty(len(recording), np.int64)
    position = int(np.flatnonzero(np.isfinite(best))[-1])
    for row in range(len(recording) - 1, -1, -1):
        path[row] = position
        position -= steps[row, position]
    return path


def standardized(mel: np.ndarray) -> np.ndarray:
    """Return a mel with each bin at mean 0 and deviation 1, so that other voices compare."""
    return (mel - mel.mean(0)) / (mel.std(0) + 0.1)


def durations_like(reference: np.ndarray, durations: np.ndarray, mel: np.ndarray) -> np.ndarray:
    """Return int64 (tokens,) durations of a recording whose reference has `durations`."""
    path = align(standardized(reference), standardized(mel))
    owners = np.repeat(np.arange(len(durations)), durations)
    return np.bincount(owners[path], minlength=len(durations))


class Prompts:
    """Recorded prompts, their tokens and what aligns them."""

    def __init__(self, clips: Sequence[Clip], teacher: FliteTeacher) -> None:
        vocabulary = make_vocabulary()
        self.rows: list[Prompt] = []
        self._spectra: list[tuple[np.ndarray, np.ndarray]] = []
        for clip in clips:
            said = teacher(clip.text + ".")
            described = voice_data.describe(said, vocabulary)
            spectrum = voice_data.magnitudes(clip.waveform)
            pitch = voice_data.log_pitch(clip.waveform, len(spectrum))
            if described is None or np.isnan(pitch).any():
                continue
            ids, durations, _, _, reference = described
            self._spectra.append((spectrum, pitch))
            self.rows.append(self._measured(ids, reference.astype(np.float32), durations))

    def _measured(self, ids: np.ndarray, reference: np.ndarray, durations: np.ndarray) -> Prompt:
        spectrum, pitch = self._spectra[len(self.rows)]
        mel = voice_data.log_mel(spectrum)
        found = durations_like(reference, durations, mel)
        return _describe(ids, found, spectrum, pitch, mel)

    def realign(self, model: FastSpeech2) -> None:
        """Align every prompt with what `model` makes of its tokens."""
        rows, self.rows = self.rows, []
        for ids, *_ in rows:
            mel, durations = model(torch.from_numpy(ids))
            self.rows.append(self._measured(ids, mel.numpy(), durations.numpy()))

    def corpus(self) -> Corpus:
        """Return the prompts as training material of a FastSpeech 2."""
        columns = list(zip(*self.rows, strict=True))
        token_ends = np.cumsum([len(ids) for ids in columns[0]])
        frame_ends = np.cumsum([len(mel) for mel in columns[4]])
        arrays = [np.concatenate(column) for column in columns]
        return Corpus(np.array([""] * len(self.rows)), *arrays, token_ends, frame_ends)


def _describe(
    ids: np.ndarray, durations: np.ndarray, spectrum: np.ndarray, pitch: np.ndarray, mel: np.ndarray
) -> Prompt:
    energy = np.log(voice_data.phone_means(np.linalg.norm(spectrum, axis=1), durations) + 1e-3)
    pitch = voice_data.phone_means(pitch, durations)
    return ids, durations, pitch, energy, mel.astype(np.float16)


def adapt(checkpoint: Path, clips: Sequence[Clip], libraries: Path, work: Path) -> FastSpeech2:
    """Return the FastSpeech 2 of `checkpoint`, trained on, in the voice of `clips`."""
    model = load_checkpoint(checkpoint)
    prompts = Prompts(clips, FliteTeacher(libraries))
    for number, steps in enumerate(ROUNDS):
        if number:
            prompts.realign(model)
        _train(model, prompts.corpus(), steps, work / f"voice{number}.pt")
    return model.eval()


def _train(model: FastSpeech2, corpus: Corpus, steps: int, work_file: Path) -> None:
    plan = TrainingPlan(
        num_steps=steps, learning_rate=6e-4, warmup_steps=30, seed=1, weight_decay=0.01,
        average_decay=0.98, bfloat16=True, evaluate_every=50, keep="last",
    )  # fmt: skip

    def loss(network: nn.Module, _rng: np.random.Generator, step: int) -> Tensor:
        assert isinstance(network, FastSpeech2)
        chosen = epoch_indices(len(corpus), BATCH_SIZE, step, plan.seed)
        return total_loss(losses(network, make_batch(corpus, chosen, network)))

    def evaluate(network: nn.Module) -> float:
        assert isinstance(network, FastSpeech2)
        with torch.inference_mode():
            batch = make_batch(corpus, np.arange(64), network)
            return -float(losses(network, batch)["mel"])

    train(model, loss, plan, work_file, evaluate=evaluate)


class AdaptedVoice:
    """Speaks text with a FastSpeech 2 in flite's pronunciation."""

    def __init__(self, model: FastSpeech2, libraries: Path) -> None:
        self._model, self._teacher = model, FliteTeacher(libraries)
        self._vocabulary = make_vocabulary()
        self._vocoder = GriffinLim(GriffinLimConfig(LogMelConfig(**FEATURES), ITERATIONS))

    def speak(self, text: str, rate: float, pitch: float, energy: float) -> np.ndarray | None:
        """Return float32 (samples,) at 16 kHz, None where flite has a phone of its own."""
        tokens = [token_of(phone) for phone in self._teacher(text + ".").phones]
        if any(token not in self._vocabulary for token in tokens):
            return None
        ids = torch.tensor([self._vocabulary[token] for token in tokens])
        mel, _ = self._model(ids, rate, pitch, energy)
        return self._vocoder(mel.numpy())


def varied_speech(
    voice: AdaptedVoice, texts: Sequence[str], seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each text with its waveform: random rate, pitch, energy, level and a little noise."""
    rng = np.random.default_rng(seed)
    for text in texts:
        rate, pitch, energy = rng.uniform(0.85, 1.25), rng.uniform(0.9, 1.1), rng.uniform(0.9, 1.1)
        waveform = voice.speak(text, float(rate), float(pitch), float(energy))
        if waveform is None:
            continue
        level = rng.uniform(0.5, 1.2)
        noise = rng.standard_normal(len(waveform)) * 10.0 ** rng.uniform(-5.0, -3.0)
        yield text, np.clip(level * waveform + noise, -1.0, 1.0).astype(np.float32)
