"""The figures that the samples of runs alone give: distribution, timeline, split."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgewright.bench.advice import LONG_TAIL
from edgewright.bench.report.drawing import (
    COLOURS,
    HATCHES,
    INK,
    LINES,
    MARKERS,
    Section,
    label_axes,
    literal,
    new_figure,
    plain_numbers,
    to_png,
)
from edgewright.bench.result import BenchResult, Sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 64
MARKED = ("p50", "p90", "p99")
"""Percentiles that the distribution marks, where the run carries them."""
NEIGHBOURS = 15
"""Queries whose median is a point of the line through a timeline, at least."""
STRETCHES = 200
"""Of the timeline of many queries: each of them is as long as what a point is the median of."""
STEPS = 4000
"""Points of an empirical distribution, at most."""
LEAST_MS = 1e-6
"""Below it a latency is drawn as this: a logarithm needs something."""
PARTS = {"audio": "waiting for audio", "pre": "preparing inputs", "run": "running graphs",
         "post": "reading outputs", "rest": "waiting and calls"}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One run of the page."""

    number: int
    """From 1."""
    result: BenchResult
    samples: Sequence[Sample]

    @property
    def name(self) -> str:
        """What the page calls it."""
        return f"run {self.number}"

    @property
    def label(self) -> str:
        """The same with what tells it from other runs."""
        return f"{self.name}: {self.result.subject.variant}, {self.result.settings.scenario}"

    @cached_property
    def latency_ms(self) -> NDArray[np.float64]:
        """Latency of each query, float64 (queries,), ms; words may be told before their end."""
        latency = np.array([1e3 * sample.latency for sample in self.samples])
        return latency if self.result.pace is not None else np.maximum(latency, LEAST_MS)

    @property
    def marked(self) -> dict[str, float]:
        """The percentiles to mark, ms."""
        return {
            one.name: 1e3 * one.seconds
            for one in self.result.percentiles
            if one.name in MARKED and one.seconds is not None
        }

    @property
    def spread(self) -> str:
        """Its latency in words."""
        low, high = self.latency_ms.min(), self.latency_ms.max()
        marked = ", ".join(f"{name} {value:.3g} ms" for name, value in self.marked.items())
        count = f"{len(self.samples)} {self.result.unit}"
        return f"{self.label}: {count}, {low:.3g} to {high:.3g} ms" + (
            f", {marked}" if marked else ""
        )

    @property
    def parts_ms(self) -> dict[str, float]:
        """The medians of the parts that its queries have, ms."""
        parts = {name: getattr(self.result.parts, name) for name in PARTS}
        return {name: 1e3 * part for name, part in parts.items() if part is not None}


def spreads(runs: Sequence[Run]) -> str:
    """Return the latencies of runs in words."""
    return "; ".join(run.spread for run in runs)


def quantities(runs: Sequence[Run]) -> str:
    """Return what the runs measured, in words."""
    return " or ".join(dict.fromkeys(run.result.quantity for run in runs))


def has_long_tail(runs: Sequence[Run]) -> bool:
    """Return whether the slowest query of a run is far from its median, on a logarithmic axis."""
    if min(run.latency_ms.min() for run in runs) <= 0:  # there is no such axis
        return False
    return any(run.latency_ms.max() > LONG_TAIL * np.median(run.latency_ms) for run in runs)


def draw_latency(runs: Sequence[Run]) -> Section:
    """Draw a histogram a run, and the empirical distributions of all below them."""
    is_log, what = has_long_tail(runs), quantities(runs)
    units = " or ".join(dict.fromkeys(run.result.unit for run in runs))
    heights = [1.5] * len(runs) + [2.7]
    figure = new_figure(sum(heights) + 0.4)
    *panels, below = figure.subplots(
        len(heights), 1, sharex=True, squeeze=False, height_ratios=heights
    ).flat
    edges = _edges(runs, is_log)
    for run, axes in zip(runs, panels, strict=True):
        _draw_histogram(axes, run, edges)
    for run in runs:
        _draw_distribution(below, run)
    if is_log:
        below.set_xscale("log")
        plain_numbers(below, "x")
    label_axes(below, title=f"share of {units} answered within …", x=f"{what}, ms", y="share")
    below.set_ylim(0, 1.03)
    below.grid(color="#e4e4e4")
    _explain_markers(below, runs)
    below.legend(frameon=False, fontsize=8, loc="lower right")
    scale = " The axis is logarithmic, because the tail is long." if is_log else ""
    return Section(
        "latency",
        f"{what.capitalize()} distribution",
        f"Above, how often each {what} was seen; strokes at the foot are the slowest hundredth. "
        f"Below, the share of the {units} that were answered within it. Only percentiles that the "
        f"number of queries carries are marked.{scale}",
        to_png(figure),
        f"Histogram and empirical distribution of the {what}. {spreads(runs)}.",
    )


def _edges(runs: Sequence[Run], is_log: bool) -> NDArray[np.float64]:
    low = min(float(run.latency_ms.min()) for run in runs)
    high = max(float(run.latency_ms.max()) for run in runs)
    if high - low < 1e-3 * abs(high):  # one query, or a clock that saw no difference
        low, high = low - 0.05 * abs(low), high + 0.05 * abs(high)
    return (np.geomspace if is_log else np.linspace)(low, high, BINS + 1)


def _draw_histogram(axes: "Axes", run: Run, edges: NDArray[np.float64]) -> None:
    style = (run.number - 1) % len(COLOURS)
    axes.hist(
        run.latency_ms, bins=list(edges), histtype="stepfilled", facecolor=COLOURS[style] + "66",
        edgecolor=INK, linewidth=0.8, hatch=HATCHES[style],
    )  # fmt: skip
    slowest = run.latency_ms[run.latency_ms >= np.quantile(run.latency_ms, 0.99)]
    axes.plot(
        slowest, np.full(slowest.size, 0.05), transform=axes.get_xaxis_transform(),
        marker="|", markersize=6, color=INK, alpha=0.5, linestyle="",
    )  # fmt: skip
    _, top = axes.get_ylim()
    for (name, value), level in zip(run.marked.items(), (0.97, 0.83, 0.69), strict=False):
        axes.axvline(value, color=INK, linewidth=1, linestyle="--")
        axes.annotate(
            f"{name} {value:.3g} ms", (value, level * top), (3, 0), textcoords="offset points",
            fontsize=7, va="top", color=INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8},
        )  # fmt: skip
    label_axes(axes, title=run.label, y=run.result.unit)


def _draw_distribution(axes: "Axes", run: Run) -> None:
    style = (run.number - 1) % len(COLOURS)
    places = np.unique(np.linspace(0, run.latency_ms.size - 1, STEPS).astype(int))
    values, shares = np.sort(run.latency_ms)[places], (places + 1) / run.latency_ms.size
    axes.step(
        [values[0], *values], [0.0, *shares], where="post", color=COLOURS[style],
        linestyle=LINES[style], linewidth=1.6, label=literal(run.label),
    )  # fmt: skip
    for name, marker in zip(MARKED, MARKERS, strict=False):
        if name in run.marked:
            share = float(name.removeprefix("p")) / 100
            axes.plot(
                run.marked[name], share, marker=marker, color=COLOURS[style], markersize=7,
                markeredgecolor=INK, linestyle="",
            )  # fmt: skip


def _explain_markers(axes: "Axes", runs: Sequence[Run]) -> None:
    for name, marker in zip(MARKED, MARKERS, strict=False):
        if any(name in run.marked for run in runs):
            axes.plot(
                [], [], marker=marker, color="white", markeredgecolor=INK, linestyle="", label=name
            )


def draw_timeline(runs: Sequence[Run]) -> Section:
    """Draw the latency of every query at the time when it began, a panel a run."""
    is_log = has_long_tail(runs)
    figure = new_figure(2.1 * len(runs) + 0.4)
    for run, axes in zip(
        runs, figure.subplots(len(runs), 1, sharey=True, squeeze=False).flat, strict=True
    ):
        _draw_time(axes, run)
        if is_log:
            axes.set_yscale("log")
            plain_numbers(axes, "y")
        label_axes(axes, title=run.label, y=f"{run.result.quantity}, ms")
    axes.set_xlabel("began, s after the beginning of the run", fontsize=9, color=INK)
    return Section(
        "timeline",
        "Timeline",
        "Each point is a query, of streams a word; the line is the median of its neighbours. A "
        "slope is a drift (heat, memory, a queue that grows), a lonely point a stall, a gap a "
        "pause.",
        to_png(figure),
        f"{quantities(runs).capitalize()} over the time when it began. {spreads(runs)}.",
    )


def _draw_time(axes: "Axes", run: Run) -> None:
    style = (run.number - 1) % len(COLOURS)
    begun = np.array([sample.begun for sample in run.samples])
    axes.plot(
        begun, run.latency_ms, linestyle="", marker=MARKERS[style % len(MARKERS)], markersize=3,
        color=COLOURS[style], alpha=0.55, markeredgewidth=0,
        label="a query" if run.result.pace is None else "a word",
    )  # fmt: skip
    if begun.size >= 2 * NEIGHBOURS:
        places, medians, width = running_median(run.latency_ms)
        axes.plot(begun[places], medians, color=INK, linewidth=1.2, label=f"median of {width}")
    if (bound := run.result.settings.bound) is not None:
        axes.axhline(1e3 * bound, color=INK, linestyle=":", linewidth=1.2, label="bound")
    axes.grid(color="#e4e4e4", axis="y")
    axes.legend(frameon=False, fontsize=7, loc="upper right", ncols=3)


def running_median(
    values: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
    """Return medians of neighbours, a few a stretch of values.

    Args:
        values: float64 (values,), at least `NEIGHBOURS`.

    Returns:
        Where the medians are, int64 (medians,), indices of values; the medians; how many values
        each is of.
    """
    width = max(NEIGHBOURS, values.size // STRETCHES)
    step = 1 + width // (2 * NEIGHBOURS)
    windows = np.lib.stride_tricks.sliding_window_view(values, width)[::step]
    return width // 2 + step * np.arange(len(windows)), np.median(windows, axis=1), width


def draw_split(runs: Sequence[Run]) -> Section:
    """Draw a bar a run, of the medians of the parts of a query."""
    figure = new_figure(0.5 * len(runs) + 1.5)
    axes = figure.subplots()
    left = np.zeros(len(runs))
    found = {name: words for name, words in PARTS.items() if any(name in r.parts_ms for r in runs)}
    for (name, words), colour, hatch in zip(found.items(), COLOURS, HATCHES, strict=False):
        milliseconds = np.array([max(0.0, run.parts_ms.get(name, 0.0)) for run in runs])
        axes.barh(
            range(len(runs)), milliseconds, 0.6, left, color=colour + "aa", edgecolor=INK,
            linewidth=0.8, hatch=hatch, label=f"{name}: {words}",
        )  # fmt: skip
        left += milliseconds
    axes.set_yticks(range(len(runs)), [literal(run.label) for run in runs])
    axes.invert_yaxis()
    label_axes(axes, title="medians of the parts of a query", x="time, ms")
    axes.grid(color="#e4e4e4", axis="x")
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=8)
    return Section(
        "split",
        "Where a query spends its time",
        "Medians of the parts, which need not add up to the median of the whole.",
        to_png(figure),
        f"Stacked bars of the parts of a query. {'; '.join(map(_split_in_words, runs))}.",
    )


def _split_in_words(run: Run) -> str:
    parts = (f"{name} {value:.3g} ms" for name, value in run.parts_ms.items())
    return f"{run.label}: {', '.join(parts)}"
