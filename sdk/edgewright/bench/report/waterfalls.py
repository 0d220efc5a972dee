"""Where the time of spoken turns went, as a picture."""

from collections.abc import Sequence

from edgewright.bench.report.drawing import (
    COLOURS,
    HATCHES,
    INK,
    label_axes,
    literal,
    new_figure,
    to_png,
)
from edgewright.errors import UsageError
from edgewright.translation import Turn

MOST_TURNS = 40
"""Bars of a picture; the first of more turns are drawn."""
_SHOWN = 32
_TURN_INCHES, _MARGIN_INCHES = 0.32, 1.1


def draw_waterfalls(turns: Sequence[Turn]) -> bytes:
    """Return a PNG with a bar a turn: milliseconds before and after the endpoint decision.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        UsageError: There are no turns.
    """
    if not turns:
        raise UsageError("picture: got no turns, expected at least one; say something first")
    drawn = turns[:MOST_TURNS]
    figure = new_figure(_MARGIN_INCHES + _TURN_INCHES * len(drawn))
    axes = figure.add_subplot()
    for row, turn in enumerate(drawn):
        for index, (name, begin, end) in enumerate(turn.waterfall.steps()):
            axes.barh(
                row,
                1e3 * (end - begin),
                left=1e3 * (begin - turn.waterfall.endpoint),
                height=0.7,
                color=COLOURS[index],
                hatch=HATCHES[index],
                edgecolor="white",
                label=name if row == 0 else None,
            )
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_yticks(range(len(drawn)), [literal(_label(turn)) for turn in drawn])
    axes.invert_yaxis()
    label_axes(
        axes,
        title="From the end of speech to the last audio",
        x="milliseconds from the decision that the utterance had ended",
    )
    figure.legend(loc="outside lower center", ncols=5, fontsize=8, frameon=False)
    return to_png(figure)


def _label(turn: Turn) -> str:
    text = turn.source
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
