"""From CTC tokens to words with times: the vocabulary of a recognizer and its word boundaries."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from edgewright.ctc import CTCToken, Hypothesis, Lexicon, Sentence
from edgewright.errors import BundleError
from edgewright.lines import split_lines
from edgewright.tasks.transcription import Word

Boundary = Literal["prefix", "separator"]
"""`prefix`: a token with U+2581 in front begins a word; `separator`: "|" stands between words."""
Found: TypeAlias = Hypothesis | Sentence | tuple[CTCToken, ...]
"""What a search, or greedy decoding, makes of an utterance."""
PREFIX, SEPARATOR = "\u2581", "|"


@dataclass(frozen=True)
class FrameClock:
    """When frames of logits begin."""

    frame_seconds: float
    """From one frame to the next."""
    start: float = 0.0
    """Seconds of the audio before its first frame."""
    first_frame: int = 0
    """How many frames lie before the first that is counted; a frame has one time in all pieces."""

    def seconds(self, frame: int) -> float:
        """Return when a frame begins, counted from `first_frame`."""
        return self.start + (self.first_frame + frame) * self.frame_seconds


class Vocabulary:
    """The tokens by id, and how they make words.

    Args:
        data: UTF-8, one token a line; the index is the number of the line, from 0.
        boundary: How words are told apart.
        special_ids: Tokens that are never text, such as the blank.

    Raises:
        BundleError: The file is not UTF-8, or a special id lies outside it.
    """

    def __init__(self, data: bytes, boundary: Boundary, special_ids: Sequence[int]) -> None:
        try:
            self.tokens = tuple(data.decode("utf-8").removesuffix("\n").split("\n"))
        except UnicodeDecodeError as error:
            raise BundleError(
                f"vocabulary: got {error.reason}, expected UTF-8; export the bundle again"
            ) from error
        if not all(0 <= index < len(self.tokens) for index in special_ids):
            raise BundleError(
                f"special_ids: got {tuple(special_ids)}, expected ids of {len(self.tokens)} "
                "tokens; export the bundle again"
            )
        self._boundary = boundary
        self._special = frozenset(special_ids)

    @property
    def separator_id(self) -> int | None:
        """Index of the token between words; none where words have a prefix."""
        if self._boundary == "prefix" or SEPARATOR not in self.tokens:
            return None
        return self.tokens.index(SEPARATOR)

    def words(self, tokens: Sequence[CTCToken], clock: FrameClock) -> list[Word]:
        """Group tokens into words with times."""
        groups: list[tuple[str, list[CTCToken]]] = [("", [])]
        for token in tokens:
            if token.token_id in self._special:
                continue
            text = self.tokens[token.token_id]
            begins = text.startswith(PREFIX) if self._boundary == "prefix" else text == SEPARATOR
            if begins:
                groups.append(("", []))
                text = text[1:]
            if text:
                groups[-1] = (groups[-1][0] + text, [*groups[-1][1], token])
        return [_word(text, group, clock) for text, group in groups if group]


def found_words(found: Found, vocabulary: Vocabulary, clock: FrameClock) -> list[Word]:
    """Return the words that were found, with times."""
    if isinstance(found, Sentence):
        return _sentence_words(found, clock)
    if isinstance(found, Hypothesis):
        return _hypothesis_words(found, clock)
    return vocabulary.words(found, clock)


def fit_words(words: Sequence[Word], start: float, end: float, frame: float) -> list[Word]:
    """Move words that a recognizer heard behind the end of the audio to before it.

    Args:
        words: In time order, without overlap, of at least `frame` each, none before `start`.
        start: Of the audio, seconds.
        end: Of the audio, seconds.
        frame: The least duration of a word, seconds; less where so many words do not fit.

    Returns:
        The words, still in time order and without overlap, between `start` and `end`.
    """
    least = min(frame, (end - start) / max(1, len(words)))
    fitted: list[Word] = []
    for word in reversed(words):
        end = min(word.end, end)
        fitted.append(replace(word, start=max(start, min(word.start, end - least)), end=end))
        end = fitted[-1].start
    return fitted[::-1]


def read_lexicon(data: bytes) -> Lexicon:
    """Read lines of a word, a tab and token ids separated by spaces, in UTF-8.

    Raises:
        BundleError: A line has another form.
    """
    words, spellings = [], []
    try:
        for line in split_lines(data.decode("utf-8")):
            word, _, ids = line.partition("\t")
            words.append(word)
            spellings.append(list(map(int, ids.split())))
        return Lexicon(words, spellings)
    except ValueError as error:
        raise BundleError(
            f"lexicon: got '{error}', expected lines of a word, a tab and token ids; export the "
            "bundle again"
        ) from error


def _word(text: str, group: Sequence[CTCToken], clock: FrameClock) -> Word:
    confidence = float(np.mean([token.confidence for token in group]))
    return Word(text, clock.seconds(group[0].start), clock.seconds(group[-1].end), confidence)


def _hypothesis_words(found: Hypothesis, clock: FrameClock) -> list[Word]:
    words, position = [], 0
    for text, count in zip(found.words or (), found.word_tokens or (), strict=True):
        words.append(_word(text, found.tokens[position : position + count], clock))
        position += count
    return words


def _sentence_words(found: Sentence, clock: FrameClock) -> list[Word]:
    return [
        Word(word.text, clock.seconds(word.start), clock.seconds(word.end), word.confidence)
        for word in found.words
    ]
