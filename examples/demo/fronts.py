"""Accuracy, latency and size of every variant of every shipped checkpoint: a picture and a table.

python examples/demo/fronts.py            exports what is missing to build/fronts, half an hour
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from shipped import EXAMPLES, SHIPPED, Shipped

from edgewright.bundle import Bundle
from edgewright.bundle.manifest import Manifest, Metric, Target, Variant
from edgewright.progress import Progress
from edgewright_export.export import export
from edgewright_export.variants import VARIANTS

mpl.use("Agg")
from matplotlib import pyplot as plt

ROOT = EXAMPLES.parent
PAGE = ROOT / "docs" / "quantization.md"
PICTURE = ROOT / "docs" / "images" / "quantization-fronts.png"
BEGIN, END = "<!-- written by examples/demo/fronts.py -->\n", "<!-- end -->\n"
SHOWN = tuple(name for name in VARIANTS if name != "fp32-trt")  # which computes what fp32 does
MARKERS = dict(zip(SHOWN, "osD^vP", strict=True))
"""One a variant: told apart without colours."""
INK, GREY = "#222222", "#b5b5b5"
MARKER_AREA = 240.0
"""Points² of the fp32 variant's marker; that of another is as much smaller as its files are."""


def main() -> None:
    """Export what is missing, draw, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundles", type=Path, default=ROOT / "build" / "fronts", metavar="DIR")
    folder: Path = parser.parse_args().bundles
    folder.mkdir(parents=True, exist_ok=True)
    manifests = [bundle_manifest(shipped, folder) for shipped in SHIPPED]
    draw(manifests, PICTURE)
    write_table(manifests, PAGE)


def bundle_manifest(shipped: Shipped, folder: Path) -> Manifest:
    """Return the manifest of the bundle with every variant, exported unless it is there."""
    path = folder / f"{shipped.name}.edge"
    if not path.exists():
        with Progress() as progress:
            export(
                shipped.checkpoint,
                path,
                variants=SHOWN,
                calibration=shipped.calibration,
                evaluation=shipped.evaluation,
                progress=progress,
            )
    with Bundle.open(path) as bundle:
        return bundle.manifest


def draw(manifests: Sequence[Manifest], path: Path) -> None:
    """Draw a panel a checkpoint: latency to the right, accuracy upwards, size as area."""
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure, panels = plt.subplots(2, 3, figsize=(12, 7.6), layout="constrained")
    for axes, manifest in zip(panels.flat, manifests, strict=True):
        draw_front(axes, manifest)
    handles = [
        plt.Line2D([], [], color=INK, marker=marker, linestyle="", label=name, fillstyle="none")
        for name, marker in MARKERS.items()
        if name != "int8-trt"
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_front(axes: Any, manifest: Manifest) -> None:
    """Draw the variants whose latency is measured, the line of those that none outdoes, the gate.

    The dotted line is what int8 had to reach.
    """
    points = [(one, *timed) for one in manifest.variants if (timed := timing(one)) is not None]
    whole = points[0][0].receipt
    for place, (variant, ratio, (low, high)) in enumerate(sorted(points, key=lambda p: p[1])):
        metric, size = variant.receipt.metric, variant.receipt.bytes
        bars = [[ratio - low], [high - ratio]]
        axes.errorbar(ratio, metric.value, xerr=bars, color=GREY, linewidth=1)
        axes.scatter(
            ratio,
            metric.value,
            s=MARKER_AREA * size / whole.bytes,
            marker=MARKERS[variant.name],
            facecolors="none",
            edgecolors=INK,
        )
        beside = (0, 12 if place % 2 else -18)  # neighbours above and below
        axes.annotate(
            f"{size / 1e6:.2f} MB",
            (ratio, metric.value),
            beside,
            textcoords="offset points",
            fontsize=7,
            ha="center",
        )
    front = best(points)
    axes.plot([x for x, _ in front], [y for _, y in front], color=INK, linewidth=0.8)
    gate = next(one for one, *_ in points if one.name == "int8").receipt.metric
    axes.axhline(gate.minimum, color=INK, linestyle=":", linewidth=0.8)
    if gate.less_is_better:
        axes.invert_yaxis()
    axes.margins(x=0.2, y=0.25)
    axes.set(title=manifest.name, xlabel="latency / fp32", ylabel=words(whole.metric))


def timing(variant: Variant) -> tuple[float, tuple[float, ...]] | None:
    """Return the latency ratio of a variant and its interval, none where it is unmeasured."""
    target: Target = variant.targets[0]
    if target.latency_ratio is None:
        return None
    return target.latency_ratio, target.latency_interval


def best(points: Sequence[tuple[Variant, float, tuple[float, ...]]]) -> list[tuple[float, float]]:
    """Return latency and metric of the variants that none is both faster and better than."""
    sign = -1 if points[0][0].receipt.metric.less_is_better else 1
    front: list[tuple[float, float]] = []
    for variant, ratio, _ in sorted(points, key=lambda point: point[1]):
        value = variant.receipt.metric.value
        if not front or sign * value > sign * front[-1][1]:
            front.append((ratio, value))
    return front


def words(metric: Metric) -> str:
    """Return what a metric is, and on how many samples."""
    return f"{metric.name.replace('_', ' ')} ({metric.samples})"


def write_table(manifests: Sequence[Manifest], page: Path) -> None:
    """Replace the table of `page` between its two marks."""
    head = ["checkpoint", "metric", "PyTorch", *VARIANTS]
    rows = [row(manifest) for manifest in manifests]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    text = page.read_text("utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    page.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + after, "utf-8")


def row(manifest: Manifest) -> list[str]:
    """Return the cells of a checkpoint: metric, latency beside fp32, size."""
    metric = manifest.variants[0].receipt.metric
    variants = {variant.name: variant for variant in manifest.variants}
    cells = [cell(variants[name]) if name in variants else "left out" for name in SHOWN]
    return [f"`{manifest.name}`", words(metric), f"{metric.reference:.4g}", *cells]


def cell(variant: Variant) -> str:
    """Return the figures of a variant."""
    timed = timing(variant)
    speed = "" if timed is None else f" · {timed[0]:.2f} ×"
    mark = " †" if "*" in "".join(variant.receipt.kept_in_higher_precision) else ""
    size = f" · {variant.receipt.bytes / 1e6:.2f} MB"
    return f"{variant.receipt.metric.value:.4g}{speed}{size}{mark}"


if __name__ == "__main__":
    main()
