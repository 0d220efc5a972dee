"""The metrics against their definitions."""

import numpy as np
import pytest

from edgewright.errors import InputError
from edgewright.tasks.chrf import chrf, chrf_of, count_ngrams
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


def test_chrf_equals_that_of_sacrebleu() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    rng = np.random.default_rng(0)
    words = [*"abc", "über", "Hafen", "日本", "boat", "."]

    def text() -> str:
        return " ".join(rng.choice(words, rng.integers(0, 9)))

    for _ in range(60):
        references = [text() for _ in range(rng.integers(1, 5))]
        hypotheses = [one if rng.random() < 0.3 else text() for one in references]
        expected = sacrebleu.corpus_chrf(hypotheses, [references]).score / 100
        assert chrf(references, hypotheses) == pytest.approx(expected, abs=1e-12)


def test_chrf_of_bootstrap_draws_is_that_of_their_texts() -> None:
    references, hypotheses = ["ab cd", "efg", "x"], ["ab cd", "efx", "y"]
    counts = np.stack([count_ngrams(*p) for p in zip(references, hypotheses, strict=True)])
    draws = np.array([[0, 0, 1], [2, 1, 1]])
    expected = [chrf([references[i] for i in d], [hypotheses[i] for i in d]) for d in draws]
    np.testing.assert_allclose(chrf_of(counts[draws].sum(axis=1)), expected)


def test_chrf_wants_as_many_texts_on_both_sides() -> None:
    assert chrf(["", "a"], ["", "a"]) == 1.0
    assert chrf([""], [""]) == 0.0
    for references in ([], ["a", "b"]):
        with pytest.raises(InputError, match=r"chrf: got .* references and 1 hypotheses"):
            chrf(references, ["a"])
