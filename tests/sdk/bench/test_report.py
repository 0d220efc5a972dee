"""The page of `edgewright bench`: one HTML file with everything in it."""

import base64
import io
import shutil
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgewright.bench import report, scenarios
from edgewright.bench.report import peak, write_report
from edgewright.bench.report.figures import Run, running_median
from edgewright.bench.result import BenchResult, Sample, Warned
from edgewright.bench.run import Options, bench_bundle
from edgewright.bench.scenarios import SCENARIOS, TIERS, Tier
from edgewright.errors import MissingDependencyError, PlacementError, UsageError

Measured = tuple[BenchResult, list[Sample]]
OF_RUNS, OF_BUNDLE = {"latency", "timeline", "split"}, {"operators", "roofline", "front"}
CHROMIUM = shutil.which("chromium")
HEADLESS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--disable-background-networking", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip


class Page(HTMLParser):
    """What a reader sees, and what a browser would load."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.source = file.read_text("utf-8")
        self.feed(self.source)
        self.close()
        assert not self._open, "an element is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "link", "img"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def pictures(self) -> dict[str, Image.Image]:
        """By section: the pictures, decoded."""
        found, section = {}, ""
        for tag, attributes in self.elements:
            section = attributes["id"] or "" if tag == "section" else section
            if tag == "img":
                kind, _, data = (attributes["src"] or "").partition(",")
                assert kind == "data:image/png;base64"
                found[section] = Image.open(io.BytesIO(base64.b64decode(data)))
        return found


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every tier end after a few queries, and the peak of the machine a glance."""
    for name in TIERS:
        monkeypatch.setitem(scenarios.TIERS, name, Tier(12, 0.05))
    monkeypatch.setattr(peak, "SECONDS", 0.001)
    monkeypatch.setattr(peak, "SIZES", (64,))
    monkeypatch.setattr(peak, "COPIED_BYTES", 1 << 20)


def measure(path: Path, **options: Any) -> Measured:
    return bench_bundle(path, Options(threads=1, **options))


def written(folder: Path, *runs: Measured, **options: Any) -> Page:
    write_report(runs, folder / "report.html", **options)
    return Page(folder / "report.html")


def test_the_page_has_all_and_needs_nothing(run: Measured, tmp_path: Path) -> None:
    page = written(tmp_path, run)
    assert not page.all("script")
    links = [value for _, a in page.elements for k, value in a.items() if k in {"href", "src"}]
    assert all(str(link).startswith(("#", "data:")) for link in links)
    assert "url(" not in page.source
    assert "@import" not in page.source
    anchors = {a["href"] for a in page.all("a")}
    assert {f"#{attributes['id']}" for attributes in page.all("section")} == anchors
    assert set(page.pictures) == OF_RUNS
    for image in page.pictures.values():
        assert np.asarray(image.convert("L")).std() > 5
    result, _ = run
    for text in (result.host.machine, result.build.backend, result.subject.variant, "throughput"):
        assert text in page.text


def test_every_picture_has_a_text_with_its_figures(run: Measured, tmp_path: Path) -> None:
    images = written(tmp_path, run, run).all("img")
    assert len(images) == len(OF_RUNS)
    median = f"p50 {1e3 * (run[0].percentiles[0].seconds or 0):.3g} ms"
    for image in images[:2]:
        assert f"run 1: int8, single-stream: {len(run[1])} queries" in str(image["alt"])
        assert median in str(image["alt"])
    assert "run 2: int8, single-stream: pre " in str(images[2]["alt"])


def test_without_a_bundle_the_page_says_what_it_lacks(run: Measured, tmp_path: Path) -> None:
    page = written(tmp_path, run)
    assert page.text.count("which the report was not given") == len(OF_BUNDLE)


def test_texts_are_shown_and_not_obeyed(run: Measured, tmp_path: Path) -> None:
    result, samples = run
    evil = "<script>alert(1)</script> \"&' $x_{$ 模 \udcff"
    result = replace(
        result,
        subject=replace(result.subject, bundle=evil, variant="$v_{$"),
        settings=replace(result.settings, inputs=(evil,)),
        host=replace(result.host, machine=evil),
        warnings=(Warned("tail", evil),),
    )
    page = written(tmp_path, (result, samples))
    assert not page.all("script")
    assert page.text.count("<script>alert(1)</script> \"&' $x_{$ 模 ?") >= 5


def test_percentiles_without_enough_queries_say_so(run: Measured, tmp_path: Path) -> None:
    page = written(tmp_path, run)
    missing = [one.missing for one in run[0].percentiles if one.seconds is None]
    assert missing
    for count in missing:
        assert f"not enough queries: {count} more are needed" in page.text
    assert set(Run(1, *run).marked) == {"p50", "p90"}


def test_one_sample_is_a_page(run: Measured, tmp_path: Path) -> None:
    result, samples = run
    page = written(tmp_path, (result, samples[:1]))
    assert set(page.pictures) == OF_RUNS
    with pytest.raises(UsageError, match="a run without samples"):
        written(tmp_path, (result, []))
    with pytest.raises(UsageError, match="a run without samples"):
        written(tmp_path)


def test_a_long_tail_has_a_logarithmic_axis(run: Measured, tmp_path: Path) -> None:
    result, samples = run
    slow = [samples[0]._replace(latency=40 * max(one.latency for one in samples)), *samples]
    assert "The axis is logarithmic" in written(tmp_path, (result, slow)).text
    even = [one._replace(latency=0.01) for one in samples]
    assert "The axis is logarithmic" not in written(tmp_path, (result, even)).text


@pytest.mark.parametrize("count", [15, 300, 100_000])
def test_the_line_through_a_timeline_follows_it(count: int) -> None:
    places, medians, width = running_median(np.arange(count, dtype=np.float64))
    assert np.abs(medians - places).max() <= 0.5  # of an even number, it is between two
    assert places[0] == width // 2
    assert places[-1] < count
    assert medians.size * width < 40 * count  # what is held in memory


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "streaming"])
def test_every_scenario_of_queries_has_its_rows(
    scenario: str, tiny: dict[str, Path], tmp_path: Path
) -> None:
    several = SCENARIOS[scenario].several_callers
    result, samples = measure(tiny["vit"], scenario=scenario, workers=2 if several else None)
    page = written(tmp_path, (result, samples))
    assert ("in time" in page.text) == SCENARIOS[scenario].bounded
    assert ("jitter" in page.text) == (scenario == "control")
    if SCENARIOS[scenario].bounded:
        assert f"{result.in_time:.2%} within " in page.text


def test_rows_of_speech_energy_and_doubt(
    tiny: dict[str, Path], run: Measured, tmp_path: Path
) -> None:
    page = written(tmp_path, measure(tiny["conformer_ctc"]), run)
    assert "real-time factor" in page.text
    assert "–" in page.text  # the other run has none
    result, samples = run
    doubtful = replace(
        result,
        interrupted=True,
        subject=replace(result.subject, threads=2),
        usage=replace(result.usage, joules=2.0 * result.queries),
        warnings=(Warned("starved", "no evidence"),),
    )
    page = written(tmp_path, (doubtful, samples))
    assert "2 J a query, all processes together" in page.text
    assert "ended by an interrupt" in page.text
    assert "starved: no evidence" in page.text
    assert "2, which starved: no evidence for several threads" in page.text


def test_unlike_machines_are_pointed_at(run: Measured, tmp_path: Path) -> None:
    result, samples = run
    other = replace(result, host=replace(result.host, machine="another")), samples
    assert (
        "figures are no comparison" not in written(tmp_path, run, run).text.partition("Results")[0]
    )
    assert "their figures are no comparison" in written(tmp_path, run, other).text


def test_pictures_are_written_too(run: Measured, tmp_path: Path) -> None:
    page = written(tmp_path, run, pictures=tmp_path / "a" / "b")
    files = {file.stem: file.read_bytes() for file in (tmp_path / "a" / "b").iterdir()}
    assert set(files) == OF_RUNS
    for data in files.values():
        assert base64.b64encode(data).decode() in page.source
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"pictures: got .*file"):
        written(tmp_path, run, pictures=tmp_path / "file")


def test_nothing_is_drawn_for_a_file_that_cannot_be(run: Measured, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="lies in no existing folder"):
        write_report([run], tmp_path / "absent" / "report.html")


@pytest.mark.parametrize("library", ["jinja2", "matplotlib.figure"])
def test_a_missing_library_says_how_to_install_it(
    library: str, run: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'edgewright\[report\]'"):
        written(tmp_path, run)
    assert not list(tmp_path.iterdir())


def test_the_runtime_loads_neither_library() -> None:
    code = "import sys, edgewright.bench.report; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"jinja2", "matplotlib"}.intersection(done.stdout.split())


def test_a_bundle_adds_what_only_it_can_tell(
    run: Measured, tiny: dict[str, Path], tmp_path: Path
) -> None:
    page = written(tmp_path, run, bundle=tiny["vit"])
    assert set(page.pictures) == OF_RUNS | OF_BUNDLE
    assert "million operations in products" in page.text
    assert "kernels of int8 beside fp32, 2 golden samples" in page.text
    assert "filled ones were measured in this page" in page.text
    other = written(tmp_path, run, bundle=tiny["dnabert"])
    assert set(other.pictures) == OF_RUNS
    assert "Two variants for the CPU are compared" in other.text
    assert "there is none here" in other.text
    assert "says how its latency is beside fp32's" in other.text


def test_a_section_that_fails_leaves_the_page(
    run: Measured, tiny: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise PlacementError("no such device")

    monkeypatch.setitem(report._OF_BUNDLE, ("roofline", "Roofline"), fail)
    assert (
        "It could not be drawn: no such device." in written(tmp_path, run, bundle=tiny["vit"]).text
    )


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not on PATH")
def test_a_browser_shows_the_page(run: Measured, tmp_path: Path) -> None:
    written(tmp_path, run, run)
    picture = tmp_path / "page.png"
    subprocess.run(
        [
            str(CHROMIUM), *HEADLESS, f"--user-data-dir={tmp_path / 'profile'}",
            f"--screenshot={picture}", "--window-size=1100,2400",
            (tmp_path / "report.html").as_uri(),
        ],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    pixels = np.asarray(Image.open(picture).convert("RGB"), np.int16)
    assert pixels.shape == (2400, 1100, 3)
    for part in np.array_split(pixels, 4):  # something is to be seen everywhere
        assert part.std() > 5
    assert (np.ptp(pixels, axis=2) > 60).mean() > 0.001  # and the pictures have colours
