"""Speech of Debian's beneath-a-steel-sky (Revolution Software's game, CD version)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np


def steel_sky_entries(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and uint8 samples (mono, 11,025 Hz) of the speech of Beneath a Steel Sky.

    `sky.dnr` holds a count (uint32, little-endian as all here) and entries of 8 bytes: number
    (uint16), offset in `sky.dsk` (24 bits; the highest says that the rest counts units of 16
    bytes), size (22 bits) and two flags. Files 50,000 to 55,999 are speech: 22 bytes, the first
    samples with two words of a header over them, then the other samples, RNC-packed.

    Raises:
        ValueError: Speech is packed in another way, or of another size than told.
    """
    table = (folder / "sky.dnr").read_bytes()
    data = (folder / "sky.dsk").read_bytes()
    for start in range(4, len(table), 8):
        number = int.from_bytes(table[start : start + 2], "little")
        place = int.from_bytes(table[start + 2 : start + 5], "little")
        size = int.from_bytes(table[start + 5 : start + 8], "little") & 0x3FFFFF
        offset = (place & 0x7FFFFF) * 16 if place >> 23 else place
        if 50_000 <= number < 56_000:
            packed = data[offset + 22 : offset + size]
            yield str(number), np.frombuffer(_unpack_rnc(packed), np.uint8)


class _RncBits:
    """Bits out of 16-bit little-endian words, lowest first; plain bytes may stand between words.

    A word is fetched when its first bit is taken, and plain bytes start behind the last one.
    """

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data + b"\0\0"
        self.position = position
        self.held = 0
        self.count = 0

    def take(self, count: int) -> int:
        """Return the next bits, at most 16, as a number."""
        if count > self.count:
            position = self.position
            self.held |= (self.data[position] | self.data[position + 1] << 8) << self.count
            self.count += 16
            self.position = position + 2
        value = self.held & ((1 << count) - 1)
        self.held >>= count
        self.count -= count
        return value

    def take_plain(self, count: int) -> bytes:
        """Return the next plain bytes."""
        self.position += count
        return self.data[self.position - count : self.position]

    def take_codes(self) -> dict[int, int]:
        """Read a Huffman table; return symbols by code, a code's bits behind a leading 1."""
        lengths = [self.take(4) for _ in range(self.take(5))]
        codes, code = {}, 0
        for length in range(1, 16):
            code <<= 1
            for symbol, its_length in enumerate(lengths):
                if its_length == length:
                    codes[1 << length | code] = symbol
                    code += 1
        return codes

    def take_value(self, codes: dict[int, int]) -> int:
        """Return a Huffman-coded number: of symbol n above 1, a 1 with n - 1 bits behind."""
        code = 1
        while code not in codes:
            code = code << 1 | self.take(1)
        symbol = codes[code]
        return symbol if symbol < 2 else 1 << (symbol - 1) | self.take(symbol - 1)


def _unpack_rnc(data: bytes) -> bytes:
    """Return what Rob Northen's ProPack, method 1, packed.

    Behind a header of 18 bytes and two bits come blocks: three Huffman tables, a count of rounds,
    and per round a number of plain bytes, these bytes, and (but for the last round) distance - 1
    and length - 2 of a repetition.
    """
    magic, size, _, _, _, _, blocks = struct.unpack_from(">4sIIHHBB", data)
    if magic != b"RNC\x01":
        raise ValueError(f"not packed with RNC's method 1: {magic!r}")
    bits = _RncBits(data, 18)
    bits.take(2)
    out = bytearray()
    for _ in range(blocks):
        plain, distances, lengths = bits.take_codes(), bits.take_codes(), bits.take_codes()
        for left in reversed(range(bits.take(16))):
            out += bits.take_plain(bits.take_value(plain))
            if left:
                distance, length = bits.take_value(distances) + 1, bits.take_value(lengths) + 2
                for _ in range(length):
                    out.append(out[-distance])
    if len(out) != size:
        raise ValueError(f"{len(out)} bytes came out of {size}")
    return bytes(out)
