"""A voice adapted to one recorded speaker: it says new sentences that the recognizer trains on.

A recognizer learns a quarter of an hour of prompts by heart. The shipped FastSpeech 2 goes on from
its weights on those same prompts, aligned with what it says itself, and then speaks as many other
texts as wanted. Held-back prompts are never touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import fastspeech2_data as voice_data
import numpy as np
import torch
from fastspeech2_data import Corpus, make_vocabulary, token_of
from fastspeech2_training import FEATURES, losses, make_batch, total_loss
from flite_teacher import FliteTeacher
from speech_clips import SAMPLE_RATE, Clip
from torch import Tensor, nn
from training_loop import TrainingPlan, epoch_indices, train

from edgewright.features import LogMelConfig
from edgewright.synthesis import GriffinLim, GriffinLimConfig
from edgewright_export.models.fastspeech2 import (
    FastSpeech2,
    load_checkpoint,
    with_duration_scale,
)

BATCH_SIZE = 12
ROUNDS = (150, 200)  # steps of training after each alignment
LONGEST = 8.0  # seconds of a recording: longer ones would make every batch as long
ITERATIONS = 8  # of Griffin-Lim: phases hardly count for log-mel features
LARGEST_JUMP = 3  # frames of the reference a frame of the recording may go on


@dataclass(frozen=True)
class Prompt:
    """A recorded prompt, its tokens, and how long they sound."""

    text: str
    """Plain words."""
    ids: np.ndarray
    """int64 (tokens,)."""
    spectrum: np.ndarray
    """float32 (frames, 513) of the recording."""
    pitch: np.ndarray
    """float32 (frames,), natural-log F0."""
    durations: np.ndarray
    """int64 (tokens,), frames."""

    def aligned(self, reference: np.ndarray, durations: np.ndarray) -> Prompt:
        """Return it with the durations of a reference mel whose tokens last `durations`."""
        mel = voice_data.log_mel(self.spectrum)
        return replace(self, durations=durations_like(reference, durations, mel))


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


def read_prompts(clips: Sequence[Clip], teacher: FliteTeacher) -> list[Prompt]:
    """Return the clips aligned with the teacher's speech of their words, odd ones left out."""
    vocabulary, prompts = make_vocabulary(), []
    for clip in clips:
        described = voice_data.describe(teacher(clip.text + "."), vocabulary)
        spectrum = voice_data.magnitudes(clip.waveform)
        pitch = voice_data.log_pitch(clip.waveform, len(spectrum))
        if described is None or np.isnan(pitch).any():
            continue
        ids, durations, _, _, mel = described
        prompt = Prompt(clip.text, ids, spectrum, pitch, durations)
        prompts.append(prompt.aligned(mel.astype(np.float32), durations))
    return prompts


def realigned(prompt: Prompt, model: FastSpeech2) -> Prompt:
    """Return a prompt aligned with what `model` makes of its tokens."""
    mel, durations = model(torch.from_numpy(prompt.ids))
    return prompt.aligned(mel.numpy(), durations.numpy())


def corpus_of(prompts: Sequence[Prompt]) -> Corpus:
    """Return the prompts as training material of a FastSpeech 2."""
    rows = [voice_data.measure(p.ids, p.durations, p.spectrum, p.pitch) for p in prompts]
    return voice_data.gather([prompt.text for prompt in prompts], rows)


def adapt(checkpoint: Path, clips: Sequence[Clip], libraries: Path, work: Path) -> FastSpeech2:
    """Return the FastSpeech 2 of `checkpoint`, trained on, in the voice of `clips`."""
    model = with_duration_scale(load_checkpoint(checkpoint), 1.0)  # the tempo of the clips
    short = [clip for clip in clips if len(clip.waveform) <= LONGEST * SAMPLE_RATE]
    prompts = read_prompts(short, FliteTeacher(libraries))
    for number, steps in enumerate(ROUNDS):
        if number:
            prompts = [realigned(prompt, model) for prompt in prompts]
        _train(model, corpus_of(prompts), steps, work / f"voice{number}.pt")
    return model.eval()


def _train(model: FastSpeech2, corpus: Corpus, steps: int, work_file: Path) -> None:
    plan = TrainingPlan(
        num_steps=steps, learning_rate=6e-4, warmup_steps=30, seed=1, weight_decay=0.01,
        average_decay=0.98, evaluate_every=50, keep="last",
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
