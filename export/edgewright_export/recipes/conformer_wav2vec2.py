"""`Wav2Vec2ConformerForCTC`: the raw waveform to characters every 20 ms.

transformers keeps the last rotary table on the module, and a table of 9,999 relative positions that
grows in `forward`; here the positions that a length needs are computed in the graph, which bounds
no length, adds no weights, and leaves the module as it is for the reference.
"""

import math
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from edgewright.errors import UnsupportedCheckpointError
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.recipes.conformer_recognizer import FrontEnd, Recognizer
from edgewright_export.recipes.conformer_tokens import read_characters
from edgewright_export.recipes.feature_extractor import read_extractor

ARCHITECTURE = "Wav2Vec2ConformerForCTC"


def load_wav2vec2(checkpoint: Checkpoint) -> Recognizer:
    """Read weights, feature extractor and characters.

    Raises:
        CheckpointError: Something is missing or cannot be used.
    """
    extractor = read_extractor(checkpoint, transformers.Wav2Vec2FeatureExtractor)
    _check_config(checkpoint)
    model = checkpoint.load(transformers.Wav2Vec2ConformerForCTC)
    config, masked = model.config, bool(extractor.return_attention_mask)
    return Recognizer(
        graph=_Graph(model),
        front=FrontEnd(
            sample_rate=extractor.sampling_rate,
            features=None,
            subsampling=tuple(
                (kernel, stride, 0)
                for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True)
            ),
            masked=masked,
            normalize_waveform=bool(extractor.do_normalize),
        ),
        table=read_characters(checkpoint, config.vocab_size, config.pad_token_id),
        answer=_Answer(model, extractor),
    )


class _Graph(nn.Module):
    """The forward of transformers without what it remembers from call to call."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, waveform: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Return logits float32 (batch, frames, tokens)."""
        body: Any = self.model.wav2vec2_conformer
        extracted = body.feature_extractor(waveform).transpose(1, 2)
        hidden, _ = body.feature_projection(extracted)
        bias = None
        if attention_mask is not None:
            real = self._real_frames(attention_mask, hidden.shape[1])
            hidden = torch.where(real[..., None], hidden, 0.0)
            bias = torch.where(real, 0.0, torch.finfo(hidden.dtype).min)[:, None, None]
        positions = _positions(body.config, hidden.shape[1])
        for layer in body.encoder.layers:
            hidden = _run_layer(layer, hidden, bias, positions)
        logits: Tensor = self.model.lm_head(body.encoder.layer_norm(hidden))
        return logits

    def _real_frames(self, attention_mask: Tensor, frames: int) -> Tensor:
        """Return bool (batch, frames)."""
        lengths = attention_mask.sum(-1)
        for kernel, stride in zip(
            self.model.config.conv_kernel, self.model.config.conv_stride, strict=True
        ):
            lengths = torch.div(lengths - kernel, stride, rounding_mode="floor") + 1
        return torch.arange(frames)[None] < lengths[:, None]


class _Answer:
    def __init__(self, model: Any, extractor: Any):
        self._model, self._extractor = model, extractor

    def __call__(self, waveform: Tensor) -> Tensor:
        """Return the logits."""
        rate = self._extractor.sampling_rate
        inputs = self._extractor(waveform.numpy(), sampling_rate=rate, return_tensors="pt")
        logits: Tensor = self._model(**inputs).logits[0]
        return logits


def _run_layer(layer: Any, hidden: Tensor, bias: Tensor | None, positions: Tensor) -> Tensor:
    """Run a block as transformers does, but for how scores are shifted."""
    hidden = hidden + 0.5 * layer.ffn1(layer.ffn1_layer_norm(hidden))
    normed = layer.self_attn_layer_norm(hidden)
    if layer.self_attn.position_embeddings_type == "relative":
        hidden = hidden + _attend(layer.self_attn, normed, bias, positions)
    else:
        hidden = hidden + layer.self_attn(normed, bias, positions)[0]
    hidden = hidden + layer.conv_module(hidden)
    hidden = hidden + 0.5 * layer.ffn2(layer.ffn2_layer_norm(hidden))
    answer: Tensor = layer.final_layer_norm(hidden)
    return answer


def _attend(attention: Any, hidden: Tensor, bias: Tensor | None, positions: Tensor) -> Tensor:
    """Attend with relative positions (Dai et al. 2019, arXiv:1901.02860, appendix B).

    Scores against relative positions are shifted by an index, not by reshaping: PyTorch 2.13
    derives that shape from the number of samples, and the graph is then right for some lengths
    only.
    """

    def heads(projected: Tensor) -> Tensor:
        split = projected.reshape(*projected.shape[:2], attention.num_heads, attention.head_size)
        return split.transpose(1, 2)

    query, key, value = (
        heads(linear(hidden))
        for linear in (attention.linear_q, attention.linear_k, attention.linear_v)
    )
    content = (query + attention.pos_bias_u[:, None]) @ key.transpose(-1, -2)
    against = heads(attention.linear_pos(positions)).transpose(-1, -2)
    relative = _shift((query + attention.pos_bias_v[:, None]) @ against, hidden.shape[1])
    scores = (content + relative) * attention.scaling
    weights = torch.softmax(scores if bias is None else scores + bias, dim=-1)
    mixed: Tensor = attention.linear_out((weights @ value).transpose(1, 2).flatten(2))
    return mixed


def _shift(scores: Tensor, time: int) -> Tensor:
    """Return (…, i, j) out of (…, i, time - 1 - i + j), the score at distance i - j."""
    steps = torch.arange(time)
    index = steps[:, None] * (2 * time - 2) + steps + (time - 1)
    shifted = scores.flatten(2).index_select(2, index.flatten())
    return shifted.reshape(*scores.shape[:2], time, time)


def _positions(config: Any, time: int) -> Tensor:
    """Return what the layers take.

    Rotary: cosines and sines, (2, time, 1, 1, head size). Relative: from time - 1 down to 1 - time,
    (1, 2 time - 1, size).
    """
    if config.position_embeddings_type == "rotary":
        size = config.hidden_size // config.num_attention_heads
        exponents = torch.arange(0, size, 2, dtype=torch.int64).float() / size
        inverse = 1.0 / (config.rotary_embedding_base**exponents)
        angles = torch.arange(time).float()[:, None] * inverse
        angles = torch.cat((angles, angles), dim=-1)[:, None, None, :]
        return torch.stack([angles.cos(), angles.sin()])
    size = config.hidden_size
    rates = torch.exp(torch.arange(0, size, 2).float() * -(math.log(10000.0) / size))
    angles = torch.arange(time - 1, -time, -1).float()[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).reshape(1, -1, size)


def _check_config(checkpoint: Checkpoint) -> None:
    config = checkpoint.config
    if config.get("add_adapter"):
        raise UnsupportedCheckpointError(
            f"checkpoint {checkpoint.folder}: got add_adapter in config.json, expected none: the "
            "adapter changes the frame rate; export a checkpoint without it"
        )
    kind = config.get("position_embeddings_type", "relative")
    if kind not in ("relative", "rotary"):
        raise UnsupportedCheckpointError(
            f"checkpoint {checkpoint.folder}: got position_embeddings_type {kind} in config.json, "
            "expected relative or rotary; export another checkpoint"
        )
