"""Recordings cut in the pauses between their words, for sentences that nobody said.

A recognizer learns few recordings by heart. The parts of other recordings behind one another are
new sentences of the same speakers: aligned data augmentation (Lam et al. 2021, arXiv:2104.01393),
but with parts of some words, cut in pauses. Each part is disturbed by itself, and those of games
come from any actor of any game.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
from conformer_data import Utterances
from conformer_evaluate import infer
from conformer_texts import PARTS
from scipy.ndimage import maximum_filter1d
from tokenizers import Tokenizer

from edgewright_export.models.conformer import FRAMES_PER_LOGITS

QUIET = 0.1  # share of the frames of a recording that may be cut
PAUSE = 7  # frames around a cut that are all as quiet
DELAY = 12  # frames from what is said to the logits that tell it
LEAST_FRAMES, LONGEST_FRAMES = 20, 400  # of a part
LEAST_FRAMES_PER_PIECE = 9
BLANK_ID = 0


def splice_parts(checkpoint: Path, recorded: Utterances, held: Collection[str]) -> Utterances:
    """Return the parts of the recordings in `PARTS`, aligned by a recognizer.

    Args:
        checkpoint: folder of a Conformer, which hears where the words are.
        recorded: recordings, and others, which are left out.
        held: what no part may say alone: the texts of held-back clips.
    """
    chosen = recorded.select([i for i, name in enumerate(recorded.sources) if name in PARTS])
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    rows: list[tuple[str, str, np.ndarray]] = []
    for index, logits in enumerate(infer(checkpoint, chosen)):
        words = chosen.texts[index].split()
        pieces = [tokenizer.encode(word).ids for word in words]
        source = PARTS[chosen.sources[index]]
        parts = cut(chosen.features[index], logits, words, pieces)
        rows += [(source, text, features) for text, features in parts if text not in held]
    sources, texts, features = ([row[column] for row in rows] for column in range(3))
    return Utterances(sources, texts, features)


def cut(
    features: np.ndarray, logits: np.ndarray, words: Sequence[str], pieces: Sequence[Sequence[int]]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield words and features (frames, 80) of each part that is neither too short nor too long.

    Args:
        features: floating point (frames, 80), log-mel.
        logits: float32 (logits, vocabulary), one for six frames.
        words: what is said, one word at least.
        pieces: of each word, one at least.
    """
    spans = align(logits, [piece for word in pieces for piece in word])
    if spans is None:
        return
    ends = np.cumsum([len(word) for word in pieces])
    cuts = _cuts(features.astype(np.float32).mean(1), FRAMES_PER_LOGITS * spans - DELAY, ends)
    cuts.append((len(words), len(features)))
    for (word, frame), (next_word, end) in itertools.pairwise(cuts):
        count = sum(map(len, pieces[word:next_word]))
        least = max(LEAST_FRAMES, LEAST_FRAMES_PER_PIECE * count)
        if least <= end - frame <= LONGEST_FRAMES:
            yield " ".join(words[word:next_word]), features[frame:end]


def _cuts(levels: np.ndarray, spans: np.ndarray, ends: np.ndarray) -> list[tuple[int, int]]:
    """Return word and frame behind each pause, the beginning first.

    Where nothing sounds between two cuts, both lie in one pause, and which words it parts is not
    known: neither is made.
    """
    calm = maximum_filter1d(levels, PAUSE)
    quiet, sounding = np.quantile(levels, QUIET), np.median(levels)
    cuts = [(0, 0)]
    for word, end in enumerate(ends[:-1], 1):
        last, first = spans[end - 1, 1], spans[end, 0]
        start = max(0, min(last, first - DELAY))
        if start >= min(first, len(levels)):
            continue
        frame = start + int(calm[start:first].argmin())
        if calm[frame] <= quiet:
            heard = levels[cuts[-1][1] : frame].max(initial=0.0) > sounding
            cuts = [*cuts, (word, frame)] if heard else cuts[: max(1, len(cuts) - 1)]
    return cuts


def align(logits: np.ndarray, tokens: Sequence[int]) -> np.ndarray | None:
    """Return int64 (tokens, 2): the first and the last logits in which each token is heard.

    On the most probable path of CTC (Viterbi over the tokens with blanks between); None where there
    are too few logits for one.

    Args:
        logits: float32 (logits, vocabulary), one at least.
        tokens: what is said, one at least, no blanks.
    """
    states = np.full(2 * len(tokens) + 1, BLANK_ID)
    states[1::2] = tokens
    leaps = np.append([False, False], (states[2:] != BLANK_ID) & (states[2:] != states[:-2]))
    scores = (logits - np.logaddexp.reduce(logits, 1, keepdims=True))[:, states]
    best = np.where(np.arange(len(states)) < 2, scores[0], -np.inf)
    steps = np.zeros(scores.shape, np.int64)
    for row in range(1, len(scores)):
        one = np.append(-np.inf, best[:-1])
        two = np.where(leaps, np.append([-np.inf, -np.inf], best[:-2]), -np.inf)
        moved = np.stack([best, one, two])
        steps[row] = moved.argmax(0)
        best = moved.max(0) + scores[row]
    state = len(states) - 2 + int(best[-2:].argmax())
    if not np.isfinite(best[state]):
        return None
    path = np.empty(len(scores), np.int64)
    for row in range(len(scores) - 1, -1, -1):
        path[row] = state
        state -= steps[row, state]
    heard = [np.flatnonzero(path == 2 * index + 1) for index in range(len(tokens))]
    return np.array([(rows[0], rows[-1]) for rows in heard])
