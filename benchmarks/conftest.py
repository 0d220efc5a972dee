"""Each kernel against its peers: interleaved in one process, one thread, CPU time."""

import time
from collections.abc import Callable
from importlib.metadata import version

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from edgewright import _core
from edgewright.bench.statistics import compare_interleaved

BLOCKS = 40
BLOCK_SECONDS = 0.01  # of our calls in a block; much shorter ones feel the clock
torch.set_num_threads(1)

Call = Callable[[], object]
Versus = Callable[..., None]


@pytest.fixture
def versus(benchmark: BenchmarkFixture) -> Versus:
    """Return a function that times `ours` beside `theirs` and keeps the ratio with the benchmark.

    Its arguments: `peer` (distribution whose version is kept), `ours`, `theirs`, `bar` (largest
    ratio wanted, None where none is set), `work` and `unit` (amount of work in a call), and
    `block_seconds` where a peer is so slow that a block of the usual length would take minutes.
    """

    def run(
        peer: str, ours: Call, theirs: Call, *, bar: float | None, work: float, unit: str,
        block_seconds: float = BLOCK_SECONDS,
    ) -> None:  # fmt: skip
        benchmark.pedantic(ours, rounds=5, warmup_rounds=2)
        calls = max(1, round(block_seconds / max(benchmark.stats.stats.median, 1e-7)))
        found = compare_interleaved(
            ours, theirs, blocks=BLOCKS, calls=calls, clock=time.thread_time
        )
        benchmark.extra_info.update(
            peer=f"{peer} {version(peer)}", bar=bar, unit=unit, ratio=found.ratio,
            interval=list(found.interval), aa=found.aa, instruction_set=_core.instruction_set(),
            ours_microseconds=found.a_seconds / work * 1e6,
            theirs_microseconds=found.b_seconds / work * 1e6,
        )  # fmt: skip

    return run
