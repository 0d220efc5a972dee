"""The network of the voices: batches, losses, training."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from debian_data import UnpackedPackage
from fastspeech2_data import (
    FLOOR,
    HOP_LENGTH,
    N_FFT,
    NUM_MEL_BINS,
    WIN_LENGTH,
    Corpus,
    Speaking,
    load_corpus,
    make_corpus,
    make_vocabulary,
    save_corpus,
    wordnet_sentences,
)
from flite_teacher import FliteTeacher
from spoken_phones import SAMPLE_RATE
from torch import Tensor, nn
from torch.nn import functional
from training_loop import TrainingPlan, TrainingResult, train

from edgewright_export.models.fastspeech2 import (
    FastSpeech2,
    FastSpeech2Config,
)

SEED = 1


@dataclass(frozen=True)
class Splits:
    """How many utterances of a corpus are held out: first those for the test."""

    num_test: int
    num_dev: int

    @property
    def test(self) -> range:
        """Utterances that are judged once, at the end."""
        return range(self.num_test)

    @property
    def dev(self) -> range:
        """Utterances by which choices are made."""
        return range(self.num_test, self.start)

    @property
    def start(self) -> int:
        """The first utterance of the training."""
        return self.num_test + self.num_dev


NUM_TEST, NUM_DEV, NUM_SENTENCES = 50, 150, 5650
ENGLISH = Splits(NUM_TEST, NUM_DEV)
BATCH_SIZE = 16
POOL = 8  # batches sorted by length together, so that little is padding
NUM_STEPS = 1300

FEATURES: dict[str, Any] = {
    "sample_rate": SAMPLE_RATE, "num_mel_bins": NUM_MEL_BINS, "n_fft": N_FFT,
    "win_length": WIN_LENGTH, "hop_length": HOP_LENGTH, "window": "hann", "periodic": True,
    "padding": "reflect", "preemphasis": 0.0, "preemphasis_scope": "frame", "remove_dc": False,
    "power": 1.0, "low_frequency": 0.0, "high_frequency": SAMPLE_RATE / 2, "mel_scale": "slaney",
    "triangles": "hertz", "mel_norm": "slaney", "input_scale": 1.0, "floor": FLOOR,
    "floor_mode": "max", "normalization": "none",
}  # fmt: skip
"""The mel convention, entry by entry of the runtime's `LogMelConfig`."""


@dataclass(frozen=True)
class Batch:
    """Utterances padded to the longest one."""

    token_ids: Tensor
    """int64 (batch, time), 0 = pad."""
    durations: Tensor
    """int64 (batch, time), frames."""
    pitch: Tensor
    """float32 (batch, time), normalized."""
    energy: Tensor
    """float32 (batch, time), normalized."""
    mel: Tensor
    """float32 (batch, frames, 80), normalized."""
    rows: Tensor
    """int64 (batch, frames): token that each frame belongs to."""
    frame_keep: Tensor
    """bool (batch, frames), false on padding."""


def make_config(corpus: Corpus, vocab_size: int, **sizes: Any) -> FastSpeech2Config:
    """Return the configuration, with the statistics of the corpus."""
    return FastSpeech2Config(
        vocab_size=vocab_size,
        pitch_mean=float(corpus.pitch.mean()), pitch_std=float(corpus.pitch.std()),
        energy_mean=float(corpus.energy.mean()), energy_std=float(corpus.energy.std()),
        **sizes,
    )  # fmt: skip


def make_model(corpus: Corpus, vocab_size: int | None = None, **sizes: Any) -> FastSpeech2:
    """Return the network with random weights and the mel statistics of the corpus.

    Args:
        corpus: what it will learn.
        vocab_size: tokens; those of English by default.
        **sizes: other sizes than the defaults of `FastSpeech2Config`.
    """
    vocab_size = len(make_vocabulary()) if vocab_size is None else vocab_size
    torch.manual_seed(SEED)
    model = FastSpeech2(make_config(corpus, vocab_size, **sizes))
    mel = corpus.mel[::7].astype(np.float32)
    model.decoder.mel_mean.copy_(torch.from_numpy(mel.mean(0)))
    model.decoder.mel_std.copy_(torch.from_numpy(mel.std(0)))
    # exp(1.8) - 1 is 5 frames, about the mean: the first steps need not learn that.
    nn.init.constant_(model.encoder.duration.output.bias, 1.8)
    return model


def make_batch(corpus: Corpus, chosen: np.ndarray, model: FastSpeech2) -> Batch:
    """Pad the utterances `chosen`, int64 (batch,)."""
    config, decoder = model.config, model.decoder

    def padded(values: np.ndarray) -> Tensor:
        rows = [torch.from_numpy(values[corpus.tokens(int(index))]) for index in chosen]
        return nn.utils.rnn.pad_sequence(rows, batch_first=True)

    durations = padded(corpus.durations)
    mels = [torch.from_numpy(corpus.mel[corpus.frames(int(index))]).float() for index in chosen]
    lengths = torch.tensor([len(mel) for mel in mels])
    mel = nn.utils.rnn.pad_sequence(mels, batch_first=True)
    steps = torch.arange(mel.shape[1])
    ends = durations.cumsum(1)
    rows = torch.searchsorted(ends, steps.expand(len(chosen), -1).contiguous(), right=True)
    return Batch(
        padded(corpus.token_ids),
        durations,
        (padded(corpus.pitch) - config.pitch_mean) / config.pitch_std,
        (padded(corpus.energy) - config.energy_mean) / config.energy_std,
        (mel - decoder.mel_mean) / decoder.mel_std,
        rows.clamp(max=durations.shape[1] - 1),
        steps < lengths[:, None],
    )


def chosen_at(step: int, order_by_length: np.ndarray, start: int) -> np.ndarray:
    """Return the utterances of a step: random pools, sorted by length, cut into batches."""
    num = len(order_by_length)
    batches = num // (BATCH_SIZE * POOL) * POOL
    epoch, position = divmod(step, batches)
    rng = np.random.default_rng((SEED, epoch))
    shuffled = rng.permutation(num)[: batches * BATCH_SIZE].reshape(-1, BATCH_SIZE * POOL)
    cut = np.sort(shuffled, axis=1).reshape(-1, BATCH_SIZE)
    return order_by_length[cut[rng.permutation(batches)[position]]] + start


def losses(model: FastSpeech2, batch: Batch) -> dict[str, Tensor]:
    """Return the four losses of the paper, the decoder fed with the teacher's own variances."""
    keep = batch.token_ids != 0
    encoder, decoder = model.encoder, model.decoder
    hidden = encoder.encode(batch.token_ids)
    guess = encoder.predict(hidden, keep)
    hidden = encoder.add_variance(hidden, batch.pitch, batch.energy, keep)
    rows = batch.rows[:, :, None].expand(-1, -1, hidden.shape[-1])
    mel = decoder.normalized(hidden.gather(1, rows), batch.frame_keep)
    wanted = torch.log(batch.durations + 1.0)
    return {
        "mel": functional.l1_loss(mel[batch.frame_keep], batch.mel[batch.frame_keep]),
        "duration": functional.mse_loss(guess.log_duration[keep], wanted[keep]),
        "pitch": functional.mse_loss(guess.pitch[keep], batch.pitch[keep]),
        "energy": functional.mse_loss(guess.energy[keep], batch.energy[keep]),
    }


def total_loss(parts: dict[str, Tensor]) -> Tensor:
    """Weigh the four losses."""
    return parts["mel"] + 0.5 * parts["duration"] + 0.1 * parts["pitch"] + 0.1 * parts["energy"]


def mean_losses(model: FastSpeech2, corpus: Corpus, part: range) -> dict[str, float]:
    """Return the mean losses over utterances, and the duration error in frames per token."""
    sums: dict[str, float] = {}
    with torch.inference_mode():
        for start in range(part.start, part.stop, BATCH_SIZE):
            chosen = np.arange(start, min(start + BATCH_SIZE, part.stop))
            batch = make_batch(corpus, chosen, model)
            parts = {name: float(value) for name, value in losses(model, batch).items()}
            one = torch.ones(len(chosen))
            own = one * model.config.duration_scale  # the tempo of the teacher
            _, durations, _, _ = model.encoder(batch.token_ids, own, one, one)
            keep = batch.token_ids != 0
            error = (durations - batch.durations)[keep].abs().float().mean()
            for name, value in {**parts, "duration_frames": float(error)}.items():
                sums[name] = sums.get(name, 0.0) + value * len(chosen) / len(part)
    return sums


def read_corpus(work: Path, libraries: UnpackedPackage, wordnet: UnpackedPackage) -> Corpus:
    """Return the spoken sentences in a fixed random order; made on the first call."""
    path = work / "corpus.npz"
    if not path.exists():
        texts = wordnet_sentences(wordnet.root)
        order = np.random.default_rng(SEED).permutation(len(texts))[:NUM_SENTENCES]
        speaking = Speaking(functools.partial(FliteTeacher, libraries.root), make_vocabulary())
        save_corpus(make_corpus(speaking, [texts[i] for i in order]), path)
    return load_corpus(path)


def train_model(
    model: FastSpeech2,
    corpus: Corpus,
    work: Path,
    num_steps: int,
    splits: Splits = ENGLISH,
    *,
    bfloat16: bool = False,
) -> TrainingResult:
    """Train on everything behind the test and development sentences."""
    plan = TrainingPlan(
        num_steps=num_steps, learning_rate=1.2e-3, warmup_steps=100, seed=SEED, weight_decay=0.01,
        average_decay=0.995, bfloat16=bfloat16, evaluate_every=250, keep="last",
    )  # fmt: skip
    start, dev = splits.start, splits.dev
    order = np.argsort(np.diff(corpus.frame_ends, prepend=0)[start:], kind="stable")

    def loss(network: nn.Module, _rng: np.random.Generator, step: int) -> Tensor:
        assert isinstance(network, FastSpeech2)
        batch = make_batch(corpus, chosen_at(step, order, start), network)
        return total_loss(losses(network, batch))

    def evaluate(network: nn.Module) -> float:
        assert isinstance(network, FastSpeech2)
        found = mean_losses(network, corpus, dev)
        print(json.dumps({name: round(value, 4) for name, value in found.items()}), flush=True)
        return -found["mel"]

    return train(model, loss, plan, work / "fastspeech2.pt", evaluate=evaluate)
