"""Damaged data files are refused in words."""

import json
import lzma

import pytest

from edgewright.errors import BundleError
from edgewright.text.letter_to_sound import FORMAT as MODEL
from edgewright.text.letter_to_sound import LetterToSound
from edgewright.text.lexicon import FORMAT as LEXICON
from edgewright.text.lexicon import Lexicon

Data = tuple[bytes, bytes]


def test_both_files_are_small(text_data: Data) -> None:
    assert sum(map(len, text_data)) < 1_500_000


@pytest.mark.parametrize("read", [Lexicon, LetterToSound])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no xz data|cut off"),
        (b"hello, hello, hello", "no xz data"),
        (lzma.compress(b"PK"), "got the format b'PK'"),
        (lzma.compress(LEXICON.encode())[:-4], "cut off|no xz"),
        (lzma.compress(b"x") * 2, "followed by others"),
        (lzma.compress(bytes(40 * 2**20)), "too large"),
    ],
)
def test_a_file_of_another_kind(
    read: type[Lexicon] | type[LetterToSound], data: bytes, message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        read(data)


@pytest.mark.parametrize("lines", ["", "a\tb", "É\tA\n", "a b\tA\n", "a\tz{\n"])
def test_a_damaged_lexicon(lines: str) -> None:
    with pytest.raises(BundleError, match=r"lexicon: got .* export the bundle again"):
        Lexicon(lzma.compress(f"{LEXICON}\n{lines}".encode()))


def header_and_arrays(data: bytes) -> tuple[dict[str, object], bytes]:
    _, header, arrays = lzma.decompress(data).split(b"\n", 2)
    return json.loads(header), arrays


def packed(header: object, arrays: bytes) -> bytes:
    return lzma.compress(f"{MODEL}\n{json.dumps(header)}\n".encode() + arrays, preset=0)


def test_a_damaged_model(text_data: Data) -> None:
    header, arrays = header_and_arrays(text_data[1])
    graphones = header["graphones"]
    assert isinstance(graphones, list)
    without_a = [
        ["b", codes] if letters == "a" else [letters, codes] for letters, codes in graphones
    ]
    damaged = [
        packed([], arrays),
        packed({}, arrays),
        packed({**header, "nodes": "x"}, arrays),
        packed({**header, "nodes": -1}, arrays),
        packed({**header, "nodes": 3}, arrays),
        packed({**header, "graphones": [["a"]]}, arrays),
        packed({**header, "graphones": without_a}, arrays),
        packed({**header, "graphones": [[letters, "~"] for letters, _ in graphones]}, arrays),
        packed(header, arrays[:-1]),
        packed(header, bytes(len(arrays))),
        packed(header, b"\xff" * len(arrays)),
        packed(header, arrays[::-1]),
        lzma.compress(f"{MODEL}\n{{".encode()),
    ]
    for data in damaged:
        with pytest.raises(BundleError, match="letter-to-sound model: got"):
            LetterToSound(data)
