"""Marian as it is traced: the source once, then one token of every hypothesis at a time.

`MarianSource` gives what the decoder reads of the source, the keys and values of its cross
attention, so that no step computes them again. `MarianStep` takes one token of each hypothesis
(beam) of each sentence. The hypotheses of a sentence read the same source: they are the queries of
one product, and nothing of the source is copied for them. What their own tokens left behind is the
state, in which a step first moves every hypothesis to the place of the one that it continues.

The result differs from PyTorch by rounding only; the exporter compares both.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

MASKED = -1e9
"""Is added to scores that do not count."""


class MarianSource(nn.Module):
    """Token ids of sentences to the keys and values that the decoder's layers read."""

    def __init__(self, model: Any):
        super().__init__()
        self.encoder: Any = model.model.encoder
        self.attentions = nn.ModuleList(one.encoder_attn for one in model.model.decoder.layers)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what `forward` returns."""
        return memory_names(len(self.attentions))

    def forward(self, token_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Return by layer keys `(batch, heads, size, source)` and values `(…, source, size)`.

        Args:
            token_ids: int64 `(batch, source)`, padded behind.
            attention_mask: int64 `(batch, source)`, 1 where there is a token.
        """
        encoder = self.encoder
        positions = encoder.embed_positions.weight[: token_ids.shape[1]]
        x = encoder.embed_tokens(token_ids) * encoder.embed_scale + positions
        # As long as the scores: so it can be part of the fused operator.
        mask = _additive(attention_mask == 1)[:, None, None].expand(-1, 1, token_ids.shape[1], -1)
        for layer in encoder.layers:
            x = layer(x, mask)
        memory = []
        for attention in self.attentions:
            key, value = _split(x, attention, "k_proj", "v_proj")
            memory += [key.permute(0, 2, 3, 1), value.transpose(1, 2)]
        return tuple(memory)


class MarianStep(nn.Module):
    """One token of every hypothesis to the logits of the next."""

    def __init__(self, model: Any):
        super().__init__()
        decoder = model.model.decoder
        self.embed_tokens, self.embed_scale = decoder.embed_tokens, decoder.embed_scale
        self.embed_positions = decoder.embed_positions
        self.layers = nn.ModuleList(map(_Layer, decoder.layers))
        self._attention: Any = decoder.layers[0].self_attn
        self.lm_head = model.lm_head
        self.register_buffer("final_logits_bias", model.final_logits_bias)

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states that `forward` takes and gives."""
        names = [f"{i:02}_{what}" for i, what in enumerate(("keys", "values") * len(self.layers))]
        return tuple(f"state_{name}" for name in (*names, f"{len(names):02}_length"))

    @property
    def heads(self) -> int:
        """Of the self attention."""
        return self._attention.num_heads  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        """Values of a head."""
        return self._attention.head_dim  # type: ignore[no-any-return]

    def dynamic_axes(self, name: str) -> dict[int, str]:
        """Return the dynamic dimensions of an input by axis."""
        if name.startswith("memory_"):
            return {0: "batch", (3 if name.endswith("keys") else 2): "source"}
        if name == "attention_mask":
            return {0: "batch", 1: "source"}
        if name.endswith("_length"):
            return {0: "batch"}
        return {0: "batch", 1: "beams", **({3: "time"} if name in self.states else {})}

    def forward(
        self, token_ids: Tensor, parents: Tensor, attention_mask: Tensor, *kept: Tensor
    ) -> tuple[Tensor, ...]:
        """Return logits `(batch, beams, vocabulary)` and the next states.

        Args:
            token_ids: int64 `(batch, beams)`, the last token of every hypothesis.
            parents: int64 `(batch, beams)`: which hypothesis of the step before it continues.
            attention_mask: int64 `(batch, source)`, as the encoder was given it.
            kept: What `MarianSource` returned; then by layer the keys and the values of the
                tokens so far `(batch, beams, heads, time, size)`, and their number, int64
                `(batch,)`, which is below `time`.
        """
        length, count = kept[-1], len(self.layers)
        memory, states = kept[: 2 * count], kept[2 * count : -1]
        place = _Place(parents, length, states[0].shape[3])
        source = _additive(attention_mask == 1)[:, None, None]
        positions = self.embed_positions(token_ids.shape, position_ids=length)
        x = self.embed_tokens(token_ids) * self.embed_scale + positions[:, None]
        following: list[Tensor] = []
        for i, layer in enumerate(self.layers):
            pair = slice(2 * i, 2 * i + 2)
            x, *kept_pair = layer(x, place, source, memory[pair], states[pair])
            following += kept_pair
        # Of two axes, the product reads the table of embeddings as it is: the file has it once.
        logits = self.lm_head(x.flatten(0, 1)) + self.final_logits_bias
        return logits.view(*token_ids.shape, -1), *following, length + 1


class _Place:
    """Where a step reads and writes the states, the same in every layer."""

    def __init__(self, parents: Tensor, length: Tensor, time: Any):
        batch, beams = parents.shape
        sentence = torch.arange(batch)[:, None]
        self.rows = (sentence * beams + parents).flatten()
        self.written = length[:, None].expand(batch, beams).flatten()
        self.mask = _additive(torch.arange(time) <= length[:, None])[:, None, None]
        self.shape = batch, beams

    def move_and_write(self, state: Tensor, new: Tensor) -> Tensor:
        """Return `(batch, beams, heads, time, size)` with `new`, of one time, in its place."""
        heads, time, size = state.shape[2:]
        moved = state.flatten(0, 1).index_select(0, self.rows)
        index = self.written[:, None, None, None].expand(-1, heads, 1, size)
        written = moved.scatter(2, index, new.flatten(0, 1)[:, :, None])
        return written.view(*self.shape, heads, time, size)


class _Layer(nn.Module):
    def __init__(self, layer: Any):
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, place: _Place, source: Tensor, memory: Any, states: Any) -> Any:
        layer = self.layer
        attention = layer.self_attn
        query, key, value = _split(x, attention, "q_proj", "k_proj", "v_proj")
        keys = place.move_and_write(states[0], key)
        values = place.move_and_write(states[1], value)
        scores = (keys @ (query * attention.scaling)[..., None]).squeeze(-1) + place.mask
        answer = (scores.softmax(-1)[..., None, :] @ values).flatten(2)
        x = layer.self_attn_layer_norm(x + attention.out_proj(answer))
        attention = layer.encoder_attn
        (query,) = _split(x, attention, "q_proj")
        scores = (query * attention.scaling).transpose(1, 2) @ memory[0] + source
        answer = (scores.softmax(-1) @ memory[1]).transpose(1, 2).flatten(2)
        x = layer.encoder_attn_layer_norm(x + attention.out_proj(answer))
        inner = layer.fc2(layer.activation_fn(layer.fc1(x)))
        return layer.final_layer_norm(x + inner), keys, values


def memory_names(layers: int) -> tuple[str, ...]:
    """Return the names of what the decoder's layers read of the source."""
    return tuple(f"memory_{i:02}_{what}" for i in range(layers) for what in ("keys", "values"))


def _split(x: Tensor, attention: Any, *projections: str) -> Iterator[Tensor]:
    """Yield projections of `x` `(batch, n, heads x size)` as `(batch, n, heads, size)`."""
    for name in projections:
        yield getattr(attention, name)(x).unflatten(-1, (-1, attention.head_dim))


def _additive(visible: Tensor) -> Tensor:
    return torch.where(visible, 0.0, MASKED)
