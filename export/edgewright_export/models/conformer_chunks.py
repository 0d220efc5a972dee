"""The streaming Conformer a few chunks at a time: what becomes a graph.

What the past tells a chunk is in tensors of fixed size: the last inputs of every causal
convolution, and in every block the keys and values of `left_context` frames. Attention is computed
chunk by chunk over its window, as in a stream that gives them one by one: what rounding leaves
changed no token of 134 recordings in int8 (masked in one piece, it changed 6). Keys are kept as
they were before rotation by their positions, which begin anew in each window: no counter grows.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgewright_export.models.conformer import SUBSAMPLING, StreamingConformerForCTC

_MASKED = -1e9


@dataclass(frozen=True)
class _Windows:
    """What each chunk attends to, the same in every block."""

    frames: Tensor
    """(chunks, window), of the states and the frames behind them."""
    penalty: Tensor
    """(batch x chunks, 1, 1, window), added to the scores: 0 where a frame was heard, as all were
    but those of states that are not valid yet."""


class ConformerChunks(nn.Module):
    """Features of whole chunks and states to logits and the next states."""

    cosine: Tensor
    sine: Tensor

    def __init__(self, model: StreamingConformerForCTC) -> None:
        super().__init__()
        config = model.config
        self.model = model
        self.chunk, self.left = config.chunk_frames // config.subsampling, config.left_context
        half = config.hidden_size // config.num_heads // 2
        frequencies = 10000.0 ** (-torch.arange(half) / half)
        angles = torch.arange(self.left + self.chunk)[:, None] * frequencies
        self.register_buffer("cosine", torch.cos(angles))
        self.register_buffer("sine", torch.sin(angles))

    def first_states(self, batch: int = 1) -> dict[str, Tensor]:
        """Return what is known of the past before the first chunk: nothing, which is all zeros.

        By name: float32 (batch, size, frames) of convolutions and (batch, frames, 2 x size) of
        attention, keys and values; last, int64 (batch,), how many of these frames are valid, which
        are the newest.
        """
        config = self.model.config
        widths = (config.num_mel_bins, *(config.hidden_size for _ in SUBSAMPLING))
        shapes = [
            ("subsampling", width, kernel - stride)
            for width, (kernel, stride) in zip(widths, SUBSAMPLING, strict=False)
        ]
        for _ in range(config.num_layers):
            shapes.append(("attention", self.left, 2 * config.hidden_size))
            shapes.append(("convolution", config.hidden_size, config.conv_kernel - 1))
        states = {
            f"state_{index:02}_{what}": torch.zeros(batch, *sizes)
            for index, (what, *sizes) in enumerate(shapes)
        }
        return {**states, f"state_{len(states):02}_length": torch.zeros(batch, dtype=torch.int64)}

    def forward(self, features: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Return the logits, those of the model on the whole utterance, and the next states.

        Args:
            features: float32 (batch, time, num_mel_bins), time a multiple of `chunk_frames`: what
                follows on the features that led to `states`.
            states: The values of `first_states`, or what came behind the logits of the last call.
        """
        model, (*pasts, length) = self.model, states
        following: list[Tensor] = []
        hidden = ((features - model.feature_mean) / model.feature_std).transpose(1, 2)
        for layer, past in zip(model.subsample, pasts, strict=False):
            hidden, newest = _convolve(layer, past, hidden)
            hidden = functional.silu(hidden)
            following.append(newest)
        hidden = model.input(hidden.transpose(1, 2))
        windows = self._windows(hidden.shape[1], length)
        memories, gates = pasts[len(following) :: 2], pasts[len(following) + 1 :: 2]
        for block, memory, gate in zip(model.blocks, memories, gates, strict=True):
            hidden, *both = self._block(block, hidden, memory, gate, windows)
            following += both
        seen = torch.clamp(length + hidden.shape[1], max=self.left)
        return model.head(hidden), *following, seen

    def _block(
        self, block: Any, hidden: Tensor, memory: Tensor, gate: Tensor, windows: _Windows
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the block makes of (batch, time, size), and its next states."""
        hidden = hidden + 0.5 * block.feed_before(hidden)
        attended, memory = self._attend(block.attention, hidden, memory, windows)
        hidden = hidden + attended
        layer = block.convolution
        gated = functional.glu(layer.gate(layer.norm(hidden)), -1).transpose(1, 2)
        convolved, gate = _convolve(layer.depthwise, gate, gated)
        normed = layer.inner_norm(convolved.transpose(1, 2))
        hidden = hidden + layer.output(functional.silu(normed))
        return block.norm(hidden + 0.5 * block.feed_after(hidden)), memory, gate

    def _attend(
        self, attention: Any, hidden: Tensor, past: Tensor, windows: _Windows
    ) -> tuple[Tensor, Tensor]:
        """Return the answer and the newest keys and values."""
        time, size = hidden.shape[1:]
        query, memory = attention.qkv(attention.norm(hidden)).split([size, 2 * size], -1)
        memory = torch.cat([past, memory], 1)
        key, value = memory[:, windows.frames].chunk(2, -1)
        query = self._heads(query.reshape(-1, self.chunk, size)) * attention.head_size**-0.5
        key, value = (self._heads(one.flatten(0, 1)) for one in (key, value))
        scores = self._rotate(query) @ self._rotate(key).transpose(-1, -2)
        mixed = (torch.softmax(scores + windows.penalty, -1) @ value).transpose(1, 2)
        return attention.output(mixed.reshape(-1, time, size)), memory[:, time:]

    def _heads(self, frames: Tensor) -> Tensor:
        """Return (batch, heads, time, head size) of (batch, time, size)."""
        heads = self.model.config.num_heads
        return frames.reshape(*frames.shape[:2], heads, -1).transpose(1, 2)

    def _rotate(self, heads: Tensor) -> Tensor:
        """Turn (batch, heads, time, size) by the positions of the window's last frames."""
        first, second = heads.chunk(2, -1)
        cosine, sine = self.cosine[-heads.shape[2] :], self.sine[-heads.shape[2] :]
        return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1)

    def _windows(self, time: int, length: Tensor) -> _Windows:
        """Return the windows of `time` frames, behind states of which `length` are valid."""
        starts = torch.arange(0, time, self.chunk)[:, None]
        frames = starts + torch.arange(self.left + self.chunk)
        heard = frames >= self.left - length[:, None, None]
        penalty = torch.where(heard, 0.0, _MASKED).flatten(0, 1)[:, None, None]
        return _Windows(frames, penalty)


def _convolve(layer: nn.Module, past: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Return a convolution over both (batch, size, time), and what it reads next time."""
    both = torch.cat([past, present], -1)
    convolved: Tensor = layer(both)
    return convolved, both[..., present.shape[-1] :]
