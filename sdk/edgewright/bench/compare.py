"""Which of two sides is faster, each in a process of its own, measured in interleaved blocks.

The control is a second process of A: two processes of one program differ by what memory they got.
All take turns on the same cores, since one core may be faster than its neighbour.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from edgewright.bench.result import FORMAT_VERSION, Build, Host
from edgewright.bench.statistics import Claim, compare_blocks
from edgewright.errors import EdgewrightError, UsageError
from edgewright.progress import Progress
from edgewright.records import read
from edgewright.runtime import Runtime

FORMAT = "edgewright-compare"
BLOCKS, CALLS = 40, 5
FEWEST_BLOCKS = 40
SEPARATOR = "#"
_WORKER = "edgewright.bench.worker"


@dataclass(frozen=True)
class Side:
    """What one side runs."""

    bundle: str
    """Path of a bundle."""
    variant: str | None = None
    """Name of a variant; by default the one that `load` would take."""
    threads: int | None = None
    device: str = "auto"
    python: str = sys.executable
    """Interpreter whose installed Edgewright runs it."""

    @classmethod
    def parse(cls, text: str, **options: Any) -> "Side":
        """Return the side that `BUNDLE` or `BUNDLE#VARIANT` names."""
        bundle, _, variant = text.partition(SEPARATOR)
        return cls(bundle, variant or None, **options)


@dataclass(frozen=True)
class SideResult:
    """One side, as it was found."""

    runtime: Runtime
    build: Build
    seconds: float
    """Median of a call over the blocks."""


@dataclass(frozen=True)
class CompareResult:
    """The latency of A relative to that of B, on the same inputs of the same machine."""

    format: str
    format_version: int
    host: Host
    a: SideResult
    b: SideResult
    ratio: float
    """Latency of A / latency of B: exp of the median log ratio over the blocks."""
    interval: tuple[float, float]
    """Its 95 % bootstrap interval."""
    aa: float
    """The same of A to a second process of A in the same run: the noise floor."""
    claim: Claim
    """Whether A is `faster` or `slower`; `none` where the data do not carry a claim."""
    blocks: int
    calls: int
    seed: int
    inputs_sha256: str

    def __str__(self) -> str:
        low, high = self.interval
        verdict = "no difference is claimed" if self.claim == "none" else f"A is {self.claim}"
        return (
            f"A {self.a.runtime}: {1e3 * self.a.seconds:.3f} ms\n"
            f"B {self.b.runtime}: {1e3 * self.b.seconds:.3f} ms\n"
            f"A / B {self.ratio:.3f} [{low:.3f}, {high:.3f}], A/A {self.aa:.3f}: {verdict}"
        )


def compare_sides(
    a: Side,
    b: Side,
    *,
    inputs: tuple[str, ...] = (),
    blocks: int = BLOCKS,
    calls: int = CALLS,
    seed: int = 0,
    progress: Progress | None = None,
) -> CompareResult:
    """Compare two sides, which may be bundles, variants, devices, threads or installations.

    Args:
        a: One side.
        b: The other.
        inputs: What is asked about, as the task's command takes it; the golden samples by default,
            if both bundles have the same.
        blocks: At least 40.
        calls: Queries of a side in a block.
        seed: Of the order of the sides and of the bootstrap.
        progress: Shows the run.

    Raises:
        UsageError: A number is too small, or the sides are of other tasks, inputs or machines.
        EdgewrightError: A side cannot be opened; the message is that of its process.
    """
    _check_numbers(blocks, calls, seed)
    with (
        _Worker("A", a, inputs) as first,
        _Worker("B", b, inputs) as second,
        _Worker("A", a, inputs) as control,
    ):
        _check_alike(first.facts, second.facts)
        if progress is not None:
            progress.start("comparing", blocks)
        found = compare_blocks(
            lambda block: first.time(block * calls, calls),
            lambda block: second.time(block * calls, calls),
            blocks=blocks,
            calls=calls,
            seed=seed,
            control=lambda block: control.time(block * calls, calls),
            advance=(lambda: None) if progress is None else progress.advance,
        )
        low, high = found.interval
        return CompareResult(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            host=read(Host, first.facts["host"], "host"),
            a=first.result(found.a_seconds),
            b=second.result(found.b_seconds),
            ratio=found.ratio,
            interval=(low, high),
            aa=found.aa,
            claim=found.claim,
            blocks=blocks,
            calls=calls,
            seed=seed,
            inputs_sha256=first.facts["inputs_sha256"],
        )


def _check_numbers(blocks: int, calls: int, seed: int) -> None:
    if blocks < FEWEST_BLOCKS:
        raise UsageError(
            f"blocks: got {blocks}, expected at least {FEWEST_BLOCKS}: fewer tell nothing that "
            "noise does not; ask for more"
        )
    if calls < 1 or seed < 0:
        raise UsageError(
            f"calls, seed: got {calls} and {seed}, expected at least 1 call and a seed of 0 or "
            "more; leave the defaults"
        )


def _check_alike(a: Mapping[str, Any], b: Mapping[str, Any]) -> None:
    for name in ("task", "host", "inputs_sha256"):
        if a[name] != b[name]:
            raise UsageError(
                f"compare: got {name} {a[name]} and {b[name]}, expected the same on both sides; "
                "compare bundles of one task, on one machine, on inputs that you name (--input)"
            )


class _Worker:
    """The process of one side."""

    def __init__(self, name: str, side: Side, inputs: tuple[str, ...]) -> None:
        self._name = name
        try:
            self._process = subprocess.Popen(
                [side.python, "-m", _WORKER],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8",
            )  # fmt: skip
        except OSError as error:
            raise UsageError(
                f"side {name}: got '{side.python}' ({error.strerror}), expected a Python "
                "interpreter that has Edgewright; pass its path"
            ) from error
        self._wanted = {
            "bundle": str(Path(side.bundle).absolute()), "variant": side.variant,
            "precision": "auto", "device": side.device, "threads": side.threads, "inputs": inputs,
        }  # fmt: skip

    def __enter__(self) -> "_Worker":
        try:
            self.facts = self._ask(self._wanted)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._end()

    def time(self, first: int, calls: int) -> float:
        """Return the seconds per call of some queries, from the number of the first on."""
        return float(self._ask({"first": first, "calls": calls})["seconds"])

    def result(self, seconds: float) -> SideResult:
        """Return what this side is, and the seconds of a call."""
        runtime = read(Runtime, self.facts["runtime"], "runtime")
        return SideResult(runtime, read(Build, self.facts["build"], "build"), seconds)

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # it ended: what it wrote before says more
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        try:
            answer: dict[str, Any] = dict(json.loads(line))
        except ValueError as error:
            got = repr(line[:60]) if line else f"a process that ended with {self._process.wait()}"
            raise UsageError(
                f"side {self._name}: got {got}, expected answers of Edgewright's worker; see "
                "whether `python -m edgewright.bench.worker` of its interpreter starts"
            ) from error
        if "error" in answer:
            raise _error(answer["exit_code"], f"side {self._name}: {answer['error']}")
        return answer

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()


def _error(exit_code: int, message: str) -> EdgewrightError:
    """Return an error that ends the command line as that of the worker would have."""
    error = EdgewrightError(message)
    error.exit_code = exit_code  # type: ignore[misc]
    return error
