"""The words whose pronunciation is known, as one sorted text that is searched by bisection.

Format of `lexicon.xz`, after decompression: the line `edgewright lexicon 1`, then a line for each
entry, sorted by bytes: the word in lower case (a-z and '), a tab, and its phones as in
`edgewright.text.phones.CODES`. A word that is spoken in two ways has further entries that are named
`word/n` (noun), `word/v` (verb) and `word/j` (adjective).
"""

from edgewright.errors import BundleError
from edgewright.text.packed import unpack
from edgewright.text.phones import CODES

FORMAT = "edgewright lexicon 1"
_BYTES_OF_LINES = bytes(range(ord("a"), ord("z") + 1)) + CODES.encode() + b"'/\t\n"


class Lexicon:
    """Words and their phones.

    Args:
        data: Content of `lexicon.xz`.

    Raises:
        BundleError: The data are damaged.
    """

    def __init__(self, data: bytes) -> None:
        self._lines = unpack("lexicon", data, FORMAT)
        odd = self._lines.translate(None, _BYTES_OF_LINES)
        if odd or not self._lines.endswith(b"\n"):
            raise BundleError(
                f"lexicon: got {odd[:20]!r} inside or no last line end, expected lines of a word, "
                "a tab and phones; export the bundle again"
            )

    def find(self, entry: str) -> str | None:
        """Return the phones of a word, or of `word/v` and the like; None if it is not there."""
        key, lines = entry.encode("ascii", "replace") + b"\t", self._lines
        low, high = 0, len(lines)
        while low < high:
            start = lines.rfind(b"\n", low, (low + high) // 2) + 1 or low
            stop = lines.index(b"\n", start) + 1
            line = lines[start:stop]
            if line.startswith(key):
                return line[len(key) : -1].decode("ascii")
            if line < key:
                low = stop
            else:
                high = start
        return None

    def __contains__(self, entry: str) -> bool:
        return self.find(entry) is not None
