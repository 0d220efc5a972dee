import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewright.ctc import NgramModel, WordSearch, greedy_decode
from edgewright.errors import InputError, InputTypeError, UsageError
from reference import ctc as reference

EXHAUSTIVE = {"beam_width": 4096, "token_threshold": -math.inf, "beam_threshold": math.inf}
LETTERS = ["", "a", "b", " "]
PIECES = ["", "\u2581", "\u2581a", "a", "b\u00e9"]
ARPA = """\\data\\
ngram 1=5
ngram 2=3
\\1-grams:
-2.5 <unk> -0.1
-1 <s> -0.4
-1.2 </s>
-0.6 a -0.3
-0.9 ab -0.2
\\2-grams:
-0.3 <s> ab
-0.4 a a
-0.2 ab </s>
\\end\\
"""


def random_logits(seed, frames, vocabulary, scale=2.0):
    return np.random.default_rng(seed).normal(0, scale, (frames, vocabulary)).astype(np.float32)


def texts(found):
    return [sentence.text for sentence in found]


@pytest.mark.parametrize(("tokens", "separator_id"), [(LETTERS, 3), (PIECES, None)])
@pytest.mark.parametrize("seed", range(4))
def test_the_search_equals_brute_force(seed, tokens, separator_id):
    logits = random_logits(seed, 5, len(tokens))
    expected = reference.sentence_probabilities(logits, 0, tokens, separator_id)
    got = WordSearch(tokens, 0, separator_id=separator_id, **EXHAUSTIVE)(logits, n_best=4096)
    assert {tuple(item.text.split()) for item in got} == set(expected)
    for item in got:
        assert math.exp(item.log_prob) == pytest.approx(
            expected[tuple(item.text.split())], rel=1e-6
        )
        assert item.score == item.log_prob
    assert [item.score for item in got] == sorted((item.score for item in got), reverse=True)


@pytest.mark.parametrize("seed", range(4))
def test_model_and_hotwords_equal_brute_force(seed):
    logits, ngrams = random_logits(seed, 6, 4), reference.read_arpa(ARPA)
    hotwords = {"bb": 2.0, "ab a": -0.5}

    def score(words):
        unknown = sum(word not in ("a", "ab") for word in words)
        hot = sum({"bb": 2.0, "ab": -0.5, "a": -0.5}.get(word, 0.0) for word in words)
        model = reference.sentence_log_prob(ngrams, words) - 3.0 * math.log(10) * unknown
        return 0.7 * model + 0.4 * len(words) + hot

    expected = {
        words: math.log(probability) + score(words)
        for words, probability in reference.sentence_probabilities(logits, 0, LETTERS, 3).items()
    }
    search = WordSearch(
        LETTERS, 0, separator_id=3, language_model=NgramModel.from_arpa(ARPA.encode()),
        lm_weight=0.7, word_bonus=0.4, unknown_offset=-3.0, hotwords=hotwords, **EXHAUSTIVE,
    )  # fmt: skip
    got = search(logits, n_best=4096)
    assert len(got) == len(expected)
    for item in got:
        assert item.score == pytest.approx(expected[tuple(item.text.split())], abs=1e-4)


def test_times_and_confidences_are_those_of_the_heard_frames():
    tokens = ["", "\u2581so", "up", "\u2581a"]
    path = [0, 1, 1, 0, 2, 0, 0, 3, 3, 0]
    logits = np.full((10, 4), -9.0, np.float32)
    logits[range(10), path] = 0.0
    [best] = WordSearch(tokens, 0)(logits)
    assert [(w.text, w.start, w.end) for w in best.words] == [("soup", 1, 5), ("a", 7, 9)]
    sure = 1 / (1 + 3 * math.exp(-9))
    assert all(w.confidence == pytest.approx(sure, abs=1e-6) for w in best.words)


def test_spellings_by_other_tokens_count_together():
    tokens = ["", "\u2581ab", "\u2581a", "b", "\u2581c"]
    logits = np.log(np.float32([[0.01, 0.29, 0.3, 0.01, 0.39], [0.35, 0.01, 0.01, 0.62, 0.01]]))
    [best] = WordSearch(tokens, 0, **EXHAUSTIVE)(logits)
    expected = reference.sentence_probabilities(logits, 0, tokens)
    # "c" has the likeliest first token; "ab" is said in two ways.
    assert best.text == "ab"
    assert math.exp(best.log_prob) == pytest.approx(expected["ab",], rel=1e-5)


def test_a_hotword_and_the_model_decide_where_the_audio_does_not():
    logits = np.log(np.float32([[0.1, 0.46, 0.44, 0.0001]]))
    tokens = ["", "no", "on", " "]
    plain = WordSearch(tokens, 0, separator_id=3)
    hot = WordSearch(tokens, 0, separator_id=3, hotwords={"on": 1.0})
    assert texts(plain(logits)) == ["no"]
    assert texts(hot(logits)) == ["on"]
    arpa = b"\\data\\\nngram 1=2\n\\1-grams:\n-0.1 on\n-3 no\n\\end\\\n"
    model = WordSearch(tokens, 0, separator_id=3, language_model=NgramModel.from_arpa(arpa))
    assert texts(model(logits)) == ["on"]


def test_special_tokens_are_never_text():
    logits = np.full((3, 4), -9.0, np.float32)
    logits[range(3), [1, 2, 1]] = 0.0
    tokens = ["", "a", "<unk>", " "]
    [best] = WordSearch(tokens, 0, separator_id=3, special_ids=[2], beam_threshold=30)(logits)
    assert best.text in ("a", "aa")
    assert texts(WordSearch(tokens, 0, separator_id=3)(logits)) == ["a<unk>a"]


def test_edges_of_the_input():
    search = WordSearch(LETTERS, 0, separator_id=3)
    assert texts(search(np.zeros((0, 4), np.float32))) == [""]
    assert texts(search(np.float32([[9, 0, 0, 0]] * 30))) == [""]
    assert texts(search(np.float32([[0, 0, 0, 9]] * 3))) == [""]
    strided = np.asfortranarray(random_logits(3, 30, 4))
    assert search(strided, 9) == search(strided.copy("C"), 9)
    assert search(strided[::2, :]) == search(strided[::2].copy())


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from([1.0, 4.0, 30.0]))
def test_one_prefix_is_greedy_where_the_frames_are_sure(seed, frames, scale):
    logits = random_logits(seed, frames, 4, scale)
    best = logits.max(1)
    logits[logits == best[:, None]] += 40.0
    tokens = [token.token_id for token in greedy_decode(logits, 0)]
    expected = " ".join(reference.spelled_words(tokens, LETTERS, 3))
    assert texts(WordSearch(LETTERS, 0, separator_id=3, beam_width=1)(logits)) == [expected]


def test_one_search_serves_many_threads():
    search = WordSearch(LETTERS, 0, separator_id=3, hotwords={"ab": 1.0})
    inputs = [random_logits(seed, 80, 4) for seed in range(12)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(search, inputs)) == [search(logits) for logits in inputs]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam_width": 0}, "beam_width: got 0"),
        ({"separator_id": 0}, "separator_id: got 0, the blank"),
        ({"separator_id": 4}, "separator_id: got 4, expected a whole number from 0 to 3"),
        ({"special_ids": [-1]}, "special_ids: got -1"),
        ({"token_threshold": 0.5}, "token_threshold: got 0.5"),
        ({"beam_threshold": 0}, "beam_threshold: got 0"),
        ({"lm_weight": math.nan}, "expected finite numbers"),
        ({"hotwords": ["no"]}, "hotwords: got list, expected a mapping"),
        ({"hotwords": {"no": "much"}}, "got 'much' for 'no', expected a number"),
        ({"hotwords": {" ": 1.0}}, "hotwords: got ' ', expected a word"),
        ({"hotwords": {"no": 2000}}, "got 2000 for 'no', expected -1000 to 1000"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        WordSearch(LETTERS, 0, **options)


def test_bad_inputs_are_refused():
    for tokens in ([], "ab", ["a", 3]):
        with pytest.raises(UsageError, match="tokens: expected a list of strings"):
            WordSearch(tokens, 0)
    with pytest.raises(UsageError, match="blank_id: got 4"):
        WordSearch(LETTERS, 4)
    search = WordSearch(LETTERS, 0)
    with pytest.raises(InputTypeError, match="got float64"):
        search(np.zeros((2, 4)))
    with pytest.raises(UsageError, match="got a vocabulary of 5, expected 4"):
        search(np.zeros((2, 5), np.float32))
    with pytest.raises(InputError, match="got 20001 frames"):
        search(np.zeros((20_001, 4), np.float32))
    with pytest.raises(InputError, match="got NaN"):
        search(np.full((2, 4), np.nan, np.float32))
    with pytest.raises(UsageError, match="n_best: got 0"):
        search(np.zeros((2, 4), np.float32), n_best=0)
    with pytest.raises(InputTypeError, match="language model: got NoneType"):
        NgramModel.from_arpa(None)
