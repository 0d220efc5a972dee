"""What a translator has to beat: a dictionary word by word, and the nearest training phrase."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from translation_corpus import Pair, transcript

ROUNDS = 8
EMPTY = ""
"""What words without a counterpart come from."""


class WordDictionary:
    """The likeliest Spanish word of every English one, in the English order (IBM model 1)."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        rows = [
            (transcript(pair.english).split(), re.findall(r"\w+", pair.spanish.lower()))
            for pair in pairs
        ]
        chances = _lexical_chances(rows)
        best: dict[str, tuple[float, str]] = {}
        for (spanish, english), chance in chances.items():
            if english and chance > best.get(english, (0.0, ""))[0]:
                best[english] = chance, spanish
        self._best = {english: spanish for english, (_, spanish) in best.items()}

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Return the words of every text in Spanish, as a sentence; unknown ones stay."""
        return [self._sentence(transcript(text).split()) for text in texts]

    def _sentence(self, words: Sequence[str]) -> str:
        text = " ".join(self._best.get(word, word) for word in words)
        return f"{text[:1].upper()}{text[1:]}."


def _lexical_chances(
    rows: Sequence[tuple[list[str], list[str]]],
) -> dict[tuple[str, str], float]:
    """Return the chance of a Spanish word given an English one (Brown et al. 1993, section 4.1)."""
    chances: dict[tuple[str, str], float] = defaultdict(lambda: 1.0)
    for _ in range(ROUNDS):
        counts: Counter[tuple[str, str]] = Counter()
        for english, spanish in rows:
            for target in spanish:
                shares = [chances[target, source] for source in (EMPTY, *english)]
                total = sum(shares)
                for source, share in zip((EMPTY, *english), shares, strict=True):
                    counts[target, source] += share / total
        totals: Counter[str] = Counter()
        for (_, source), count in counts.items():
            totals[source] += count
        chances = {pair: count / totals[pair[1]] for pair, count in counts.items()}
    return chances


class NearestPhrase:
    """The translation of the training sentence that looks most alike, by letters (TF-IDF)."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._spanish = [pair.spanish for pair in pairs]
        self._vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4))
        self._known = self._vectorizer.fit_transform(transcript(one.english) for one in pairs)

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Return a translation from the training for every text."""
        asked = self._vectorizer.transform(transcript(text) for text in texts)
        likeness = asked @ self._known.T
        return [self._spanish[int(np.argmax(row.toarray()))] for row in likeness]
