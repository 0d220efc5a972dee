"""A word trigram of several kinds of text, as an ARPA file.

Each kind of text has a trigram with interpolated modified Kneser-Ney smoothing (Chen and Goodman
1998, section 3). They are mixed: P(w | h) = sum of s_i(h) P_i(w | h), where s_i(h) grows with what
kind i makes of the words h themselves, s_i(h) ~ s_i P_i(h)^(1/2), so that a telephone prompt goes
on as a telephone prompt (Bayesian interpolation, Allauzen and Riley 2011, with a milder exponent).
N-grams that hardly change the mixture are left out (Stolcke 1998, arXiv:cs/0006025). Two decimals
of the logarithms, within 1.2 %, keep the file small.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Gram = tuple[str, ...]
ORDER = 3
UNKNOWN, BEGIN, END = "<unk>", "<s>", "</s>"
_TOPIC = 0.5  # exponent of P_i(h), the best of 0, 1/4, ... 1 on the development texts


@dataclass
class _Context:
    """What followed some words."""

    total: int = 0
    """Sum of the counts."""
    spared: float = 0.0
    """Sum of the discounts: what words are given that did not follow."""


class KneserNey:
    """A trigram of one kind of text.

    Args:
        texts: plain words each.
        vocabulary: words that are known; others count as unknown.
    """

    def __init__(self, texts: Iterable[str], vocabulary: frozenset[str]) -> None:
        self._floor = 1.0 / (len(vocabulary) + 2)  # the end and the unknown word
        self.counts = _continued(_counted(texts, vocabulary))
        self.discounts = [_discounts(counts.values()) for counts in self.counts]
        self._contexts: dict[Gram, _Context] = defaultdict(_Context)
        for counts, discounts in zip(self.counts, self.discounts, strict=True):
            for gram, count in counts.items():
                context = self._contexts[gram[:-1]]
                context.total += count
                context.spared += discounts[min(count, 3) - 1]

    def probability(self, history: Gram, word: str) -> float:
        """Return P(word | history), of at most two words before it."""
        lower = self._floor if not history else self.probability(history[1:], word)
        context = self._contexts.get(history)
        if context is None:
            return lower
        count = self.counts[len(history)].get((*history, word), 0)
        kept = count - self.discounts[len(history)][min(count, 3) - 1] if count else 0.0
        return (kept + context.spared * lower) / context.total


def _counted(texts: Iterable[str], vocabulary: frozenset[str]) -> list[Counter[Gram]]:
    """Return how often the n-grams of each order come; a sentence begins with `BEGIN`."""
    counts: list[Counter[Gram]] = [Counter() for _ in range(ORDER)]
    for text in texts:
        known = (word if word in vocabulary else UNKNOWN for word in text.split())
        words = (BEGIN, *known, END)
        for end in range(2, len(words) + 1):
            for order in range(1, min(ORDER, end) + 1):
                counts[order - 1][words[end - order : end]] += 1
    return counts


def _continued(counts: Sequence[Counter[Gram]]) -> list[Counter[Gram]]:
    """Return, below the highest order, how many different words come before an n-gram.

    N-grams that begin a sentence have nothing before them and keep their counts.
    """
    continued = []
    for order in range(ORDER - 1):
        before = Counter(gram[1:] for gram in counts[order + 1])
        begun = {gram: n for gram, n in counts[order].items() if gram[0] == BEGIN}
        continued.append(before | Counter(begun))
    return [*continued, counts[-1]]


def _discounts(counts: Collection[int]) -> tuple[float, float, float]:
    """Return what is taken from counts of one, two, and more (Chen and Goodman 1998, eq. 26)."""
    seen = Counter(counts)
    one, two, three, four = (max(seen[count], 1) for count in range(1, 5))
    share = one / (one + 2 * two)
    found = (1 - 2 * share * two / one, 2 - 3 * share * three / two, 3 - 4 * share * four / three)
    first, second, more = (min(max(d, 0.1), n) for n, d in enumerate(found, 1))
    return first, second, more


class MixedTrigram:
    """Trigrams of several kinds of text as one, over the n-grams that any of them has."""

    def __init__(self, kinds: Sequence[KneserNey], shares: Sequence[float]) -> None:
        self._kinds, self._shares = kinds, np.asarray(shares)
        self.followers: dict[Gram, list[str]] = defaultdict(list)
        for order in range(ORDER):
            for gram in sorted(set().union(*(kind.counts[order] for kind in kinds))):
                self.followers[gram[:-1]].append(gram[-1])

    def probabilities(self, history: Gram) -> np.ndarray:
        """Return P(word | history) of the words that follow it somewhere, float64 (words,)."""
        topic = self._shares * self._joint(history) ** _TOPIC
        words = self.followers[history]
        each = [[kind.probability(history, word) for word in words] for kind in self._kinds]
        return np.asarray((topic / topic.sum()) @ np.array(each))

    def likelihood(self, history: Gram) -> float:
        """Return P(history), where the first word has its Kneser-Ney probability."""
        return float(self._shares @ self._joint(history))

    def _joint(self, history: Gram) -> np.ndarray:
        found = np.ones(len(self._kinds))
        for place, word in enumerate(history):
            named = END if word == BEGIN else word  # a sentence begins where another ends
            found *= [kind.probability(history[:place], named) for kind in self._kinds]
        return found


def write_arpa(
    texts: Mapping[str, Iterable[str]],
    shares: Mapping[str, float],
    vocabulary: frozenset[str],
    threshold: float,
) -> str:
    """Return the ARPA text.

    Args:
        texts: {kind: plain texts}.
        shares: {kind: its share of the mixture}, of kinds in `texts`; together 1.
        vocabulary: words with a unigram; others count as unknown.
        threshold: an n-gram is left out if that changes the perplexity by a smaller share.
    """
    kinds = [KneserNey(texts[kind], vocabulary) for kind in shares]
    mixture = MixedTrigram(kinds, list(shares.values()))
    seen = set(mixture.followers[()])
    mixture.followers[()] += sorted({*vocabulary, UNKNOWN} - seen)
    return "".join(_lines(_BackOff(mixture, threshold)))


class _BackOff:
    """The mixture as probabilities and back-off weights, without n-grams that matter little."""

    def __init__(self, mixture: MixedTrigram, threshold: float) -> None:
        self._mixture, self._threshold = mixture, threshold
        self.probabilities: dict[Gram, float] = {}
        self.weights: dict[Gram, float] = {}
        self._needed: set[Gram] = set()
        contexts = sorted(mixture.followers, key=len)
        for history in contexts:
            for word, p in zip(
                mixture.followers[history], mixture.probabilities(history), strict=True
            ):
                self.probabilities[(*history, word)] = p
        for history in reversed(contexts[1:]):
            self._prune(history)

    def _prune(self, history: Gram) -> None:
        """Set the weight of a history, and forget what follows it and matters little.

        Longer histories come first: what they need stays.
        """
        grams = [(*history, word) for word in self._mixture.followers[history]]
        p = np.array([self.probabilities[gram] for gram in grams])
        lower = np.array([self.probabilities[gram[1:]] for gram in grams])
        left, lower_left = 1.0 - p.sum(), 1.0 - lower.sum()
        without = (left + p) / (lower_left + lower)  # the weight if one n-gram went
        change = p * np.log(lower * without / p) + np.log(without * lower_left / left) * left
        loss = -self._mixture.likelihood(history) * change
        kept = np.expm1(loss) >= self._threshold
        kept |= [gram in self._needed for gram in grams]
        kept &= [UNKNOWN not in gram for gram in grams]  # no search says the unknown word
        for gram, keep in zip(grams, kept, strict=True):
            if keep:
                self._needed.update((gram[1:], gram[:-1]))
            else:
                del self.probabilities[gram]
        if kept.any():
            self.weights[history] = (1.0 - p[kept].sum()) / (1.0 - lower[kept].sum())


def _lines(model: _BackOff) -> Iterator[str]:
    orders: list[list[Gram]] = [[] for _ in range(ORDER)]
    for gram in sorted({*model.probabilities, (BEGIN,)}):
        orders[len(gram) - 1].append(gram)
    yield "\\data\\\n"
    for order, grams in enumerate(orders, 1):
        yield f"ngram {order}={len(grams)}\n"
    for order, grams in enumerate(orders, 1):
        yield f"\n\\{order}-grams:\n"
        for gram in grams:
            probability = model.probabilities.get(gram)
            logarithm = "-99" if probability is None else f"{math.log10(probability):.2f}"
            weight = model.weights.get(gram)
            behind = "" if weight is None else f"\t{math.log10(weight):.2f}"
            yield f"{logarithm}\t{' '.join(gram)}{behind}\n"
    yield "\n\\end\\\n"
