import itertools

import conformer_splices
import numpy as np
import pytest
from conformer_ctc import train_tokenizer
from conformer_data import Utterances
from conformer_splices import align, cut, splice_parts
from tokenizers import Tokenizer


def collapsed(path):
    """What CTC reads off a path: equal neighbours are one, and blanks fall out."""
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


def speech(pauses, frames=216):
    """Three words of two pieces, told 12 frames late; silence before, behind, and in `pauses`."""
    features = np.full((frames, 80), 12.0, np.float16)
    features[::3] = 14.0
    for start in (0, *pauses, frames - 12):
        features[start : start + 12] = 1.0
    logits = np.zeros((-(-frames // 6), 7), np.float32)
    logits[:, 0] = 3.0
    for piece, row in enumerate((4, 9, 15, 21, 27, 33), 1):
        logits[row, piece] = 9.0
    return features, logits


WORDS = ["a", "b", "c"]
PIECES = [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    ("pauses", "texts"),
    [
        ((60, 132), ["a", "b", "c"]),
        ((60,), ["a", "b c"]),
        ((132,), ["a b", "c"]),
        ((), ["a b c"]),
        ((24, 60), ["a", "b c"]),  # a pause inside the first word
        ((96,), ["a b c"]),  # one inside the second
    ],
)
def test_a_recording_is_cut_in_its_pauses(pauses, texts):
    parts = list(cut(*speech(pauses), WORDS, PIECES))
    assert [text for text, _ in parts] == texts
    ends = np.cumsum([len(frames) for _, frames in parts])
    assert ends[-1] == 216
    for end in ends[:-1]:
        assert any(pause <= end < pause + 12 for pause in pauses)


def test_a_closure_of_few_frames_is_no_pause():
    features, logits = speech(())
    features[62:68] = 1.0
    assert [text for text, _ in cut(features, logits, WORDS, PIECES)] == ["a b c"]


def test_two_cuts_in_one_pause_are_none():
    features, logits = speech((60, 72))
    logits[[15, 21]] = logits[0]
    logits[14, 3] = logits[15, 4] = 9.0  # the second word, told in the silence
    assert [text for text, _ in cut(features, logits, WORDS, PIECES)] == ["a b c"]


def test_one_word_is_one_part():
    features, logits = speech(())
    [(text, frames)] = cut(features[:90], logits[:15], ["a"], [[1, 2]])
    assert (text, len(frames)) == ("a", 90)


def test_words_that_are_told_behind_the_end_are_not_cut():
    features, logits = speech(())
    assert [text for text, _ in cut(features[:80], logits, WORDS, PIECES)] == ["a b c"]


def test_parts_are_neither_too_short_nor_too_long(monkeypatch):
    recording = speech((60, 132))
    monkeypatch.setattr(conformer_splices, "LONGEST_FRAMES", 75)
    assert [text for text, _ in cut(*recording, WORDS, PIECES)] == ["a", "b"]
    monkeypatch.setattr(conformer_splices, "LEAST_FRAMES_PER_PIECE", 34)
    assert [text for text, _ in cut(*recording, WORDS, PIECES)] == ["b"]
    monkeypatch.setattr(conformer_splices, "LONGEST_FRAMES", 60)
    assert list(cut(*recording, WORDS, PIECES)) == []


def test_parts_come_from_recordings_and_say_nothing_that_is_held_back(tmp_path, monkeypatch):
    features, _ = speech((60, 132))
    train_tokenizer(["a b c"] * 20).save(str(tmp_path / "tokenizer.json"))
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    names = ["asterisk", "synthetic", "drascula"]
    recorded = Utterances(names, ["a b c", "a b c", "a b"], [features] * 3)

    def told(checkpoint, chosen):
        assert chosen.sources == ["asterisk", "drascula"]
        for text in chosen.texts:
            rows = np.zeros((36, tokenizer.get_vocab_size()), np.float32)
            rows[:, 0] = 3.0
            for word, row in zip(text.split(), (6, 18, 30), strict=False):
                for offset, piece in enumerate(tokenizer.encode(word).ids):
                    rows[row + 2 * offset, piece] = 9.0
            yield rows

    monkeypatch.setattr(conformer_splices, "infer", told)
    parts = splice_parts(tmp_path, recorded, {"b", "a"})
    assert parts.sources == ["asterisk parts"]
    assert parts.texts == ["c"]
    parts = splice_parts(tmp_path, recorded, ())
    assert parts.sources == ["asterisk parts"] * 3 + ["game parts"] * 2
    assert parts.texts == ["a", "b", "c", "a", "b"]


def test_sums_of_utterances_keep_their_order():
    one, other = (
        Utterances([name], [name], [np.full((2, 80), value)])
        for name, value in (("a", 1), ("b", 2))
    )
    both = one + other
    assert (both.sources, both.texts) == (["a", "b"], ["a", "b"])
    assert [int(features[0, 0]) for features in both.features] == [1, 2]
