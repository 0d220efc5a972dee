"""Nucleotide sequences: k-mer ids, reverse complements, and streaming FASTA and FASTQ.

Letters are A, C, G, T and the IUPAC ambiguity codes RYSWKMBDHVN, in either case. U is refused,
because models of DNA know T only, and so are gaps and amino acids.
"""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgewright import _core
from edgewright.arguments import whole_number
from edgewright.errors import InputError, InputNotFoundError, InputTypeError, UsageError

try:
    from isal import igzip, isal_zlib
except ImportError:  # without the extra `dna`
    igzip, isal_zlib = gzip, zlib

_GZIP_MAGIC = b"\x1f\x8b"
_WINDOWS_A_BATCH = 64


def reverse_complement(sequence: bytes) -> bytes:
    """Return the other strand, read from its start; the case of every letter stays.

    Raises:
        InputTypeError: `sequence` is not bytes.
        InputError: A letter is no nucleotide.
    """
    if not isinstance(sequence, bytes):
        raise _not_a_sequence(sequence, "bytes")
    try:
        return _core.reverse_complement(sequence)
    except ValueError as error:
        raise InputError(f"input 'sequence', {error}") from error


class KmerTokenizer:
    """Maps every k-mer of a sequence to its id, which is its place in the checkpoint's vocab.txt.

    Immutable, so any number of threads may share it.
    """

    k: int
    """Number of bases in a k-mer."""
    vocabulary_size: int
    """Number of ids, special tokens included."""
    pad_id: int
    unknown_id: int
    """Id of k-mers with an ambiguity code."""
    cls_id: int
    sep_id: int

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """Take the lines of vocab.txt: special tokens and all 4^k k-mers, in any order.

        Raises:
            UsageError: A special token or a k-mer is missing, or a token stands there twice.
        """
        ids = {token: index for index, token in enumerate(vocabulary)}
        if len(ids) != len(vocabulary):
            raise _bad_vocabulary("a token that stands there twice")
        self.vocabulary_size = len(ids)
        self.pad_id, self.unknown_id, self.cls_id, self.sep_id = (
            _special(ids, token) for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
        )
        table = _kmer_table(ids)
        self.k = (table.size.bit_length() - 1) // 2
        self._encoder = _core.KmerEncoder(self.k, table, self.unknown_id)

    def encode(self, sequence: bytes | str | NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the ids of all k-mers of `sequence`, without special tokens.

        Lower case equals upper case. A k-mer with an ambiguity code such as N has `unknown_id`.

        Args:
            sequence: Letters; an array has dtype uint8, shape (bases,), ASCII.

        Returns:
            dtype int64, shape (bases - k + 1,).

        Raises:
            InputTypeError: `sequence` has another type or dtype.
            InputError: A letter is no nucleotide, or there are fewer than k.
        """
        letters = _letters(sequence)
        if len(letters) < self.k:
            raise InputError(
                f"input 'sequence': got {len(letters)} bases, expected at least {self.k}; "
                "pass a longer sequence"
            )
        try:
            return self._encoder.encode(letters)
        except ValueError as error:
            raise InputError(f"input 'sequence', {error}") from error


def _special(ids: dict[str, int], token: str) -> int:
    if token not in ids:
        raise _bad_vocabulary(f"no {token}")
    return ids[token]


def _kmer_table(ids: dict[str, int]) -> NDArray[np.int32]:
    """Return the id of every k-mer, indexed by the k-mer read as a number of base 4."""
    kmers = {token: index for token, index in ids.items() if token and set(token) <= set("ACGT")}
    k = max(map(len, kmers), default=0)
    if k == 0 or len(kmers) != 4**k or min(map(len, kmers)) != k:
        raise _bad_vocabulary(f"{len(kmers)} k-mers of up to {k} bases")
    table = np.empty(4**k, np.int32)
    digits = str.maketrans("ACGT", "0123")
    for kmer, index in kmers.items():
        table[int(kmer.translate(digits), 4)] = index
    return table


def _bad_vocabulary(got: str) -> UsageError:
    return UsageError(
        f"vocabulary: got {got}, expected [PAD], [UNK], [CLS], [SEP] and all 4^k k-mers of one "
        "length, each once; use the vocab.txt of the checkpoint"
    )


def _letters(sequence: bytes | str | NDArray[np.uint8]) -> bytes:
    if isinstance(sequence, bytes):
        return sequence
    if isinstance(sequence, str):
        return sequence.encode("utf-8", "surrogatepass")
    if isinstance(sequence, np.ndarray) and sequence.dtype == np.uint8 and sequence.ndim == 1:
        return sequence.tobytes()
    raise _not_a_sequence(sequence, "text, bytes or a uint8 array of shape (bases,)")


def _not_a_sequence(value: object, expected: str) -> InputTypeError:
    return InputTypeError(
        f"input 'sequence': got {type(value).__name__}, expected {expected}; convert it"
    )


class SequenceChunk(NamedTuple):
    """A run of bases of one record of a file."""

    name: str
    """First word of the record's header; bytes that cannot be shown are escapes, as `\\x1b`."""
    start: int
    """Offset of the run in its record, 0-based."""
    sequence: bytes
    """Upper case, at least one base."""
    last: bool
    """Whether the record ends with this run."""


@dataclass(frozen=True)
class Window:
    """A window of one record of a file."""

    name: str
    """First word of the record's header."""
    start: int
    """First base, 0-based."""
    end: int
    """First base behind the window."""
    sequence: bytes
    """Upper case, `end - start` bases."""


def read_records(
    path: str | Path,
    chunk_size: int = 1 << 18,
    *,
    progress: Callable[[int], None] | None = None,
) -> Iterator[SequenceChunk]:
    """Read FASTA or FASTQ, plain or gzip, in runs of at most about `chunk_size` bases.

    Line ends are LF or CRLF; lower case becomes upper case; blank lines between lines of FASTA and
    between records of FASTQ, and blanks between bases, are passed over. FASTQ has four lines a
    record. Memory does not grow with the file.

    Args:
        path: File of at least one record, each with a name and at least one base.
        chunk_size: Bytes that are read at a time.
        progress: Called with the number of bytes of the file that were read so far.

    Raises:
        InputNotFoundError: The file does not exist.
        InputError: The file breaks a rule; the message names record, line and column.
        UsageError: `chunk_size` is below 1.
    """
    if whole_number("chunk_size", chunk_size, "1 or more") < 1:
        raise UsageError(f"chunk_size: got {chunk_size}, expected at least 1; use the default")
    parser = _core.SequenceParser(SequenceChunk, _decoded)
    with _open(Path(path)) as (file, raw):
        while data := _read(file, chunk_size, path):
            if progress is not None:
                progress(raw.tell() if raw.seekable() else 0)
            yield from _chunks(parser.feed, path, data)
        yield from _chunks(parser.finish, path)


def read_windows(
    path: str | Path,
    window: int,
    stride: int,
    *,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Window]:
    """Read the windows of every record of a FASTA or FASTQ file.

    Windows start at 0, `stride`, 2 `stride`, … as long as they fit. If bases remain behind the
    last of them, one more window is aligned to the end of the record, so it overlaps more. A record
    shorter than `window` is one window. Memory is bounded by `window` and one piece of the file.

    Args:
        path: See `read_records`.
        window: Bases of a window.
        stride: Bases from one start to the next.
        progress: Called with the number of bytes of the file that were read so far.

    Raises:
        InputNotFoundError: The file does not exist.
        InputError: The file breaks a rule; the message names record, line and column.
        UsageError: `window` or `stride` is below 1.
    """
    for name, size in (("window", window), ("stride", stride)):
        if not 1 <= whole_number(name, size, "1 or more bases") < 1 << 31:
            raise UsageError(f"{name}: got {size}, expected 1 to 2^31 - 1 bases; choose another")
    slicer = _core.WindowSlicer(window, stride)
    for chunk in read_records(path, progress=progress):
        slicer.push(chunk.sequence, chunk.last)
        while batch := slicer.take(_WINDOWS_A_BATCH):
            for start, end, sequence in batch:
                yield Window(chunk.name, start, end, sequence)


@contextmanager
def _open(path: Path) -> Iterator[tuple[io.BufferedIOBase, io.RawIOBase]]:
    """Open `path` and yield what gives its text, and the file below it for the position."""
    try:
        raw = io.FileIO(path)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a NUL
        raise InputNotFoundError(
            f"input '{path}': got a path that does not exist, expected FASTA or FASTQ; "
            "check the path"
        ) from error
    except OSError as error:
        raise InputError(
            f"input '{path}': got {error.strerror}, expected a readable file; check path and rights"
        ) from error
    with raw, io.BufferedReader(raw) as buffered:
        if buffered.peek(2)[:2] == _GZIP_MAGIC:
            # isal gives nothing before half a megabyte came, the other 8 KiB; a pipe may be slow.
            library = igzip if raw.seekable() else gzip
            with library.open(buffered) as unpacked:
                yield unpacked, raw
        else:
            yield buffered, raw


def _read(file: io.BufferedIOBase, size: int, path: str | Path) -> bytes:
    try:
        # Not `read`, which waits for all of `size` without a look at pending signals: from a slow
        # pipe it gives nothing for long, and neither ctrl-C nor SIGTERM may end it.
        return file.read1(size)
    except (OSError, EOFError, OverflowError, zlib.error, isal_zlib.error) as error:
        raise InputError(
            f"input '{path}': got damaged data ({error}), expected a complete file; copy it again"
        ) from error


def _chunks(
    parse: Callable[..., list[SequenceChunk]], path: str | Path, *data: bytes
) -> list[SequenceChunk]:
    try:
        return parse(*data)
    except ValueError as error:
        raise InputError(f"input '{path}', {_visible(str(error))}") from error


def _decoded(name: bytes) -> str:
    return _visible(name.decode("utf-8", "backslashreplace"))


def _visible(text: str) -> str:
    """Return `text` with escapes for what no terminal should get, such as control characters."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
