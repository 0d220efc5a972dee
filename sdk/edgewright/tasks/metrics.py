"""The task metrics, on NumPy alone."""

import numpy as np
from numpy.typing import NDArray

from edgewright.errors import InputError

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]


def top1(logits: Floats, labels: Integers) -> float:
    """Return the share of rows whose largest logit is at the label.

    Args:
        logits: float (samples, classes); a tie counts for the lower index.
        labels: int (samples,).

    Raises:
        InputError: There are no samples, or the counts differ.
    """
    return accuracy(np.argmax(logits, axis=-1), labels)


def accuracy(predicted: Integers, labels: Integers) -> float:
    """Return the share of equal entries of two int arrays of one shape."""
    if predicted.shape != labels.shape or labels.size == 0:
        raise InputError(
            f"labels: got shape {labels.shape} for predictions {predicted.shape}, expected the "
            "same, with at least one sample; pass one label per sample"
        )
    return float(np.mean(predicted == labels))


def auc(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve, by ranks (Mann-Whitney U); ties count one half.

    Args:
        scores: float (samples,), larger means more likely positive.
        positive: bool (samples,).

    Raises:
        InputError: One of the classes is missing, or the counts differ.
    """
    positives = int(np.count_nonzero(positive))
    negatives = positive.size - positives
    if scores.shape != positive.shape or not positives or not negatives:
        raise InputError(
            f"auc: got {scores.size} scores, {positives} positive and {negatives} negative labels, "
            "expected one score per label and both classes; add samples of the missing class"
        )
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]  # mean 1-based rank of each group of ties
    u = ranks[positive].sum() - positives * (positives + 1) / 2
    return float(u / (positives * negatives))
