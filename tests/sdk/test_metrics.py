"""The metrics against their definitions."""

import numpy as np
import pytest

from edgewright.errors import InputError
from edgewright.tasks.metrics import accuracy, auc, top1, word_error_rate


def test_top1_counts_the_largest_logit() -> None:
    logits = np.array([[0.1, 0.9], [2.0, 1.0], [1.0, 1.0], [0.0, 3.0]])
    assert top1(logits, np.array([1, 0, 1, 1])) == 0.75  # the tie counts for index 0


def test_auc_equals_the_share_of_ordered_pairs() -> None:
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 10, 60) / 10, rng.random(60) < 0.3
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[positive] for n in scores[~positive]]
    assert auc(scores, positive) == pytest.approx(np.mean(pairs), abs=1e-12)


def test_metrics_of_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="positive and 0 negative"):
        auc(np.array([0.1, 0.2]), np.array([True, True]))
    with pytest.raises(InputError, match="at least one sample"):
        accuracy(np.array([]), np.array([]))


def test_word_error_rate_counts_edits_over_all_texts() -> None:
    references = ["the cat sat", "on a mat", "now"]
    hypotheses = ["the bat sat", "on mat", "now then"]  # one of each kind of edit in 7 words
    assert word_error_rate(references, hypotheses) == pytest.approx(3 / 7)
    with pytest.raises(InputError, match="0 words"):
        word_error_rate([""], ["a"])
