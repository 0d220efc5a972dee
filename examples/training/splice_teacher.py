"""The teacher of the splice-junction model: a string-kernel machine and boosted trees, averaged.

Small data favour such methods; the network learns their answers to mutated sequences, of which
there is no end.
"""

from __future__ import annotations

import numpy as np
from scipy.special import softmax
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.svm import SVC

DEGREE = 5
MARGIN_SCALE = 2.0  # turns margins into logits; by the likelihood in cross-validation


def one_hot(codes: np.ndarray) -> np.ndarray:
    """Turn base codes (number, length), 0..3, into float64 (number, 4 x length)."""
    return np.eye(4)[codes].reshape(len(codes), -1)


def weighted_degree_kernel(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Compare sequences by the k-mers, k = 1..5, that they share at the same place.

    Weights of Ratsch and Sonnenburg 2004: 2 (d - k + 1) / (d (d + 1)) for the degree d = 5.

    Returns:
        float64 (left, right), at most 1.
    """
    equal = left[:, None, :] == right[None, :, :]
    total = np.zeros(equal.shape[:2])
    matching = equal
    for k in range(1, DEGREE + 1):
        if k > 1:
            matching = matching[:, :, :-1] & equal[:, :, k - 1 :]
        total += matching.sum(-1) * (2 * (DEGREE - k + 1) / (DEGREE * (DEGREE + 1)))
    return total / left.shape[1]


class SpliceTeacher:
    """Fits both methods on base codes uint8 (number, 60) and labels (number,)."""

    def __init__(self, codes: np.ndarray, labels: np.ndarray, seed: int) -> None:
        self.codes = codes
        kernel = weighted_degree_kernel(codes, codes)
        self.machines = [
            SVC(C=3.0, kernel="precomputed").fit(kernel, labels == label)
            for label in range(labels.max() + 1)
        ]
        self.trees = GradientBoostingClassifier(
            n_estimators=200, max_depth=4, subsample=0.5, max_features=30, random_state=seed
        ).fit(one_hot(codes), labels)

    def answers(self, codes: np.ndarray) -> np.ndarray:
        """Return the mean of both methods' probabilities, float32 (number, labels)."""
        parts = np.array_split(codes, max(1, len(codes) // 500))
        return np.concatenate([self._answers(part) for part in parts]).astype(np.float32)

    def _answers(self, codes: np.ndarray) -> np.ndarray:
        kernel = weighted_degree_kernel(codes, self.codes)
        margins = np.stack([machine.decision_function(kernel) for machine in self.machines], 1)
        trees = self.trees.predict_proba(one_hot(codes))
        mean: np.ndarray = 0.5 * (softmax(MARGIN_SCALE * margins, axis=1) + trees)
        return mean
