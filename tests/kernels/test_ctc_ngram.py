import gzip
import math

import numpy as np
import pytest

from edgewright.ctc import BeamSearch, Lexicon, NgramModel
from edgewright.errors import BundleError, UsageError
from reference import ctc as reference

WORDS = ["<unk>", "<s>", "</s>", "a", "b", "ab", "naïve"]


def random_arpa(seed, order):
    """An ARPA file of random numbers whose n-grams all extend listed ones."""
    rng = np.random.default_rng(seed)
    sections = [[(word,) for word in WORDS]]
    for _ in range(1, order):
        longer = [(*ngram, word) for ngram in sections[-1] for word in WORDS[2:]]
        longer = [
            ngram for ngram in longer if ngram[1:] in sections[-1] and "</s>" not in ngram[:-1]
        ]
        kept = rng.permutation(len(longer))[: max(3, len(longer) // 2)]
        sections.append([longer[index] for index in sorted(kept)])
    lines = ["made at random", "", "\\data\\"]
    lines += [f"ngram {n}={len(section)}" for n, section in enumerate(sections, 1)]
    for n, section in enumerate(sections, 1):
        lines += ["", f"\\{n}-grams:"]
        for ngram in section:
            backoff = f"\t{-rng.uniform(0, 1):.4f}" if n < order else ""
            lines.append(f"{-rng.uniform(0.1, 3):.4f}\t{' '.join(ngram)}{backoff}")
    return "\n".join([*lines, "", "\\end\\", ""])


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_scores_equal_the_slow_reader(order):
    text = random_arpa(order, order)
    model, ngrams = NgramModel.from_arpa(text.encode()), reference.read_arpa(text)
    rng = np.random.default_rng(order)
    assert model.order == order
    for length in (0, 1, 2, 5, 9):
        words = rng.choice([*WORDS[3:], "zebra"], length).tolist()
        expected = reference.sentence_log_prob(ngrams, words)
        assert model.score(words) == pytest.approx(expected, rel=1e-6, abs=1e-5)


def test_line_ends_and_spaces_do_not_matter():
    text = random_arpa(3, 3)
    expected = NgramModel.from_arpa(text.encode()).score(["a", "b", "naïve"])
    for other in (text.replace("\n", "\r\n"), text.replace("\t", "  ")):
        assert NgramModel.from_arpa(other.encode()).score(["a", "b", "naïve"]) == expected


def test_a_model_without_unk_gives_unknown_words_next_to_nothing():
    text = "\\data\\\nngram 1=1\n\\1-grams:\n-1 a\n\\end\\\n"
    got = NgramModel.from_arpa(text.encode()).score(["zebra"])
    assert got == pytest.approx(-100 * math.log(10))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("order", [1, 3])
def test_lexicon_search_with_a_model_equals_brute_force(seed, order):
    text = random_arpa(seed, order)
    lexicon = [("a", (1,)), ("b", (2,)), ("ab", (1, 2)), ("zebra", (2, 2))]
    ngrams = reference.read_arpa(text)
    logits = np.random.default_rng(seed).normal(0, 2, (6, 3)).astype(np.float32)
    score = lambda words: 0.7 * reference.sentence_log_prob(ngrams, words) + 0.4 * len(words)  # noqa: E731
    expected = reference.best_sentence(logits, 0, lexicon, score)
    search = BeamSearch(
        0,
        beam_width=4096,
        token_threshold=-math.inf,
        beam_threshold=math.inf,
        lexicon=Lexicon([word for word, _ in lexicon], [tokens for _, tokens in lexicon]),
        language_model=NgramModel.from_arpa(text.encode()),
        lm_weight=0.7,
        word_bonus=0.4,
    )
    (got,) = search(logits)
    assert got.words == expected[1]
    assert got.score == pytest.approx(expected[0], abs=1e-4)


ARPA = (
    "\\data\\\nngram 1=2\nngram 2=1\n\\1-grams:\n-1 a -0.5\n-2 b\n\\2-grams:\n-0.1 a b\n\\end\\\n"
)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("\\data\\", "data", "line 10: got the end of the file, expected a line .data"),
        ("1=2", "1=3", "line 7: got 2 n-grams of order 1, expected 3"),
        ("1=2", "1=99999999999999999999", "line 2: got '1=99999999999999999999'"),
        ("-2 b", "-1e999 b", "line 6: got '-1e999', expected a finite"),
        ("-2 b", "nan b", "line 6: got 'nan'"),
        ("-2 b", "2 b", "line 6: got a probability above 1"),
        ("-2 b", "-2 b c d", "line 6: got 4 fields"),
        ("-2 b", "-2 a", "line 6: got an n-gram for the second time"),
        ("-0.1 a b", "-0.1 c b", "line 8: got an n-gram whose first words are not listed"),
        ("-0.1 a b", "-0.1 a c", "line 8: got a word without a 1-gram"),
        ("\\2-grams:", "\\3-grams:", "line 7: got '.3-grams:', expected a line .2-grams:"),
        ("\\end\\", "", "line 10: got the end of the file, expected a line .end"),
    ],
)
def test_damaged_files_are_refused_with_the_line(old, new, message):
    assert NgramModel.from_arpa(ARPA.encode()).score(["a", "b"], begin=False, end=False) < 0
    with pytest.raises(BundleError, match=message):
        NgramModel.from_arpa(ARPA.replace(old, new, 1).encode())


def test_any_bytes_are_read_or_refused():
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        data = np.frombuffer(ARPA.encode(), np.uint8).copy()
        data[rng.integers(len(data), size=3)] = rng.integers(0, 256, 3)
        try:
            NgramModel.from_arpa(data.tobytes()).score(["a", "b"])
        except BundleError:
            refused += 1
    assert 100 < refused <= 300


def test_a_packed_file_is_the_same_model():
    packed = NgramModel.from_arpa(gzip.compress(random_arpa(1, 3).encode()))
    plain = NgramModel.from_arpa(random_arpa(1, 3).encode())
    assert packed.order == plain.order
    assert packed.score(["a", "b", "a"]) == plain.score(["a", "b", "a"])


def test_damaged_packed_files_are_refused():
    data = gzip.compress(random_arpa(1, 2).encode())
    for damaged in (data[:20], data[:-9], data[:40] + b"\0" * 8 + data[48:]):
        with pytest.raises(BundleError, match="got a damaged gzip"):
            NgramModel.from_arpa(damaged)
    with pytest.raises(BundleError, match=r"line 2"):
        NgramModel.from_arpa(gzip.compress(b"\\data\\\nngram one\n"))


NO_OR_ON = Lexicon(["no", "on"], [[1, 2], [2, 1]])
# Both words are nearly as probable; "no" is a little ahead.
BALANCED = np.log(np.array(
    [[0.1, 0.48, 0.42], [0.1, 0.45, 0.45]], np.float32
))  # fmt: skip


def best_words(**options):
    [best] = BeamSearch(0, lexicon=NO_OR_ON, **options)(BALANCED)
    return best


def test_a_hotword_wins_where_the_audio_is_undecided():
    assert best_words().words == ("no",)
    assert best_words(hotwords={"on": 1.0}).words == ("on",)
    assert best_words(hotwords={"no": -1.0}).words == ("on",)


def test_the_weight_of_a_hotword_is_a_natural_logarithm():
    plain, hot = best_words(), best_words(hotwords={"no": 2.5})
    assert hot.score - plain.score == pytest.approx(2.5)
    assert hot.tokens == plain.tokens


@pytest.mark.parametrize(
    ("hotwords", "message"),
    [
        ({"maybe": 1.0}, "got 'maybe', expected words of the lexicon"),
        ({"no": "much"}, "got 'much' for 'no', expected a number"),
        ({"no": float("nan")}, "got nan for 'no', expected -1000 to 1000"),
        ({"no": True}, "expected a number"),
    ],
)
def test_bad_hotwords_are_refused(hotwords, message):
    with pytest.raises(UsageError, match=message):
        BeamSearch(0, lexicon=NO_OR_ON, hotwords=hotwords)
    with pytest.raises(UsageError, match="lexicon: got None"):
        BeamSearch(0, hotwords=hotwords)
