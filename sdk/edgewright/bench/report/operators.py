"""The operators of a run's variant beside those of another variant of the bundle."""

from collections.abc import Sequence

from edgewright.bench.profile import DEVICE, NOTE, Profile, profile_bundle
from edgewright.bench.report.drawing import (
    COLOURS,
    HATCHES,
    INK,
    Section,
    label_axes,
    literal,
    new_figure,
    to_png,
)
from edgewright.bench.report.figures import Run
from edgewright.bench.why_slower import SideBySide
from edgewright.bundle import Bundle
from edgewright.placement import BASELINE

NAME, TITLE = "operators", "Operators"
SHOWN = 10
"""Types of operators with a bar of their own."""


def operators_section(runs: Sequence[Run], bundle: Bundle) -> Section:
    """Profile the variant of the first run of the bundle beside another one.

    Args:
        runs: Of the page.
        bundle: The one to profile.

    Raises:
        EdgewrightError: A variant cannot be profiled here.
    """
    names = [
        variant.name
        for variant in bundle.manifest.variants
        if any(target.device == DEVICE for target in variant.targets)
    ]
    measured = [
        run.result.subject
        for run in runs
        if run.result.subject.bundle_digest == bundle.digest and run.result.subject.variant in names
    ]
    if not measured or len(names) < 2:
        why = (
            f"Two variants for the CPU are compared; of {bundle.manifest.name}, the page has "
            f"{len(measured)} runs on it, and the bundle {len(names)} such variants."
        )
        return Section(NAME, TITLE, why)
    variant, beside = _pair(measured[0].variant, names)
    threads = measured[0].threads
    return draw_operators(profile_bundle(bundle.path, variant, beside=beside, threads=threads))


def _pair(measured: str, names: Sequence[str]) -> tuple[str, str]:
    """Return the variant in question and the one beside it: fp32 where it is there."""
    others = [name for name in names if name != measured]
    if measured == BASELINE:
        return others[0], measured
    return measured, BASELINE if BASELINE in others else others[0]


def draw_operators(profile: Profile) -> Section:
    """Draw the operators that take longest, two bars each."""
    rows = _shown(profile.operators)
    figure = new_figure(0.42 * len(rows) + 1.3)
    axes = figure.subplots()
    sides = (
        (profile.baseline, [1e3 * row.baseline_seconds for row in rows]),
        (profile.variant, [1e3 * row.seconds for row in rows]),
    )
    for place, (name, milliseconds) in enumerate(sides):
        axes.barh(
            [row + 0.4 * (place - 0.5) for row in range(len(rows))], milliseconds, 0.38,
            color=COLOURS[place] + "aa", edgecolor=INK, linewidth=0.8, hatch=HATCHES[place],
            label=f"{name}: {sum(milliseconds):.3g} ms",
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), [literal(row.name) for row in rows])
    axes.invert_yaxis()
    axes.margins(y=0.01)
    title = f"{profile.bundle}: the operators that take longest"
    label_axes(axes, title=title, x="time in one answer, ms")
    axes.grid(color="#e4e4e4", axis="x")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    longest = ", ".join(
        f"{row.name} {1e3 * row.baseline_seconds:.3g} and {1e3 * row.seconds:.3g} ms"
        for row in rows
    )
    return Section(
        NAME,
        TITLE,
        f"{profile.bundle}: kernels of {profile.variant} beside {profile.baseline}, "
        f"{profile.samples} golden samples, threads: {profile.threads}. " + NOTE.replace("`", ""),
        to_png(figure),
        f"Bars of the operators of {profile.baseline} and {profile.variant}: {longest}.",
    )


def _shown(operators: Sequence[SideBySide]) -> list[SideBySide]:
    """Return the first operators, and the sum of all behind them."""
    rows, others = list(operators[:SHOWN]), operators[SHOWN:]
    if others:
        before = sum(row.baseline_seconds for row in others)
        after = sum(row.seconds for row in others)
        rows.append(SideBySide(f"{len(others)} others", before, after))
    return rows
