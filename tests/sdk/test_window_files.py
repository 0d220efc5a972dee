"""The files of a scan: formats, coordinates, nothing half-written."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgewright.errors import InputError, UsageError
from edgewright.output_file import check_output
from edgewright.tasks.window_files import WRITERS, WindowScore, write_windows

ROWS = (
    WindowScore("chr1", 0, 10, "+", "site", {"no": 0.25, "site": 0.75}),
    WindowScore("chr1", 0, 10, "-", "no", {"no": 0.9996, "site": 0.0004}),
)


def test_tsv_has_a_header_and_every_label(tmp_path: Path) -> None:
    assert write_windows(tmp_path / "out.tsv", iter(ROWS)) == 2
    assert (tmp_path / "out.tsv").read_text().splitlines() == [
        "name\tstart\tend\tstrand\tlabel\tscore\tno\tsite",
        "chr1\t0\t10\t+\tsite\t0.750000\t0.250000\t0.750000",
        "chr1\t0\t10\t-\tno\t0.999600\t0.999600\t0.000400",
    ]


def test_bed_has_six_columns_and_whole_scores(tmp_path: Path) -> None:
    write_windows(tmp_path / "out.bed", iter(ROWS))
    assert (tmp_path / "out.bed").read_text() == (
        "chr1\t0\t10\tsite\t750\t+\nchr1\t0\t10\tno\t1000\t-\n"
    )


def test_jsonl_is_one_object_a_line(tmp_path: Path) -> None:
    write_windows(tmp_path / "out.jsonl", iter(ROWS))
    first = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    assert first == {"name": "chr1", "start": 0, "end": 10, "strand": "+", "label": "site",
                     "scores": {"no": 0.25, "site": 0.75}}  # fmt: skip


@pytest.mark.parametrize("suffix", [".tsv", ".bed"])
def test_blanks_in_a_label_do_not_end_its_cell(tmp_path: Path, suffix: str) -> None:
    row = WindowScore("chr1", 0, 9, "+", "exon \tend", {"exon \tend": 1.0})
    write_windows(tmp_path / f"out{suffix}", iter([row]))
    assert "\texon_end\t" in (tmp_path / f"out{suffix}").read_text().splitlines()[-1]


@pytest.mark.parametrize("suffix", WRITERS)
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    def broken() -> Iterator[WindowScore]:
        yield from ROWS
        raise InputError("record 'x': broken")

    output = tmp_path / f"out{suffix}"
    output.write_text("old")
    with pytest.raises(InputError, match="broken"):
        write_windows(output, broken())
    assert [path.name for path in tmp_path.iterdir()] == [output.name]
    assert output.read_text() == "old"


def test_an_output_that_cannot_be_made_is_refused_before_the_scan(tmp_path: Path) -> None:
    check_output(tmp_path / "out.tsv")
    with pytest.raises(UsageError, match="which is a folder"):
        check_output(tmp_path)
    with pytest.raises(UsageError, match="which lies in no existing folder"):
        check_output(tmp_path / "absent" / "out.tsv")
