"""FastSpeech 2 (Ren et al. 2021, arXiv:2006.04558) in two halves that export on their own.

The encoder is the paper's: feed-forward transformer blocks, then duration, pitch and energy
predictors at phone level. Two things differ. Positions are distances, added to the attention as in
ALiBi (Press et al. 2022, symmetric), so sentences longer than the training's keep their quality.
And the decoder consists of convolutions alone: 20 frames of context each way (250 ms), so that it
may run chunk by chunk and give the same frames.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgewright.errors import CheckpointError
from edgewright.families.front_ends import Language
from edgewright_export.models.half_weights import load_weights, save_weights

ARCHITECTURE = "FastSpeech2"
MODEL_TYPE = "edgewright_fastspeech2"
PAD_ID = 0


@dataclass(frozen=True)
class FastSpeech2Config:
    """Sizes of the network, statistics of what it was trained on, and its language; all JSON."""

    vocab_size: int
    """Tokens; 0 is the pad."""
    pitch_mean: float
    """Of natural-log F0 (Hz) at phone level."""
    pitch_std: float
    """Of the same."""
    energy_mean: float
    """Of the natural log of a phone's mean spectral norm."""
    energy_std: float
    """Of the same."""
    hidden_size: int = 160
    """Width of encoder and decoder."""
    num_heads: int = 2
    """Attention heads."""
    encoder_layers: int = 4
    """Feed-forward transformer blocks."""
    encoder_ffn_size: int = 384
    """Channels between their two convolutions."""
    encoder_kernel: int = 5
    """Kernel of the first of them, tokens."""
    predictor_size: int = 128
    """Channels of the predictors."""
    decoder_dilations: tuple[int, ...] = (1, 2, 4, 2, 1)
    """One convolutional block each."""
    decoder_ffn_size: int = 384
    """Channels between its two convolutions."""
    decoder_kernel: int = 5
    """Kernel of the first of them, frames."""
    num_mel_bins: int = 80
    """Of the mel."""
    dropout: float = 0.1
    """In training."""
    predictor_dropout: float = 0.3
    """In training, inside the predictors."""
    duration_scale: float = 1.0
    """Frames spoken at speaking rate 1 for each predicted one, 0.25 to 4: 1.25 takes a quarter
    longer than the recordings."""
    language: Language = "en"
    """Whose phones the vocabulary has."""

    @property
    def decoder_context(self) -> int:
        """Frames each way that a mel frame depends on."""
        return (self.decoder_kernel // 2) * sum(self.decoder_dilations)


class _Attention(nn.Module):
    """Self-attention with a penalty on distance instead of positions."""

    slopes: Tensor

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(size, 3 * size)
        self.output = nn.Linear(size, size)
        # Half of the heads look nearby, the others far: 2^-2, 2^-6 for two heads.
        slopes = 2.0 ** -(2.0 + 4.0 * torch.arange(heads) * 2 / max(heads, 2))
        self.register_buffer("slopes", slopes, persistent=False)

    def forward(self, hidden: Tensor, keep: Tensor) -> Tensor:
        batch, time, size = hidden.shape
        parts = self.qkv(hidden).reshape(batch, time, 3, self.heads, size // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        steps = torch.arange(time, device=hidden.device)
        distance = (steps[:, None] - steps[None, :]).abs().to(torch.float32)
        scores = query @ key.transpose(-1, -2) / math.sqrt(size // self.heads)
        scores = scores.float() - self.slopes[:, None, None] * distance
        scores = scores.masked_fill(~keep[:, None, None, :], -1e9)
        mixed = torch.softmax(scores, -1).to(value.dtype) @ value
        merged: Tensor = self.output(mixed.transpose(1, 2).reshape(batch, time, size))
        return merged


class _ConvolutionalFeedForward(nn.Module):
    """A wide convolution over time, GELU, and back: (batch, time, size) -> same."""

    def __init__(self, size: int, inner: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        padding = kernel // 2 * dilation
        self.wide = nn.Conv1d(size, inner, kernel, padding=padding, dilation=dilation)
        self.narrow = nn.Linear(inner, size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        wide = functional.gelu(self.wide(hidden.transpose(1, 2)).transpose(1, 2))
        return self.narrow(self.dropout(wide))  # type: ignore[no-any-return]


class _EncoderBlock(nn.Module):
    """Pre-LayerNorm feed-forward transformer block."""

    def __init__(self, config: FastSpeech2Config) -> None:
        super().__init__()
        size = config.hidden_size
        self.attention_norm, self.feed_norm = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attention = _Attention(size, config.num_heads)
        self.feed = _ConvolutionalFeedForward(
            size, config.encoder_ffn_size, config.encoder_kernel, 1, config.dropout
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, hidden: Tensor, keep: Tensor) -> Tensor:
        mask = keep[:, :, None]
        hidden = hidden + self.dropout(self.attention(self.attention_norm(hidden), keep))
        # Pads are zero at the convolution, as what lies beyond the end is.
        fed: Tensor = self.dropout(self.feed(self.feed_norm(hidden) * mask))
        return hidden + fed


class _Predictor(nn.Module):
    """Two convolutions with LayerNorm, one number per token (section 2.3 of the paper)."""

    def __init__(self, config: FastSpeech2Config) -> None:
        super().__init__()
        size, inner = config.hidden_size, config.predictor_size
        self.first, self.second = (
            nn.Conv1d(size, inner, 3, padding=1),
            nn.Conv1d(inner, inner, 3, padding=1),
        )
        self.first_norm, self.second_norm = nn.LayerNorm(inner), nn.LayerNorm(inner)
        self.output = nn.Linear(inner, 1)
        self.dropout = nn.Dropout(config.predictor_dropout)

    def forward(self, hidden: Tensor, keep: Tensor) -> Tensor:
        mask = keep[:, :, None]
        for convolution, norm in (
            (self.first, self.first_norm),
            (self.second, self.second_norm),
        ):
            hidden = convolution((hidden * mask).transpose(1, 2)).transpose(1, 2)
            hidden = self.dropout(norm(functional.relu(hidden)))
        return self.output(hidden).squeeze(-1)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Variance:
    """Predictions at phone level, normalized."""

    log_duration: Tensor
    """float32 (batch, time), natural log of frames + 1."""
    pitch: Tensor
    """float32 (batch, time), standard deviations from the mean log-F0."""
    energy: Tensor
    """float32 (batch, time), standard deviations from the mean log-energy."""


class FastSpeech2Encoder(nn.Module):
    """Token ids to what the length regulator repeats."""

    def __init__(self, config: FastSpeech2Config) -> None:
        super().__init__()
        self.config = config
        size = config.hidden_size
        self.embedding = nn.Embedding(config.vocab_size, size, padding_idx=PAD_ID)
        self.blocks = nn.ModuleList(_EncoderBlock(config) for _ in range(config.encoder_layers))
        self.norm = nn.LayerNorm(size)
        self.duration, self.pitch, self.energy = (_Predictor(config) for _ in range(3))
        self.pitch_embedding = nn.Conv1d(1, size, 3, padding=1)
        self.energy_embedding = nn.Conv1d(1, size, 3, padding=1)

    def forward(
        self, token_ids: Tensor, speaking_rate: Tensor, pitch_scale: Tensor, energy_scale: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Predict everything up to the length regulator.

        Args:
            token_ids: int64 (batch, time), 0 = pad, pads at the end.
            speaking_rate: float32 (batch,), 2 = twice as fast, above 0.
            pitch_scale: float32 (batch,), factor on F0, above 0.
            energy_scale: float32 (batch,), factor on the energy, above 0.

        Returns:
            hidden float32 (batch, time, size); durations int64 (batch, time), frames, 0 on pads;
            pitch and energy float32 (batch, time), scaled and normalized.
        """
        keep = token_ids != PAD_ID
        hidden = self.encode(token_ids)
        variance = self.predict(hidden, keep)
        frames = torch.clamp(torch.exp(variance.log_duration) - 1.0, min=0.0)
        config = self.config
        scaled = frames * config.duration_scale / speaking_rate[:, None]
        durations = torch.round(scaled).to(torch.int64) * keep
        pitch = variance.pitch + torch.log(pitch_scale)[:, None] / config.pitch_std
        energy = variance.energy + torch.log(energy_scale)[:, None] / config.energy_std
        return self.add_variance(hidden, pitch, energy, keep), durations, pitch, energy

    def encode(self, token_ids: Tensor) -> Tensor:
        """Return float32 (batch, time, size) before pitch and energy are added."""
        keep = token_ids != PAD_ID
        hidden = self.embedding(token_ids) * math.sqrt(self.config.hidden_size)
        for block in self.blocks:
            hidden = block(hidden, keep)
        return self.norm(hidden) * keep[:, :, None]  # type: ignore[no-any-return]

    def predict(self, hidden: Tensor, keep: Tensor) -> Variance:
        """Return duration, pitch and energy of every token."""
        return Variance(
            self.duration(hidden, keep).float(),
            self.pitch(hidden, keep).float(),
            self.energy(hidden, keep).float(),
        )

    def add_variance(self, hidden: Tensor, pitch: Tensor, energy: Tensor, keep: Tensor) -> Tensor:
        """Add the embeddings of normalized pitch and energy, float32 (batch, time) each."""
        mask = keep.to(pitch.dtype)
        added = self.pitch_embedding((pitch * mask)[:, None]) + self.energy_embedding(
            (energy * mask)[:, None]
        )
        varied: Tensor = (hidden + added.transpose(1, 2)) * keep[:, :, None]
        return varied


class FastSpeech2Decoder(nn.Module):
    """Regulated frames to mel; every frame sees `config.decoder_context` frames each way."""

    mel_mean: Tensor
    mel_std: Tensor

    def __init__(self, config: FastSpeech2Config) -> None:
        super().__init__()
        size = config.hidden_size
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in config.decoder_dilations)
        self.feeds = nn.ModuleList(
            _ConvolutionalFeedForward(
                size, config.decoder_ffn_size, config.decoder_kernel, dilation, config.dropout
            )
            for dilation in config.decoder_dilations
        )
        self.dropout = nn.Dropout(config.dropout)
        self.norm = nn.LayerNorm(size)
        self.output = nn.Linear(size, config.num_mel_bins)
        self.register_buffer("mel_mean", torch.zeros(config.num_mel_bins))
        self.register_buffer("mel_std", torch.ones(config.num_mel_bins))

    def forward(self, frames: Tensor) -> Tensor:
        """Return the natural-log mel, float32 (batch, frames, bins), of (batch, frames, size).

        Rows of a batch should be of one length: frames of padding would be spoken as if they were
        speech, and 20 frames before them would hear it.
        """
        return self.normalized(frames, None) * self.mel_std + self.mel_mean

    def normalized(self, frames: Tensor, keep: Tensor | None) -> Tensor:
        """Return the mel in standard deviations; `keep` bool (batch, frames) hides padding."""
        hidden = frames
        for norm, feed in zip(self.norms, self.feeds, strict=True):
            inputs = norm(hidden)
            if keep is not None:
                inputs = inputs * keep[:, :, None]
            hidden = hidden + self.dropout(feed(inputs))
        return self.output(self.norm(hidden)).float()  # type: ignore[no-any-return]


class FastSpeech2(nn.Module):
    """Encoder, length regulator, decoder."""

    def __init__(self, config: FastSpeech2Config) -> None:
        super().__init__()
        self.config = config
        self.encoder = FastSpeech2Encoder(config)
        self.decoder = FastSpeech2Decoder(config)

    @torch.no_grad()
    def forward(
        self,
        token_ids: Tensor,
        speaking_rate: float = 1.0,
        pitch_scale: float = 1.0,
        energy_scale: float = 1.0,
    ) -> tuple[Tensor, Tensor]:
        """Speak one sentence: int64 (time,) -> mel float32 (frames, bins), durations (time,)."""
        scales = (torch.tensor([scale]) for scale in (speaking_rate, pitch_scale, energy_scale))
        hidden, durations, _, _ = self.encoder(token_ids[None], *scales)
        frames = regulate_length(hidden[0], durations[0])
        return self.decoder(frames[None])[0], durations[0]


def with_duration_scale(model: FastSpeech2, duration_scale: float) -> FastSpeech2:
    """Return a network in evaluation mode with the weights of `model` and another scale."""
    rescaled = FastSpeech2(dataclasses.replace(model.config, duration_scale=duration_scale))
    rescaled.load_state_dict(model.state_dict())
    return rescaled.eval()


def regulate_length(hidden: Tensor, durations: Tensor) -> Tensor:
    """Repeat rows: float32 (time, size), int64 (time,) -> (sum of durations, size)."""
    return hidden.repeat_interleave(durations, dim=0)


def save_checkpoint(
    model: FastSpeech2, folder: Path, vocabulary: dict[str, int], features: dict[str, Any]
) -> None:
    """Write `config.json`, `vocab.json` and `model.safetensors` (float16) into `folder`.

    Args:
        model: the network.
        folder: an existing folder.
        vocabulary: {token: id}.
        features: the mel convention, kept in `config.json` as "features".
    """
    config = {
        "architectures": [ARCHITECTURE],
        "model_type": MODEL_TYPE,
        **dataclasses.asdict(model.config),
        "sample_rate": features["sample_rate"],
        "features": features,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "vocab.json").write_text(json.dumps(vocabulary, indent=0) + "\n")
    save_weights(model, folder)


def load_checkpoint(folder: Path) -> FastSpeech2:
    """Read a folder of `save_checkpoint`; the network is in evaluation mode, float32.

    Raises:
        CheckpointError: another architecture, an unknown or missing entry, weights that are
            missing, unexpected or of another shape.
    """
    config = json.loads((folder / "config.json").read_text())
    return load_weights(FastSpeech2(parse_config(config)), folder)


def parse_config(config: dict[str, Any]) -> FastSpeech2Config:
    """Return the sizes in the content of a `config.json`.

    Raises:
        CheckpointError: another architecture, an entry is missing (`duration_scale` and `language`
            may be), the scale is out of range, or the language is unknown.
    """
    if config.get("architectures") != [ARCHITECTURE]:
        raise CheckpointError(
            f"config.json 'architectures': got {config.get('architectures')!r}, expected "
            f"{[ARCHITECTURE]!r}; choose another checkpoint"
        )
    names = [field.name for field in dataclasses.fields(FastSpeech2Config)]
    names = [name for name in names if name not in {"duration_scale", "language"}]
    missing = [name for name in names if name not in config]
    if missing:
        raise CheckpointError(
            f"config.json: got no {missing}, expected all of {names}; copy the file again"
        )
    scale = config.get("duration_scale", 1.0)
    if isinstance(scale, bool) or not isinstance(scale, (int, float)) or not 0.25 <= scale <= 4:
        raise CheckpointError(
            f"config.json 'duration_scale': got {scale!r}, expected a number from 0.25 to 4; "
            "write 1.0 for the tempo of the recordings"
        )
    language = config.get("language", "en")
    if language not in get_args(Language):
        raise CheckpointError(
            f"config.json 'language': got {language!r}, expected one of "
            f"{list(get_args(Language))}; write that of the voice"
        )
    values = {name: config[name] for name in names}
    values |= {"duration_scale": float(scale), "language": language}
    values["decoder_dilations"] = tuple(values["decoder_dilations"])
    return FastSpeech2Config(**values)
