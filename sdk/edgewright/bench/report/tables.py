"""The rows of the report's tables: what was measured, and what was found."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from edgewright.bench.report.figures import Run
from edgewright.bench.result import BenchResult, Pace, Percentile

T = TypeVar("T")

NAMED_INPUTS = 3
"""Inputs that the table names; behind them it counts."""
DIGITS = 16
"""Of a digest, which are enough to tell two apart."""


@dataclass(frozen=True)
class Cell:
    """One value of a table."""

    text: str
    is_missing: bool = False
    """Whether it says why there is no figure."""


@dataclass(frozen=True)
class Row:
    """One quantity, with a cell a run."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """Rows of one kind."""

    title: str
    rows: tuple[Row, ...]


NONE = Cell("–")
Column = Callable[[BenchResult], "str | Cell | None"]


def settings_tables(runs: Sequence[Run]) -> list[Table]:
    """Return what was measured, how, where, and by what software."""
    return [Table(title, _rows(runs, columns)) for title, columns in _SETTINGS.items()]


def figures_table(runs: Sequence[Run]) -> Table:
    """Return what was found; quantities that no run has are left out."""
    names = list(dict.fromkeys(one.name for run in runs for one in run.result.percentiles))
    quantities = dict.fromkeys(run.result.quantity for run in runs)
    latencies = {
        f"{quantity} {name}": column
        for quantity in quantities
        for name, column in _latency_columns(quantity, names).items()
    }
    return Table("Results", _rows(runs, latencies | _FIGURES))


def _rows(runs: Sequence[Run], columns: dict[str, Column]) -> tuple[Row, ...]:
    return tuple(_filled_rows(runs, columns))


def _filled_rows(runs: Sequence[Run], columns: dict[str, Column]) -> Iterator[Row]:
    for name, column in columns.items():
        values = [column(run.result) for run in runs]
        if any(value is not None for value in values):
            yield Row(name, tuple(map(_cell, values)))


def _cell(value: "str | Cell | None") -> Cell:
    if value is None:
        return NONE
    return value if isinstance(value, Cell) else Cell(value)


def _latency_columns(quantity: str, names: Sequence[str]) -> dict[str, Column]:
    """Return the columns of the percentiles, mean and range of the runs that measured it."""
    columns: dict[str, Column] = {name: _percentile_column(name) for name in names}
    columns["mean"] = lambda r: milliseconds(r.mean)
    columns["least to most"] = lambda r: f"{milliseconds(r.least)} to {milliseconds(r.most)}"
    return {name: _only(quantity, column) for name, column in columns.items()}


def _only(quantity: str, column: Column) -> Column:
    return lambda result: column(result) if result.quantity == quantity else None


def _percentile_column(name: str) -> Column:
    def column(result: BenchResult) -> Cell | None:
        found = (one for one in result.percentiles if one.name == name)
        return next(map(percentile_cell, found), None)

    return column


def carried(percentiles: Sequence[Percentile]) -> str:
    """Return the percentiles that there were enough samples for, as text in ms."""
    known = ((one.name, one.seconds) for one in percentiles if one.seconds is not None)
    return ", ".join(f"{name} {milliseconds(seconds)}" for name, seconds in known)


def kept_pace(pace: Pace) -> str:
    """Return how streams kept up, in words."""
    return (
        f"{pace.in_time:.2%} of {pace.calls} pieces of {1e3 * pace.piece:.0f} ms were answered "
        f"before the next was due ({pace.audio:.1f} s of audio)"
    )


def percentile_cell(percentile: Percentile) -> Cell:
    """Return a percentile in ms, or how many queries it still needs."""
    if percentile.seconds is None:
        more = f"not enough queries: {percentile.missing} more are needed"
        return Cell(more, is_missing=True)
    return Cell(milliseconds(percentile.seconds))


def milliseconds(seconds: float) -> str:
    """Return seconds as text in ms."""
    return f"{1e3 * seconds:.3f} ms"


def megabytes(size: float) -> str:
    """Return bytes as text in MB."""
    return f"{size / 1e6:.1f} MB"


def _inputs(result: BenchResult) -> str:
    inputs = result.settings.inputs
    more = f" and {len(inputs) - NAMED_INPUTS} more" if len(inputs) > NAMED_INPUTS else ""
    return ", ".join(inputs[:NAMED_INPUTS]) + more


def _threads(result: BenchResult) -> str:
    several = result.subject.threads * result.settings.workers > 1
    if not several or result.multi_threaded is not False:
        return str(result.subject.threads)
    return f"{result.subject.threads}, which starved: no evidence for several threads"


def _in_time(result: BenchResult) -> str | None:
    if result.in_time is None or result.settings.bound is None:
        return None
    return f"{result.in_time:.2%} within {milliseconds(result.settings.bound)}"


def _energy(result: BenchResult) -> str | None:
    if result.usage.joules is None:
        return None
    return f"{result.usage.joules / result.queries:.3g} J a query, all processes together"


def _queries(result: BenchResult) -> str:
    unit = "" if result.pace is None else " words"
    return f"{result.queries}{unit}{', ended by an interrupt' if result.interrupted else ''}"


def _optional(value: T | None, write: Callable[[T], str]) -> str | None:
    return None if value is None else write(value)


_SETTINGS: dict[str, dict[str, Column]] = {
    "Bundle": {
        "bundle": lambda r: r.subject.bundle,
        "manifest SHA-256": lambda r: f"{r.subject.bundle_digest[:DIGITS]}…",
        "variant": lambda r: r.subject.variant,
        "precision": lambda r: r.subject.precision,
        "graph files": lambda r: megabytes(r.subject.model_bytes),
    },
    "Settings": {
        "scenario": lambda r: r.settings.scenario,
        "tier": lambda r: r.settings.tier,
        "rate": lambda r: _optional(r.settings.rate, lambda hz: f"{hz:.4g} a second"),
        "bound": lambda r: _optional(r.settings.bound, milliseconds),
        "callers": lambda r: str(r.settings.workers),
        "threads of an inference": _threads,
        "inputs": _inputs,
        "inputs SHA-256": lambda r: f"{r.settings.inputs_sha256[:DIGITS]}…",
        "seed": lambda r: str(r.settings.seed),
    },
    "Host": {
        "processor": lambda r: r.host.machine,
        "architecture": lambda r: r.host.architecture,
        "cores": lambda r: str(r.host.cores),
        "kernels of pre- and post-processing": lambda r: r.host.instruction_set,
        "system": lambda r: r.host.system,
    },
    "Build": {
        "edgewright": lambda r: r.build.edgewright,
        "graphs run by": lambda r: r.build.backend,
        "provider": lambda r: r.subject.provider,
        "Python": lambda r: r.build.python,
        "NumPy": lambda r: r.build.numpy,
    },
}

_FIGURES: dict[str, Column] = {
    "waiting for audio": lambda r: _optional(r.parts.audio, milliseconds),
    "first output": lambda r: _optional(r.first_output, carried),
    "kept pace": lambda r: _optional(r.pace, kept_pace),
    "queries": _queries,
    "throughput": lambda r: f"{r.throughput:.2f} a second",
    "real-time factor": lambda r: _optional(r.real_time_factor, lambda factor: f"{factor:.4f}"),
    "in time": _in_time,
    "jitter": lambda r: _optional(r.jitter, milliseconds),
    "cold start: load": lambda r: milliseconds(r.cold.load),
    "cold start: first answer": lambda r: milliseconds(r.cold.first),
    "memory, steady": lambda r: _optional(r.usage.steady_bytes, megabytes),
    "memory, peak": lambda r: megabytes(r.usage.peak_bytes),
    "cpu / wall": lambda r: f"{r.usage.cpu_per_wall:.2f}, {r.usage.preemptions} preemptions",
    "energy (an estimate)": _energy,
}
