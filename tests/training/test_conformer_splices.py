import itertools

import conformer_splices
import numpy as np
import pytest
from conformer_data import Utterances
from conformer_splices import align, cut


def collapsed(path):
    """What CTC reads off a path: the index of each token, None for a blank."""
    tokens = [token for token, _ in itertools.groupby(path)]
    return tuple(token for token in tokens if token)


@pytest.mark.parametrize("tokens", [(1,), (1, 2), (1, 1), (2, 1, 2), (1, 1, 2)])
@pytest.mark.parametrize("seed", range(4))
def test_alignment_is_the_best_of_all_paths(tokens, seed):
    logits = np.random.default_rng(seed).normal(0, 2, (6, 3)).astype(np.float32)
    paths = [path for path in itertools.product(range(3), repeat=6) if collapsed(path) == tokens]
    best = max(paths, key=lambda path: sum(logits[row, token] for row, token in enumerate(path)))
    runs = [list(rows) for token, rows in itertools.groupby(range(6), best.__getitem__) if token]
    assert align(logits, tokens).tolist() == [[rows[0], rows[-1]] for rows in runs]


@pytest.mark.parametrize(("frames", "tokens"), [(2, (1, 1)), (1, (1, 2)), (3, (1, 2, 1, 2))])
def test_too_few_logits_have_no_alignment(frames, tokens):
    assert align(np.zeros((frames, 3)), tokens) is None


def speech(pauses):
    """Three words of two pieces, told 12 frames late; silence before, behind, and in `pauses`."""
    features = np.full((216, 80), 12.0, np.float16)
    for start in (0, *pauses, 204):
        features[start : start + 12] = 1.0
    logits = np.zeros((36, 7))
    logits[:, 0] = 3.0
    for piece, row in enumerate((4, 9, 15, 21, 27, 33), 1):
        logits[row, piece] = 9.0
    return features, logits


PIECES = [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    ("pauses", "texts"),
    [((60, 132), ["a", "b", "c"]), ((60,), ["a", "b c"]), ((132,), ["a b", "c"]), ((), ["a b c"])],
)
def test_a_recording_is_cut_in_its_pauses(pauses, texts):
    parts = list(cut(*speech(pauses), ["a", "b", "c"], PIECES))
    assert [text for text, _ in parts] == texts
    ends = np.cumsum([len(frames) for _, frames in parts])
    assert ends[-1] == 216
    for end, pause in zip(ends, pauses, strict=False):
        assert pause <= end < pause + 12


def test_words_that_are_told_behind_the_end_are_not_cut():
    features, logits = speech(())
    assert [text for text, _ in cut(features[:80], logits, ["a", "b", "c"], PIECES)] == ["a b c"]


def test_a_long_recording_without_a_pause_is_no_part(monkeypatch):
    monkeypatch.setattr(conformer_splices, "LONGEST_UNCUT", 200)
    assert list(cut(*speech(()), ["a", "b", "c"], PIECES)) == []


def test_sums_of_utterances_keep_their_order():
    one, other = (
        Utterances([name], [name], [np.full((2, 80), value)])
        for name, value in (("a", 1), ("b", 2))
    )
    both = one + other
    assert (both.sources, both.texts) == (["a", "b"], ["a", "b"])
    assert [int(features[0, 0]) for features in both.features] == [1, 2]
