"""The network of the vocoders: segments, losses, training.

No discriminator: log-magnitudes and phases of the predicted spectrum are compared with those of the
recording (phase differences along time and frequency are wrapped to the nearest turn, Ai and Ling
2023), and the waveform by spectra of several resolutions (Yamamoto et al. 2020, arXiv:1910.11480).
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from fastspeech2_data import HOP_LENGTH
from fastspeech2_training import ENGLISH, Splits
from torch import Tensor, nn
from torch.nn import functional
from training_loop import TrainingPlan, TrainingResult, train
from vocoder_data import VocoderCorpus

from edgewright_export.models.istft_vocoder import IstftVocoder, IstftVocoderConfig

SEED = 1
BATCH_SIZE, SEGMENT = 16, 64  # segments; frames of each whose spectrum is compared
PREDICTED_SHARE = 0.4  # of the segments, with the mel of FastSpeech 2
NUM_STEPS = 10000
LEARNING_RATE = 1.5e-3
RESOLUTIONS = ((256, 64), (512, 128), (1024, 256), (2048, 512))  # n_fft and hop, samples
LEAST_MAGNITUDE = 1e-3


def make_model(corpus: VocoderCorpus) -> IstftVocoder:
    """Return the network with random weights and the mel statistics of the recordings."""
    torch.manual_seed(SEED)
    model = IstftVocoder(IstftVocoderConfig())
    mel = corpus.mel[::7].astype(np.float32)
    model.mel_mean.copy_(torch.from_numpy(mel.mean(0)))
    model.mel_std.copy_(torch.from_numpy(mel.std(0)))
    return model


def make_batch(
    corpus: VocoderCorpus, utterances: range, rng: np.random.Generator, context: int
) -> tuple[Tensor, Tensor]:
    """Draw segments from `utterances`.

    Returns:
        mel float32 (batch, SEGMENT + 2 context, 80), and the waveform around the middle SEGMENT
        frames, float32 (batch, (SEGMENT - 1) * hop + n_fft).
    """
    size, n_fft = SEGMENT + 2 * context, IstftVocoderConfig.n_fft
    mels, waveforms = [], []
    while len(mels) < BATCH_SIZE:
        frames = corpus.frames(int(rng.integers(utterances.start, utterances.stop)))
        if frames.stop - frames.start < size:
            continue
        start = int(rng.integers(frames.start, frames.stop - size + 1))
        source = corpus.predicted if rng.random() < PREDICTED_SHARE else corpus.mel
        mels.append(source[start : start + size].astype(np.float32))
        first = (start + context) * HOP_LENGTH - n_fft // 2
        waveform = corpus.waveform[first : first + (SEGMENT - 1) * HOP_LENGTH + n_fft]
        waveforms.append(waveform.astype(np.float32) / 32768.0)
    return torch.from_numpy(np.stack(mels)), torch.from_numpy(np.stack(waveforms))


def spectrum_of(waveform: Tensor, n_fft: int, hop_length: int) -> Tensor:
    """Return complex64 (batch, frames, bins) with a periodic Hann window."""
    window = torch.hann_window(n_fft)
    spectrum = torch.stft(
        waveform, n_fft, hop_length, n_fft, window, center=False, return_complex=True
    )
    return spectrum.transpose(1, 2)


def waveform_of(spectrum: Tensor, config: IstftVocoderConfig) -> Tensor:
    """Return float32 (batch, (frames - 1) * hop) of complex64 (batch, frames, bins)."""
    window = torch.hann_window(config.n_fft)
    return torch.istft(
        spectrum.transpose(1, 2), config.n_fft, config.hop_length, config.n_fft, window
    )


def wrapped(angle: Tensor) -> Tensor:
    """Return the distance of angles in radians to the nearest whole turn, 0 to pi."""
    return (angle - 2 * math.pi * torch.round(angle / (2 * math.pi))).abs()


def losses(model: IstftVocoder, mel: Tensor, waveform: Tensor) -> dict[str, Tensor]:
    """Return the parts of the loss for a batch of `make_batch`."""
    config = model.config
    inner = slice(config.context, mel.shape[1] - config.context)
    log_magnitude, real, imaginary = (part[:, inner] for part in model.heads(mel))
    with torch.autocast("cpu", enabled=False):
        target = spectrum_of(waveform, config.n_fft, config.hop_length)
        magnitude = target.abs().clamp(min=LEAST_MAGNITUDE)
        unit = torch.rsqrt(real * real + imaginary * imaginary + 1e-9)
        factor = torch.exp(log_magnitude) * unit
        spectrum = torch.complex(factor * real, factor * imaginary)
        edge = config.n_fft // 2
        spoken, wanted = waveform_of(spectrum, config), waveform[:, edge:-edge]
        return {
            "magnitude": functional.l1_loss(log_magnitude, torch.log(magnitude)),
            "phase": phase_loss(torch.atan2(imaginary, real), target.angle(), magnitude),
            **resolution_losses(spoken[:, edge:-edge], wanted[:, edge:-edge]),
        }


def phase_loss(phase: Tensor, target: Tensor, magnitude: Tensor) -> Tensor:
    """Return the error of phase differences along frequency and time, loud bins counting more."""
    weight = magnitude.sqrt()
    error = phase - target
    along_frequency = wrapped(error.diff(dim=2)) * weight[:, :, 1:]
    along_time = wrapped(error.diff(dim=1)) * weight[:, 1:]
    return along_frequency.sum() / weight[:, :, 1:].sum() + along_time.sum() / weight[:, 1:].sum()


def resolution_losses(spoken: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """Return spectral convergence and log-magnitude error, means over `RESOLUTIONS`."""
    convergence, logarithm = [], []
    for n_fft, hop in RESOLUTIONS:
        got, target = (spectrum_of(one, n_fft, hop).abs() for one in (spoken, wanted))
        got, target = got.clamp(min=LEAST_MAGNITUDE), target.clamp(min=LEAST_MAGNITUDE)
        convergence.append(torch.linalg.norm(got - target) / torch.linalg.norm(target))
        logarithm.append(functional.l1_loss(torch.log(got), torch.log(target)))
    return {
        "convergence": torch.stack(convergence).mean(), "logarithm": torch.stack(logarithm).mean()
    }  # fmt: skip


def total_loss(parts: dict[str, Tensor]) -> Tensor:
    """Weigh the parts."""
    waveform = parts["convergence"] + parts["logarithm"]
    return waveform + 0.5 * parts["magnitude"] + 0.5 * parts["phase"]


def train_model(
    model: IstftVocoder,
    corpus: VocoderCorpus,
    work: Path,
    num_steps: int,
    splits: Splits = ENGLISH,
    *,
    learning_rate: float = LEARNING_RATE,
) -> TrainingResult:
    """Train on everything behind the test and development sentences."""
    plan = TrainingPlan(
        num_steps=num_steps, learning_rate=learning_rate, warmup_steps=200, seed=SEED,
        weight_decay=0.01, betas=(0.8, 0.98), average_decay=0.998, bfloat16=True,
        evaluate_every=500, keep="last",
    )  # fmt: skip
    training, development = range(splits.start, len(corpus.frame_ends)), splits.dev

    def loss(network: nn.Module, rng: np.random.Generator, _step: int) -> Tensor:
        assert isinstance(network, IstftVocoder)
        batch = make_batch(corpus, training, rng, network.config.context)
        return total_loss(losses(network, *batch))

    def evaluate(network: nn.Module) -> float:
        assert isinstance(network, IstftVocoder)
        rng = np.random.default_rng(SEED)
        batches = (make_batch(corpus, development, rng, network.config.context) for _ in range(4))
        found = [losses(network, *batch) for batch in batches]
        means = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
        print({name: round(value, 4) for name, value in means.items()}, flush=True)
        return -means["convergence"] - means["logarithm"]

    return train(model, loss, plan, work / "vocoder.pt", evaluate=evaluate)
