"""Ours against its peers: interleaved in one process, one thread, CPU time.

`--ratios FILE` ends with an error where a ratio is larger than in FILE, which `--benchmark-json`
wrote before.
"""

import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from ratios import add_percentiles, describe_machine, read_benchmarks, regressions

from edgewright import _core
from edgewright.bench.statistics import Comparison, compare_blocks, compare_interleaved

BLOCKS = 40
BLOCK_SECONDS = 0.01  # of our calls in a block; much shorter ones feel the clock
torch.set_num_threads(1)

Call = Callable[[], object]
Versus = Callable[..., None]


class Elsewhere(Protocol):
    """A peer in another process."""

    version: str

    def seconds(self, calls: int) -> float:
        """Return the CPU time of one of so many calls."""


@pytest.fixture
def versus(benchmark: BenchmarkFixture) -> Versus:
    """Return a function that times `ours` beside `theirs` and keeps the ratio with the benchmark.

    Its arguments: `peer` (distribution whose version is kept), `ours`, `theirs`, `bar` (largest
    ratio wanted, None where none is set), `work` and `unit` (amount of work in a call), `rounds`
    (calls of ours alone, for percentiles), `block_seconds` where a peer is so slow that a block
    of the usual length would take minutes, and `elsewhere` where the peer is in another process.
    """

    def run(
        peer: str, ours: Call, theirs: Call, *, bar: float | None, work: float, unit: str,
        block_seconds: float = BLOCK_SECONDS, rounds: int = 5, elsewhere: Elsewhere | None = None,
    ) -> None:  # fmt: skip
        benchmark.pedantic(ours, rounds=rounds, warmup_rounds=2)
        calls = max(1, round(block_seconds / max(benchmark.stats.stats.median, 1e-7)))
        if elsewhere is None:
            found = compare_interleaved(
                ours, theirs, blocks=BLOCKS, calls=calls, clock=time.thread_time
            )
        else:
            found = _compare_processes(ours, elsewhere, calls)
        its_version = version(peer) if elsewhere is None else elsewhere.version
        benchmark.extra_info.update(
            peer=f"{peer} {its_version}", bar=bar, unit=unit, ratio=found.ratio,
            interval=list(found.interval), aa=found.aa, instruction_set=_core.instruction_set(),
            ours_microseconds=found.a_seconds / work * 1e6,
            theirs_microseconds=found.b_seconds / work * 1e6,
        )  # fmt: skip

    return run


def _compare_processes(ours: Call, theirs: Elsewhere, calls: int) -> Comparison:
    """Compare with a process that takes turns with this one on its core."""

    def here(_: int) -> float:
        ours()  # the other had the caches meanwhile
        began = time.thread_time()
        for _ in range(calls):
            ours()
        return (time.thread_time() - began) / calls

    def there(_: int) -> float:
        theirs.seconds(1)
        return theirs.seconds(calls)

    return compare_blocks(here, there, blocks=BLOCKS, calls=calls)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ratios", type=Path, metavar="FILE", help="end with an error where a ratio "
                     "to a peer is larger than in this file")  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--ratios") and not config.getoption("benchmark_json"):
        raise pytest.UsageError("--ratios: got no --benchmark-json, which is what is compared")


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    machine_info["edgewright"] = describe_machine()


def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    for benchmark in output_json["benchmarks"]:
        add_percentiles(benchmark)
    before = config.getoption("--ratios")
    if before is not None:
        found = regressions(output_json["benchmarks"], read_benchmarks(before))
        config.stash[REGRESSIONS] = found


REGRESSIONS = pytest.StashKey[list[str]]()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash.get(REGRESSIONS, []):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in config.stash.get(REGRESSIONS, []):
        terminalreporter.write_line(f"slower than before: {line}")
