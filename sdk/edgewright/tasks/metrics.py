"""The task metrics, on NumPy alone."""

from collections.abc import Sequence

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


def word_error_rate(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Return word substitutions, deletions and insertions per word of the references.

    Words are what spaces separate, compared as they are; the counts are summed over all texts.

    Raises:
        InputError: The counts of texts differ, or the references have no words.
    """
    words = sum(len(reference.split()) for reference in references)
    if len(references) != len(hypotheses) or not words:
        raise InputError(
            f"word_error_rate: got {len(references)} references with {words} words and "
            f"{len(hypotheses)} hypotheses, expected as many of both and at least one word; pass "
            "one hypothesis per reference"
        )
    pairs = zip(references, hypotheses, strict=True)
    return sum(edit_distance(first.split(), second.split()) for first, second in pairs) / words


def edit_distance(first: Sequence[object], second: Sequence[object]) -> int:
    """Return the Levenshtein distance of two sequences (Wagner and Fischer, 1974)."""
    row = list(range(len(second) + 1))
    for i, word in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(second, 1):
            best = min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
            diagonal, row[j] = row[j], best
    return row[-1]
