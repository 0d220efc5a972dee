"""The page itself: a template, filled with tables and pictures."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgewright.bench.report.drawing import Section, missing
from edgewright.bench.report.figures import Run
from edgewright.bench.report.tables import figures_table, milliseconds, settings_tables
from edgewright.bench.result import Percentile

TEMPLATE = Path(__file__).with_name("page.html.j2")


@dataclass(frozen=True)
class Tile:
    """A figure that is seen first."""

    name: str
    value: str


def render_page(runs: Sequence[Run], sections: Sequence[Section]) -> str:
    """Return the page as HTML; every text is escaped.

    Args:
        runs: At least one.
        sections: In the order of the page.

    Raises:
        MissingDependencyError: Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise missing("Jinja2", error) from error
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode()
    return environment.from_string(TEMPLATE.read_text("utf-8")).render(
        title=" and ".join(dict.fromkeys(run.result.subject.bundle for run in runs)),
        runs=runs,
        tiles={run.number: list(_tiles(run)) for run in runs},
        is_mixed=len({(run.result.host, run.result.build) for run in runs}) > 1,
        figures=figures_table(runs),
        settings=settings_tables(runs),
        sections=sections,
    )


def _tiles(run: Run) -> Iterator[Tile]:
    result = run.result
    carried = [one for one in result.percentiles if one.seconds is not None]
    for one in _first_and_last(carried):
        yield Tile(f"{result.quantity} {one.name}", milliseconds(one.seconds or 0))
    if result.first_output is not None:
        yield Tile("first output p50", milliseconds(result.first_output[0].seconds or 0))
    if result.pace is not None:
        yield Tile("kept pace", f"{result.pace.in_time:.1%}")
    yield Tile("throughput", f"{result.throughput:.1f} / s")
    if result.real_time_factor is not None:
        yield Tile("real-time factor", f"{result.real_time_factor:.3f}")
    if result.in_time is not None:
        yield Tile("in time", f"{result.in_time:.1%}")
    yield Tile("peak memory", f"{result.usage.peak_bytes / 1e6:.0f} MB")


def _first_and_last(percentiles: Sequence[Percentile]) -> Sequence[Percentile]:
    return percentiles if len(percentiles) < 2 else (percentiles[0], percentiles[-1])
