"""Which number format this machine's processor trains fastest in."""

from __future__ import annotations

import time

import torch

_SHAPES = ((1600, 160, 768), (1600, 768, 160))  # as in small networks of speech
_ROUNDS = 15


def bfloat16_pays() -> bool:
    """Return whether matrices are multiplied faster in bfloat16 than in float32.

    Instructions for it do not decide: some processors have them and are half as fast with them.
    """
    return _seconds(torch.bfloat16) < _seconds(torch.float32)


def _seconds(dtype: torch.dtype) -> float:
    """Return the shortest time of some products; what else the machine does counts little."""
    pairs = [(torch.ones(m, k, dtype=dtype), torch.ones(k, n, dtype=dtype)) for m, k, n in _SHAPES]
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        for left, right in pairs:
            left @ right
        times.append(time.perf_counter() - started)
    return min(times)
