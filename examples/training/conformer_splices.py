"""Recordings cut where it is quiet between words, for sentences that nobody said.

A recognizer learns few recordings by heart. The parts of other recordings behind one another are
new sentences in the same voices: aligned data augmentation (Lam et al. 2021, arXiv:2104.01393), but
with parts of some words, cut only where hardly anything sounds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from conformer_data import Utterances
from conformer_evaluate import infer
from conformer_texts import GAMES
from tokenizers import Tokenizer

from edgewright_export.models.conformer import SUBSAMPLING

PARTS = {"asterisk": "asterisk parts", **dict.fromkeys(GAMES, "game parts")}
"""Source of the parts by that of the recordings."""
QUIET = 0.1  # share of the frames of a recording that may be cut
DELAY = 12  # frames from what is said to the logits that tell it
LEAST_FRAMES = 20  # of a part
LONGEST_UNCUT = 400  # frames of a recording that is a part as a whole
_STRIDE = int(np.prod([stride for _, stride in SUBSAMPLING]))


def splice_parts(checkpoint: Path, recorded: Utterances) -> Utterances:
    """Return the parts of the recordings in `PARTS`, aligned by a recognizer.

    Args:
        checkpoint: folder of a Conformer, which hears where the words are.
        recorded: recordings, and others, which are left out.
    """
    rows = [row for row, source in enumerate(recorded.sources) if source in PARTS]
    chosen = Utterances(*([column[row] for row in rows] for column in _columns(recorded)))
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    found = []
    for source, text, features, logits in zip(
        *_columns(chosen), infer(checkpoint, chosen), strict=True
    ):
        pieces = [tokenizer.encode(word).ids for word in text.split()]
        found += [(PARTS[source], *part) for part in cut(features, logits, text.split(), pieces)]
    return Utterances(*map(list, zip(*found, strict=True)))


def _columns(utterances: Utterances) -> tuple[list[str], list[str], list[np.ndarray]]:
    return utterances.sources, utterances.texts, utterances.features


def cut(
    features: np.ndarray, logits: np.ndarray, words: Sequence[str], pieces: Sequence[Sequence[int]]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield words and frames of each part.

    Args:
        features: (frames, 80), log-mel.
        logits: (logits, vocabulary), one for some frames; blank is 0.
        words: what is said.
        pieces: of each word, one at least.
    """
    spans = align(logits, [piece for word in pieces for piece in word])
    if spans is None:
        return
    ends = np.cumsum([len(word) for word in pieces])
    levels = features.astype(np.float32).mean(1)
    quiet = np.quantile(levels, QUIET)
    cuts = [(0, 0)]  # word, frame
    for word, end in enumerate(ends[:-1], 1):
        last, first = _STRIDE * spans[end - 1, 1] - DELAY, _STRIDE * spans[end, 0] - DELAY
        start = max(min(last, first - DELAY), cuts[-1][1] + LEAST_FRAMES)
        if start < min(first, len(levels)):  # what is told behind the last frame is not cut
            frame = start + int(levels[start:first].argmin())
            cuts += [(word, frame)] if levels[frame] <= quiet else []
    cuts.append((len(words), len(features)))
    for (word, frame), (next_word, end) in itertools.pairwise(cuts):
        if end - frame >= LEAST_FRAMES and (len(cuts) > 2 or end <= LONGEST_UNCUT):
            yield " ".join(words[word:next_word]), features[frame:end]


def align(logits: np.ndarray, tokens: Sequence[int]) -> np.ndarray | None:
    """Return int64 (tokens, 2): the first and the last logits in which each token is heard.

    On the most probable path of CTC (Viterbi over the tokens with blanks, 0, between); None where
    there are too few logits for one.
    """
    states = np.zeros(2 * len(tokens) + 1, np.int64)
    states[1::2] = tokens
    leaps = np.append([False, False], (states[2:] != 0) & (states[2:] != states[:-2]))
    scores = (logits - np.logaddexp.reduce(logits, 1, keepdims=True))[:, states]
    best = np.where(np.arange(len(states)) < 2, scores[0], -np.inf)
    steps = np.zeros(scores.shape, np.int64)
    for row in range(1, len(scores)):
        one = np.append(-np.inf, best[:-1])
        two = np.where(leaps, np.append([-np.inf, -np.inf], best[:-2])[: len(states)], -np.inf)
        moved = np.stack([best, one, two])
        steps[row] = moved.argmax(0)
        best = moved.max(0) + scores[row]
    state = len(states) - 1 - int(best[-2:].argmax() == 0 and len(states) > 1)
    if not np.isfinite(best[state]):
        return None
    path = np.empty(len(scores), np.int64)
    for row in range(len(scores) - 1, -1, -1):
        path[row] = state
        state -= steps[row, state]
    heard = [np.flatnonzero(path == 2 * index + 1) for index in range(len(tokens))]
    return np.array([(rows[0], rows[-1]) for rows in heard], np.int64).reshape(-1, 2)
