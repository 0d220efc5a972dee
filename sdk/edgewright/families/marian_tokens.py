"""Text to the token ids of a Marian translator and back: SentencePiece, then a vocabulary.

The models were trained with a vocabulary of their own, so the ids of SentencePiece are not theirs:
its pieces are looked up in `vocab.json`.
"""

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgewright.errors import BundleError, InputError, InputTypeError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTROLS = UNKNOWN, END, PAD = "<unk>", "</s>", "<pad>"
"""The tokens of a vocabulary that are no text."""
SPACE = "\u2581"
"""What SentencePiece writes for a space."""
_SHOWN = 60


class MarianTokens:
    """The tokenizer of a bundle. Safe for concurrent calls; SentencePiece is imported late."""

    def __init__(
        self, source_pieces: bytes, target_pieces: bytes, source: bytes, target: bytes
    ) -> None:
        """Read the vocabularies.

        Args:
            source_pieces: SentencePiece model of the source language.
            target_pieces: That of the target language.
            source: JSON object {piece: id} of what is translated.
            target: That of translations, which may be the same.

        Raises:
            BundleError: A vocabulary has another form.
        """
        self._models = source_pieces, target_pieces
        self._ids = read_vocabulary(source)
        self._pieces = {index: piece for piece, index in read_vocabulary(target).items()}

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes that a text may begin with, such as `>>fra<<`; none of a bilingual model."""
        return tuple(one for one in self._ids if one.startswith(">>") and one.endswith("<<"))

    def encode(self, text: str, name: str = "text") -> NDArray[np.int64]:
        """Return the ids of a text and of the end of sentence, int64 (tokens,).

        Pieces that the vocabulary does not have become `<unk>`. A language code that the text
        begins with stays one token; what looks like `</s>` in a text does not end it.

        Args:
            text: What is to be translated.
            name: Of the input, for messages.

        Raises:
            InputTypeError: `text` is no string.
            InputError: There is nothing to translate, or the language is unknown.
        """
        if not isinstance(text, str):
            raise InputTypeError(
                f"input '{name}': got {type(text).__name__}, expected a string; decode it first"
            )
        code, text = self._split_code(text, name)
        pieces = self._encoder.encode(text, out_type=str)
        if not pieces:
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
            raise InputError(
                f"input '{name}': got {shown!r}, in which there is nothing to translate, expected "
                "words; leave it out"
            )
        # Letters that SentencePiece does not know stay together: they may spell a control token.
        known = (UNKNOWN if piece in CONTROLS else piece for piece in (*code, *pieces))
        ids = [self._ids.get(piece, self._ids[UNKNOWN]) for piece in known]
        return np.array([*ids, self._ids[END]], np.int64)

    def decode(self, token_ids: "Iterable[int]") -> str:
        """Return the text of the ids of a translation; tokens that are no text are left out."""
        return self._text(self._pieces, token_ids, self._decoder)

    def decode_source(self, token_ids: "Iterable[int]") -> str:
        """Return the text of the ids of a source."""
        pieces = {index: piece for piece, index in self._ids.items()}
        return self._text(pieces, token_ids, self._encoder)

    @staticmethod
    def _text(vocabulary: dict[int, str], token_ids: "Iterable[int]", model: Any) -> str:
        pieces = [vocabulary.get(index, UNKNOWN) for index in map(int, token_ids)]
        text: str = model.decode_pieces([one for one in pieces if one not in CONTROLS])
        return text.replace(SPACE, " ").strip()

    def _split_code(self, text: str, name: str) -> tuple[list[str], str]:
        """Return the language code that a text begins with, if it does, and the rest."""
        end = text.find("<<")
        if not text.startswith(">>") or end < 0:
            return [], text
        code, rest = text[: end + 2], text[end + 2 :]
        if self.languages and code not in self._ids:
            raise InputError(
                f"input '{name}': got the language '{code[:_SHOWN]}', expected one of "
                f"{', '.join(self.languages)}; begin the text with one of them"
            )
        return [code], rest

    @cached_property
    def _encoder(self) -> Any:
        return load_pieces(self._models[0])

    @cached_property
    def _decoder(self) -> Any:
        return load_pieces(self._models[1])


def load_pieces(data: bytes) -> Any:
    """Return the SentencePiece model `data`.

    Raises:
        MissingDependencyError: The library is not installed.
        BundleError: It is no such model.
    """
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError as error:
        raise MissingDependencyError(
            f"sentencepiece: got '{error}', expected an installed library, which cuts texts into "
            "tokens; pip install '.[translate]' in a checkout"
        ) from error
    try:
        return SentencePieceProcessor(model_proto=data)
    except RuntimeError as error:
        raise BundleError(
            f"SentencePiece model: got {len(data)} bytes that are none ({error}), expected the "
            "file of the checkpoint; export the bundle again"
        ) from error


def read_vocabulary(data: bytes) -> dict[str, int]:
    """Return a vocabulary, piece to id.

    Raises:
        BundleError: It has another form, or lacks the unknown token or the end of sentence.
    """
    try:
        vocabulary = json.loads(data)  # pieces may hold characters that strict JSON refuses
    except (ValueError, RecursionError) as error:
        raise BundleError(
            f"vocabulary: got text that is not JSON ({error}), expected an object {{piece: id}}; "
            "export the bundle again"
        ) from error
    if not isinstance(vocabulary, dict) or not all(
        type(value) is int and value >= 0 for value in vocabulary.values()
    ):
        raise BundleError(
            "vocabulary: got something else, expected an object {piece: id}; export it again"
        )
    if missing := sorted({UNKNOWN, END} - set(vocabulary)):
        raise BundleError(
            f"vocabulary: got no {', '.join(missing)}, expected them; export the bundle again"
        )
    return vocabulary
