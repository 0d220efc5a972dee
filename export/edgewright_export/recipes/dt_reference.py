"""The Decision Transformer as PyTorch computes it, on windows made as in the original example."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from edgewright.families.decision_transformer import DecisionTransformerConfig
from edgewright.specs import Array
from edgewright_export.subject import Sample


@dataclass(frozen=True)
class ReferenceAction:
    """One action of the reference policy."""

    action: Array
    """float32 `(actions,)`, within the limits."""


class DecisionTransformerReference:
    """PyTorch, told the whole history at every step; slow and obvious."""

    def __init__(self, model: Any, config: DecisionTransformerConfig):
        self._model, self._config = model, config
        self._target = 0.0
        self._states: list[Array] = []
        self._actions: list[Array] = []
        self._rewards: list[float] = []

    def infer(self, sample: Sample) -> dict[str, Array]:
        """Return the model's action after the history in `sample`, before it is limited.

        Args:
            sample: float32 `states (T, S)`, `actions (T-1, A)`, `rewards (T-1,)`,
                `target_return ()`.
        """
        action = self._predict(
            np.asarray(sample["states"]),
            np.asarray(sample["actions"]),
            np.asarray(sample["rewards"], dtype=np.float64),
            float(sample["target_return"]),
        )
        return {"action": action}

    def reset(self, target_return: float | None = None) -> None:
        """Begin an episode that asks for `target_return`."""
        target = self._config.target_return if target_return is None else target_return
        assert target is not None  # closed-loop evaluation needs one and checks it
        self._target, self._states, self._actions, self._rewards = target, [], [], []

    def step(self, observation: Array, reward: float | None = None) -> ReferenceAction:
        """Return the action for `observation`, after `reward` for the last one."""
        if reward is not None:
            self._rewards.append(reward)
        self._states.append(np.asarray(observation, dtype=np.float32))
        # Only the last steps reach the model, but their return-to-go needs all rewards.
        keep = self._config.context_length
        offset = max(0, len(self._states) - keep)
        spent = float(np.sum(self._rewards[:offset]))
        action = self._predict(
            np.stack(self._states[offset:]),
            _rows(self._actions[offset:], self._config.action_dim),
            np.array(self._rewards[offset:], dtype=np.float64),
            self._target - spent,
            first_step=offset,
        )
        limited = np.clip(action, self._config.action_low, self._config.action_high)
        self._actions.append(limited.astype(np.float32))
        return ReferenceAction(self._actions[-1])

    def _predict(
        self,
        states: Array,
        actions: Array,
        rewards: Array,
        target_return: float,
        first_step: int = 0,
    ) -> Array:
        config, steps = self._config, len(states)
        normalized = (states - np.array(config.state_mean)) / np.array(config.state_std)
        spent = np.concatenate(([0.0], np.cumsum(rewards)))
        to_go = (target_return - spent)[:, None] / config.return_scale
        no_action = np.zeros((1, config.action_dim))
        times = np.minimum(first_step + np.arange(steps), config.max_ep_len - 1)
        with torch.inference_mode():
            answer = self._model(
                states=self._window(normalized),
                actions=self._window(np.concatenate((actions, no_action))),
                returns_to_go=self._window(to_go),
                timesteps=self._window(times[:, None])[..., 0].long(),
                attention_mask=self._window(np.ones((steps, 1)))[..., 0].long(),
            )
        action: Array = answer.action_preds[0, -1].numpy()
        return action

    def _window(self, rows: Array) -> torch.Tensor:
        """Return the last rows, with zeros before them, as float32 `(1, context_length, …)`."""
        last = rows[-self._config.context_length :]
        padding = np.zeros((self._config.context_length - len(last), *rows.shape[1:]))
        return torch.from_numpy(np.concatenate((padding, last))[None].astype(np.float32))


def _rows(rows: Sequence[Array], size: int) -> Array:
    return np.stack(rows) if rows else np.zeros((0, size), dtype=np.float32)
