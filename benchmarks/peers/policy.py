"""An observation to the next action."""

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DecisionTransformerModel

from peers.opened import CHECKPOINTS, HAND, Bundle, in_torch

NAME = "decision-transformer-hopper"


class Policy:
    """The Decision Transformer on arrays that slide by one step a call, as in its example."""

    def __init__(self, kind: str, variant: str) -> None:
        bundle = Bundle.of(NAME)
        self._config = config = bundle.config
        self._kind, length = kind, config["context_length"]
        self._mean, self._std = (
            np.array(config[f"state_{k}"], np.float32) for k in ("mean", "std")
        )
        self._states = np.zeros((1, length, len(self._mean)), np.float32)
        self._actions = np.zeros((1, length, config["action_dim"]), np.float32)
        self._returns = np.zeros((1, length, 1), np.float32)
        self._times = np.zeros((1, length), np.int64)
        self._mask = np.zeros((1, length), np.int64)
        if kind == HAND:
            self._session = bundle.session(variant)
            self._names = [one.name for one in self._session.get_inputs()]
        else:
            folder = CHECKPOINTS / NAME
            self._model = in_torch(kind, DecisionTransformerModel.from_pretrained(folder))

    def __call__(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        for array in (self._states, self._actions, self._returns, self._times, self._mask):
            array[:, :-1] = array[:, 1:]
        self._states[0, -1] = (observation - self._mean) / self._std
        self._actions[0, -1] = 0
        self._returns[0, -1] = self._returns[0, -2] if self._mask[0, -2] else 2.5
        step = self._times[0, -2] + 1 if self._mask[0, -2] else 0
        self._times[0, -1] = min(step, self._config["max_ep_len"] - 1)
        self._mask[0, -1] = 1
        action = np.clip(self._answer(), self._config["action_low"], self._config["action_high"])
        self._actions[0, -1] = action
        return action.astype(np.float32)

    def _answer(self) -> NDArray[np.float32]:
        arrays = {
            "states": self._states, "actions": self._actions, "returns_to_go": self._returns,
            "timesteps": self._times, "attention_mask": self._mask,
        }  # fmt: skip
        if self._kind == HAND:
            given = {name: arrays[name] for name in self._names}
            return self._session.run(None, given)[0][0, -1]
        dtype = next(self._model.parameters()).dtype
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        floats = {name: t.to(dtype) for name, t in tensors.items() if t.is_floating_point()}
        with torch.inference_mode():
            return self._model(**{**tensors, **floats}).action_preds[0, -1].float().numpy()
