"""Decision Transformers over continuous states and actions."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import transformers
from torch import nn

from edgewright.errors import CheckpointError
from edgewright.families.decision_transformer import DecisionTransformerConfig
from edgewright_export.calibrate import Calibration
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.evaluation import AgreementEvaluation, Evaluation, explained
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.quantization import QuantizationPlan
from edgewright_export.recipes.base import (
    MAX_CALIBRATION_SAMPLES,
    SYNTHETIC_SAMPLES,
    Recipe,
)
from edgewright_export.recipes.closed_loop import ClosedLoopEvaluation
from edgewright_export.recipes.dt_reference import DecisionTransformerReference
from edgewright_export.recipes.trajectories import random_trajectory, read_trajectories


@dataclass(frozen=True)
class DecisionTransformerOptions:
    """Options of the family in `edgewright.json`: what public checkpoints have in their card."""

    state_mean: tuple[float, ...]
    """Mean of the training states, one number a dimension."""
    state_std: tuple[float, ...]
    """Standard deviation of the training states, greater than 0."""
    context_length: int
    """Steps that the model sees."""
    return_scale: float
    """Returns are divided by it."""
    max_ep_len: int | None = None
    """Later steps are counted as the last one; by default as many as the weights know."""
    action_low: tuple[float, ...] | None = None
    """Smallest actions; -1 by default where the model ends in tanh."""
    action_high: tuple[float, ...] | None = None
    """Largest actions; 1 by default where the model ends in tanh."""
    environment: str | None = None
    """Gymnasium id of the environment that the data came from."""
    target_return: float | None = None
    """Return to ask for by default."""


class DecisionTransformerRecipe(Recipe):
    """A `DecisionTransformerModel` with the statistics of its training data."""

    family = "decision_transformer"
    architectures: ClassVar[tuple[str, ...]] = ("DecisionTransformerModel",)

    def __init__(self, model: nn.Module, config: DecisionTransformerConfig):
        self._model, self._config = model, config

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> "DecisionTransformerRecipe":
        """Read weights and options of `checkpoint`.

        Raises:
            CheckpointError: Something is missing or cannot be used.
        """
        options = checkpoint.family_options(DecisionTransformerOptions)
        # Masks that GPT-2 code of older versions stored with the weights.
        buffers = ("encoder.h.*.attn.bias", "encoder.h.*.attn.masked_bias")
        model = checkpoint.load(transformers.DecisionTransformerModel, unused=buffers)
        return cls(model, _family_config(model.config, options))

    @property
    def config(self) -> DecisionTransformerConfig:
        """The runtime family's configuration record."""
        return self._config

    def components(self) -> dict[str, TracedComponent]:
        """Return the one graph: a context window to the actions of its steps."""
        length = max(self._config.context_length, 2)
        inputs = self._example(2, length)
        return {
            "model": TracedComponent(
                module=_Actions(_with_one_position(self._model)),
                inputs=inputs,
                outputs=("action_preds",),
                dynamic={name: {0: "batch", 1: "time"} for name in inputs},
                probes=(self._example(1, 1), self._example(3, length + 1)),
            )
        }

    def reference(self) -> DecisionTransformerReference:
        """Return PyTorch on windows that are cut and padded as in the original example."""
        return DecisionTransformerReference(self._model, self._config)

    def calibration(self, path: Path | None, seed: int) -> Calibration:
        """Return pieces of the trajectories in `path` (`.npz`), or synthetic ones."""
        generator = np.random.default_rng(seed)
        config = self._config
        if path is not None:
            samples = read_trajectories(path, config, MAX_CALIBRATION_SAMPLES, generator)
            return Calibration(samples, path.name)
        lengths = np.linspace(1, 2 * config.context_length, SYNTHETIC_SAMPLES).astype(int)
        samples = [random_trajectory(config, int(length), generator) for length in lengths]
        return Calibration(samples, "synthetic samples")

    def evaluation(self, path: Path | None, calibration: Calibration, seed: int) -> Evaluation:
        """Return the mean return in the environment named `path`, or agreement of actions."""
        if path is not None:
            return ClosedLoopEvaluation.create(str(path), self._config, seed)
        return AgreementEvaluation.create(
            "action_agreement", calibration, self.reference(), "action", explained
        )

    def quantization(self) -> QuantizationPlan:
        """Keep what reads states and returns, and what gives actions, in fp32.

        They hold under 1 % of the weights. In int8 they cost the checkpoint for Hopper-v5 3 % of
        its return (2649 instead of 2747 over 30 seeds, fp32: 2727).
        """
        return QuantizationPlan(keep=("*.embed_*", "*.predict_action*"))

    def _example(self, batch: int, length: int) -> dict[str, torch.Tensor]:
        """Return a random window, the last row of several half empty (padded on the left)."""
        generator = torch.Generator().manual_seed(batch)
        mask = torch.ones((batch, length), dtype=torch.int64)
        if batch > 1:
            mask[-1, : length // 2] = 0
        sizes = {
            "states": self._config.state_dim,
            "actions": self._config.action_dim,
            "returns_to_go": 1,
        }
        drawn = {
            name: torch.randn((batch, length, size), generator=generator) * mask[..., None]
            for name, size in sizes.items()
        }
        steps = torch.arange(length).clamp(max=self._config.max_ep_len - 1)
        return {**drawn, "timesteps": steps * mask, "attention_mask": mask}


class _Actions(nn.Module):
    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(
        self,
        states: torch.Tensor,
        actions: torch.Tensor,
        returns_to_go: torch.Tensor,
        timesteps: torch.Tensor,
        attention_mask: torch.Tensor,
    ) -> torch.Tensor:
        answer = self.model(
            states=states,
            actions=actions,
            returns_to_go=returns_to_go,
            timesteps=timesteps,
            attention_mask=attention_mask,
        )
        predicted: torch.Tensor = answer.action_preds
        return predicted


def _with_one_position(model: Any) -> Any:
    """Return a copy of `model` whose position table has one row.

    The class gives position 0 to every token, so the other rows are dead weight.
    """
    copied = copy.deepcopy(model)
    row = copied.encoder.wpe.weight[:1].clone()
    copied.encoder.wpe = nn.Embedding(1, row.shape[1], _weight=row, _freeze=True)
    return copied


def _family_config(config: Any, options: DecisionTransformerOptions) -> DecisionTransformerConfig:
    low = options.action_low or _default_limits(config, -1.0)
    high = options.action_high or _default_limits(config, 1.0)
    for name, values, size in (
        ("state_mean", options.state_mean, config.state_dim),
        ("state_std", options.state_std, config.state_dim),
        ("action_low", low, config.act_dim),
        ("action_high", high, config.act_dim),
    ):
        if len(values) != size:
            raise CheckpointError(
                f"options: got {len(values)} numbers as {name}, expected {size}, one for each "
                "dimension in config.json; correct the option"
            )
    max_ep_len = options.max_ep_len or config.max_ep_len
    _check_ranges(options, low, high, max_ep_len, config.max_ep_len)
    return DecisionTransformerConfig(
        state_dim=config.state_dim,
        action_dim=config.act_dim,
        context_length=options.context_length,
        max_ep_len=max_ep_len,
        return_scale=options.return_scale,
        state_mean=options.state_mean,
        state_std=options.state_std,
        action_low=low,
        action_high=high,
        environment=options.environment,
        target_return=options.target_return,
    )


def _default_limits(config: Any, value: float) -> tuple[float, ...]:
    if not config.action_tanh:
        raise CheckpointError(
            "options: got no action_low and action_high, expected them because the model's actions "
            "are not bounded by tanh; write down the limits of the environment"
        )
    return (value,) * int(config.act_dim)


def _check_ranges(
    options: DecisionTransformerOptions,
    low: tuple[float, ...],
    high: tuple[float, ...],
    max_ep_len: int,
    known_steps: int,
) -> None:
    for wrong, got, expected in (
        (min(options.state_std) <= 0, f"state_std {options.state_std}", "numbers above 0"),
        (options.context_length < 1, f"context_length {options.context_length}", "at least 1"),
        (options.return_scale <= 0, f"return_scale {options.return_scale}", "a number above 0"),
        (
            not 1 <= max_ep_len <= known_steps,
            f"max_ep_len {max_ep_len}",
            f"1 … {known_steps}, the time steps that the weights know",
        ),
        (
            any(a >= b for a, b in zip(low, high, strict=True)),
            f"action_low {low} and action_high {high}",
            "each lower limit below its upper one",
        ),
    ):
        if wrong:
            raise CheckpointError(f"options: got {got}, expected {expected}; correct the option")
