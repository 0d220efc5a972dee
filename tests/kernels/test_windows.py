import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright import _core
from edgewright.errors import UsageError
from edgewright.sequence import read_windows
from reference import sequence as reference


def write(path, sizes, seed=0):
    """Write records of random bases and return them."""
    rng = np.random.default_rng(seed)
    sequences = {f"r{i}": "".join(rng.choice(list("ACGT"), size)) for i, size in enumerate(sizes)}
    path.write_text("".join(f">{name}\n{text}\n" for name, text in sequences.items()))
    return sequences


@pytest.mark.parametrize("window", [1, 4, 10, 50])
@pytest.mark.parametrize("stride", [1, 3, 4, 25])
def test_windows_equal_reference(tmp_path, window, stride):
    sequences = write(tmp_path / "x.fa", [1, 3, 4, 5, 9, 10, 11, 49, 50, 51, 75, 101])
    got = list(read_windows(tmp_path / "x.fa", window, stride))
    expected = [
        (name, start, end, text[start:end].encode())
        for name, text in sequences.items()
        for start, end in reference.windows(len(text), window, stride)
    ]
    assert [(w.name, w.start, w.end, w.sequence) for w in got] == expected


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=12),
    st.integers(1, 30),
    st.integers(1, 40),
    st.integers(1, 4),
)
def test_windows_do_not_depend_on_the_pieces(pieces, window, stride, batch):
    sequence = np.random.default_rng(0).choice(list(b"ACGT"), sum(pieces)).astype(np.uint8)
    slicer, got, start = _core.WindowSlicer(window, stride), [], 0
    for i, size in enumerate(pieces):
        piece = sequence[start : start + size].tobytes()
        slicer.push(piece, i == len(pieces) - 1)
        start += size
        while taken := slicer.take(batch):
            got += taken
    spans = reference.windows(len(sequence), window, stride)
    assert got == [(begin, end, sequence[begin:end].tobytes()) for begin, end in spans]


def test_records_longer_than_a_piece_of_the_file(tmp_path):
    genome = write(tmp_path / "x.fa", [2_500_000])["r0"].encode()
    got = list(read_windows(tmp_path / "x.fa", 600, 450))
    assert [(w.start, w.end) for w in got] == reference.windows(len(genome), 600, 450)
    assert all(w.sequence == genome[w.start : w.end] for w in got)


@pytest.mark.parametrize(("window", "stride"), [(0, 1), (1, 0), (-3, 1), (1 << 31, 1)])
def test_sizes_are_checked(tmp_path, window, stride):
    with pytest.raises(UsageError, match=r"(window|stride): got .* expected 1 to 2\^31 - 1 bases"):
        next(read_windows(tmp_path / "x.fa", window, stride))


MEASURE = """
import resource, sys
from edgewright.sequence import read_windows
def peak(path):
    count = sum(1 for _ in read_windows(path, 512, 256))
    return count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
_, before = peak(sys.argv[1])
count, after = peak(sys.argv[2])
print(count, (after - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit there")
def test_memory_does_not_grow_with_the_genome(tmp_path):
    write(tmp_path / "small.fa", [3_000_000])
    with (tmp_path / "large.fa").open("w") as file:
        file.write(">one_line\n")
        for _ in range(60):
            file.write("ACGTTGCA" * (1 << 17))
    files = [str(tmp_path / name) for name in ("small.fa", "large.fa")]
    command = [sys.executable, "-c", MEASURE, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    count, growth_mib = map(int, done.stdout.split())
    assert count == len(reference.windows(60 << 20, 512, 256))
    assert growth_mib < 8  # of a file of 60 MiB
