"""Accuracy, latency and size of the variants of a bundle, from the receipts of its manifest."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgewright.bench.report.drawing import (
    COLOURS,
    GREY,
    INK,
    MARKERS,
    Section,
    label_axes,
    literal,
    new_figure,
    to_png,
)
from edgewright.bench.report.figures import Run
from edgewright.bundle import Bundle
from edgewright.bundle.manifest import Metric, Variant
from edgewright.placement import BASELINE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME, TITLE = "front", "Accuracy, latency and size"
MARKER_AREA = 260.0
"""Points² of the largest variant's marker; that of another is as much smaller as its files are."""


@dataclass(frozen=True)
class Point:
    """A variant whose latency was measured when it was exported, or the one it is relative to."""

    variant: Variant
    ratio: float
    """Latency relative to fp32."""
    interval: tuple[float, ...]
    """95 % interval of the ratio."""
    machine: str
    """Where it was measured; empty where that is not told."""

    @property
    def metric(self) -> Metric:
        """Of the task."""
        return self.variant.receipt.metric

    @property
    def megabytes(self) -> float:
        """Size of the files."""
        return self.variant.receipt.bytes / 1e6


def front_section(runs: Sequence[Run], bundle: Bundle) -> Section:
    """Draw the variants of a bundle; those that a run measured are filled."""
    points = [point for one in bundle.manifest.variants if (point := _point(one)) is not None]
    if all(point.variant.name == BASELINE for point in points):
        why = f"No other variant of {bundle.manifest.name} says how its latency is beside fp32's."
        return Section(NAME, TITLE, why)
    measured = {
        run.result.subject.variant
        for run in runs
        if run.result.subject.bundle_digest == bundle.digest
    }
    return draw_front(bundle.manifest.name, points, measured)


def _point(variant: Variant) -> Point | None:
    for target in variant.targets:
        if target.latency_ratio is not None:
            return Point(variant, target.latency_ratio, target.latency_interval, target.machine)
    return Point(variant, 1.0, (), "") if variant.name == BASELINE else None


def draw_front(name: str, points: Sequence[Point], measured: Collection[str]) -> Section:
    """Draw latency to the right, the metric upwards, size as area."""
    figure = new_figure(4.2)
    axes = figure.subplots()
    largest = max(point.variant.receipt.bytes for point in points)
    for place, point in enumerate(points):
        _draw_point(axes, point, place, largest, point.variant.name in measured)
    front = best(points)
    axes.plot(
        [point.ratio for point in front], [point.metric.value for point in front],
        color=INK, linewidth=0.9, zorder=1,
    )  # fmt: skip
    metric = points[0].metric
    if metric.less_is_better:
        axes.invert_yaxis()
    axes.margins(x=0.25, y=0.35)
    axes.grid(color="#e4e4e4")
    words = metric.name.replace("_", " ")
    label_axes(
        axes,
        title=f"{name}: {words} and latency, size as area",
        x="latency / fp32 (less is better)",
        y=f"{words} ({metric.samples} samples)",
    )
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8, markerscale=0.7)
    machines = ", ".join(sorted({point.machine for point in points} - {""}))
    return Section(
        NAME,
        TITLE,
        f"Variants of {name} as its manifest has them: latency measured at the export on {machines}"
        f", {metric.name} on {metric.samples} samples of {metric.data}. Bars are 95 % intervals, "
        "the line joins variants that none outdoes, filled ones were measured in this page.",
        to_png(figure),
        f"Front of the variants: {'; '.join(map(_in_words, points))}.",
    )


def _draw_point(axes: "Axes", point: Point, place: int, largest: int, is_measured: bool) -> None:
    x, y = point.ratio, point.metric.value
    axes.errorbar(
        x, y, xerr=_distances(x, point.interval), yerr=_distances(y, point.metric.interval),
        color=GREY, linewidth=1, capsize=2,
    )  # fmt: skip
    colour = COLOURS[place % len(COLOURS)]
    axes.scatter(
        x, y, s=MARKER_AREA * point.variant.receipt.bytes / largest,
        marker=MARKERS[place % len(MARKERS)], facecolors=colour if is_measured else "white",
        edgecolors=INK, zorder=3, label=literal(f"{point.variant.name}, {point.megabytes:.3g} MB"),
    )  # fmt: skip
    axes.annotate(
        literal(point.variant.name), (x, y), (9, 9), textcoords="offset points", fontsize=8,
        color=INK,
    )  # fmt: skip


def _distances(value: float, interval: Sequence[float]) -> list[list[float]] | None:
    """Return how far the ends of an interval are from a value; none where there is none."""
    if len(interval) != 2:
        return None
    low, high = interval
    return [[max(0.0, value - low)], [max(0.0, high - value)]]


def best(points: Sequence[Point]) -> list[Point]:
    """Return the variants that none is both faster and better than, the fastest first."""
    sign = -1 if points[0].metric.less_is_better else 1
    front: list[Point] = []
    for point in sorted(points, key=lambda one: (one.ratio, -sign * one.metric.value)):
        if not front or sign * point.metric.value > sign * front[-1].metric.value:
            front.append(point)
    return front


def _in_words(point: Point) -> str:
    return (
        f"{point.variant.name}: latency {point.ratio:.3g} of fp32, {point.metric.name} "
        f"{point.metric.value:.4g}, {point.megabytes:.3g} MB"
    )
