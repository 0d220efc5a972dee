"""A back-off n-gram of graphones: interpolated absolute discounting, pruned, as one byte blob."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

Gram = tuple[int, ...]
START, END = 0, 1  # ids of the word's ends; graphones follow


class NGram:
    """Kneser-Ney smoothed probabilities in back-off form."""

    def __init__(self, sequences: Sequence[Sequence[int]], order: int) -> None:
        """Count `sequences` of ids and smooth; every id must occur."""
        self.order = order
        counts = [Counter[Gram]() for _ in range(order + 1)]
        for ids in sequences:
            padded = (START, *ids, END)
            for n in range(1, order + 1):
                counts[n].update(zip(*(padded[i:] for i in range(n)), strict=False))
        self.logs: list[dict[Gram, float]] = [{} for _ in range(order + 1)]
        self.backoffs: list[dict[Gram, float]] = [{} for _ in range(order + 1)]
        for n in range(1, order + 1):
            self._smooth(n, counts[n] if n == order else _continuations(counts, n))

    def _smooth(self, n: int, counts: Counter[Gram]) -> None:
        counts.pop((START,), None)  # it begins words and follows nothing
        discounts = _discounts(counts)
        totals: defaultdict[Gram, int] = defaultdict(int)
        taken: defaultdict[Gram, float] = defaultdict(float)
        for gram, count in counts.items():
            totals[gram[:-1]] += count
            taken[gram[:-1]] += discounts[min(count, 3)]
        lower = self.logs[n - 1]
        uniform = 1.0 / max(len(counts), 1)
        for gram, count in counts.items():
            history = gram[:-1]
            rest = taken[history] / totals[history]
            below = math.exp(lower[gram[1:]]) if n > 1 else uniform
            share = (count - discounts[min(count, 3)]) / totals[history]
            self.logs[n][gram] = math.log(share + rest * below)
        if n > 1:
            for history, total in totals.items():
                self.backoffs[n - 1][history] = math.log(taken[history] / total)

    def log(self, gram: Gram) -> float:
        """Return the natural log-probability of the last id after the others."""
        found = self.logs[len(gram)].get(gram)
        if found is not None:
            return found
        return self.backoffs[len(gram) - 1].get(gram[:-1], 0.0) + self.log(gram[1:])

    def prune(self, size: int) -> None:
        """Keep about `size` n-grams: those whose loss would raise the perplexity most."""
        losses = [{gram: self._loss(gram) for gram in logs} for logs in self.logs[2:]]
        all_losses = np.sort([loss for one in losses for loss in one.values()])
        threshold = all_losses[max(0, len(all_losses) - size)]
        needed: set[Gram] = set()
        for n in range(self.order, 1, -1):
            self.logs[n] = {
                gram: value
                for gram, value in self.logs[n].items()
                if gram in needed or losses[n - 2][gram] >= threshold
            }
            needed = {gram[:-1] for gram in self.logs[n]}
        for n in range(2, self.order + 1):  # each order relies on those below
            self._renormalize(n)

    def _loss(self, gram: Gram) -> float:
        """Return how much worse the model predicts without an n-gram (Stolcke, 1998)."""
        history, value = gram[:-1], self.logs[len(gram)][gram]
        shorter = self.backoffs[len(history)][history] + self.log(gram[1:])
        return math.exp(self._joint(history) + value) * (value - shorter)

    def _joint(self, history: Gram) -> float:
        """Return the log-probability of a history."""
        start = 1 if history[0] == START else 0
        return sum(
            self.log(history[max(0, i + 1 - self.order) : i + 1])
            for i in range(start, len(history))
        )

    def _renormalize(self, n: int) -> None:
        """Give what pruning freed to the back-off of each history."""
        above: defaultdict[Gram, float] = defaultdict(float)
        below: defaultdict[Gram, float] = defaultdict(float)
        for gram, value in self.logs[n].items():
            above[gram[:-1]] += math.exp(value)
            below[gram[:-1]] += math.exp(self.log(gram[1:]))
        self.backoffs[n - 1] = {
            history: math.log(max(1.0 - above[history], 1e-6) / max(1.0 - below[history], 1e-6))
            for history in above
        }

    def __len__(self) -> int:
        return sum(map(len, self.logs))


def _continuations(counts: Sequence[Counter[Gram]], n: int) -> Counter[Gram]:
    """Count what stands before each n-gram; n-grams at the start of words keep their count."""
    continued = Counter(gram[1:] for gram in counts[n + 1])
    for gram, count in counts[n].items():
        if gram[0] == START:
            continued[gram] = count
    return continued


def _discounts(counts: Counter[Gram]) -> tuple[float, float, float, float]:
    """Return the discounts of counts 0, 1, 2 and 3 or more (Chen and Goodman, 1998)."""
    found = Counter(count for count in counts.values() if count <= 4)
    if not all(found[i] for i in range(1, 5)):
        return 0.0, 0.5, 0.5, 0.5
    share = found[1] / (found[1] + 2 * found[2])
    return 0.0, *(i - (i + 1) * share * found[i + 1] / found[i] for i in (1, 2, 3))


def trie_arrays(model: NGram, num_symbols: int) -> dict[str, np.ndarray]:
    """Return the model as a trie in breadth-first order, orders one after another.

    Returns:
        `symbols` uint16, `children` uint16, `costs` and `backoffs` uint8, one entry a node; the
        last two are the negative natural logarithm in steps of 1/16, back-offs plus 4.
    """
    symbols, children, costs, backoffs = [], [], [], []
    level: list[Gram] = [(symbol,) for symbol in range(num_symbols)]
    for n in range(1, model.order + 1):
        following = defaultdict(list)
        if n < model.order:
            for gram in sorted(model.logs[n + 1]):
                following[gram[:-1]].append(gram)
        for gram in level:
            symbols.append(gram[-1])
            children.append(len(following[gram]))
            costs.append(-model.logs[n].get(gram, -99.0))
            backoffs.append(-model.backoffs[n].get(gram, 0.0) + 4.0)
        level = [gram for parent in level for gram in following[parent]]
    return {
        "symbols": np.array(symbols, np.uint16),
        "children": np.array(children, np.uint16),
        "costs": _quantized(costs),
        "backoffs": _quantized(backoffs),
    }


def _quantized(values: Sequence[float]) -> np.ndarray:
    return np.clip(np.round(np.array(values) * 16), 0, 255).astype(np.uint8)
