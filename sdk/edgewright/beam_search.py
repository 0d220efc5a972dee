"""Beam search over the tokens of a decoder; with one beam it is greedy search.

The rules are those of `generate()` in transformers 5, so that a bundle answers what PyTorch does.
Every step looks at the 2 K best continuations of a sentence's K hypotheses. Those among the first K
that end are finished; the first K that do not end go on. A sentence is done when its finished
hypotheses cannot be beaten any more, as far as `early_stopping` wants to know.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from edgewright.decoding import softmax_top_k

EarlyStopping = Literal["no", "yes", "never"]
_LOWEST = np.float32(-1e30)
"""Far below any logit, and finite."""


@dataclass(frozen=True)
class SearchConfig:
    """How tokens are chosen; the names are those of `generation_config.json`."""

    num_beams: int
    """Hypotheses that are kept of a sentence; 1 is greedy search."""
    max_new_tokens: int
    """Tokens after which a translation ends, the end of sentence among them."""
    length_penalty: float
    """Score = log probability / length ^ this: above 0 favours longer texts."""
    early_stopping: EarlyStopping
    """When a sentence with K finished hypotheses is done. `yes`: at once. `no`: when the best one
    that goes on has no better score than the worst finished one. `never`: when it could not even
    have one at the greatest length (where `length_penalty` is above 0)."""
    start_id: int
    """Token that every hypothesis begins with."""
    eos_id: int
    """Token that ends one."""
    banned_ids: tuple[int, ...]
    """Tokens that are never chosen."""
    forced_eos: bool
    """Whether the last of `max_new_tokens` is `eos_id` whatever the model says."""
    renormalize: bool
    """Whether probabilities add up to 1 without the banned tokens, rather than with them."""


@dataclass(frozen=True)
class Hypothesis:
    """Chosen tokens."""

    token_ids: tuple[int, ...]
    """Without the start, with the end of sentence."""
    log_prob: float
    """Sum of the logarithms of the probabilities of the tokens, that of a forced end apart."""
    score: float
    """`log_prob` / length ^ `length_penalty`: what the search maximizes."""
    confidence: float
    """Geometric mean of the probabilities of the tokens, that of a forced end apart; 0 to 1."""
    truncated: bool
    """Whether the greatest length ended it, rather than the model."""


class Step(Protocol):
    """A decoder that keeps what it read of the hypotheses so far."""

    def __call__(
        self, token_ids: NDArray[np.int64], parents: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return the logits (batch, beams, vocabulary) of the next token, which may be changed.

        Args:
            token_ids: int64 (batch, beams), the last token of every hypothesis.
            parents: int64 (batch, beams): which hypothesis of the step before it continues.
        """


def search(step: Step, batch: int, config: SearchConfig) -> list[Hypothesis]:
    """Return the best hypothesis of each of `batch` sentences.

    A sentence's result does not depend on the others.

    Raises:
        InputError: The decoder answers NaN or infinity.
    """
    sentences = [_Sentence(config) for _ in range(batch)]
    for _ in range(config.max_new_tokens):
        token_ids = np.array([one.last_tokens() for one in sentences], np.int64)
        parents = np.array([one.parents() for one in sentences], np.int64)
        ids, log_probs = _continuations(step(token_ids, parents), config)
        for one, its_ids, its_log_probs in zip(sentences, ids, log_probs, strict=True):
            one.advance(its_ids, its_log_probs)
        if all(one.done for one in sentences):
            break
    return [one.finished[0] for one in sentences]


def _continuations(
    logits: NDArray[np.float32], config: SearchConfig
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the likeliest tokens of every hypothesis, likeliest first, and log probabilities.

    There are enough for the 2 K best of K hypotheses; banned ones have -infinity.
    """
    banned = list(config.banned_ids)
    if config.renormalize:
        logits[..., banned] = _LOWEST
    ids, probabilities = softmax_top_k(logits, 2 * config.num_beams + len(banned))
    values = np.take_along_axis(logits, ids, axis=-1)
    log_probs = values - values[..., :1] + np.log(probabilities[..., :1])
    log_probs[np.isin(ids, banned)] = -np.inf
    return ids, log_probs


class _Running(NamedTuple):
    """A hypothesis that goes on."""

    token_ids: tuple[int, ...]
    log_prob: float
    parent: int
    """Its place among the hypotheses of the step before."""


class _Sentence:
    """The search for one sentence."""

    def __init__(self, config: SearchConfig) -> None:
        self._config = config
        self._running: list[_Running] = [_Running((), 0.0, 0)]
        self.finished: list[Hypothesis] = []
        """At most K, the best first."""
        self.done = False

    def last_tokens(self) -> list[int]:
        """Return the last token of each of K hypotheses; where there are fewer, of any."""
        start = self._config.start_id
        return self._filled(
            [one.token_ids[-1] if one.token_ids else start for one in self._running]
        )

    def parents(self) -> list[int]:
        """Return the places of what they continue."""
        return self._filled([one.parent for one in self._running])

    def _filled(self, values: list[int]) -> list[int]:
        return values + values[:1] * (self._config.num_beams - len(values))

    def advance(self, ids: NDArray[np.int64], log_probs: NDArray[np.float32]) -> None:
        """Take the next step.

        Args:
            ids: int64 (beams, candidates), the likeliest next tokens of each hypothesis.
            log_probs: float32 (beams, candidates).
        """
        if self.done:
            return
        config = self._config
        length = len(self._running[0].token_ids) + 1
        is_last = length == config.max_new_tokens
        forced = is_last and config.forced_eos
        going: list[_Running] = []
        for rank, one in enumerate(self._candidates(ids, log_probs, forced=forced)):
            if is_last or one.token_ids[-1] == config.eos_id:
                if rank < config.num_beams:
                    ends = self._ends(ids[one.parent], log_probs[one.parent])
                    self._finish(one, forced=forced, truncated=is_last and not ends)
            elif len(going) < config.num_beams:
                going.append(one)
        self.finished.sort(key=lambda one: -one.score)
        del self.finished[config.num_beams :]
        self.done = is_last or not going or self._cannot_improve(going[0].log_prob, length)
        self._running = going or self._running

    def _candidates(
        self, ids: NDArray[np.int64], log_probs: NDArray[np.float32], *, forced: bool
    ) -> Sequence[_Running]:
        """Return the 2 K best continuations, the best first."""
        running, config = self._running, self._config
        if forced:
            return [
                _Running((*one.token_ids, config.eos_id), one.log_prob, parent)
                for parent, one in enumerate(running)
            ]
        before = np.array([one.log_prob for one in running])[:, None]
        sums = (log_probs[: len(running)] + before).ravel()
        best = np.argsort(-sums, kind="stable")[: 2 * config.num_beams]
        found = []
        for index in best[np.isfinite(sums[best])].tolist():
            parent, place = divmod(index, ids.shape[1])
            token_ids = (*running[parent].token_ids, int(ids[parent, place]))
            found.append(_Running(token_ids, float(sums[index]), parent))
        return found

    def _ends(self, ids: NDArray[np.int64], log_probs: NDArray[np.float32]) -> bool:
        """Whether the model itself would end a hypothesis here."""
        return int(ids[np.argmax(log_probs)]) == self._config.eos_id

    def _finish(self, one: _Running, *, forced: bool, truncated: bool) -> None:
        length = len(one.token_ids)
        score = one.log_prob / float(length) ** self._config.length_penalty
        confidence = math.exp(one.log_prob / max(1, length - forced))
        self.finished.append(Hypothesis(one.token_ids, one.log_prob, score, confidence, truncated))

    def _cannot_improve(self, best_running: float, length: int) -> bool:
        config = self._config
        if len(self.finished) < config.num_beams:
            return False
        if config.early_stopping == "yes" or config.num_beams == 1:
            return True
        if config.early_stopping == "never" and config.length_penalty > 0:
            length = config.max_new_tokens
        best_score: float = best_running / float(length) ** config.length_penalty
        return best_score <= self.finished[-1].score
