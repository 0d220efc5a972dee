"""Beam search over spelled words of any vocabulary, with a word n-gram and hotwords."""

import math
from collections.abc import Collection, Mapping, Sequence
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
from edgewright.ctc.ngram import NgramModel
from edgewright.ctc.stream import CTCStream
from edgewright.errors import UsageError

WORD_PREFIX = "\u2581"
"""Stands in front of the tokens that begin a word (SentencePiece)."""
_INSIDE, _BEGIN, _SEPARATOR, _NEVER = range(4)  # CtcPiece::Kind


@dataclass(frozen=True)
class CTCWord:
    """A word that was heard."""

    text: str
    start: int
    """First frame of its first token."""
    end: int
    """Last frame of its last token + 1."""
    confidence: float
    """Mean probability of its tokens over the frames in which they are heard, 0 to 1."""


@dataclass(frozen=True)
class Sentence:
    """A result of the search."""

    words: tuple[CTCWord, ...]
    log_prob: float
    """Natural logarithm of the spelling's probability, summed over the alignments in the beam."""
    score: float
    """`log_prob` with what language model, bonus and hotwords add."""

    @property
    def text(self) -> str:
        """The words with spaces between them."""
        return " ".join(word.text for word in self.words)


class WordSearch:
    """CTC prefix beam search over what the tokens spell: any word can be heard.

    Prefixes (Hannun et al., 2014) that spell the same count together. Rules, defaults and scores
    are those of pyctcdecode 0.5, so the text is the same; `docs/kernels.md` has the exceptions.

    Args:
        tokens: The vocabulary, in the order of the logits.
        blank_id: Index of the blank.
        separator_id: The token that stands between words, such as " " or "|". None: a token with
            U+2581 in front begins a word.
        special_ids: Tokens that are never text, such as `<unk>`.
        beam_width: Prefixes kept after each frame, 1 to `MAX_BEAM_WIDTH`.
        token_threshold: Natural logarithm of the probability below which a token is tried in no
            prefix; the best token of a frame always is.
        beam_threshold: Prefixes this far (natural logarithm) below the best one are dropped.
        language_model: Of words, scored when they end; `<s>` and `</s>` stand around the sentence.
        lm_weight: Factor of the language model's natural logarithm.
        word_bonus: Added for each word where there is a language model, natural logarithm.
        unknown_offset: Added, in base 10, to the language model's logarithm of a word that it does
            not list; and to letters that begin no listed word, as a natural logarithm, in
            proportion to their number beyond six.
        hotwords: Words, and what is added (natural logarithm) each time one of them ends; of a
            beginning of one, in proportion to its letters. Each word of a phrase counts on its own.

    Raises:
        UsageError: Options out of range.
    """

    def __init__(
        self,
        tokens: Sequence[str],
        blank_id: int,
        *,
        separator_id: int | None = None,
        special_ids: Collection[int] = (),
        beam_width: int = 100,
        token_threshold: float = -5.0,
        beam_threshold: float = 10.0,
        language_model: NgramModel | None = None,
        lm_weight: float = 0.5,
        word_bonus: float = 1.5,
        unknown_offset: float = -10.0,
        hotwords: Mapping[str, float] | None = None,
    ) -> None:
        _check_tokens(tokens)
        last = len(tokens) - 1
        check_whole("blank_id", blank_id, 0, last, "give the index of a token")
        for name, ids in (("separator_id", [separator_id]), ("special_ids", list(special_ids))):
            for index in ids:
                if index is not None:
                    check_whole(name, index, 0, last, "give the index of a token")
        if separator_id == blank_id:
            raise UsageError(f"separator_id: got {blank_id}, the blank; give another token's index")
        check_whole("beam_width", beam_width, 1, MAX_BEAM_WIDTH, "keep 100")
        check_thresholds(token_threshold, beam_threshold)
        weights = (lm_weight, word_bonus, unknown_offset)
        if not all(map(math.isfinite, weights)):
            raise UsageError(
                f"lm_weight, word_bonus, unknown_offset: got {weights}, expected finite numbers; "
                "keep the defaults"
            )
        self.tokens = tuple(tokens)
        self.blank_id = blank_id
        texts, kinds = _pieces(self.tokens, separator_id, {*special_ids, blank_id})
        phrases = check_hotwords({} if hotwords is None else hotwords).items()
        self._search = _core.CtcWordSearch(
            blank_id=blank_id,
            beam_width=beam_width,
            token_threshold=token_threshold,
            beam_threshold=beam_threshold,
            lm_weight=lm_weight,
            word_bonus=word_bonus,
            unknown_offset=unknown_offset,
            texts=texts,
            kinds=kinds,
            language_model=None if language_model is None else language_model._model,
            hotwords=[(word, weight) for phrase, weight in phrases for word in phrase.split()],
        )

    def __call__(self, logits: NDArray[np.float32], n_best: int = 1) -> list[Sentence]:
        """Return up to `n_best` sentences of different texts, best first.

        Args:
            logits: float32 (frames, tokens): logits or log-probabilities; at most
                `MAX_BEAM_FRAMES` frames.
            n_best: 1 to `MAX_BEAM_WIDTH`.

        Raises:
            InputTypeError: Another dtype.
            InputError: Another shape, too many frames; NaN, +inf, or a frame of -inf alone.
            UsageError: `n_best` out of range, or another vocabulary than that of the tokens.
        """
        check_whole("n_best", n_best, 1, MAX_BEAM_WIDTH, "ask for one or more")
        logits = self._check(logits)
        with input_errors():
            found = self._search.decode(logits, n_best)
        return [_sentence(*item) for item in found]

    def stream(self) -> CTCStream[Sentence]:
        """Return a stream that finds the same in an utterance that comes in pieces."""
        kernel = _core.CtcWordStream(self._search)
        return CTCStream(
            kernel,
            self._check,
            lambda n_best: [_sentence(*item) for item in kernel.best(n_best)],
        )

    def _check(self, logits: NDArray[np.float32], num_before: int = 0) -> NDArray[np.float32]:
        logits = check_logits(logits, self.blank_id)
        if logits.shape[1] != len(self.tokens):
            raise UsageError(
                f"input 'logits': got a vocabulary of {logits.shape[1]}, expected "
                f"{len(self.tokens)} as in tokens; give the tokens of this model"
            )
        check_frames(logits, num_before)
        return logits


def _sentence(words: list[tuple[str, int, int, float]], log_prob: float, score: float) -> Sentence:
    return Sentence(tuple(CTCWord(*word) for word in words), log_prob, score)


def _check_tokens(tokens: Sequence[str]) -> None:
    strings = not isinstance(tokens, str) and all(isinstance(token, str) for token in tokens)
    if not strings or not 1 <= len(tokens) <= MAX_TOKEN_ID:
        raise UsageError("tokens: expected a list of strings, at least one; give the vocabulary")


def _pieces(
    tokens: Sequence[str], separator_id: int | None, never: Collection[int]
) -> tuple[list[str], list[int]]:
    """Return what each token adds to the text, and how."""
    texts, kinds = list(tokens), [_INSIDE] * len(tokens)
    for index, token in enumerate(tokens):
        if index in never:
            texts[index], kinds[index] = "", _NEVER
        elif index == separator_id:
            texts[index], kinds[index] = "", _SEPARATOR
        elif separator_id is None and token.startswith(WORD_PREFIX):
            texts[index], kinds[index] = token[1:], _BEGIN
    return texts, kinds
