"""What the Conformer is trained for: the words, and one answer to two views of an utterance."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def ctc_loss(log_probs: Tensor, targets: Sequence[Sequence[int]], blank_id: int) -> Tensor:
    """Return the mean over utterances of CTC's loss for each piece (Graves et al. 2006).

    Args:
        log_probs: float32 (batch, time, vocabulary).
        targets: pieces of each utterance.
        blank_id: index of the blank.
    """
    lengths = torch.tensor([len(target) for target in targets])
    frames = torch.full((len(targets),), log_probs.shape[1])
    flat = torch.tensor([token for target in targets for token in target])
    return functional.ctc_loss(
        log_probs.transpose(0, 1), flat, frames, lengths, blank=blank_id, zero_infinity=True
    )


def consistency_loss(
    log_probs: Tensor, targets: Sequence[Sequence[int]], first: list[int]
) -> Tensor:
    """Return how far the answers to two views of an utterance are from each other.

    Kullback-Leibler divergences in both directions, each towards the other view as it is (no
    gradient), summed over the frames, for each piece; the mean over the batch. Consistency-
    regularized CTC: Yao et al. 2024, arXiv:2410.05101, equations 4 and 5.

    Args:
        log_probs: float32 (batch, time, vocabulary).
        targets: pieces of each row.
        first: rows that are followed by a second view of the same utterance.
    """
    one, other = log_probs[first], log_probs[[row + 1 for row in first]]
    distance = _divergence(one, other) + _divergence(other, one)
    pieces = torch.tensor([max(1, len(targets[row])) for row in first])
    return (distance / pieces).sum() / len(log_probs)


def _divergence(log_probs: Tensor, wanted: Tensor) -> Tensor:
    each = functional.kl_div(log_probs, wanted.detach(), reduction="none", log_target=True)
    return each.sum((1, 2))
