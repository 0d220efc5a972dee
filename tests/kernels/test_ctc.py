import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from edgewright.ctc import BeamSearch, Lexicon, greedy_decode
from edgewright.errors import InputError, InputTypeError, UsageError
from reference import ctc as reference

EXHAUSTIVE = {"beam_width": 4096, "token_threshold": -math.inf, "beam_threshold": math.inf}


def random_logits(seed, frames, vocabulary, scale=2.0):
    return np.random.default_rng(seed).normal(0, scale, (frames, vocabulary)).astype(np.float32)


def ids(tokens):
    return tuple(token.token_id for token in tokens)


def softmax(logits):
    return np.exp(np.array(reference.log_softmax(logits)))


@pytest.mark.parametrize(
    ("frames", "vocabulary", "blank_id"), [(200, 29, 0), (77, 2, 1), (50, 7, 3)]
)
def test_greedy_equals_numpy(frames, vocabulary, blank_id):
    logits = random_logits(frames, frames, vocabulary)
    got = greedy_decode(logits, blank_id)
    assert ids(got) == reference.collapse(logits.argmax(axis=1).tolist(), blank_id)
    for token in got:
        run = logits[token.start : token.end]
        assert (run.argmax(axis=1) == token.token_id).all()
        expected = softmax(run)[:, token.token_id].mean()
        assert token.confidence == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("blank_id", [0, 1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_free_beam_equals_brute_force(seed, blank_id):
    logits = random_logits(seed, 6, 3)
    expected = reference.prefix_probabilities(logits, blank_id)
    got = BeamSearch(blank_id, **EXHAUSTIVE)(logits, n_best=1000)
    assert {ids(item.tokens) for item in got} == set(expected)
    for item in got:
        assert math.exp(item.score) == pytest.approx(expected[ids(item.tokens)], rel=1e-6)
    assert [item.score for item in got] == sorted((item.score for item in got), reverse=True)


@pytest.mark.parametrize("penalty", [-1.5, 0.7, 3.0])
def test_a_blank_penalty_lowers_the_blank_and_nothing_else(penalty):
    # A lower logit of the blank also raises the others by the change of the normalizer.
    logits = random_logits(3, 6, 3)
    lowered = logits - np.float32([0, penalty, 0])
    rows, others = (np.array(reference.log_softmax(x))[:, 0] for x in (logits, lowered))
    expected = BeamSearch(1, **EXHAUSTIVE)(lowered, n_best=1000)
    got = BeamSearch(1, blank_penalty=penalty, **EXHAUSTIVE)(logits, n_best=1000)
    assert [ids(item.tokens) for item in got] == [ids(item.tokens) for item in expected]
    assert [item.score - (rows - others).sum() for item in got] == pytest.approx(
        [item.score for item in expected], abs=1e-5
    )
    assert got[0].tokens[0].confidence <= 1.0
    stream = BeamSearch(1, blank_penalty=penalty, **EXHAUSTIVE).stream()
    for frame in logits:
        stream.feed(frame[None])
    assert stream.best(1000) == got


def test_pruned_prefixes_that_come_back_are_counted_once():
    logits = random_logits(11, 300, 6, scale=0.7)
    got = BeamSearch(0, beam_width=8)(logits, n_best=8)
    assert len({ids(item.tokens) for item in got}) == len(got) == 8


def test_scores_of_long_inputs_equal_torch():
    logits = random_logits(5, 60, 29, scale=6.0)
    (got,) = BeamSearch(0, beam_width=100, token_threshold=-30, beam_threshold=60)(logits)
    log_probs = torch.from_numpy(logits).log_softmax(-1)[:, None]
    target = torch.tensor([ids(got.tokens)])
    sizes = torch.tensor([60]), torch.tensor([target.shape[1]])
    loss = torch.nn.functional.ctc_loss(log_probs, target, *sizes, blank=0, reduction="sum")
    assert got.score == pytest.approx(-loss.item(), abs=1e-4)  # what pruning loses


@pytest.mark.parametrize("seed", range(4))
def test_token_times_are_those_of_the_best_alignment(seed):
    logits = random_logits(seed, 7, 3)
    rows = np.array(reference.log_softmax(logits))
    for item in BeamSearch(0, **EXHAUSTIVE)(logits, n_best=12):
        path = np.zeros(len(logits), int)
        for token in item.tokens:
            path[token.start : token.end] = token.token_id
            confidence = np.exp(rows[token.start : token.end, token.token_id]).mean()
            assert token.confidence == pytest.approx(confidence, abs=1e-6)
        assert reference.collapse(path.tolist(), 0) == ids(item.tokens)
        best = reference.best_alignment(logits, 0, ids(item.tokens))
        assert rows[np.arange(len(path)), path].sum() == pytest.approx(best, abs=1e-5)


DECODERS = [lambda x: greedy_decode(x, 1), lambda x: BeamSearch(1)(x)[0].tokens]


@pytest.mark.parametrize("decode", DECODERS)
def test_edges_of_the_input(decode):
    assert decode(np.zeros((0, 2), np.float32)) == ()
    assert decode(np.float32([[0, 9]] * 50)) == ()
    assert ids(decode(np.float32([[9, 0]]))) == (0,)
    sure = np.float32([[0, -np.inf], [0, -np.inf], [-np.inf, 0], [0, -np.inf]])
    assert [(t.start, t.end, t.confidence) for t in decode(sure)] == [(0, 2, 1), (3, 4, 1)]
    strided = np.asfortranarray(random_logits(3, 30, 4))
    assert decode(strided) == decode(strided.copy("C"))


def test_beam_of_one_and_ties_are_deterministic():
    ties = np.zeros((12, 5), np.float32)
    assert BeamSearch(0, beam_width=7)(ties, 7) == BeamSearch(0, beam_width=7)(ties, 7)
    peaky = random_logits(0, 60, 9, scale=30.0)
    (one,) = BeamSearch(2, beam_width=1)(peaky)
    assert ids(one.tokens) == ids(greedy_decode(peaky, 2))


def test_one_search_serves_many_threads():
    search = BeamSearch(0)
    inputs = [random_logits(seed, 80, 12) for seed in range(12)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(search, inputs)) == [search(logits) for logits in inputs]


def spell(words):
    """The lexicon of all ways to cut off: pairs (word, spelling) and its `Lexicon`."""
    return words, Lexicon([word for word, _ in words], [spelling for _, spelling in words])


LEXICONS = {
    "prefixes": [("a", (1,)), ("ab", (1, 2)), ("b", (2,))],
    "repeated": [("aa", (1, 1)), ("bab", (2, 1, 2)), ("b", (2,))],
    "spellings": [("x", (1,)), ("x", (2, 1)), ("y", (2, 2))],
    "homophones": [("two", (2,)), ("too", (2,)), ("to", (2, 1))],
}


@pytest.mark.parametrize("name", LEXICONS)
@pytest.mark.parametrize("seed", range(4))
def test_lexicon_search_equals_brute_force(name, seed):
    words, lexicon = spell(LEXICONS[name])
    logits = random_logits(seed, 7, 3)
    bonus = 0.25 * seed
    expected = reference.best_sentence(logits, 0, words, lambda found: bonus * len(found))
    (got,) = BeamSearch(0, lexicon=lexicon, word_bonus=bonus, **EXHAUSTIVE)(logits)
    assert got.score == pytest.approx(expected[0], abs=1e-5)
    if name != "homophones":  # of these the score ties
        assert got.words == expected[1]


@pytest.mark.parametrize("seed", range(6))
def test_separated_words_equal_brute_force(seed):
    words, lexicon = spell([("a", (1,)), ("aa", (1, 1)), ("ba", (2, 1))])
    logits = random_logits(seed, 6, 4)
    expected = reference.best_sentence(logits, 0, words, lambda found: 0.0, separator_id=3)
    (got,) = BeamSearch(0, lexicon=lexicon, separator_id=3, **EXHAUSTIVE)(logits)
    assert got.score == pytest.approx(expected[0], abs=1e-5)
    assert got.words == expected[1]


def test_tokens_are_those_of_the_words():
    words, lexicon = spell([("ab", (1, 2)), ("aab", (1, 1, 2)), ("c", (4,))])
    search = BeamSearch(0, lexicon=lexicon, separator_id=3)
    for seed in range(5):
        for item in search(random_logits(seed, 40, 5), n_best=5):
            starts = [0, *itertools.accumulate(item.word_tokens)]
            assert starts[-1] == len(item.tokens)
            for word, start, end in zip(item.words, starts, starts[1:], strict=False):
                assert (word, ids(item.tokens[start:end])) in words


def test_a_word_that_the_audio_cuts_off_is_dropped():
    _, lexicon = spell([("ab", (1, 2)), ("c", (3,))])
    logits = np.full((4, 4), -20, np.float32)
    logits[range(4), [3, 0, 1, 0]] = 0  # c, and half of ab
    (got,) = BeamSearch(0, lexicon=lexicon)(logits)
    assert (got.words, ids(got.tokens), got.word_tokens) == (("c",), (3,), (1,))
    (nothing,) = BeamSearch(0, lexicon=lexicon)(np.float32([[9, 0, 0, 0]] * 30))
    assert (nothing.words, nothing.tokens) == ((), ())


def test_bad_logits_are_refused():
    search = BeamSearch(0)
    for decode in (search, lambda logits: greedy_decode(logits, 0)):
        for value in (np.nan, np.inf):
            with pytest.raises(InputError, match=r"'logits': got NaN, .inf or a frame of -inf"):
                decode(np.float32([[0, 1], [value, 0]]))
        with pytest.raises(InputError, match="frame of -inf alone"):
            decode(np.full((2, 2), -np.inf, np.float32))
        with pytest.raises(InputTypeError, match="got float64, expected a float32 array"):
            decode(np.zeros((2, 2)))
        with pytest.raises(InputError, match=r"got shape \(3,\), expected \(frames, vocabulary\)"):
            decode(np.zeros(3, np.float32))
    with pytest.raises(InputError, match="got 20001 frames, expected at most 20000"):
        search(np.zeros((20_001, 2), np.float32))
    with pytest.raises(UsageError, match="got a vocabulary of 2, expected one with the token 2"):
        greedy_decode(np.zeros((1, 2), np.float32), 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam_width": 0}, "beam_width: got 0"),
        ({"beam_width": 4097}, "beam_width: got 4097, expected a whole number from 1 to 4096"),
        ({"beam_width": 2.5}, "beam_width: got 2.5"),
        ({"beam_width": "3"}, "beam_width: got '3'"),
        ({"beam_width": True}, "beam_width: got True"),
        ({"token_threshold": 0.1}, "token_threshold: got 0.1"),
        ({"beam_threshold": math.nan}, "beam_threshold: got nan"),
        ({"lm_weight": math.inf}, "got \\(inf, 0.0, 0.0\\), expected finite"),
        ({"blank_penalty": math.nan}, "got \\(0.0, 0.0, nan\\), expected finite"),
        ({"word_bonus": 1.0}, "lexicon: got None, expected one beside"),
        ({"lexicon": Lexicon(["a"], [[0]])}, "a spelling with the blank 0"),
        ({"lexicon": Lexicon(["a"], [[1]]), "separator_id": 1}, "with the separator 1"),
        ({"lexicon": Lexicon(["a"], [[1]]), "separator_id": 0}, "separator_id: got 0, the blank"),
        ({"separator_id": -1}, "separator_id: got -1"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        BeamSearch(0, **options)


def test_bad_lexicons_are_refused():
    for words, spellings in (([], []), (["a"], [])):
        with pytest.raises(UsageError, match="expected as many of both and at least one"):
            Lexicon(words, spellings)
    for spelling in ([], [-1], [2**40]):
        with pytest.raises(UsageError, match="expected token ids of 0 or more"):
            Lexicon(["a"], [spelling])
    with pytest.raises(UsageError, match="expected one with the token 5"):
        BeamSearch(0, lexicon=Lexicon(["a"], [[5]]))(np.zeros((1, 2), np.float32))
    for n_best in (0, 1.5, None):
        with pytest.raises(UsageError, match=f"n_best: got {n_best}"):
            BeamSearch(0)(np.zeros((1, 2), np.float32), n_best=n_best)
