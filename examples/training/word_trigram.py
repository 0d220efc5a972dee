"""A word trigram with Witten-Bell smoothing, as an ARPA file.

P(w | h) = (c(h w) + t(h) P(w | h')) / (c(h) + t(h)), where t(h) is the number of different words
seen after h and h' is h without its first word (Witten and Bell 1991; Chen and Goodman 1998,
section 2.5). The back-off weight of h is t(h) / (c(h) + t(h)).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Gram = tuple[str, ...]
ORDER = 3
UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"


@dataclass(frozen=True)
class Weighted:
    """A sentence and how often it counts."""

    text: str
    """Plain words."""
    count: int
    """At least 1."""


def write_arpa(
    sentences: Iterable[Weighted], vocabulary: frozenset[str], smallest: Mapping[int, int]
) -> str:
    """Return the ARPA text.

    Args:
        sentences: training text.
        vocabulary: words with a unigram; others count as unknown.
        smallest: {order: least count of an n-gram that is kept}.
    """
    counts = _count(sentences, vocabulary, smallest)
    followers, totals = _contexts(counts)
    probabilities: dict[Gram, float] = {}
    words = len(vocabulary) + 2  # the end and the unknown word
    for order in range(1, ORDER + 1):
        for gram, count in counts[order].items():
            context = gram[:-1]
            kinds, total = followers[context], totals[context]
            lower = probabilities[gram[1:]] if order > 1 else 1.0 / words
            probabilities[gram] = (count + kinds * lower) / (total + kinds)
    lines = ["\\data\\"]
    for order in range(1, ORDER + 1):
        extra = order == 1
        lines.append(f"ngram {order}={len(counts[order]) + extra}")
    for order in range(1, ORDER + 1):
        lines += ["", f"\\{order}-grams:"]
        if order == 1:
            lines.append(f"-99\t{BEGIN}{_back_off((BEGIN,), followers, totals)}")
        for gram in sorted(counts[order]):
            weight = _back_off(gram, followers, totals) if order < ORDER else ""
            lines.append(f"{math.log10(probabilities[gram]):.3f}\t{' '.join(gram)}{weight}")
    return "\n".join([*lines, "", "\\end\\", ""])


def _count(
    sentences: Iterable[Weighted], vocabulary: frozenset[str], smallest: Mapping[int, int]
) -> dict[int, Counter[Gram]]:
    counts: dict[int, Counter[Gram]] = {order: Counter() for order in range(1, ORDER + 1)}
    for sentence in sentences:
        known = [word if word in vocabulary else UNKNOWN for word in sentence.text.split()]
        words = [BEGIN, *known, END]
        for order in range(1, ORDER + 1):
            for start in range(len(words) - order + 1):
                gram = tuple(words[start : start + order])
                if gram != (BEGIN,):
                    counts[order][gram] += sentence.count
    for word in (*vocabulary, UNKNOWN, END):
        counts[1][(word,)] += 0
    kept = {1: counts[1]}
    for order in range(2, ORDER + 1):
        least = smallest.get(order, 1)
        # A kept n-gram needs its own lower orders in the file.
        kept[order] = Counter(
            {
                gram: count
                for gram, count in counts[order].items()
                if count >= least
                and gram[1:] in kept[order - 1]
                and (gram[:-1] == (BEGIN,) or gram[:-1] in kept[order - 1])
            }
        )
    return kept


def _contexts(
    counts: Mapping[int, Counter[Gram]],
) -> tuple[dict[Gram, int], dict[Gram, int]]:
    followers: dict[Gram, int] = defaultdict(int)
    totals: dict[Gram, int] = defaultdict(int)
    for grams in counts.values():
        for gram, count in grams.items():
            if count:
                followers[gram[:-1]] += 1
                totals[gram[:-1]] += count
    return followers, totals


def _back_off(gram: Gram, followers: Mapping[Gram, int], totals: Mapping[Gram, int]) -> str:
    if not followers.get(gram):
        return ""
    return f"\t{math.log10(followers[gram] / (totals[gram] + followers[gram])):.3f}"
