"""From CTC logits to tokens and words: greedy, prefix beam search, lexicon and word n-gram."""

import gzip
import io
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgewright import _core
from edgewright.arguments import whole_number
from edgewright.errors import BundleError, InputError, InputTypeError, UsageError

MAX_BEAM_FRAMES = 20_000
"""Most frames of one beam search (its alignment takes frames × tokens bytes): over six minutes."""
MAX_BEAM_WIDTH = 4096
"""Most prefixes kept: 20,000 took over a minute for half a minute of audio."""
_MAX_TOKEN_ID = 2**31 - 1
_LARGEST_WEIGHT = 1000.0
_LARGEST_ARPA = 1 << 30  # bytes, unpacked


@dataclass(frozen=True)
class CTCToken:
    """A token of a decoded sequence."""

    token_id: int
    """Index in the vocabulary."""
    start: int
    """First frame of the token's own run, without the blanks around it."""
    end: int
    """Last frame of the run + 1."""
    confidence: float
    """Mean probability of the token over these frames, 0 to 1."""


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
    `word_bonus` × number of words."""


class Lexicon:
    """The words that a beam search may find, and the tokens that spell them.

    Args:
        words: At least one; a word may come several times, with several spellings.
        spellings: For each word the token ids, at least one.

    Raises:
        UsageError: No words, another number of spellings, an empty spelling or a token id below 0.
    """

    def __init__(self, words: Sequence[str], spellings: Sequence[Sequence[int]]) -> None:
        if not words or len(words) != len(spellings):
            raise UsageError(
                f"lexicon: got {len(words)} words and {len(spellings)} spellings, expected as many "
                "of both and at least one; give each word its token ids"
            )
        tokens = [token for spelling in spellings for token in spelling]
        for word, spelling in zip(words, spellings, strict=True):
            if not spelling or not all(0 <= token <= _MAX_TOKEN_ID for token in spelling):
                raise UsageError(
                    f"lexicon: got the spelling {list(spelling)} of {word!r}, expected token ids "
                    "of 0 or more, at least one; leave the word out or spell it"
                )
        ids: dict[str, int] = {}
        word_ids = [ids.setdefault(word, len(ids)) for word in words]
        self.words: tuple[str, ...] = tuple(ids)
        """Each word once."""
        self.token_ids: frozenset[int] = frozenset(tokens)
        """Every token of a spelling."""
        self._trie = _core.LexiconTrie(
            np.asarray(tokens, np.int32),
            np.cumsum([0, *map(len, spellings)], dtype=np.int64),
            np.asarray(word_ids, np.int32),
        )


class NgramModel:
    """A back-off n-gram model of words; `from_arpa` reads one."""

    def __init__(self, model: _core.NgramModel) -> None:
        self._model = model

    @classmethod
    def from_arpa(cls, data: bytes) -> "NgramModel":
        """Read the ARPA format: order 1 to 5, base-10 logarithms, words in UTF-8; plain or gzip.

        Raises:
            BundleError: The file breaks the format; the message has the number of the line. Or its
                gzip is damaged, or holds more than 1 GiB.
        """
        try:
            return cls(_core.NgramModel(_unpacked(data)))
        except ValueError as error:
            raise BundleError(
                f"language model: {error}; write the ARPA file again with the tool that made it"
            ) from error

    @property
    def order(self) -> int:
        """Longest n-gram."""
        return self._model.order

    def score(self, words: Sequence[str], *, begin: bool = True, end: bool = True) -> float:
        """Return the natural logarithm of the probability of `words`.

        A word that the model does not list counts as `<unk>`, or as 1e-100 where the model has none
        (as in KenLM).

        Args:
            words: The words of a sentence.
            begin: Whether `<s>` stands before them.
            end: Whether `</s>` comes after them.
        """
        return self._model.score(list(words), begin, end)

    def word_ids(self, words: Sequence[str]) -> NDArray[np.int32]:
        """Return the model's ids of `words`; that of `<unk>`, or -1, for those it does not list."""
        return np.asarray([self._model.word_id(word) for word in words], np.int32)


def greedy_decode(logits: NDArray[np.float32], blank_id: int) -> tuple[CTCToken, ...]:
    """Return the best token of each frame, with runs merged and blanks dropped.

    Args:
        logits: dtype float32, shape (frames, vocabulary): logits or log-probabilities. -inf stands
            for "impossible".
        blank_id: Index of the blank.

    Raises:
        InputTypeError: Another dtype.
        InputError: Another shape; NaN, +inf, or a frame of -inf alone.
        UsageError: `blank_id` outside the vocabulary.
    """
    logits = _check_logits(logits, blank_id)
    with _input_errors():
        columns = _core.ctc_greedy_decode(logits, blank_id)
    return tuple(map(CTCToken, *(column.tolist() for column in columns)))


class _Found(NamedTuple):
    tokens: list[tuple[int, int, int, float]]
    words: list[int]
    word_tokens: list[int]
    score: float


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
        lexicon: Lexicon | None = None,
        language_model: NgramModel | None = None,
        lm_weight: float = 0.0,
        word_bonus: float = 0.0,
        separator_id: int | None = None,
        hotwords: Mapping[str, float] | None = None,
    ) -> None:
        for name, value in (("blank_id", blank_id), ("separator_id", separator_id)):
            if value is not None:
                _check_whole(name, value, 0, _MAX_TOKEN_ID, "give the index of a token")
        _check_whole("beam_width", beam_width, 1, MAX_BEAM_WIDTH, "keep 32")
        if math.isnan(token_threshold) or token_threshold > 0:
            raise UsageError(
                f"token_threshold: got {token_threshold}, expected a logarithm, 0 or below; keep -7"
            )
        if not beam_threshold > 0:
            raise UsageError(f"beam_threshold: got {beam_threshold}, expected above 0; keep 14")
        if not (math.isfinite(lm_weight) and math.isfinite(word_bonus)):
            raise UsageError(
                f"lm_weight, word_bonus: got {lm_weight}, {word_bonus}, expected finite numbers; "
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
            lexicon=None if lexicon is None else lexicon._trie,
            language_model=None if language_model is None else language_model._model,
            lm_word_ids=np.zeros(0, np.int32) if ids is None else ids,
            word_scores=_word_scores(lexicon, hotwords or {}),
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
        _check_whole("n_best", n_best, 1, MAX_BEAM_WIDTH, "ask for one or more")
        logits = _check_logits(logits, self._largest_id)
        if len(logits) > MAX_BEAM_FRAMES:
            raise InputError(
                f"input 'logits': got {len(logits)} frames, expected at most {MAX_BEAM_FRAMES} for "
                "a beam search; cut the audio at pauses"
            )
        with _input_errors():
            found = self._search.decode(logits, n_best)
        return [self._hypothesis(_Found(*item)) for item in found]

    def _hypothesis(self, found: _Found) -> Hypothesis:
        tokens = tuple(CTCToken(*token) for token in found.tokens)
        if self.lexicon is None:
            return Hypothesis(tokens, None, None, found.score)
        words = tuple(self.lexicon.words[word] for word in found.words)
        return Hypothesis(tokens, words, tuple(found.word_tokens), found.score)


def _unpacked(data: bytes) -> bytes:
    """Return `data`, or what its gzip holds."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            text = file.read(_LARGEST_ARPA + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"got a damaged gzip ({error}), expected a whole one") from error
    if len(text) > _LARGEST_ARPA:
        raise ValueError("got more than 1 GiB in its gzip, expected less")
    return text


@contextmanager
def _input_errors() -> Iterator[None]:
    """Raise what the kernel finds in the logits as an InputError."""
    try:
        yield
    except ValueError as error:
        name, _, found = str(error).partition(": ")
        raise InputError(
            f"input '{name}': {found}; check the input of the model, or run a variant of higher "
            "precision"
        ) from error


def _check_whole(name: str, value: object, least: int, most: int, advice: str) -> None:
    expected = f"a whole number from {least} to {most}"
    if not least <= whole_number(name, value, expected) <= most:
        raise UsageError(f"{name}: got {value!r}, expected {expected}; {advice}")


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
        if isinstance(weight, bool) or not isinstance(weight, (int, float, np.number)):
            raise UsageError(f"hotwords: got {weight!r} for {word!r}, expected a number; 5 is much")
        if not abs(weight) <= _LARGEST_WEIGHT:
            raise UsageError(
                f"hotwords: got {weight} for {word!r}, expected -1000 to 1000; 5 is much"
            )
        scores[places[word]] = weight
    return scores


def _check_logits(logits: NDArray[np.float32], largest_id: int) -> NDArray[np.float32]:
    if not isinstance(logits, np.ndarray) or logits.dtype != np.float32:
        got = getattr(logits, "dtype", type(logits).__name__)
        raise InputTypeError(f"input 'logits': got {got}, expected a float32 array; convert it")
    if logits.ndim != 2 or logits.shape[1] < 1:
        raise InputError(
            f"input 'logits': got shape {logits.shape}, expected (frames, vocabulary); pass one "
            "utterance at a time"
        )
    if not 0 <= largest_id < logits.shape[1]:
        raise UsageError(
            f"input 'logits': got a vocabulary of {logits.shape[1]}, expected one with the token "
            f"{largest_id}; give the blank_id and lexicon that belong to this model"
        )
    return np.ascontiguousarray(logits)
