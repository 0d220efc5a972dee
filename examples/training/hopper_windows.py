"""Turn the behaviour data into training windows of a Decision Transformer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import hopper_behaviour as behaviour
import numpy as np
import torch
from transformers import DecisionTransformerModel

CONTEXT_LENGTH = 10
RETURN_SCALE = 1000.0

BIN_EDGES = (0, 300, 450, 600, 800, 1000, 1300, 1600, 1900, 2200, 2400, 2700, np.inf)
"""Trajectories are drawn evenly from these bins of their return, however full a bin is."""

LARGEST_DEVIATION = 0.2
"""A trajectory is kept when its return is within this share of the median of its policy."""

START_SHARE = 0.15
"""Share of windows that end within the first `CONTEXT_LENGTH` steps: there the gait is chosen."""


@dataclass(frozen=True)
class Behaviour:
    """All kept trajectories as tables of N steps."""

    states: np.ndarray
    """float32 (N, 11), normalized."""
    actions: np.ndarray
    """float32 (N, 3) in [-1, 1]."""
    returns_to_go: np.ndarray
    """float32 (N, 1): sum of the rewards from this step on, divided by `RETURN_SCALE`."""
    timesteps: np.ndarray
    """int64 (N,): step within the episode."""
    offsets: np.ndarray
    """int64 (E,): first step of each episode."""
    returns: np.ndarray
    """float64 (E,)."""
    state_mean: np.ndarray
    """float32 (11,)."""
    state_std: np.ndarray
    """float32 (11,), positive."""


@dataclass(frozen=True)
class Windows:
    """A batch of left-padded context windows; zeros and mask 0 where nothing happened yet."""

    states: torch.Tensor
    """float32 (batch, K, 11)."""
    actions: torch.Tensor
    """float32 (batch, K, 3)."""
    returns_to_go: torch.Tensor
    """float32 (batch, K, 1)."""
    timesteps: torch.Tensor
    """int64 (batch, K)."""
    attention_mask: torch.Tensor
    """int64 (batch, K)."""

    def predict(self, model: DecisionTransformerModel) -> torch.Tensor:
        """Return the action predictions, float32 (batch, K, 3)."""
        return model(
            states=self.states,
            actions=self.actions,
            rewards=None,
            returns_to_go=self.returns_to_go,
            timesteps=self.timesteps,
            attention_mask=self.attention_mask,
        ).action_preds


def typical_trajectories(work: Path) -> list[behaviour.Trajectory]:
    """Read all re-rolls, without those whose return is far from what their policy usually earns.

    A good policy that once stumbles over an unlucky noise sample shows nothing of *how* to earn
    little; such episodes would teach the model that a low return-to-go looks like a good gait.
    """
    kept = []
    for name in behaviour.SEARCHES:
        path = behaviour.behaviour_file(work, name)
        trajectories = behaviour.load_trajectories(path)
        with np.load(path) as stored:
            iterations = stored["iterations"]
        returns = np.array([trajectory.total_return for trajectory in trajectories])
        for trajectory, iteration in zip(trajectories, iterations, strict=True):
            usual = np.median(returns[iterations == iteration])
            if abs(trajectory.total_return - usual) <= LARGEST_DEVIATION * abs(usual):
                kept.append(trajectory)
    return kept


def build_tables(trajectories: Sequence[behaviour.Trajectory]) -> Behaviour:
    """Normalize the trajectories and compute their returns-to-go."""
    packed = behaviour.pack_trajectories(list(trajectories))
    returns_to_go = [t.rewards[::-1].cumsum(dtype=np.float64)[::-1] for t in trajectories]
    mean, std = packed["observations"].mean(0), packed["observations"].std(0) + 1e-6
    return Behaviour(
        states=(packed["observations"] - mean) / std,
        actions=packed["actions"],
        returns_to_go=(np.concatenate(returns_to_go)[:, None] / RETURN_SCALE).astype(np.float32),
        timesteps=np.concatenate([np.arange(len(t.rewards)) for t in trajectories]),
        offsets=packed["offsets"][:-1],
        returns=np.array([t.total_return for t in trajectories]),
        state_mean=mean,
        state_std=std,
    )


def episode_pools(data: Behaviour) -> list[np.ndarray]:
    """Return for each non-empty return bin the indices of its episodes, int64 (episodes,)."""
    bins = np.digitize(data.returns, BIN_EDGES)
    return [np.flatnonzero(bins == number) for number in np.unique(bins)]


def draw_steps(
    data: Behaviour, pools: Sequence[np.ndarray], generator: np.random.Generator, count: int
) -> np.ndarray:
    """Draw steps, int64 (count,), evenly over the return bins, then over their episodes."""
    lengths = np.diff(np.append(data.offsets, len(data.timesteps)))
    episodes = np.array(
        [generator.choice(pools[i]) for i in generator.integers(len(pools), size=count)]
    )
    limits = np.where(
        generator.random(count) < START_SHARE,
        np.minimum(lengths[episodes], CONTEXT_LENGTH),
        lengths[episodes],
    )
    return data.offsets[episodes] + generator.integers(limits)


def cut_windows(data: Behaviour, steps: np.ndarray) -> Windows:
    """Return the windows that end at `steps`, int64 (batch,)."""
    positions = steps[:, None] + np.arange(1 - CONTEXT_LENGTH, 1)
    age = data.timesteps[steps][:, None] + np.arange(1 - CONTEXT_LENGTH, 1)
    mask = age >= 0
    positions = np.where(mask, positions, 0)

    def gather(table: np.ndarray) -> torch.Tensor:
        rows = table[positions]
        return torch.from_numpy(rows * mask.reshape(mask.shape + (1,) * (rows.ndim - 2)))

    return Windows(
        states=gather(data.states),
        actions=gather(data.actions),
        returns_to_go=gather(data.returns_to_go),
        timesteps=gather(data.timesteps),
        attention_mask=torch.from_numpy(mask.astype(np.int64)),
    )
