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

    def __init__(self, model: Any, config: DecisionTransformerConfig, *, cached: bool = False):
        """Keep the model.

        Args:
            model: A `DecisionTransformerModel`.
            config: Sizes and statistics.
            cached: Whether `infer` also tells the action of the cached step.
        """
        self._model, self._config, self._tells_cached = model, config, cached
        self._cached = False
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
        history = (
            np.asarray(sample["states"]),
            np.asarray(sample["actions"]),
            np.asarray(sample["rewards"], dtype=np.float64),
            float(sample["target_return"]),
        )
        answer = {"action": self._predict(*history)}
        if self._tells_cached:
            last = 2 * self._config.context_length
            answer["cached_action"] = self._predict_cached(*history, last_steps=last)
        return answer

    def reset(self, target_return: float | None = None, *, cached: bool = False) -> None:
        """Begin an episode that asks for `target_return`, of the cached step or of full windows."""
        self._cached = cached
        target = self._config.target_return if target_return is None else target_return
        assert target is not None  # closed-loop evaluation needs one and checks it
        self._target, self._states, self._actions, self._rewards = target, [], [], []

    def step(self, observation: Array, reward: float | None = None) -> ReferenceAction:
        """Return the action for `observation`, after `reward` for the last one."""
        if reward is not None:
            self._rewards.append(reward)
        self._states.append(np.asarray(observation, dtype=np.float32))
        # Only the last steps reach the model, but their return-to-go needs all rewards. Without
        # the window, each layer reaches further back.
        reach = len(self._model.encoder.h) if self._cached else 1
        offset = max(0, len(self._states) - reach * self._config.context_length)
        spent = float(np.sum(self._rewards[:offset]))
        predict = self._predict_cached if self._cached else self._predict
        action = predict(
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
        *,
        first_step: int = 0,
    ) -> Array:
        rows = self._rows(states, actions, rewards, target_return, first_step)
        with torch.inference_mode():
            answer = self._model(
                states=self._window(rows["states"]),
                actions=self._window(rows["actions"]),
                returns_to_go=self._window(rows["returns_to_go"]),
                timesteps=self._window(rows["timesteps"])[..., 0].long(),
                attention_mask=self._window(np.ones((len(states), 1)))[..., 0].long(),
            )
        action: Array = answer.action_preds[0, -1].numpy()
        return action

    def _predict_cached(
        self,
        states: Array,
        actions: Array,
        rewards: Array,
        target_return: float,
        *,
        first_step: int = 0,
        last_steps: int = 0,
    ) -> Array:
        """Return the action where no token is computed again when the window slides.

        That is the model on all steps (or the last ones) at once, each token seeing those of its
        own window: K steps, its own and those before.
        """
        length, model = self._config.context_length, self._model
        rows = self._rows(states, actions, rewards, target_return, first_step)
        last = {
            name: torch.from_numpy(values[-last_steps:].astype(np.float32))[None]
            for name, values in rows.items()
        }
        # An action belongs to the step after it, with which it enters the cache.
        tokens = torch.arange(3 * last["states"].shape[1])
        steps, window = tokens // 3, (tokens + 1) // 3
        distance = window[:, None] - steps
        visible = (tokens[:, None] >= tokens) & (distance < length)
        with torch.inference_mode():
            times = model.embed_timestep(last["timesteps"][..., 0].long())
            embedded = (
                model.embed_return(last["returns_to_go"]) + times,
                model.embed_state(last["states"]) + times,
                model.embed_action(last["actions"]) + times,
            )
            hidden = model.encoder(
                inputs_embeds=model.embed_ln(torch.stack(embedded, dim=2).flatten(1, 2)),
                attention_mask=torch.where(visible, 0.0, torch.finfo().min)[None, None],
                position_ids=torch.zeros((1, len(tokens)), dtype=torch.int64),
            )[0]
            action: Array = model.predict_action(hidden[0, -2]).numpy()
        return action

    def _rows(
        self, states: Array, actions: Array, rewards: Array, target_return: float, first_step: int
    ) -> dict[str, Array]:
        """Return what the model reads of every step; the present one has no action yet."""
        config, steps = self._config, len(states)
        spent = np.concatenate(([0.0], np.cumsum(rewards)))
        no_action = np.zeros((1, config.action_dim))
        times = np.minimum(first_step + np.arange(steps), config.max_ep_len - 1)
        return {
            "states": (states - np.array(config.state_mean)) / np.array(config.state_std),
            "actions": np.concatenate((actions, no_action)),
            "returns_to_go": (target_return - spent)[:, None] / config.return_scale,
            "timesteps": times[:, None],
        }

    def _window(self, rows: Array) -> torch.Tensor:
        """Return the last rows, with zeros before them, as float32 `(1, context_length, …)`."""
        last = rows[-self._config.context_length :]
        padding = np.zeros((self._config.context_length - len(last), *rows.shape[1:]))
        return torch.from_numpy(np.concatenate((padding, last))[None].astype(np.float32))


def _rows(rows: Sequence[Array], size: int) -> Array:
    return np.stack(rows) if rows else np.zeros((0, size), dtype=np.float32)
