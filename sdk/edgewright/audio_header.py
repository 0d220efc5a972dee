"""How much of an audio file is missing, where its header says how long the samples are.

libsndfile believes the size of the file: a WAV that was cut off is a shorter one to it.
"""

import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

_LEAST_UNKNOWN = 0x7FFF0000
"""Writers into pipes cannot go back, and put 0xFFFFFFFF (ffmpeg), 0x7FFFF000 (sox) or the like in
place of the size; or 0."""


class _Chunks(NamedTuple):
    """A container of chunks: a name of 4 bytes, a size, and the content."""

    size: str
    """How `struct` writes a size, of 4 bytes."""
    samples: bytes
    """Name of the chunk with the samples."""


_FIRST_CHUNK = 12
_CONTAINERS = {
    b"RIFF": _Chunks("<I", b"data"),
    b"RIFX": _Chunks(">I", b"data"),
    b"FORM": _Chunks(">I", b"SSND"),
}
"""WAV, big-endian WAV, AIFF and AIFF-C; by the first four bytes. Sizes are rounded up to even."""
_AU = {b".snd": ">II", b"dns.": "<II"}
"""Where the samples begin, and their bytes; behind the first four bytes."""


def missing_bytes(path: Path) -> int:
    """Return the bytes of samples that the header promises beyond the end of the file.

    0 for a complete file, for a size that was not known when the header was written, and for other
    formats than WAV, AIFF and AU.
    """
    with path.open("rb") as file:
        magic = file.read(4)
        start, size = 0, 0
        if magic in _CONTAINERS:
            start, size = _find_samples(file, _CONTAINERS[magic])
        elif magic in _AU and len(header := file.read(8)) == 8:
            start, size = struct.unpack(_AU[magic], header)
    is_known = 0 < size < _LEAST_UNKNOWN
    return max(0, start + size - path.stat().st_size) if is_known else 0


def _find_samples(file: BinaryIO, chunks: _Chunks) -> tuple[int, int]:
    """Return where the samples begin and the bytes that they are said to have; 0 if none are."""
    position = _FIRST_CHUNK
    file.seek(position)
    while len(header := file.read(8)) == 8:
        (size,) = struct.unpack(chunks.size, header[4:])
        position += 8
        if header[:4] == chunks.samples:
            return position, size
        position += size + size % 2
        file.seek(position)
    return 0, 0
