"""How the figures of the report look, and what each of them is beside its picture."""

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgewright.errors import MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INSTALL = "pip install 'edgewright[report]'"

INK, GREY = "#222222", "#8a8a8a"
COLOURS = ("#2f6fb0", "#d9822b", "#4d9a5b", "#8b5fa8", "#b5485d", "#6d6d6d")
LINES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)))
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""One of each for what is told apart: colours alone are lost in print."""

WIDTH = 7.2
"""Inches of every figure."""
DOTS_PER_INCH = 150


@dataclass(frozen=True)
class Section:
    """A part of the page: a picture, or why there is none."""

    name: str
    """Stem of the picture's file, and anchor in the page."""
    title: str
    text: str
    """How to read the picture; where there is none, why."""
    png: bytes | None = None
    alt: str = ""
    """What the picture shows, for those who do not see it."""


def new_figure(height: float) -> "Figure":
    """Return an empty figure of a height in inches; nothing of matplotlib's state is touched.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing("matplotlib", error) from error
    return Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white")


def missing(library: str, error: ImportError) -> MissingDependencyError:
    """Return the error of a library that the report needs."""
    return MissingDependencyError(
        f"report: got '{error}', expected an installed {library}; {INSTALL}"
    )


def label_axes(axes: "Axes", *, title: str = "", x: str = "", y: str = "") -> None:
    """Set title and labels, and leave only the lines that carry a scale."""
    axes.set_title(literal(title), fontsize=10, color=INK, loc="left")
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)
    axes.tick_params(labelsize=8, colors=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)


def plain_numbers(axes: "Axes", *names: str) -> None:
    """Let the logarithmic axes `x`, `y` say 2, 20 and 200 rather than powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for name in names:
        axis = axes.xaxis if name == "x" else axes.yaxis
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def literal(text: str) -> str:
    """Return text that matplotlib shows as it is, without reading formulas in it."""
    return text.replace("$", r"\$")


def to_png(figure: "Figure") -> bytes:
    """Return the picture of a figure."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return file.getvalue()
