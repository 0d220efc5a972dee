"""The search against its definition: greedy by hand, and beams so wide that nothing is left out."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewright.beam_search import Hypothesis, SearchConfig, search
from edgewright.errors import InputError

EOS, START, VOCABULARY = 0, 4, 5
CONFIG = SearchConfig(
    num_beams=1, max_new_tokens=4, length_penalty=1.0, early_stopping="no", start_id=START,
    eos_id=EOS, banned_ids=(START,), forced_eos=False, renormalize=True,
)  # fmt: skip


class Toy:
    """A decoder whose logits depend on all tokens so far, by a seeded hash of them."""

    def __init__(self, seeds: list[int], beams: int, *, eos: float = 0.0) -> None:
        self._seeds, self._eos = seeds, eos
        self._prefixes: list[list[tuple[int, ...]]] = [[()] * beams for _ in seeds]

    def __call__(
        self, token_ids: NDArray[np.int64], parents: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        self._prefixes = [
            [(*before[p], int(t)) for p, t in zip(ps, ts, strict=True)]
            for before, ps, ts in zip(self._prefixes, parents, token_ids, strict=True)
        ]
        rows = [[self.logits(s, one) for one in ps]
                for s, ps in zip(self._seeds, self._prefixes, strict=True)]  # fmt: skip
        return np.array(rows, np.float32)

    def logits(self, seed: int, prefix: tuple[int, ...]) -> NDArray[np.float64]:
        logits = np.random.default_rng([seed, *prefix]).normal(0, 2, VOCABULARY)
        logits[EOS] += self._eos
        return logits

    def log_prob(self, seed: int, token_ids: tuple[int, ...]) -> float:
        """Return that of tokens behind the start, without the banned one."""
        total = 0.0
        for index, token in enumerate(token_ids):
            logits = self.logits(seed, (START, *token_ids[:index]))[:START]
            total += float(logits[token] - np.logaddexp.reduce(logits))
        return total


def best(seed: int, config: SearchConfig, **options: float) -> Hypothesis:
    toy = Toy([seed], config.num_beams, **options)
    return search(toy, 1, config)[0]


def test_one_beam_takes_the_likeliest_token_until_the_end() -> None:
    ends = 0
    for seed in range(30):
        toy, token_ids = Toy([seed], 1), ()
        while len(token_ids) < CONFIG.max_new_tokens and EOS not in token_ids:
            token_ids = (*token_ids, int(toy.logits(seed, (START, *token_ids))[:START].argmax()))
        found = best(seed, CONFIG)
        assert found.token_ids == token_ids
        assert found.log_prob == pytest.approx(toy.log_prob(seed, token_ids), rel=1e-5)
        assert found.score == pytest.approx(found.log_prob / len(token_ids))
        assert found.confidence == pytest.approx(math.exp(found.log_prob / len(token_ids)))
        assert found.truncated == (EOS not in token_ids)
        ends += not found.truncated
    assert 5 < ends < 30


@pytest.mark.parametrize("penalty", [1.0, 0.0, 0.6])
def test_a_beam_as_wide_as_everything_finds_the_best_sequence(penalty: float) -> None:
    config = replace(
        CONFIG, num_beams=100, length_penalty=penalty, early_stopping="never", max_new_tokens=4
    )
    words = range(1, START)
    everything = [
        *((*middle, EOS) for n in range(4) for middle in itertools.product(words, repeat=n)),
        *itertools.product(words, repeat=4),
    ]
    for seed in range(8):
        toy = Toy([seed], 1)
        scores = {one: toy.log_prob(seed, one) / len(one) ** penalty for one in everything}
        found = best(seed, config)
        assert found.token_ids == max(scores, key=scores.__getitem__)
        assert found.score == pytest.approx(scores[found.token_ids], rel=1e-5)


@pytest.mark.parametrize("early_stopping", ["no", "yes", "never"])
def test_a_batch_gives_what_each_sentence_gives_alone(early_stopping: str) -> None:
    config = replace(CONFIG, num_beams=3, max_new_tokens=12, early_stopping=early_stopping)
    seeds = list(range(10))
    found = search(Toy(seeds, 3, eos=1.0), len(seeds), config)
    assert found == [best(seed, config, eos=1.0) for seed in seeds]
    assert len({len(one.token_ids) for one in found}) > 2


def test_a_longer_text_is_preferred_with_a_larger_penalty() -> None:
    def length(penalty: float) -> int:
        config = replace(CONFIG, num_beams=4, max_new_tokens=10, length_penalty=penalty)
        return sum(len(best(seed, config, eos=1.0).token_ids) for seed in range(12))

    assert length(0.0) < length(1.0) < length(3.0)


@pytest.mark.parametrize("beams", [1, 3])
def test_the_greatest_length_forces_the_end_and_is_told(beams: int) -> None:
    config = replace(CONFIG, num_beams=beams, max_new_tokens=3, forced_eos=True)
    found = best(0, config, eos=-50.0)
    assert len(found.token_ids) == 3
    assert found.token_ids[-1] == EOS
    assert EOS not in found.token_ids[:-1]
    assert found.truncated
    expected = Toy([0], 1, eos=-50.0).log_prob(0, found.token_ids[:-1])
    assert found.log_prob == pytest.approx(expected, rel=1e-5)  # the forced end is certain
    assert found.confidence == pytest.approx(math.exp(expected / 2), rel=1e-5)


def test_an_end_that_the_model_wants_is_no_truncation() -> None:
    config = replace(CONFIG, max_new_tokens=1, forced_eos=True)
    assert not best(0, config, eos=50.0).truncated
    assert best(0, config, eos=-50.0).truncated


def test_banned_tokens_count_only_where_probabilities_are_not_renormalized() -> None:
    class Fixed:
        def __call__(self, *_: NDArray[np.int64]) -> NDArray[np.float32]:
            return np.log(np.array([[[0.3, 0.1, 0.1, 0.0001, 0.4999]]], np.float32))

    for renormalize, probability in ((True, 0.3 / 0.5001), (False, 0.3)):
        (found,) = search(Fixed(), 1, replace(CONFIG, renormalize=renormalize))
        assert found.token_ids == (EOS,)
        assert found.confidence == pytest.approx(probability, rel=1e-4)


def test_logits_that_are_no_numbers_are_refused() -> None:
    class Broken:
        def __call__(self, *_: NDArray[np.int64]) -> NDArray[np.float32]:
            return np.full((1, 1, VOCABULARY), np.nan, np.float32)

    with pytest.raises(InputError, match="got NaN or infinity, expected finite numbers"):
        search(Broken(), 1, CONFIG)
