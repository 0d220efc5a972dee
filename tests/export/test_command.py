"""`edgewright export`: receipts, exit codes, and nothing half-written whatever ends it."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checkpoint_layouts import edit_json, tamper
from edgewright.cli import main

Tiny = Callable[[str], Path]
InstantTrace = Callable[[str], Path]


def test_receipts_as_json_and_progress_on_standard_error(
    tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instant_trace("vit")
    command = ["export", str(tiny("vit")), "-o", str(tmp_path / "out.edge"), "--json"]
    assert main([*command, "--require", "int8"]) == 0
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert [line["name"] for line in lines] == ["fp32", "int8"]
    assert 0 < lines[1]["receipt"]["bytes"] < lines[0]["receipt"]["bytes"]
    assert "Quantizing to int8" in captured.err


def test_receipts_as_a_table(
    tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instant_trace("vit")
    command = ["export", str(tiny("vit")), "-o", str(tmp_path / "out.edge"), "--variants", "fp32"]
    assert main(command) == 0
    assert "top1_agreement (16 of synthetic samples)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"architectures": ["Other"]}, 4),
        ({"architectures": []}, 1),
    ],
)
def test_refused_checkpoint_ends_with_its_code(
    change: dict[str, list[str]],
    code: int,
    tiny: Tiny,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tiny("vit")
    edit_json(folder / "config.json", **change)
    assert main(["export", str(folder), "-o", str(tmp_path / "out.edge")]) == code
    assert "edgewright: error: " in capsys.readouterr().err
    assert not (tmp_path / "out.edge").exists()


def test_missing_checkpoint_and_existing_output_end_with_their_codes(
    tiny: Tiny, tmp_path: Path
) -> None:
    assert main(["export", str(tmp_path / "absent"), "-o", str(tmp_path / "out.edge")]) == 3
    assert main(["export", str(tiny("vit")), "-o", str(tmp_path)]) == 2


@pytest.mark.parametrize("readable", [True, False])
def test_tampered_graph_ends_with_5(
    readable: bool, tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path
) -> None:
    graph = instant_trace("vit")
    if readable:
        tamper(graph, "model.classifier.weight")
    else:
        graph.write_bytes(graph.read_bytes().replace(b"Softmax", b"Softest"))
    assert main(["export", str(tiny("vit")), "-o", str(tmp_path / "out.edge")]) == 5
    assert not (tmp_path / "out.edge").exists()


INTERRUPTED = """
import sys, time
from pathlib import Path
import edgewright_export.graphs as graphs
def half_a_graph(_, path):
    path.write_bytes(b"half")
    print("writing", flush=True)
    time.sleep(60)
graphs.export_graph = half_a_graph
from edgewright.cli import main
sys.exit(main(["export", sys.argv[1], "-o", sys.argv[2]]))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interruption_leaves_nothing(
    number: signal.Signals, code: int, tiny: Tiny, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, "-c", INTERRUPTED, str(tiny("vit")), str(out / "out.edge")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        assert len(list(out.iterdir())) == 1
        os.kill(process.pid, number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in errors
    assert list(out.iterdir()) == []


FULL_DISK = """
import shutil, sys
import edgewright_export.graphs as graphs
graphs.export_graph = lambda _, path: shutil.copyfile(sys.argv[3], path)
from edgewright.cli import main
sys.exit(main(["export", sys.argv[1], "-o", sys.argv[2]]))
"""


def test_full_disk_leaves_nothing(tiny: Tiny, traced: Tiny, tmp_path: Path) -> None:
    out, graph = tmp_path / "out", traced("vit")
    out.mkdir()
    limit = graph.stat().st_size // 2
    finished = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tiny("vit")), str(out / "out.edge"), str(graph)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert "File too large" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert list(out.iterdir()) == []
