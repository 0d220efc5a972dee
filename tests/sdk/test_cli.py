"""The command line: what each command prints, and what it ends with."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from PIL import Image

import tiny_bundles
from edgewright import _core
from edgewright.cli import main
from edgewright.commands import COMMANDS
from edgewright.probe import Probe, probe
from edgewright.records import read

CLI = [sys.executable, "-m", "edgewright"]


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, list[str], str]:
    code = main([str(argument) for argument in argv])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out.splitlines(), captured.err


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.new("RGB", (12, 10), (250, 5, 5)).save(tmp_path / "red.png")
    return tmp_path / "red.png"


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    letters = np.random.default_rng(0).choice(list("ACGT"), 200)
    (tmp_path / "genome.fa").write_text(f">chr1\n{''.join(letters)}\n")
    return tmp_path / "genome.fa"


class Drift(gymnasium.Env[np.ndarray, np.ndarray]):
    """Three numbers that drift with the actions; ends after 80 steps."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float64)
    action_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
    dt = 0.02

    def reset(self, *, seed: int | None = None, options: object = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self._state, self._steps = self.np_random.normal(size=3), 0
        return self._state, {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        self._steps += 1
        self._state = self._state + 0.1 * self.np_random.normal(size=3)
        return self._state, float(action.sum()), False, self._steps == 80, {}


@pytest.fixture(scope="module")
def drift() -> str:
    gymnasium.register("Drift-v0", entry_point=Drift)
    return "Drift-v0"


def test_classify(capsys: pytest.CaptureFixture[str], tiny: dict[str, Path], picture: Path) -> None:
    code, lines, _ = run(capsys, "classify", tiny["vit"], picture, picture, "--top-k", 2, "--json")
    first, _ = map(json.loads, lines)
    assert code == 0
    assert first["input"] == str(picture)
    assert [label["name"] for label in first["labels"]][0] == "red"  # noqa: RUF015
    assert set(first) == {"input", "labels", "timings", "runtime"}
    code, lines, _ = run(capsys, "classify", tiny["vit"], picture, "--precision", "fp32")
    assert lines == [f"{picture}: red 1.000, bright 0.000, green 0.000, blue 0.000"]


def test_score_prints_windows(
    capsys: pytest.CaptureFixture[str], tiny: dict[str, Path], genome: Path
) -> None:
    options = ("--window", 20, "--stride", 90, "--json")
    code, lines, err = run(capsys, "score", tiny["dnabert"], genome, *options)
    rows = [json.loads(line) for line in lines]
    assert code == 0
    assert [(r["start"], r["strand"]) for r in rows] == [
        (start, strand) for start in (0, 90, 180) for strand in "+-"
    ]
    assert set(rows[0]) == {"name", "start", "end", "strand", "label", "scores"}
    assert "scoring genome.fa" in err
    _, lines, _ = run(capsys, "score", tiny["dnabert"], genome, "--strand", "forward")
    assert len(lines) == 20
    assert lines[0].startswith("chr1\t0\t10\t+\t")


@pytest.mark.parametrize("suffix", [".tsv", ".bed", ".jsonl"])
def test_score_writes_files(
    capsys: pytest.CaptureFixture[str], tiny: dict[str, Path], genome: Path, suffix: str
) -> None:
    output = genome.with_name(f"out{suffix}")
    code, lines, _ = run(capsys, "score", tiny["dnabert"], genome, "-o", output, "--json")
    summary = json.loads(lines[0])
    assert code == 0
    assert (summary["output"], summary["windows"]) == (str(output), 40)
    assert len(output.read_text().splitlines()) == 40 + (suffix == ".tsv")


def test_control_is_reproducible(
    capsys: pytest.CaptureFixture[str], tiny: dict[str, Path], drift: str
) -> None:
    argv = ("control", tiny["decision_transformer"], "--environment", drift, "--target-return", 5,
            "--seed", 3, "--episodes", 2, "--json")  # fmt: skip
    code, lines, _ = run(capsys, *argv)
    first, second = map(json.loads, lines)
    assert code == 0
    assert [first["seed"], second["seed"]] == [3, 4]
    assert (first["steps"], first["target_return"], first["period_ms"]) == (80, 5.0, 20.0)
    assert set(first["latency_ms"]) == {"p50", "p90"}
    assert first["deadline_misses"] <= 80
    again = [json.loads(line)["return"] for line in run(capsys, *argv)[1]]
    assert again == [first["return"], second["return"]]
    _, lines, _ = run(capsys, *argv[:-1], "--rate", 1e9)
    assert "80 steps over 0.0 ms" in lines[0]


def test_a_bundle_cannot_name_a_module_to_import(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chosen_by_bundle.py").write_text("raise SystemExit('it was run')\n")
    monkeypatch.syspath_prepend(tmp_path)
    bundle = tiny_bundles.decision_transformer(
        tmp_path / "b.edge", config={"environment": "chosen_by_bundle:Hopper-v5"}
    )
    code, _, err = run(capsys, "control", bundle)
    assert code == 2
    assert "names a module to import" in err


def test_inspect(capsys: pytest.CaptureFixture[str], tiny: dict[str, Path]) -> None:
    code, lines, _ = run(capsys, "inspect", tiny["vit"])
    assert (code, lines[0]) == (0, "# tiny-vit 1.0")
    _, lines, _ = run(capsys, "inspect", tiny["vit"], "--json")
    assert json.loads(lines[0]) == json.loads((tiny["vit"] / "manifest.json").read_text())


def test_verify(capsys: pytest.CaptureFixture[str], tiny: dict[str, Path]) -> None:
    code, lines, _ = run(capsys, "verify", tiny["vit"], "--json")
    assert code == 0
    assert json.loads(lines[0])["ok"] is True
    code, lines, _ = run(capsys, "verify", tiny["vit"], "--device", "tensorrt")
    assert code == 5
    assert lines[1].startswith("skipped\tfp32: graphs\t")


def test_pack(capsys: pytest.CaptureFixture[str], tiny: dict[str, Path], tmp_path: Path) -> None:
    output = tmp_path / "slim.edge"
    code, lines, _ = run(
        capsys, "pack", tiny["vit"], "-o", output, "--variants", "fp32", "--zip", "--json"
    )
    packed = json.loads(lines[0])
    assert code == 0
    assert packed["variants"] == ["fp32"]
    assert output.is_file()
    assert run(capsys, "pack", tiny["vit"], "-o", output)[0] == 2
    assert run(capsys, "pack", tiny["vit"], "-o", output, "--force")[0] == 0
    kept = ("--variants", "fp32, int8", "--force")
    assert run(capsys, "pack", tiny["vit"], "-o", output, *kept)[0] == 0


def test_doctor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    code, lines, _ = run(capsys, "doctor", "--json")
    found = json.loads(lines[0])
    assert code == 0
    assert {d["device"]: d["works"] for d in found["devices"]}["cpu"] is True
    assert read(Probe, found["probe"], "probe") == probe()
    assert found["instruction_set"] == _core.instruction_set()
    code, lines, _ = run(capsys, "doctor")
    assert "cpu by CPUExecutionProvider\tworks\t" in lines


def bad_inputs() -> list[tuple[str, int, str]]:
    return [
        ("classify {vit} {folder}/absent.png", 3, "absent.png"),
        ("classify {folder}/absent.edge {picture}", 3, "nothing can be found"),
        ("classify {vit} {genome}", 1, "cannot be decoded"),
        ("classify {vit} {picture} --top-k 0", 2, "top_k: got 0"),
        ("classify {vit} {picture} --device tensorrt", 4, "TensorrtExecutionProvider) with fp32"),
        ("classify {vit} {picture} --precision fp16", 4, "the bundle has no such variant"),
        ("classify {vit} {picture} --threads 0", 2, "threads: got 0"),
        ("classify {dnabert} {picture}", 2, "run `edgewright score` instead"),
        ("score {embedding} {genome}", 2, "use embed"),
        ("score {dnabert} {genome} -o {folder}/out.csv", 2, "ending in .tsv, .bed, .jsonl"),
        ("score {dnabert} {genome} -o {folder}/no/out.tsv", 2, "lies in no existing folder"),
        ("verify {vit} --threads 0", 2, "threads: got 0"),
        ("pack {vit} -o {vit}/variants/x.edge", 2, "expected a path outside of bundles"),
        ("score {dnabert} {folder}/absent.fa", 3, "absent.fa"),
        ("score {dnabert} {protein}", 1, "record"),
        ("score {dnabert} {genome} --window 99", 2, "window of 2 to 33 bases"),
        ("control {policy}", 2, "pass --environment ID"),
        ("control {policy} --environment Absent-v7", 2, "got 'Absent-v7'"),
        ("control {policy} --environment nomod:X-v1", 2, "got 'nomod:X-v1'"),
        ("control {policy} --environment=", 2, "got ''"),
        ("control {policy} --environment Pendulum-v1", 2, "as the policy has"),
        ("control {policy} --environment {drift} --rate 0", 2, "--rate: got 0.0"),
        ("control {policy} --environment {drift} --episodes 0", 2, "got 0"),
        ("control {policy} --environment {drift} --target-return nan", 1, "target_return"),
        ("inspect {vit}/manifest.json", 5, "error"),
        ("pack {vit} -o {folder}/x.edge --variants int4", 2, "int4"),
    ]


@pytest.mark.parametrize(("command", "code", "message"), bad_inputs())
def test_bad_input_ends_with_its_code_and_one_message(  # noqa: PLR0917
    capsys: pytest.CaptureFixture[str], tiny: dict[str, Path], picture: Path, genome: Path,
    drift: str, command: str, code: int, message: str,
) -> None:  # fmt: skip
    protein = genome.with_name("protein.fa")
    protein.write_text(">p\nMKVLEEFPQ\n")
    argv = command.format(
        vit=tiny["vit"], dnabert=tiny["dnabert"], embedding=tiny["embedding"],
        policy=tiny["decision_transformer"], picture=picture, genome=genome, protein=protein,
        folder=genome.parent, drift=drift,
    ).split()  # fmt: skip
    ended, _, err = run(capsys, *argv)
    assert (ended, err.splitlines()[-1].startswith("Traceback")) == (code, False)
    assert "edgewright: error: " in err
    assert message in err


@pytest.mark.parametrize("argv", [[], ["absent"], ["classify"], ["verify", "x", "--device", "npu"]])
def test_usage_errors_end_with_2(capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(argv)
    assert "usage: edgewright" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    assert "--json" in capsys.readouterr().out


def test_a_fallback_is_one_line_of_warning(
    capsys: pytest.CaptureFixture[str], tiny: dict[str, Path], picture: Path
) -> None:
    argv = ("classify", tiny["vit"], picture, "--device", "tensorrt", "--no-strict", "--json")
    code, lines, err = run(capsys, *argv)
    assert code == 0
    assert err.startswith("edgewright: warning: device 'tensorrt'")
    assert json.loads(lines[0])["runtime"]["fallback"] == "device 'tensorrt' with precision 'auto'"


@pytest.mark.parametrize("module", ["gymnasium", "edgewright_export.cli"])
def test_a_missing_extra_ends_with_4_and_the_install_line(
    capsys: pytest.CaptureFixture[str], tiny: dict[str, Path], monkeypatch: pytest.MonkeyPatch,
    module: str,
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, module, None)
    command = {
        "gymnasium": ("control", tiny["decision_transformer"], "--environment", "Hopper-v5"),
        "edgewright_export.cli": ("export", "checkpoint", "-o", "out.edge"),
    }[module]
    code, _, err = run(capsys, *command)
    assert code == 4
    assert "pip install '.[" in err


def test_an_interrupt_ends_with_130(
    capsys: pytest.CaptureFixture[str], tiny: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(COMMANDS["doctor"], "run", interrupted)
    assert run(capsys, "doctor") == (130, [], "edgewright: error: interrupted\n")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OSError(28, "No space left on device", "out"), 1, "'out': got No space left on device, "),
        (FileNotFoundError(2, "No such file", "in"), 3, "'in': got No such file, expected"),
        (MemoryError("std::bad_alloc"), 1, "memory: got std::bad_alloc, expected enough of it; "),
    ],
)
def test_what_the_system_refuses_is_one_message(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    error: Exception, code: int, message: str,
) -> None:  # fmt: skip
    def refused(_: object) -> int:
        raise error

    monkeypatch.setattr(COMMANDS["doctor"], "run", refused)
    ended, lines, err = run(capsys, "doctor")
    assert (ended, lines) == (code, [])
    assert message in err


def test_closed_streams_are_no_error(tiny: dict[str, Path], picture: Path) -> None:
    command = [*CLI, "classify", str(tiny["vit"])]
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command, str(picture)]
    done = subprocess.run(closed, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    closed = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command, "absent.png"]
    done = subprocess.run(closed, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "")


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="needs POSIX pipes")
def test_a_closed_pipe_is_no_traceback(tiny: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "long.fa").write_text(">a\n" + "ACGTACGT" * 5000 + "\n")
    command = [*CLI, "score", str(tiny["dnabert"]), str(tmp_path / "long.fa"), "--stride", "10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        error = process.stderr.read().decode()
    assert process.returncode == 141
    assert "Traceback" not in error
    assert "BrokenPipe" not in error


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_stopped_scan_leaves_nothing(
    tiny: dict[str, Path], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    genome = tmp_path / "endless.fa"
    os.mkfifo(genome)
    command = [*CLI, "score", str(tiny["dnabert"]), str(genome), "-o", str(tmp_path / "out.tsv")]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process,
        genome.open("wb", buffering=0) as pipe,  # waits until the scan reads
    ):
        pipe.write(b">a\nACGT")
        process.send_signal(number)
        # A signal just before a read does not interrupt it; more input does.
        with contextlib.suppress(BrokenPipeError):
            pipe.write(b"ACGT")
        error = process.communicate(timeout=60)[1]
    assert process.returncode == code
    assert "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == [genome.name]


def test_the_version_and_names_that_are_no_text(tiny: dict[str, Path], tmp_path: Path) -> None:
    done = subprocess.run([*CLI, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("edgewright ")
    strange = os.fsencode(tmp_path) + b"/\xff.png"
    Image.new("RGB", (9, 9)).save(os.fsdecode(strange))
    command = [*map(os.fsencode, CLI), b"classify", os.fsencode(tiny["vit"]), strange, b"--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["input"].endswith("\udcff.png")
