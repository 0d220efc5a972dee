"""Decision Transformers over continuous states and actions."""

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
from edgewright_export.recipes.dt_graphs import TOKENS, StepToAction, WindowToAction
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
    cached_step: bool = False
    """Whether the bundle also gets the graph of one step, which keeps what the layers computed of
    the steps before."""


class DecisionTransformerRecipe(Recipe):
    """A `DecisionTransformerModel` with the statistics of its training data."""

    family = "decision_transformer"
    architectures: ClassVar[tuple[str, ...]] = ("DecisionTransformerModel",)

    def __init__(
        self, model: nn.Module, config: DecisionTransformerConfig, *, cached_step: bool = False
    ):
        self._model, self._config, self._cached_step = model, config, cached_step

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
        config = _family_config(model.config, options)
        return cls(model, config, cached_step=options.cached_step)

    @property
    def config(self) -> DecisionTransformerConfig:
        """The runtime family's configuration record."""
        return self._config

    def components(self) -> dict[str, TracedComponent]:
        """Return the graph of a context window and, where it is asked for, that of one step."""
        length = self._config.context_length
        window = TracedComponent(
            module=WindowToAction(self._model, length),
            inputs=self._window(length),
            outputs=("action_preds",),
            dynamic={},
            probes=tuple(self._window(steps) for steps in {1, (length + 1) // 2} - {length}),
        )
        return {"model": window, **({"step": self._step()} if self._cached_step else {})}

    def reference(self) -> DecisionTransformerReference:
        """Return PyTorch on windows that are cut and padded as in the original example."""
        return DecisionTransformerReference(self._model, self._config, cached=self._cached_step)

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
            return ClosedLoopEvaluation.create(
                str(path), self._config, seed, cached=self._cached_step
            )
        return AgreementEvaluation.create(
            "action_agreement", calibration, self.reference(), "action", explained
        )

    def quantization(self) -> QuantizationPlan:
        """Keep what reads states and returns, and what gives actions, in fp32.

        They hold under 1 % of the weights. In int8 they cost the checkpoint for Hopper-v5 3 % of
        its return (2649 instead of 2747 over 30 seeds, fp32: 2727).
        """
        return QuantizationPlan(keep=("*.embed_*", "*.predict_action*"))

    def _window(self, steps: int) -> dict[str, torch.Tensor]:
        """Return a random window of `steps` steps, padded on the left."""
        length = self._config.context_length
        generator = torch.Generator().manual_seed(steps)
        mask = torch.zeros((1, length), dtype=torch.int64)
        mask[:, length - steps :] = 1
        drawn = {
            name: torch.randn((1, length, size), generator=generator) * mask[..., None]
            for name, size in self._sizes().items()
        }
        times = (mask.cumsum(dim=1) - 1).clamp(0, self._config.max_ep_len - 1)
        return {**drawn, "timesteps": times, "attention_mask": mask}

    def _step(self) -> TracedComponent:
        module = StepToAction(self._model, self._config.context_length)
        inputs = self._step_inputs(module, 0)
        edges = {1, self._config.context_length - 1, self._config.context_length}
        following = tuple(f"next_{name}" for name in inputs if name.startswith("state_"))
        return TracedComponent(
            module=module,
            inputs=inputs,
            outputs=("action_preds", *following),
            dynamic={},
            probes=tuple(self._step_inputs(module, step) for step in sorted(edges - {0})),
        )

    def _step_inputs(self, module: StepToAction, step: int) -> dict[str, torch.Tensor]:
        """Return random inputs of the step number `step`, with states as they may be then."""
        generator = torch.Generator().manual_seed(step)
        drawn = {
            name: torch.randn((1, size), generator=generator)
            for name, size in self._sizes().items()
        }
        times = torch.tensor([[step, step, max(step - 1, 0)]])
        filled = TOKENS * min(step, self._config.context_length)
        states = module.first_states()
        for state in states.values():
            if state.dim() > 1:
                state[:, :filled] = torch.randn(state[:, :filled].shape, generator=generator)
            else:
                state[:] = step
        return {**drawn, "timesteps": times.clamp(max=self._config.max_ep_len - 1), **states}

    def _sizes(self) -> dict[str, int]:
        config = self._config
        return {"states": config.state_dim, "actions": config.action_dim, "returns_to_go": 1}


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
