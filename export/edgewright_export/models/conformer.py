"""A small streaming Conformer with CTC: causal convolutions, attention inside chunks and behind.

Conformer: Gulati et al. 2020, arXiv:2005.08100 (macaron feed-forward halves, attention, depthwise
convolution). CTC: Graves et al. 2006. Chunk-wise attention with a bounded left context: Zhang et
al. 2020, arXiv:2012.05481. Rotary positions: Su et al. 2021, arXiv:2104.09864; they enter scores as
differences only, so a stream may cache keys before the rotation.

No frame sees beyond the end of its chunk, and there are no padding masks: what stands behind an
utterance in a batch cannot change its answer.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from edgewright.errors import CheckpointError

ARCHITECTURE = "StreamingConformerForCTC"
MODEL_TYPE = "edgewright_conformer_ctc"
SUBSAMPLING = ((5, 3), (5, 2))  # (kernel, stride) in frames, left-padded by kernel - stride
FRAMES_PER_LOGITS = math.prod(stride for _, stride in SUBSAMPLING)


@dataclass(frozen=True)
class StreamingConformerConfig:
    """Sizes of the network; all JSON."""

    vocab_size: int
    """Pieces and the blank."""
    blank_id: int
    """Index of the CTC blank."""
    num_mel_bins: int = 80
    """Log-mel features of a frame."""
    hidden_size: int = 160
    """Width of every block."""
    num_layers: int = 8
    """Conformer blocks."""
    num_heads: int = 5
    """Attention heads."""
    ffn_size: int = 512
    """Inner width of both feed-forward halves."""
    conv_kernel: int = 15
    """Depthwise kernel, subsampled frames, all but one in the past."""
    chunk_frames: int = 48
    """Feature frames of a chunk: 384 ms where they are 8 ms apart."""
    left_context: int = 40
    """Subsampled frames before a chunk that it attends to."""
    dropout: float = 0.1
    """In training; one mask for all frames of an utterance."""

    @property
    def subsampling(self) -> int:
        """Feature frames to one frame of logits."""
        return FRAMES_PER_LOGITS


class _TimeSharedDropout(nn.Module):
    """Drops channels of (batch, time, size) for all of an utterance; the mask is cheap to draw."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, hidden: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return hidden
        mask = torch.rand(hidden.shape[0], 1, hidden.shape[2]) >= self.rate
        return hidden * (mask.to(hidden.dtype) / (1.0 - self.rate))


class _FeedForward(nn.Module):
    """Pre-LayerNorm feed-forward half: (batch, time, size) -> same."""

    def __init__(self, config: StreamingConformerConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.hidden_size)
        self.wide = nn.Linear(config.hidden_size, config.ffn_size)
        self.narrow = nn.Linear(config.ffn_size, config.hidden_size)
        self.dropout = _TimeSharedDropout(config.dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        inner = functional.silu(self.wide(self.norm(hidden)))
        fed: Tensor = self.dropout(self.narrow(inner))
        return fed


@dataclass(frozen=True)
class _Positions:
    """What attention needs to know of time, the same in every block."""

    cosine: Tensor
    """(time, head size / 2)."""
    sine: Tensor
    """(time, head size / 2)."""
    penalty: Tensor
    """(time, time), added to the scores: 0 where a frame may look, -1e9 elsewhere."""


def _rotate(heads: Tensor, positions: _Positions) -> Tensor:
    first, second = heads.chunk(2, -1)
    cosine, sine = positions.cosine.to(heads.dtype), positions.sine.to(heads.dtype)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1)


class _Attention(nn.Module):
    """Pre-LayerNorm multi-head self-attention with rotary positions and a chunk mask."""

    def __init__(self, config: StreamingConformerConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.num_heads, self.head_size = config.num_heads, size // config.num_heads
        self.norm = nn.LayerNorm(size)
        self.qkv = nn.Linear(size, 3 * size)
        self.output = nn.Linear(size, size)
        self.dropout = _TimeSharedDropout(config.dropout)

    def forward(self, hidden: Tensor, positions: _Positions) -> Tensor:
        batch, time, size = hidden.shape
        parts = self.qkv(self.norm(hidden)).reshape(batch, time, 3, self.num_heads, self.head_size)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        query = _rotate(query * self.head_size**-0.5, positions)
        scores = query @ _rotate(key, positions).transpose(-1, -2)
        weights = torch.softmax(scores + positions.penalty.to(scores.dtype), -1)
        mixed = (weights @ value).transpose(1, 2).reshape(batch, time, size)
        merged: Tensor = self.dropout(self.output(mixed))
        return merged


class _Convolution(nn.Module):
    """Pre-LayerNorm gated causal depthwise convolution: (batch, time, size) -> same."""

    def __init__(self, config: StreamingConformerConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.past = config.conv_kernel - 1
        self.norm = nn.LayerNorm(size)
        self.gate = nn.Linear(size, 2 * size)
        self.depthwise = nn.Conv1d(size, size, config.conv_kernel, groups=size)
        self.inner_norm = nn.LayerNorm(size)
        self.output = nn.Linear(size, size)
        self.dropout = _TimeSharedDropout(config.dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        gated = functional.glu(self.gate(self.norm(hidden)), -1).transpose(1, 2)
        convolved = self.depthwise(functional.pad(gated, (self.past, 0))).transpose(1, 2)
        mixed: Tensor = self.dropout(self.output(functional.silu(self.inner_norm(convolved))))
        return mixed


class _Block(nn.Module):
    """Half a feed-forward, attention, convolution, half a feed-forward, LayerNorm."""

    def __init__(self, config: StreamingConformerConfig) -> None:
        super().__init__()
        self.feed_before, self.feed_after = _FeedForward(config), _FeedForward(config)
        self.attention = _Attention(config)
        self.convolution = _Convolution(config)
        self.norm = nn.LayerNorm(config.hidden_size)

    def forward(self, hidden: Tensor, positions: _Positions) -> Tensor:
        hidden = hidden + 0.5 * self.feed_before(hidden)
        hidden = hidden + self.attention(hidden, positions)
        hidden = hidden + self.convolution(hidden)
        normed: Tensor = self.norm(hidden + 0.5 * self.feed_after(hidden))
        return normed


class StreamingConformerForCTC(nn.Module):
    """Log-mel features in, one row of logits for every six frames out."""

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, config: StreamingConformerConfig) -> None:
        super().__init__()
        self.config = config
        size = config.hidden_size
        self.register_buffer("feature_mean", torch.zeros(config.num_mel_bins))
        self.register_buffer("feature_std", torch.ones(config.num_mel_bins))
        widths = (config.num_mel_bins, *(size for _ in SUBSAMPLING))
        self.subsample = nn.ModuleList(
            nn.Conv1d(width, size, kernel, stride)
            for width, (kernel, stride) in zip(widths, SUBSAMPLING, strict=False)
        )
        self.input = nn.Linear(size, size)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.num_layers))
        self.head = nn.Linear(size, config.vocab_size)
        self.auxiliary_head = nn.Linear(size, config.vocab_size)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits.

        Args:
            features: float32 (batch, time, num_mel_bins), natural-log mel of Kaldi at int16 scale,
                at least 0; time is a multiple of `chunk_frames`.

        Returns:
            float32 (batch, time / 6, vocab_size).
        """
        logits: Tensor = self.head(self._encode(features)[-1])
        return logits

    def training_logits(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of `forward` and those of the auxiliary head in the middle."""
        outputs = self._encode(features)
        return self.head(outputs[-1]), self.auxiliary_head(outputs[len(outputs) // 2 - 1])

    def _encode(self, features: Tensor) -> list[Tensor]:
        hidden = ((features - self.feature_mean) / self.feature_std).transpose(1, 2)
        for layer, (kernel, stride) in zip(self.subsample, SUBSAMPLING, strict=True):
            hidden = functional.silu(layer(functional.pad(hidden, (kernel - stride, 0))))
        hidden = self.input(hidden.transpose(1, 2))
        positions = self._positions(hidden.shape[1])
        outputs = []
        for block in self.blocks:
            hidden = block(hidden, positions)
            outputs.append(hidden)
        return outputs

    def _positions(self, time: int) -> _Positions:
        half = self.config.hidden_size // self.config.num_heads // 2
        steps = torch.arange(time, device=self.feature_mean.device)
        frequencies = 10000.0 ** (-torch.arange(half, device=steps.device) / half)
        angles = steps.to(torch.float32)[:, None] * frequencies
        chunk = self.config.chunk_frames // self.config.subsampling
        start = torch.div(steps, chunk, rounding_mode="floor") * chunk
        seen = (steps[None, :] < start[:, None] + chunk) & (
            steps[None, :] >= start[:, None] - self.config.left_context
        )
        return _Positions(torch.cos(angles), torch.sin(angles), (~seen).to(torch.float32) * -1e9)


def save_checkpoint(
    model: StreamingConformerForCTC, folder: Path, *, dtype: torch.dtype = torch.float16
) -> None:
    """Write `config.json` and `model.safetensors`, the weights rounded to `dtype`."""
    config = {
        "architectures": [ARCHITECTURE],
        "model_type": MODEL_TYPE,
        **dataclasses.asdict(model.config),
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tensors = {name: value.to(dtype).contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def load_checkpoint(folder: Path) -> StreamingConformerForCTC:
    """Return the float32 model of a checkpoint folder, in evaluation mode.

    Raises:
        CheckpointError: a file is missing or broken, or weights are missing, unexpected or of
            another shape.
    """
    config = _parse_config(_read_json(folder / "config.json"))
    model = StreamingConformerForCTC(config)
    path = folder / "model.safetensors"
    try:
        tensors = load_file(path)
    except Exception as error:
        raise CheckpointError(
            f"file '{path}': got {error}, expected safetensors weights; copy the checkpoint again"
        ) from error
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    found = {name: value.shape for name, value in tensors.items()}
    if wanted != found:
        wrong = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
        raise CheckpointError(
            f"weights '{path}': got missing, unexpected or misshapen {wrong[:3]}, expected those "
            f"of config.json; take both files from the same checkpoint"
        )
    model.load_state_dict({name: value.to(torch.float32) for name, value in tensors.items()})
    return model.eval()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"file '{path}': got {error}, expected a JSON object; copy the checkpoint again"
        ) from error
    if not isinstance(record, dict) or record.get("model_type") != MODEL_TYPE:
        raise CheckpointError(
            f"file '{path}': got another model_type, expected '{MODEL_TYPE}'; "
            "choose the folder of a streaming Conformer"
        )
    return record


def _parse_config(record: dict[str, Any]) -> StreamingConformerConfig:
    names = {field.name for field in dataclasses.fields(StreamingConformerConfig)}
    values = {name: record[name] for name in names if name in record}
    try:
        config = StreamingConformerConfig(**values)
        sound = config.hidden_size % (2 * config.num_heads) == 0
        sound &= config.chunk_frames % config.subsampling == 0 and config.num_layers > 1
        sound &= 0 <= config.blank_id < config.vocab_size
    except TypeError as error:
        raise CheckpointError(
            f"file 'config.json': got {error}, expected vocab_size, blank_id and sizes; "
            "copy the checkpoint again"
        ) from error
    if not sound:
        raise CheckpointError(
            f"file 'config.json': got {config}, expected an even head size, whole chunks, two "
            "blocks or more and a blank inside the vocabulary; copy the checkpoint again"
        )
    return config
