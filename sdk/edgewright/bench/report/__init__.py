"""The report of `edgewright bench`: one HTML file that needs nothing beside it."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

from edgewright.bench.report import fronts, operators, roofline
from edgewright.bench.report.drawing import Section, missing
from edgewright.bench.report.figures import Run, draw_latency, draw_split, draw_timeline
from edgewright.bench.report.page import render_page
from edgewright.bench.result import BenchResult, Sample
from edgewright.bundle import Bundle
from edgewright.errors import EdgewrightError, MissingDependencyError, UsageError
from edgewright.output_file import check_output, complete_file

_OF_BUNDLE: dict[tuple[str, str], Callable[[Sequence[Run], Bundle], Section]] = {
    (operators.NAME, operators.TITLE): operators.operators_section,
    (roofline.NAME, roofline.TITLE): roofline.roofline_section,
    (fronts.NAME, fronts.TITLE): fronts.front_section,
}
"""By name and title: what draws a section from a bundle."""


def write_report(
    runs: Sequence[tuple[BenchResult, Sequence[Sample]]],
    output: Path,
    *,
    bundle: Path | None = None,
    pictures: Path | None = None,
) -> None:
    """Write runs as one HTML file, with its pictures in it.

    With a bundle, its operators are profiled and the peak of this machine is measured, which takes
    some seconds on idle cores. A section that cannot be had says why, and the others are written.

    Args:
        runs: What was found, and every sample behind it.
        output: File to write.
        bundle: Folder or zip that was measured; none leaves out what only it can tell.
        pictures: Folder for the pictures as PNG files, which is made; none writes none.

    Raises:
        MissingDependencyError: Jinja2 or matplotlib is not installed.
        UsageError: There are no runs or samples, or a file cannot be written.
        BundleError: The bundle is missing, damaged, or of a later format.
    """
    if not runs or not all(samples for _, samples in runs):
        raise UsageError("report: got a run without samples, expected some; measure a bundle first")
    check_output(output)
    numbered = [Run(number, *run) for number, run in enumerate(runs, 1)]
    sections = [*_of_runs(numbered), *_of_bundle(numbered, bundle)]
    page = render_page(numbered, sections)
    if pictures is not None:
        _write_pictures(sections, pictures)
    with complete_file(output) as file:
        file.write_bytes(page.encode("utf-8", "replace"))  # names of files may be no text


def require_libraries() -> None:
    """Check, before a long run, that the page can be drawn.

    Raises:
        MissingDependencyError: Jinja2 or matplotlib is not installed.
    """
    for library in ("jinja2", "matplotlib"):
        try:
            import_module(library)
        except ImportError as error:
            raise missing(library, error) from error


def _of_runs(runs: Sequence[Run]) -> Iterator[Section]:
    yield draw_latency(runs)
    yield draw_timeline(runs)
    yield draw_split(runs)


def _of_bundle(runs: Sequence[Run], path: Path | None) -> Iterator[Section]:
    if path is None:
        for name, title in _OF_BUNDLE:
            yield Section(name, title, "Drawn from the bundle, which the report was not given.")
        return
    with Bundle.open(path) as bundle:
        for (name, title), draw in _OF_BUNDLE.items():
            yield _drawn_or_why_not(name, title, partial(draw, runs, bundle))


def _drawn_or_why_not(name: str, title: str, draw: Callable[[], Section]) -> Section:
    try:
        return draw()
    except MissingDependencyError:
        raise
    except EdgewrightError as error:  # what was measured is worth a page without this section
        return Section(name, title, f"It could not be drawn: {error}.")


def _write_pictures(sections: Sequence[Section], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"pictures: got '{folder}', which cannot be made ({error}), expected a folder; pass "
            "another path"
        ) from error
    for section in sections:
        if section.png is not None:
            with complete_file(folder / f"{section.name}.png") as file:
                file.write_bytes(section.png)
