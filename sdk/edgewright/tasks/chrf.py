"""chrF, the metric of translations: how many character n-grams two texts share.

chrF2 of Popović (2015, doi:10.18653/v1/W15-3049) as sacreBLEU computes it by default: n-grams of 1
to 6 characters without white space, counted over all texts; precision and recall are averaged over
the orders that both sides have, and their F-score has β = 2. From 0 to 1 here, where sacreBLEU
prints 0 to 100.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgewright.errors import InputError

ORDERS = 6
"""Longest n-gram."""
BETA = 2.0
"""How much more recall counts than precision."""
Counts = NDArray[np.float64]
"""float64 (…, `ORDERS`, 3): n-grams of the hypotheses, of the references, and those in both."""


def chrf(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Return the chrF2 of texts against one reference each, 0 (nothing shared) to 1 (the same).

    Raises:
        InputError: The counts of texts differ, or there are none.
    """
    if len(references) != len(hypotheses) or not references:
        raise InputError(
            f"chrf: got {len(references)} references and {len(hypotheses)} hypotheses, expected as "
            "many of both and at least one; pass one hypothesis per reference"
        )
    pairs = zip(references, hypotheses, strict=True)
    return float(chrf_of(np.sum([count_ngrams(*pair) for pair in pairs], axis=0)))


def count_ngrams(reference: str, hypothesis: str) -> Counts:
    """Return the counts of one pair of texts; those of several texts are their sum."""
    first, second = ("".join(text.split()) for text in (hypothesis, reference))
    counts = np.zeros((ORDERS, 3))
    for order in range(1, ORDERS + 1):
        given, expected = (
            Counter(text[i : i + order] for i in range(len(text) - order + 1))
            for text in (first, second)
        )
        # As sacreBLEU has it: what no reference could have is no miss.
        shared = given & expected
        totals = (sum(one.values()) for one in (given if expected else {}, expected, shared))
        counts[order - 1] = tuple(totals)
    return counts


def chrf_of(counts: Counts) -> NDArray[np.float64]:
    """Return the chrF2 of each of several counts, float64 (…,)."""
    given, expected, shared = np.moveaxis(counts, -1, 0)
    both = (given > 0) & (expected > 0)
    orders = np.maximum(both.sum(axis=-1), 1)
    precision, recall = (
        np.divide(shared, total, out=np.zeros_like(shared), where=both).sum(axis=-1) / orders
        for total in (given, expected)
    )
    weighted = BETA**2 * precision + recall
    score = (1 + BETA**2) * precision * recall
    result: NDArray[np.float64] = np.divide(
        score, weighted, out=np.zeros_like(score), where=weighted > 0
    )
    return result
