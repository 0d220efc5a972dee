"""A vocoder that predicts short-time spectra, which the inverse STFT turns into a waveform.

ConvNeXt blocks over mel frames at one resolution, as in Vocos (Siuzdak 2024, arXiv:2306.00814); the
head gives each bin a log-magnitude and a direction in the complex plane, as in APNet (Ai and Ling
2023, arXiv:2305.07952), so that the graph needs neither sines nor an inverse tangent. The inverse
STFT stays outside: it has no parameters and belongs to the runtime's kernels.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgewright.errors import CheckpointError
from edgewright_export.models.half_weights import load_weights, save_weights

ARCHITECTURE = "IstftVocoder"
MODEL_TYPE = "edgewright_istft_vocoder"
LARGEST_LOG_MAGNITUDE = 8.0
"""Bins above exp(8) = 2,981 are held there; a full-scale sine under a window of 800 has 200."""


@dataclass(frozen=True)
class IstftVocoderConfig:
    """Sizes of the network; all JSON."""

    num_mel_bins: int = 80
    """Of the mel, natural logarithms."""
    n_fft: int = 800
    """Points of the inverse transform, even; the periodic Hann window is as long."""
    hop_length: int = 200
    """Samples from one frame to the next, those of the mel."""
    hidden_size: int = 192
    """Channels between the blocks."""
    ffn_size: int = 576
    """Channels inside them."""
    num_blocks: int = 6
    """ConvNeXt blocks."""
    kernel: int = 7
    """Of the first convolution and of each block's, frames, odd."""

    @property
    def context(self) -> int:
        """Frames each way that a frame of the spectrum depends on."""
        return self.kernel // 2 * (self.num_blocks + 1)

    @property
    def sample_context(self) -> int:
        """Frames each way that the samples of a frame depend on, behind the inverse STFT."""
        return self.context + math.ceil(self.n_fft / 2 / self.hop_length)


class _Block(nn.Module):
    """ConvNeXt (Liu et al. 2022): depthwise convolution over time, LayerNorm, wide GELU layer."""

    def __init__(self, config: IstftVocoderConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.depthwise = nn.Conv1d(
            size, size, config.kernel, padding=config.kernel // 2, groups=size
        )
        self.norm = nn.LayerNorm(size)
        self.wide = nn.Linear(size, config.ffn_size)
        self.narrow = nn.Linear(config.ffn_size, size)
        self.scale = nn.Parameter(torch.full((size,), 1.0 / config.num_blocks))

    def forward(self, hidden: Tensor) -> Tensor:
        mixed = self.depthwise(hidden.transpose(1, 2)).transpose(1, 2)
        fed = self.narrow(functional.gelu(self.wide(self.norm(mixed))))
        return hidden + self.scale * fed  # type: ignore[no-any-return]


class IstftVocoder(nn.Module):
    """Log-mel to the complex spectrum of the waveform."""

    mel_mean: Tensor
    mel_std: Tensor

    def __init__(self, config: IstftVocoderConfig) -> None:
        super().__init__()
        self.config = config
        size, bins = config.hidden_size, config.n_fft // 2 + 1
        self.register_buffer("mel_mean", torch.zeros(config.num_mel_bins))
        self.register_buffer("mel_std", torch.ones(config.num_mel_bins))
        self.embed = nn.Conv1d(config.num_mel_bins, size, config.kernel, padding=config.kernel // 2)
        self.embed_norm = nn.LayerNorm(size)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.num_blocks))
        self.norm = nn.LayerNorm(size)
        self.log_magnitude = nn.Linear(size, bins)
        self.real, self.imaginary = nn.Linear(size, bins), nn.Linear(size, bins)

    def heads(self, mel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log-magnitude and an unnormalized direction of each bin.

        Args:
            mel: float32 (batch, frames, num_mel_bins), natural logarithms.

        Returns:
            log-magnitude, real and imaginary part of the direction, float32 (batch, frames,
            n_fft / 2 + 1) each.
        """
        normalized = (mel - self.mel_mean) / self.mel_std
        hidden = self.embed_norm(self.embed(normalized.transpose(1, 2)).transpose(1, 2))
        for block in self.blocks:
            hidden = block(hidden)
        hidden = self.norm(hidden)
        log_magnitude = self.log_magnitude(hidden).float().clamp(max=LARGEST_LOG_MAGNITUDE)
        return log_magnitude, self.real(hidden).float(), self.imaginary(hidden).float()

    def forward(self, mel: Tensor) -> Tensor:
        """Return the spectrum, float32 (batch, frames, n_fft / 2 + 1, 2): real and imaginary."""
        log_magnitude, real, imaginary = self.heads(mel)
        length = torch.sqrt(real * real + imaginary * imaginary + 1e-9)
        factor = torch.exp(log_magnitude) / length
        return torch.stack((factor * real, factor * imaginary), dim=-1)


def save_checkpoint(model: IstftVocoder, folder: Path) -> None:
    """Write `config.json` and `model.safetensors` (float16) into `folder`, which exists."""
    config = {
        "architectures": [ARCHITECTURE],
        "model_type": MODEL_TYPE,
        **dataclasses.asdict(model.config),
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_weights(model, folder)


def load_checkpoint(folder: Path) -> IstftVocoder:
    """Read a folder of `save_checkpoint`; the network is in evaluation mode, float32.

    Raises:
        CheckpointError: another architecture, an entry is missing or out of range, or weights are
            missing, unexpected or of another shape.
    """
    config = json.loads((folder / "config.json").read_text())
    return load_weights(IstftVocoder(parse_config(config)), folder)


def parse_config(config: dict[str, Any]) -> IstftVocoderConfig:
    """Return the sizes in the content of a `config.json`.

    Raises:
        CheckpointError: another architecture, or a size is missing or out of range.
    """
    if config.get("architectures") != [ARCHITECTURE]:
        raise CheckpointError(
            f"config.json 'architectures': got {config.get('architectures')!r}, expected "
            f"{[ARCHITECTURE]!r}; choose another checkpoint"
        )
    names = [field.name for field in dataclasses.fields(IstftVocoderConfig)]
    wrong = [name for name in names if type(config.get(name)) is not int or config[name] < 1]
    if wrong:
        raise CheckpointError(
            f"config.json: got { ({name: config.get(name) for name in wrong}) }, expected whole "
            "numbers above 0; copy the file again"
        )
    sizes = IstftVocoderConfig(**{name: config[name] for name in names})
    if sizes.n_fft % 2 or sizes.kernel % 2 == 0 or sizes.hop_length >= sizes.n_fft:
        raise CheckpointError(
            f"config.json: got n_fft {sizes.n_fft}, kernel {sizes.kernel} and hop_length "
            f"{sizes.hop_length}, expected an even n_fft above hop_length and an odd kernel; copy "
            "the file again"
        )
    return sizes
