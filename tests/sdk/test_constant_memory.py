"""A genome is scored in memory that does not grow with it."""

import subprocess
import sys
from pathlib import Path

SCAN = """
import resource, sys
import edgewright as ew
with ew.load(sys.argv[1], threads=1) as dna:
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows = sum(1 for _ in dna.scan(sys.argv[2], window=30, stride=int(sys.argv[3])))
    print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base)
"""
UNIT = 1024 if sys.platform == "linux" else 1
"""Bytes in one unit of `ru_maxrss`."""
ALLOWANCE = 32 * 10**6
"""Chunks of the file, the arenas of NumPy and ONNX Runtime; independent of the file."""


def scan(bundle: Path, genome: Path, stride: int) -> tuple[int, int]:
    """Return the rows, and the bytes by which the peak memory grew during the scan."""
    command = [sys.executable, "-c", SCAN, str(bundle), str(genome), str(stride)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows, grown = map(int, done.stdout.split())
    return rows, grown * UNIT


def write_genome(path: Path) -> None:
    """Write one record of 300 megabases in lines of 60."""
    block = (b"ACGTTGCAAC" * 6 + b"\n") * 16_667
    with path.open("wb") as file:
        file.write(b">one long record\n")
        for _ in range(300):
            file.write(block)


def test_memory_is_bounded_by_the_window(tiny: dict[str, Path], tmp_path: Path) -> None:
    genome = tmp_path / "genome.fa"
    write_genome(genome)
    rows, grown = scan(tiny["dnabert"], genome, stride=50_000)
    genome.unlink()  # pytest keeps the folders of three runs
    assert rows >= 2 * 300 * 20
    assert grown < ALLOWANCE
