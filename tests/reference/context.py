"""The inputs of a Decision Transformer from the whole episode."""

import numpy as np


def context(states, actions, rewards, target_return, *, length, mean, std, scale, max_ep_len):
    """Return the arrays at the step of the last state; one action and reward fewer than states."""
    steps = len(states)
    to_go = target_return - np.concatenate([[0], np.cumsum(rewards, dtype=np.float64)])
    actions = np.float32(actions)
    full = {
        "states": (np.float32(states) - np.float32(mean)) / np.float32(std),
        "actions": np.concatenate([actions, np.zeros((1, actions.shape[1]), np.float32)]),
        "returns_to_go": np.float32(to_go / scale)[:, np.newaxis],
        "timesteps": np.minimum(np.arange(steps), max_ep_len - 1),
        "attention_mask": np.ones(steps, np.int64),
    }
    padded = {}
    for name, array in full.items():
        kept = array[-length:]
        zeros = np.zeros((length - len(kept), *kept.shape[1:]), kept.dtype)
        padded[name] = np.concatenate([zeros, kept])[np.newaxis]
    return padded
