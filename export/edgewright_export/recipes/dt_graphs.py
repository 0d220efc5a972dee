"""The Decision Transformer as it is traced: what the next action needs, and no more.

Only the token of the last state gives an action, so in the last layer only its query counts. Every
token has position 0: its vector is a constant of the input.

With one head, as public checkpoints have, the projections of attention fold into two. Scores
`(x Wq + bq)(x Wk + bk)ᵀ` are `(x Wq Wkᵀ + bq Wkᵀ) xᵀ` but for a term per query, which softmax
cancels; and `P (x Wv + bv) Wo + bo` is `(P x) Wv Wo + bv Wo + bo`, because each row of P adds up
to 1. What a layer's attention reads is then both key and value.

The result differs from PyTorch by rounding only; the exporter compares both.
"""

import copy
from typing import Any

import torch
from torch import nn

TOKENS = 3
"""Of a step: return-to-go, state, action."""
MASKED = -1e9
"""Is added to scores that do not count; finite, so that padding, which sees nothing, is no NaN."""


class WindowToAction(nn.Module):
    """The last K steps of an episode to its next action."""

    causal: torch.Tensor
    seen: torch.Tensor

    def __init__(self, model: Any, context_length: int):
        super().__init__()
        self.model = _for_inference(model)
        tokens = torch.arange(TOKENS * context_length)
        self.register_buffer("causal", _additive(tokens[:, None] >= tokens))
        self.register_buffer("seen", _additive(torch.tensor([[False] * TOKENS, [True] * TOKENS])))

    def forward(
        self,
        states: torch.Tensor,
        actions: torch.Tensor,
        returns_to_go: torch.Tensor,
        timesteps: torch.Tensor,
        attention_mask: torch.Tensor,
    ) -> torch.Tensor:
        """Return the action `(1, 1, A)`; the inputs are `(1, K, …)`."""
        model = self.model
        steps = torch.cat((returns_to_go, states, actions), dim=-1).flatten(0, 1)
        times = model.embed_timestep(timesteps).transpose(0, 1)
        tokens = model.embed_tokens(steps).view(len(steps), TOKENS, -1) + times
        mask = self.causal + nn.functional.embedding(attention_mask, self.seen).flatten()
        x = model.embed_ln(tokens.flatten(0, 1))
        *early, last = model.encoder.h
        for block in early:
            normal = block.ln_1(x)
            x = block(x, normal, block.attn.memory(normal), mask)
        normal = last.ln_1(x)
        state = slice(-2, -1)  # the token of its action follows, which nothing reads
        x = last(x[state], normal[state], last.attn.memory(normal), mask[state])
        return _action(model, x)[None]


class StepToAction(nn.Module):
    """The present step of an episode to its action, with what the layers kept of the steps before.

    A step has the tokens return-to-go, state and action of the step before. Of the oldest step that
    is kept, this action is masked, as it lies outside the window.
    """

    masks: torch.Tensor
    slots: torch.Tensor
    next_length: torch.Tensor

    def __init__(self, model: Any, context_length: int):
        super().__init__()
        self.model = _for_inference(model)
        steps = range(2 * context_length)
        masks = torch.stack([_visible(step, context_length) for step in steps])
        self.register_buffer("masks", _additive(masks).flatten(1))
        tokens = torch.arange(TOKENS * context_length).view(-1, TOKENS)
        self.register_buffer("slots", tokens.repeat(2, 1))
        following = torch.arange(1, 2 * context_length + 1)
        following[-1] = context_length
        self.register_buffer("next_length", following)

    def first_states(self) -> dict[str, torch.Tensor]:
        """Return the states before the first step, which are null, by name."""
        blocks = self.model.encoder.h
        states = {
            f"state_{i:02}_tokens": torch.zeros(
                1, int(self.slots.max()) + 1, block.attn.memory_size
            )
            for i, block in enumerate(blocks)
        }
        return {**states, f"state_{len(blocks):02}_length": torch.zeros(1, dtype=torch.int64)}

    def forward(
        self,
        states: torch.Tensor,
        actions: torch.Tensor,
        returns_to_go: torch.Tensor,
        timesteps: torch.Tensor,
        *kept: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        """Return the action `(1, 1, A)` and the next states.

        Args:
            states: `(1, S)`.
            actions: Of the step before, `(1, A)`.
            returns_to_go: `(1, 1)`.
            timesteps: Of the three tokens, `(1, 3)`.
            kept: By layer `(1, 3 K, …)`, then the length `(1,)`: steps so far, which wraps from
                2 K to K.
        """
        model = self.model
        *memories, length = kept
        step = torch.cat((returns_to_go, states, actions), dim=-1)
        times = model.embed_timestep(timesteps).flatten(1)
        tokens = (model.embed_tokens(step) + times).view(TOKENS, -1)
        x = model.embed_ln(tokens)
        mask = nn.functional.embedding(length, self.masks).view(TOKENS, -1)
        slots = nn.functional.embedding(length, self.slots).flatten()
        place = torch.zeros_like(slots), slots
        following = []
        for block, memory in zip(model.encoder.h, memories, strict=True):
            normal = block.ln_1(x)
            following.append(memory.index_put(place, block.attn.memory(normal)))
            x = block(x, normal, following[-1].squeeze(0), mask)
        return _action(model, x)[None, 1:2], *following, self.next_length[length]


class _Block(nn.Module):
    """A layer, whose queries may be fewer than the tokens that they read."""

    def __init__(self, block: Any):
        super().__init__()
        attention = block.attn
        _fold_affine(block.ln_1, attention.c_attn)
        self.ln_1, self.ln_2, self.mlp = block.ln_1, block.ln_2, block.mlp
        self.attn = (_OneHead if attention.num_heads == 1 else _Heads)(attention)
        self.mlp.c_fc, self.mlp.c_proj = _linear(self.mlp.c_fc), _linear(self.mlp.c_proj)

    def forward(
        self, x: torch.Tensor, normal: torch.Tensor, memory: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        x = x + self.attn(normal, memory, mask)
        return x + self.mlp(self.ln_2(x))  # type: ignore[no-any-return]


class _OneHead(nn.Module):
    """Attention whose keys and values are what it is given."""

    def __init__(self, attention: Any):
        super().__init__()
        weight, bias = attention.c_attn.weight.double(), attention.c_attn.bias.double()
        (query, key, value), (query_bias, _, value_bias) = weight.chunk(3, dim=1), bias.chunk(3)
        to_scores = attention.scaling * key.T
        out = attention.c_proj.weight.double()
        self.c_attn = _affine(query @ to_scores, query_bias @ to_scores)
        self.c_proj = _affine(value @ out, value_bias @ out + attention.c_proj.bias)

    @property
    def memory_size(self) -> int:
        """Values of a token that later queries read."""
        return self.c_attn.in_features

    def memory(self, normal: torch.Tensor) -> torch.Tensor:
        """Return what later queries read."""
        return normal

    def forward(
        self, normal: torch.Tensor, memory: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        scores = self.c_attn(normal) @ memory.transpose(-1, -2) + mask
        answer: torch.Tensor = self.c_proj(scores.softmax(dim=-1) @ memory)
        return answer


class _Heads(nn.Module):
    """Attention with keys and values of several heads."""

    def __init__(self, attention: Any):
        super().__init__()
        hidden = attention.embed_dim
        self._heads = attention.num_heads
        weight, bias = attention.c_attn.weight, attention.c_attn.bias
        scaling = attention.scaling
        self.c_attn = _affine(scaling * weight[:, :hidden], scaling * bias[:hidden])
        self.c_memory = _affine(weight[:, hidden:], bias[hidden:])
        self.c_proj = _linear(attention.c_proj)

    @property
    def memory_size(self) -> int:
        """Values of a token that later queries read."""
        return self.c_memory.out_features

    def memory(self, normal: torch.Tensor) -> torch.Tensor:
        """Return what later queries read: keys, then values."""
        return self.c_memory(normal)  # type: ignore[no-any-return]

    def forward(
        self, normal: torch.Tensor, memory: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        size = normal.shape[-1] // self._heads
        query = self.c_attn(normal).view(-1, self._heads, size).transpose(0, 1)
        key, value = memory.view(-1, 2 * self._heads, size).transpose(0, 1).chunk(2)
        scores = query @ key.transpose(-1, -2) + mask
        answer = (scores.softmax(dim=-1) @ value).transpose(0, 1).flatten(-2)
        return self.c_proj(answer)  # type: ignore[no-any-return]


def _for_inference(model: Any) -> Any:
    """Return a copy of `model` in the form that is traced; modules keep their names."""
    model = copy.deepcopy(model)
    inputs = (model.embed_return, model.embed_state, model.embed_action)
    model.embed_tokens = _affine(
        torch.block_diag(*(one.weight.T for one in inputs)),  # type: ignore[no-untyped-call]
        torch.cat([one.bias for one in inputs]),
    )
    model.embed_ln.bias = nn.Parameter(model.embed_ln.bias + model.encoder.wpe.weight[0])
    model.encoder.h = nn.ModuleList(map(_Block, model.encoder.h))
    return model


def _fold_affine(norm: nn.LayerNorm, convolution: Any) -> None:
    """Move scale and bias of `norm` to what reads it: int8 then sees no channel larger than others.

    Values read it too, where keys and values are one; a large channel would cost them accuracy.
    """
    weight, scale, bias = (
        parameter.detach().double() for parameter in (convolution.weight, norm.weight, norm.bias)
    )
    convolution.bias.data += (bias @ weight).float()
    convolution.weight.data = (scale[:, None] * weight).float()
    nn.init.ones_(norm.weight)
    nn.init.zeros_(norm.bias)


def _affine(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    """Return `x @ weight + bias` as a module, float32."""
    module = nn.Linear(*weight.shape)
    module.weight = nn.Parameter(weight.detach().float().T.contiguous(), requires_grad=False)
    module.bias = nn.Parameter(bias.detach().float(), requires_grad=False)
    return module


def _linear(convolution: Any) -> nn.Linear:
    """Return GPT-2's `Conv1D`, whose weights are transposed, as a linear layer."""
    return _affine(convolution.weight, convolution.bias)


def _action(model: Any, x: torch.Tensor) -> torch.Tensor:
    return model.predict_action(model.encoder.ln_f(x))  # type: ignore[no-any-return]


def _additive(visible: torch.Tensor) -> torch.Tensor:
    """Return what is added to scores: 0 where one is to count."""
    return torch.where(visible, 0.0, MASKED)


def _visible(step: int, context_length: int) -> torch.Tensor:
    """Return which tokens of the ring those of a step see, bool `(3, 3 K)`.

    Args:
        step: Its number, or one of K to 2 K - 1 with the same place in the ring from K on.
        context_length: K, the steps in the ring; step t lies at t % K.
    """
    place = step % context_length
    steps = torch.arange(context_length) <= step
    oldest = 0 if step < context_length else (step + 1) % context_length
    seen = steps[None, :, None].repeat(TOKENS, 1, TOKENS)
    seen[:, oldest, 2] = False
    # Their order is action of the step before, return-to-go, state; return, state, action in rows.
    own = torch.tensor([[True, False, True], [True, True, True], [False, False, True]])
    seen[:, place] &= own
    return seen.flatten(1)
