"""Align letters with phones: a word becomes a sequence of graphones, letters with their phones.

A graphone has one letter and no, one or two phones, or two letters and one phone. Their
probabilities are learned by expectation-maximization (Bisani and Ney, Joint-sequence models for
grapheme-to-phoneme conversion, 2008), with stress left out.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

SHAPES = ((1, 0), (1, 1), (1, 2), (2, 1))
Phones = tuple[str, ...]
Graphone = tuple[str, Phones]
Cell = tuple[int, int]


class Aligner:
    """Probabilities of graphones without stress."""

    def __init__(self, pairs: Sequence[tuple[str, Phones]], *, rounds: int = 6) -> None:
        """Learn from words and their phones."""
        self._logs: dict[Graphone, float] | None = None
        self._floor = math.log(1e-8)
        for _ in range(rounds):
            counts: defaultdict[Graphone, float] = defaultdict(float)
            for word, phones in pairs:
                self._count(word, _plain(phones), counts)
            total = sum(counts.values())
            self._logs = {key: math.log(value / total) for key, value in counts.items() if value}

    def __call__(self, word: str, phones: Phones) -> tuple[Graphone, ...] | None:
        """Return the most probable graphones of a word, None if there are none."""
        plain = _plain(phones)
        best: dict[Cell, tuple[float, Cell | None]] = {(0, 0): (0.0, None)}
        for start, stop, key in _steps(word, plain):
            if start in best:
                score = best[start][0] + self._log(key)
                if stop not in best or score > best[stop][0]:
                    best[stop] = score, start
        cell: Cell | None = (len(word), len(phones))
        if cell not in best:
            return None
        path: list[Graphone] = []
        while cell is not None and (before := best[cell][1]) is not None:
            path.append((word[before[0] : cell[0]], phones[before[1] : cell[1]]))
            cell = before
        return tuple(reversed(path))

    def _log(self, key: Graphone) -> float:
        if self._logs is None:  # the first round: all are equal, silence costs
            return 0.0 if key[1] else -3.0
        return self._logs.get(key, self._floor)

    def _count(self, word: str, phones: Phones, counts: defaultdict[Graphone, float]) -> None:
        """Add the expected number of each graphone in all alignments of a word."""
        steps = [(*step, math.exp(self._log(step[2]))) for step in _steps(word, phones)]
        forward: defaultdict[Cell, float] = defaultdict(float, {(0, 0): 1.0})
        for start, stop, _, weight in steps:
            forward[stop] += forward[start] * weight
        end = len(word), len(phones)
        if not forward[end]:
            return
        backward: defaultdict[Cell, float] = defaultdict(float, {end: 1.0})
        for start, stop, key, weight in reversed(steps):
            backward[start] += weight * backward[stop]
            counts[key] += forward[start] * weight * backward[stop] / forward[end]


def _plain(phones: Phones) -> Phones:
    return tuple(phone.rstrip("012") for phone in phones)


def _steps(word: str, phones: Phones) -> Iterator[tuple[Cell, Cell, Graphone]]:
    """Yield every graphone that can stand somewhere, ordered by where it begins."""
    for i in range(len(word)):
        for j in range(len(phones) + 1):
            for letters, sounds in SHAPES:
                if i + letters <= len(word) and j + sounds <= len(phones):
                    key = word[i : i + letters], phones[j : j + sounds]
                    yield (i, j), (i + letters, j + sounds), key


def align_all(
    aligner: Aligner, pairs: Sequence[tuple[str, Phones]], *, least: int
) -> tuple[list[tuple[Graphone, ...]], list[Graphone]]:
    """Align words, without those that need a graphone found fewer than `least` times.

    Returns:
        The aligned words, and the graphones sorted by letters and phones.
    """
    aligned = [path for word, phones in pairs if (path := aligner(word, phones))]
    counts = Counter(graphone for path in aligned for graphone in path)
    kept = {graphone for graphone, count in counts.items() if count >= least}
    return [path for path in aligned if kept.issuperset(path)], sorted(kept)
