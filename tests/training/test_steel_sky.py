import struct

import pytest
from steel_sky import steel_sky_entries


class Bits:
    """Writes what the unpacker reads: a word has its place when its first bit is written."""

    def __init__(self):
        self.out, self.place, self.used = bytearray(), 0, 16

    def put(self, value, count):
        for index in range(count):
            if self.used == 16:
                self.place, self.used = len(self.out), 0
                self.out += b"\0\0"
            self.out[self.place + self.used // 8] |= (value >> index & 1) << self.used % 8
            self.used += 1

    def table(self, *lengths):
        self.put(len(lengths), 5)
        for length in lengths:
            self.put(length, 4)


def packed():
    """Return "abc", six bytes of repetition three back, and "x", as RNC's method 1 packs them."""
    bits = Bits()
    bits.put(0, 2)
    bits.table(0, 1, 1)  # numbers of plain bytes: 1 is the bit 0; 2 and 3 are the bit 1
    bits.table(0, 0, 1)  # distance - 1: 2 and 3 are the bit 0
    bits.table(0, 0, 0, 1)  # length - 2: 4 to 7 are the bit 0
    bits.put(2, 16)  # rounds
    bits.put(1, 1), bits.put(1, 1)  # 2 + 1
    bits.out += b"abc"
    bits.put(0, 1), bits.put(0, 1)  # distance 3
    bits.put(0, 1), bits.put(0, 2)  # length 6
    bits.put(0, 1)
    bits.out += b"x"
    return struct.pack(">4sIIHHBB", b"RNC\x01", 10, len(bits.out), 0, 0, 0, 1) + bytes(bits.out)


def write(folder, number, data):
    place = 1 << 23 | 2  # in units of 16 bytes
    entry = (
        struct.pack("<H", number) + place.to_bytes(3, "little") + len(data).to_bytes(3, "little")
    )
    (folder / "sky.dnr").write_bytes(struct.pack("<I", 1) + entry)
    (folder / "sky.dsk").write_bytes(bytes(32) + data)


def test_speech_is_unpacked(tmp_path):
    write(tmp_path, 50_007, bytes(22) + packed())
    [(name, samples)] = steel_sky_entries(tmp_path)
    assert name == "50007"
    assert samples.tobytes() == b"abcabcabcx"


def test_what_is_no_speech_is_passed_over(tmp_path):
    write(tmp_path, 49_999, b"picture")
    assert list(steel_sky_entries(tmp_path)) == []


def test_another_packing_and_a_wrong_size_are_told(tmp_path):
    write(tmp_path, 50_000, bytes(22) + b"RNC\x02" + packed()[4:])
    with pytest.raises(ValueError, match="method 1"):
        list(steel_sky_entries(tmp_path))
    write(tmp_path, 50_000, bytes(22) + b"RNC\x01" + struct.pack(">I", 11) + packed()[8:])
    with pytest.raises(ValueError, match="10 bytes came out of 11"):
        list(steel_sky_entries(tmp_path))
