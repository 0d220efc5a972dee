"""Prefix beam search over tokens, or over the words of a lexicon."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewright import _core
from edgewright.ctc.checks import (
    MAX_BEAM_WIDTH,
    MAX_TOKEN_ID,
    check_frames,
    check_hotwords,
    check_logits,
    check_thresholds,
    check_whole,
    input_errors,
)
from edgewright.ctc.greedy import CTCToken
from edgewright.ctc.lexicon import Lexicon
from edgewright.ctc.ngram import NgramModel
from edgewright.ctc.stream import CTCStream
from edgewright.errors import UsageError


@dataclass(frozen=True)
class Hypothesis:
    """A result of the beam search."""

    tokens: tuple[CTCToken, ...]
    """On the most probable alignment. With a lexicon only tokens of `words`, so no separators."""
    words: tuple[str, ...] | None
    """Words of the lexicon; None without a lexicon."""
    word_tokens: tuple[int, ...] | None
    """Number of tokens of each word, which add up to those of `tokens`; None without a lexicon."""
    score: float
    """Natural logarithm of the tokens' probability, summed over all alignments in the beam; plus
    `lm_weight` × that of the words in the language model (with the end of the sentence) plus
    `word_bonus` × number of words. A `blank_penalty` makes alignments with blanks count less."""


class BeamSearch:
    """CTC prefix beam search (Hannun et al., 2014), free or over the words of a lexicon.

    Probabilities are summed over the alignments of a prefix. With a lexicon, prefixes are sequences
    of its spellings; a last word that the audio cuts off is dropped, and counts only where no other
    prefix is left.

    Args:
        blank_id: Index of the blank.
        beam_width: Prefixes kept after each frame, 1 to `MAX_BEAM_WIDTH`.
        token_threshold: Natural logarithm of the probability below which a token is tried in no
            prefix; the best token of a frame always is.
        beam_threshold: Prefixes this far (natural logarithm) below the best one are dropped.
        blank_penalty: Taken from the blank's natural logarithm in every frame: above 0 where a
            model is too sure of blanks, so that tokens are lost.
        lexicon: Words to keep to.
        language_model: Of the lexicon's words; scored when the next word begins, and at the end.
        lm_weight: Factor of the language model's natural logarithm.
        word_bonus: Added for each word, natural logarithm.
        hotwords: Words of the lexicon, and what is added (natural logarithm) each time one of them
            ends: 5 makes it e^5 times as likely, a number below 0 less so.
        separator_id: A token that must stand between words and belongs to no spelling, such as "|";
            None where words simply follow one another.

    Raises:
        UsageError: Options out of range or that need a lexicon without one.
    """

    def __init__(
        self,
        blank_id: int,
        *,
        beam_width: int = 32,
        token_threshold: float = -7.0,
        beam_threshold: float = 14.0,
        blank_penalty: float = 0.0,
        lexicon: Lexicon | None = None,
        language_model: NgramModel | None = None,
        lm_weight: float = 0.0,
        word_bonus: float = 0.0,
        separator_id: int | None = None,
        hotwords: Mapping[str, float] | None = None,
    ) -> None:
        for name, value in (("blank_id", blank_id), ("separator_id", separator_id)):
            if value is not None:
                check_whole(name, value, 0, MAX_TOKEN_ID, "give the index of a token")
        check_whole("beam_width", beam_width, 1, MAX_BEAM_WIDTH, "keep 32")
        check_thresholds(token_threshold, beam_threshold)
        weights = (lm_weight, word_bonus, blank_penalty)
        if not all(map(math.isfinite, weights)):
            raise UsageError(
                f"lm_weight, word_bonus, blank_penalty: got {weights}, expected finite numbers; "
                "keep 0"
            )
        if lexicon is not None:
            _check_lexicon(lexicon, blank_id, separator_id)
        elif language_model or lm_weight or word_bonus or separator_id is not None or hotwords:
            raise UsageError(
                "lexicon: got None, expected one beside language_model, lm_weight, word_bonus, "
                "separator_id or hotwords, which count words; give a lexicon or leave them out"
            )
        self.blank_id = blank_id
        self.lexicon = lexicon
        used = () if lexicon is None else lexicon.token_ids
        self._largest_id = max(blank_id, separator_id or 0, *used)
        ids = language_model.word_ids(lexicon.words) if language_model and lexicon else None
        self._search = _core.CtcBeamSearch(
            blank_id=blank_id,
            beam_width=beam_width,
            token_threshold=token_threshold,
            beam_threshold=beam_threshold,
            separator_id=-1 if separator_id is None else separator_id,
            lm_weight=lm_weight,
            word_bonus=word_bonus,
            blank_penalty=blank_penalty,
            lexicon=None if lexicon is None else lexicon._trie,
            language_model=None if language_model is None else language_model._model,
            lm_word_ids=np.zeros(0, np.int32) if ids is None else ids,
            word_scores=_word_scores(lexicon, check_hotwords({} if hotwords is None else hotwords)),
        )

    def __call__(self, logits: NDArray[np.float32], n_best: int = 1) -> list[Hypothesis]:
        """Return up to `n_best` hypotheses, best first, with a lexicon of different words each.

        Args:
            logits: As for `greedy_decode`; at most `MAX_BEAM_FRAMES` frames.
            n_best: 1 to `MAX_BEAM_WIDTH`.

        Raises:
            InputTypeError: Another dtype.
            InputError: Another shape, too many frames; NaN, +inf, or a frame of -inf alone.
            UsageError: `n_best` out of range, or a token id of an option outside the vocabulary.
        """
        check_whole("n_best", n_best, 1, MAX_BEAM_WIDTH, "ask for one or more")
        logits = self._check(logits)
        with input_errors():
            found = self._search.decode(logits, n_best)
        return [self._hypothesis(*item) for item in found]

    def stream(self) -> CTCStream[Hypothesis]:
        """Return a stream that finds the same in an utterance that comes in pieces."""
        kernel = _core.CtcBeamStream(self._search)
        return CTCStream(
            kernel,
            self._check,
            lambda n_best: [self._hypothesis(*item) for item in kernel.best(n_best)],
        )

    def _check(self, logits: NDArray[np.float32], num_before: int = 0) -> NDArray[np.float32]:
        logits = check_logits(logits, self._largest_id)
        check_frames(logits, num_before)
        return logits

    def _hypothesis(
        self,
        tokens: list[tuple[int, int, int, float]],
        words: list[int],
        word_tokens: list[int],
        score: float,
    ) -> Hypothesis:
        aligned = tuple(CTCToken(*token) for token in tokens)
        if self.lexicon is None:
            return Hypothesis(aligned, None, None, score)
        spelled = tuple(self.lexicon.words[word] for word in words)
        return Hypothesis(aligned, spelled, tuple(word_tokens), score)


def _check_lexicon(lexicon: Lexicon, blank_id: int, separator_id: int | None) -> None:
    if separator_id == blank_id:
        raise UsageError(f"separator_id: got {blank_id}, the blank; expected another token's index")
    for name, token in (("blank", blank_id), ("separator", separator_id)):
        if token in lexicon.token_ids:
            raise UsageError(
                f"lexicon: got a spelling with the {name} {token}, expected other tokens only; "
                "leave it out of the spellings"
            )


def _word_scores(lexicon: Lexicon | None, hotwords: Mapping[str, float]) -> NDArray[np.float64]:
    """Return what is added to each word of the lexicon; empty where nothing is."""
    if lexicon is None or not hotwords:
        return np.zeros(0)
    places = {word: place for place, word in enumerate(lexicon.words)}
    scores = np.zeros(len(places))
    for word, weight in hotwords.items():
        if word not in places:
            raise UsageError(
                f"hotwords: got {word!r}, expected words of the lexicon; add it there with its "
                "spelling"
            )
        scores[places[word]] = weight
    return scores
