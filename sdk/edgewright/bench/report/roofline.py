"""What a run computes a second beside the most that this machine does (Williams et al. 2009)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from edgewright.backends.onnxrt_providers import PROVIDERS
from edgewright.bench.report.drawing import (
    COLOURS,
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
from edgewright.bench.report.figures import Run
from edgewright.bench.report.operations import Operations, count_operations
from edgewright.bench.report.peak import Peak, measure_peak
from edgewright.bench.run import describe_host
from edgewright.bundle import Bundle
from edgewright.placement import BASELINE
from edgewright.tasks.speak import SENTENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME, TITLE = "roofline", "Roofline"
GIGA = 1e9


def roofline_section(runs: Sequence[Run], bundle: Bundle) -> Section:
    """Measure the peak of this machine and count the operations of a bundle.

    Args:
        runs: Of the page; those of other bundles, inputs, devices, machines and
            numbers of threads, and those of several callers, are left out.
        bundle: The one that is counted.

    Raises:
        EdgewrightError: ONNX Runtime cannot open or profile what is needed.
    """
    fitting = [run for run in runs if _fits(run, bundle)]
    if not fitting:
        why = (
            f"Drawn for runs of {bundle.manifest.name} that were asked about its golden samples, "
            "by one caller, on the CPU of the machine that writes the page; there is none here."
        )
        return Section(NAME, TITLE, why)
    if BASELINE not in [variant.name for variant in bundle.manifest.variants]:
        why = f"The operations are counted on the variant {BASELINE}, which the bundle lacks."
        return Section(NAME, TITLE, why)
    threads = fitting[0].result.subject.threads
    alike = [run for run in fitting if run.result.subject.threads == threads]
    peak = measure_peak(threads)
    section = draw_roofline(alike, count_operations(bundle), peak)
    if len(alike) == len(runs):
        return section
    others = ", ".join(run.name for run in runs if run not in alike)
    return replace(section, text=f"{section.text} Left out, as they are not alike: {others}.")


def _fits(run: Run, bundle: Bundle) -> bool:
    """Return whether what is counted and measured now holds for a run."""
    result = run.result
    counted = {SENTENCE, *(file for file, _, _ in bundle.golden())}
    return (
        result.subject.bundle_digest == bundle.digest
        and result.subject.provider == PROVIDERS["cpu"]
        and result.host == describe_host()
        and result.settings.workers == 1
        and result.pace is None  # whose parts are of a call, which is a piece of the input
        and result.parts.run > 0
        and all(
            text in counted or set(text.split(", ")) <= counted for text in result.settings.inputs
        )
    )


def draw_roofline(runs: Sequence[Run], operations: Operations, peak: Peak) -> Section:
    """Draw the roofs of a machine and a point a run below them."""
    figure = new_figure(4.4)
    axes = figure.subplots()
    points = [_point(run, operations) for run in runs]
    ridge = peak.int8 / peak.copied
    ends = (min(x for x, _ in points) / 8, 5 * max(ridge, *(x for x, _ in points)))
    _draw_roofs(axes, peak, ends)
    for run, (x, y) in zip(runs, points, strict=True):
        style = (run.number - 1) % len(COLOURS)
        axes.plot(
            x, y, linestyle="", marker=MARKERS[style], markersize=9, color=COLOURS[style],
            markeredgecolor=INK, label=literal(f"{run.label}: {y:.3g} G/s"),
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(min(y for _, y in points) / 4, 3 * max(peak.int8, peak.float32) / GIGA)
    plain_numbers(axes, "x", "y")
    label_axes(
        axes,
        title=f"what the runs compute beside the peak of the machine, threads: {peak.threads}",
        x="operations for each byte of the graph files",
        y="10⁹ operations a second",
    )
    axes.grid(color="#e4e4e4")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    reached = "; ".join(_reached(run, y, peak) for run, (_, y) in zip(runs, points, strict=True))
    return Section(
        NAME, TITLE, _text(operations, peak, reached), to_png(figure),
        f"Roofline: fp32 products reach {peak.float32 / GIGA:.3g}, int8 products "
        f"{peak.int8 / GIGA:.3g} billion operations a second. {reached}.",
    )  # fmt: skip


def _point(run: Run, operations: Operations) -> tuple[float, float]:
    """Return operations for each byte of the graphs, and billions of operations a second."""
    result = run.result
    return (
        operations.each / result.subject.model_bytes,
        operations.each / result.parts.run / GIGA,
    )


def _draw_roofs(axes: "Axes", peak: Peak, ends: tuple[float, float]) -> None:
    x = np.geomspace(*ends, 200)
    for (name, roof), line in zip(_roofs(peak).items(), LINES, strict=False):
        y = np.minimum(roof, peak.copied * x) / GIGA
        axes.plot(x, y, color=INK, linestyle=line, linewidth=1.4)
        axes.annotate(
            f"{name} products: {roof / GIGA:.3g} G/s", (ends[1], roof / GIGA), (-2, 4),
            textcoords="offset points", fontsize=8, ha="right", color=INK,
        )  # fmt: skip


def _roofs(peak: Peak) -> dict[str, float]:
    return {"fp32": peak.float32, "int8": peak.int8}


def _reached(run: Run, giga: float, peak: Peak) -> str:
    kind = "int8" if "int8" in run.result.subject.precision else "fp32"
    share = giga * GIGA / _roofs(peak)[kind]
    return f"{run.label}: {giga:.3g} billion a second, {share:.0%} of the {kind} products' peak"


def _text(operations: Operations, peak: Peak, reached: str) -> str:
    left_out = (
        f" Not counted: products of {', '.join(operations.uncounted)}."
        if operations.uncounted
        else ""
    )
    return (
        f"An answer takes {operations.each / 1e6:.4g} million operations in products, counted on "
        f"the shapes of the fp32 graph. {reached}. The flat roofs are ONNX Runtime's fastest "
        f"products of large matrices (threads: {peak.threads}, as in these runs), measured when "
        f"the page was written; the slope is memory at {peak.copied / GIGA:.3g} GB/s, if every "
        "answer read the graph files once. A graph that stays in the caches can lie above the "
        f"slope.{left_out}"
    )
