"""Decoding in pieces is decoding of the whole, bit for bit."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgewright.ctc import (
    BeamSearch,
    Lexicon,
    NgramModel,
    WordSearch,
    greedy_decode,
    greedy_stream,
)
from edgewright.errors import InputError, InputTypeError, UsageError

MODEL = NgramModel.from_arpa(
    b"\\data\\\nngram 1=5\nngram 2=2\n\\1-grams:\n-2 <unk> -0.1\n-1 <s> -0.4\n-1 </s>\n"
    b"-0.6 a -0.3\n-0.9 ab -0.2\n\\2-grams:\n-0.3 <s> ab\n-0.4 a a\n\\end\\\n"
)
LEXICON = Lexicon(["a", "ab", "a", "b"], [[1], [1, 2], [2, 1], [2]])
LETTERS = ["", "a", "b", " ", "c"]
PIECES = ["", "\u2581", "\u2581a", "a", "b\u00e9"]
SCORED = {"language_model": MODEL, "lm_weight": 0.7, "word_bonus": 0.4}
SEARCHES = {
    "tokens": BeamSearch(0, beam_width=6),
    "lexicon": BeamSearch(0, beam_width=6, lexicon=LEXICON),
    "separated": BeamSearch(0, lexicon=LEXICON, separator_id=3),
    "scored lexicon": BeamSearch(
        0, lexicon=LEXICON, separator_id=3, hotwords={"b": 1.5}, token_threshold=-3.0, **SCORED
    ),
    "letters": WordSearch(LETTERS, 0, separator_id=3, special_ids=[4]),
    "pieces": WordSearch(PIECES, 0, beam_width=9),
    "scored letters": WordSearch(LETTERS, 0, separator_id=3, hotwords={"ba": 2.0}, **SCORED),
}
DECODERS = {
    "greedy": (lambda: greedy_stream(0), lambda logits, n_best: [greedy_decode(logits, 0)]),
    **{name: (search.stream, search) for name, search in SEARCHES.items()},
}
ALL = pytest.mark.parametrize("name", DECODERS)


def random_logits(seed, frames, scale=2.0):
    return np.random.default_rng(seed).normal(0, scale, (frames, 5)).astype(np.float32)


@ALL
@given(
    seed=st.integers(0, 2**32 - 1),
    frames=st.integers(0, 40),
    scale=st.sampled_from([0.0, 1.0, 8.0]),
    cuts=st.lists(st.integers(0, 40), max_size=6).map(sorted),
)
@example(seed=0, frames=40, scale=1.0, cuts=list(range(41)))
@example(seed=0, frames=40, scale=1.0, cuts=[])
def test_a_stream_is_the_whole_at_every_cut(name, seed, frames, scale, cuts):
    make_stream, decode = DECODERS[name]
    logits, stream = random_logits(seed, frames, scale), make_stream()
    for _ in range(2):
        assert stream.best(3) == decode(logits[:0], 3)
        for piece in np.split(logits, np.minimum(cuts, frames)):
            stream.feed(piece)
            assert stream.best(3) == decode(logits[: stream.num_frames], 3)
        assert stream.num_frames == frames
        stream.reset()


@ALL
def test_asking_changes_nothing(name):
    make_stream, _ = DECODERS[name]
    logits, asked, quiet = random_logits(1, 90), make_stream(), make_stream()
    for frame in logits:
        asked.feed(frame[None])
        assert asked.best(5) == asked.best(5)
        quiet.feed(frame[None])
    assert asked.best(5) == quiet.best(5)


@ALL
def test_a_refused_piece_leaves_the_stream_as_it_was(name):
    make_stream, decode = DECODERS[name]
    logits, stream = random_logits(2, 20), make_stream()
    stream.feed(logits[:10])
    damaged = random_logits(3, 4)
    damaged[3, 2] = np.nan
    for piece, error, message in [
        (damaged, InputError, r"got NaN, \+inf or a frame of -inf alone \(frame 3\)"),
        (damaged.astype(float), InputTypeError, "got float64, expected a float32 array"),
        (damaged[0], InputError, r"got shape \(5,\), expected \(frames, vocabulary\)"),
        (damaged[:3, :4], UsageError, "got a vocabulary of 4, expected 5 as in"),
    ]:
        with pytest.raises(error, match=message):
            stream.feed(piece)
    with pytest.raises(UsageError, match="n_best: got 0"):
        stream.best(0)
    stream.feed(np.asfortranarray(logits[10:]))
    assert stream.num_frames == 20
    assert stream.best(3) == decode(logits, 3)


@pytest.mark.parametrize(
    "stream",
    [BeamSearch(0, beam_width=1).stream(), WordSearch(["", "a"], 0, beam_width=1).stream()],
)
def test_too_many_frames_are_refused(stream):
    stream.feed(np.zeros((19_999, 2), np.float32))
    with pytest.raises(InputError, match="got 2 frames behind 19999, expected at most 20000"):
        stream.feed(np.zeros((2, 2), np.float32))
    stream.feed(np.zeros((1, 2), np.float32))
    stream.reset()
    stream.feed(np.zeros((2, 2), np.float32))
    assert stream.num_frames == 2


def test_a_stream_takes_another_vocabulary_after_its_reset():
    stream = BeamSearch(0).stream()
    for vocabulary in (5, 3):
        logits = random_logits(4, 12)[:, :vocabulary]
        stream.feed(logits)
        assert stream.best(3) == BeamSearch(0)(logits, 3)
        stream.reset()
    with pytest.raises(UsageError, match="blank_id: got -1"):
        greedy_stream(-1)


@ALL
def test_streams_of_one_search_do_not_mix(name):
    make_stream, decode = DECODERS[name]
    inputs = [random_logits(seed, 60) for seed in range(16)]

    def decode_in_pieces(logits):
        stream = make_stream()
        for piece in np.array_split(logits, 20):
            stream.feed(piece)
            stream.best()
        return stream.best(4)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(decode_in_pieces, inputs))
    assert found == [decode(logits, 4) for logits in inputs]


def test_a_stream_outlives_its_search():
    logits = random_logits(5, 30)
    stream = BeamSearch(0, lexicon=Lexicon(["a", "b"], [[1], [2]]), **SCORED).stream()
    search = BeamSearch(0, lexicon=Lexicon(["a", "b"], [[1], [2]]), **SCORED)
    stream.feed(logits)
    assert stream.best(3) == search(logits, 3)
