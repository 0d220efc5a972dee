"""Marian translators (the layout of `Helsinki-NLP/opus-mt-*`): text in, text in another language.

Components: `encoder` (the source once, to the keys and values that the decoder reads) and `decoder`
(one token of every hypothesis, with its cache as states); the search is in `beam_search`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np
from numpy.typing import NDArray

from edgewright.arguments import whole_number
from edgewright.beam_search import Hypothesis, SearchConfig, search
from edgewright.errors import InputError, UsageError
from edgewright.families.base import Model, Stopwatch, require, take
from edgewright.families.marian_decoder import (
    DECODER,
    ENCODER,
    CachedDecoder,
    check_graphs,
    encode,
)
from edgewright.families.marian_tokens import MarianTokens
from edgewright.specs import Array
from edgewright.tasks.translate_text import TranslateText, Translation

MOST_BEAMS = 64
"""Hypotheses that a call may ask for."""

MOST_PENALTY = 10.0
"""Exponent of the length, up or down."""


@dataclass(frozen=True)
class MarianConfig:
    """`manifest.config` of the family."""

    pad_id: int
    """Token that fills the shorter sources of a batch; they are masked."""
    max_source_tokens: int
    """Longest source, its end of sentence included."""
    max_target_tokens: int
    """Longest translation that the decoder has positions for."""
    search: SearchConfig
    """How translations are searched for by default."""
    source_pieces: str = "assets/source.spm"
    """SentencePiece model of the source language."""
    target_pieces: str = "assets/target.spm"
    """SentencePiece model of the target language."""
    source_vocabulary: str = "assets/vocab.json"
    """JSON object {piece: id} of sources."""
    target_vocabulary: str = "assets/vocab.json"
    """JSON object {piece: id} of translations."""
    least_confidence: float = 0.0
    """Confidence below which a translation is doubtful, 0 to 1; 0 where none was chosen."""


class Marian(Model[MarianConfig]):
    """A translator. Safe for concurrent calls."""

    family = "marian"
    task = TranslateText
    config_type = MarianConfig

    def _prepare(self, assets: Callable[[str], bytes]) -> None:
        config = self.config
        check_graphs(self.runners)
        self._tokens = MarianTokens(
            assets(config.source_pieces),
            assets(config.target_pieces),
            assets(config.source_vocabulary),
            assets(config.target_vocabulary),
        )
        self._check_config()

    @overload
    def __call__(
        self,
        text: list[str] | tuple[str, ...],
        *,
        num_beams: int | None = None,
        max_new_tokens: int | None = None,
        length_penalty: float | None = None,
    ) -> list[Translation]: ...

    @overload
    def __call__(
        self,
        text: str,
        *,
        num_beams: int | None = None,
        max_new_tokens: int | None = None,
        length_penalty: float | None = None,
    ) -> Translation: ...

    def __call__(
        self,
        text: str | list[str] | tuple[str, ...],
        *,
        num_beams: int | None = None,
        max_new_tokens: int | None = None,
        length_penalty: float | None = None,
    ) -> Translation | list[Translation]:
        """Translate a text, or a list of texts as batches.

        Args:
            text: A sentence, or as much as the model was trained on at once; for multilingual
                models it begins with the code of the target language, such as `>>fra<<`.
            num_beams: Hypotheses to keep, 1 for greedy search; the bundle's by default.
            max_new_tokens: Longest translation; a longer one is cut and marked `truncated`. The
                bundle's by default.
            length_penalty: Above 0 favours longer translations; the bundle's by default.

        Raises:
            InputTypeError: A text is no string.
            InputError: A text is blank, too long, or of an unknown language.
            UsageError: An option is out of range.
        """
        config = self._search_config(num_beams, max_new_tokens, length_penalty)
        if not isinstance(text, (list, tuple)):
            return self._translate({"text": text}, config)[0]
        named = [(f"text {index}", one) for index, one in enumerate(text)]
        size = self.batch_size
        batches = (dict(named[i : i + size]) for i in range(0, len(named), size))
        return [one for batch in batches for one in self._translate(batch, config)]

    def infer(self, sample: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the logits of every token of a given translation, step by step.

        Args:
            sample: `token_ids` of the source and `target_ids` of the translation, both int64
                (tokens,) and at least one.

        Returns:
            `logits` float32 (target tokens, vocabulary): row t is what follows the first t tokens.
        """
        source, target = (
            take(sample, name, "int64", 1).astype(np.int64, copy=False)
            for name in ("token_ids", "target_ids")
        )
        for name, ids, most in (
            ("token_ids", source, self.config.max_source_tokens),
            ("target_ids", target, self.config.max_target_tokens),
        ):
            if not 1 <= ids.size <= most:
                raise InputError(
                    f"sample '{name}': got {ids.size} tokens, expected 1 to {most}; cut it"
                )
        decoder = CachedDecoder(self.runners[DECODER], self._encode([source]), 1)
        first, alone = self.config.search.start_id, np.zeros((1, 1), np.int64)
        given = np.concatenate(([first], target[:-1]))
        return {"logits": np.stack([decoder(i[None, None], alone)[0, 0].copy() for i in given])}

    def generate(self, token_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the ids of the translation of one source, int64 (tokens,), found by default."""
        (found,) = self._search([token_ids], self.config.search)
        return np.array(found.token_ids, np.int64)

    def source_text(self, token_ids: NDArray[np.int64]) -> str:
        """Return the text of the ids of a source."""
        return self._tokens.decode_source(token_ids)

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of target languages that a text may begin with; none of a bilingual model."""
        return self._tokens.languages

    @property
    def least_confidence(self) -> float:
        """Confidence below which a translation is doubtful, 0 to 1; 0 where none was chosen."""
        return self.config.least_confidence

    def _translate(self, texts: Mapping[str, str], config: SearchConfig) -> list[Translation]:
        watch = Stopwatch()
        rows = [self._source(name, text) for name, text in texts.items()]
        watch.lap("pre")
        found = self._search(rows, config)
        watch.lap("run")
        decoded = [self._tokens.decode(one.token_ids) for one in found]
        watch.lap("post")
        timings = watch.timings()
        return [
            Translation(
                text,
                translated,
                one.confidence,
                one.score,
                one.truncated,
                one.token_ids,
                timings,
                self.runtime,
            )
            for text, translated, one in zip(texts.values(), decoded, found, strict=True)
        ]

    def _source(self, name: str, text: str) -> NDArray[np.int64]:
        token_ids = self._tokens.encode(text, name)
        if token_ids.size > self.config.max_source_tokens:
            raise InputError(
                f"input '{name}': got {token_ids.size} tokens, expected at most "
                f"{self.config.max_source_tokens}; translate it sentence by sentence"
            )
        return token_ids

    def _search(self, rows: Sequence[NDArray[np.int64]], config: SearchConfig) -> list[Hypothesis]:
        decoder = CachedDecoder(self.runners[DECODER], self._encode(rows), config.num_beams)
        return search(decoder, len(rows), config)

    def _encode(self, rows: Sequence[NDArray[np.int64]]) -> dict[str, Array]:
        return encode(self.runners[ENCODER], rows, self.config.pad_id)

    def _search_config(
        self, num_beams: int | None, max_new_tokens: int | None, length_penalty: float | None
    ) -> SearchConfig:
        config, most = self.config.search, self.config.max_target_tokens
        beams = _within("num_beams", num_beams, config.num_beams, MOST_BEAMS)
        longest = _within("max_new_tokens", max_new_tokens, config.max_new_tokens, most)
        penalty = config.length_penalty if length_penalty is None else length_penalty
        number = isinstance(penalty, (int, float)) and math.isfinite(penalty)
        if not number or abs(penalty) > MOST_PENALTY:
            raise UsageError(
                f"length_penalty: got {penalty!r}, expected -{MOST_PENALTY:g} to {MOST_PENALTY:g}; "
                "1 divides by length"
            )
        return replace(
            config, num_beams=beams, max_new_tokens=longest, length_penalty=float(penalty)
        )

    def _check_config(self) -> None:
        config, options = self.config, self.config.search
        (logits,) = (one for one in self.runners[DECODER].outputs if one.name == "logits")
        size = logits.shape[-1] if isinstance(logits.shape[-1], int) else 0
        ids = (options.start_id, options.eos_id, *options.banned_ids)
        known = all(0 <= one < size for one in ids) and config.pad_id >= 0
        require(known, "search", f"token ids {ids}", f"ids of the {size} that the graph knows")
        require(
            config.max_source_tokens >= 1,
            "max_source_tokens",
            config.max_source_tokens,
            "at least 1",
        )
        most = config.max_target_tokens
        fits = 1 <= options.max_new_tokens <= most and 1 <= options.num_beams <= MOST_BEAMS
        fits &= abs(options.length_penalty) <= MOST_PENALTY
        require(fits, "search", options, f"up to {most} tokens and {MOST_BEAMS} beams")
        least = config.least_confidence
        require(0 <= least <= 1, "least_confidence", least, "0 to 1")


def _within(name: str, value: int | None, default: int, most: int) -> int:
    if value is None:
        return default
    number = whole_number(name, value, f"1 to {most}")
    if not 1 <= number <= most:
        raise UsageError(f"{name}: got {number}, expected 1 to {most}; choose within")
    return number
