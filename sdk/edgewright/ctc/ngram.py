"""Word n-grams from ARPA files."""

import gzip
import io
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgewright import _core
from edgewright.errors import BundleError, InputTypeError

_LARGEST_ARPA = 1 << 30  # bytes, unpacked


class NgramModel:
    """A back-off n-gram model of words; `from_arpa` reads one."""

    def __init__(self, model: _core.NgramModel) -> None:
        self._model = model

    @classmethod
    def from_arpa(cls, data: bytes) -> "NgramModel":
        """Read the ARPA format: order 1 to 5, base-10 logarithms, words in UTF-8; plain or gzip.

        Raises:
            InputTypeError: Not bytes.
            BundleError: The file breaks the format; the message has the number of the line. Or its
                gzip is damaged, or holds more than 1 GiB.
        """
        if not isinstance(data, bytes):
            raise InputTypeError(
                f"language model: got {type(data).__name__}, expected bytes; pass what "
                "`Path.read_bytes()` gives"
            )
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
