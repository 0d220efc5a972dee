"""Runs where only `pip install .[cpu]` was done: no PyTorch, every demo bundle answers.

The runtime-only step of `make test` sets EDGEWRIGHT_RUNTIME_ONLY=1 in an environment of its own and
EDGEWRIGHT_BUNDLES to the folder of exported bundles.
"""

import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgewright as ew

pytestmark = pytest.mark.skipif(
    os.environ.get("EDGEWRIGHT_RUNTIME_ONLY") != "1",
    reason="needs an environment with the runtime alone; `nox -s runtime_only` makes one",
)

ABSENT = ("torch", "transformers", "onnx", "onnxscript", "safetensors")
LARGEST_INSTALL = 200 * 10**6
"""Bytes of everything that the runtime needs, ONNX Runtime and NumPy included."""
LONGEST_IMPORT = 0.5
"""Seconds of CPU time."""
TEST_TOOLS = ("pip", "setuptools", "pytest", "_pytest", "pluggy", "iniconfig", "wheel")
DATA = Path(__file__).parents[2] / "examples" / "data"


def bundles() -> list[Path]:
    return sorted(Path(os.environ.get("EDGEWRIGHT_BUNDLES", "absent")).glob("*.edge"))


def test_there_are_bundles_of_every_family() -> None:
    from edgewright.families import FAMILIES

    assert {ew.Bundle.open(path).manifest.family for path in bundles()} == {*FAMILIES}


@pytest.mark.parametrize("name", ABSENT)
def test_training_libraries_are_not_installed(name: str) -> None:
    assert importlib.util.find_spec(name) is None


@pytest.mark.parametrize("path", bundles(), ids=lambda path: path.name)
def test_every_bundle_verifies(path: Path) -> None:
    found = ew.verify(path, threads=1)
    assert found.ok, str(found)
    assert all(check.status == "ok" for check in found.checks), str(found)


@pytest.mark.parametrize("path", bundles(), ids=lambda path: path.name)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_every_bundle_answers_real_input(path: Path, precision: str) -> None:
    present = {variant.precision for variant in ew.Bundle.open(path).manifest.variants}
    if precision not in present:
        pytest.skip(f"{path.name} has no {precision} variant: it missed a gate at export")
    with ew.load(path, precision=precision, threads=1) as model:
        assert model.runtime.precision == precision
        ANSWERS[model.family](model)


def classify(model: Any) -> None:
    picture = next(DATA.rglob("*.png"))
    answer = model(picture, top_k=3)
    assert len(answer.labels) == 3
    assert 0 < answer.labels[0].score <= 1


def score(model: Any) -> None:
    genome = next(DATA.rglob("*.fa"))
    row = next(model.scan(genome))
    assert (row.start, row.end, row.strand) == (0, model.config.window, "+")
    assert sum(row.scores.values()) == pytest.approx(1.0, abs=1e-5)


def control(model: Any) -> None:
    with np.load(next(DATA.rglob("*.npz"))) as episodes:
        observations, rewards = episodes["observations"], episodes["rewards"]
    model.reset()
    model.step(observations[0])
    answer = model.step(observations[1], float(rewards[0]))
    assert answer.action.shape == (model.config.action_dim,)
    assert np.all(np.abs(answer.action) <= np.array(model.config.action_high, np.float32))


def transcribe(model: Any) -> None:
    answer = model(DATA / "speech" / "one-moment-please.flac")
    assert answer.text
    assert all(0 <= word.start < word.end <= answer.duration for word in answer.words)


def speak(model: Any) -> None:
    text, words = {
        "en": ("It is 7:45.", {"seven", "forty", "five"}),
        "es": ("Son las 7:45.", {"siete", "cuarenta", "cinco"}),
    }[model.config.language]
    answer = model(text)
    assert {phone.word for phone in answer.phonemes} >= words
    assert 0.5 < answer.duration < 5
    assert 0.01 < np.abs(answer.waveform).max() <= 1


def translate(model: Any) -> None:
    answer = model("your message is too short")
    assert answer.text == "Su mensaje es demasiado corto."
    assert 0.5 < answer.confidence <= 1


ANSWERS = {
    "vit": classify,
    "dnabert": score,
    "decision_transformer": control,
    "conformer_ctc": transcribe,
    "fastspeech2": speak,
    "marian": translate,
}


def test_the_installation_is_small(capsys: pytest.CaptureFixture[str]) -> None:
    site = Path(sysconfig.get_path("platlib"))
    sizes: dict[str, int] = {}
    for file in site.rglob("*"):
        if file.is_file() and not file.is_symlink() and file.suffix != ".pyc":
            top = file.relative_to(site).parts[0]
            sizes[top] = sizes.get(top, 0) + file.stat().st_size
    counted = {n: s for n, s in sizes.items() if n.partition("-")[0] not in TEST_TOOLS}
    total, own = sum(counted.values()), sizes.get("edgewright", 0)
    with capsys.disabled():
        print(f"\ninstalled: {total / 1e6:.1f} MB in all, edgewright {own / 1e6:.2f} MB")
    assert total <= LARGEST_INSTALL
    assert own <= 5 * 10**6


def test_the_wheel_carries_the_pronunciations_of_the_exporter() -> None:
    spec = importlib.util.find_spec("edgewright_export")  # finds it, imports nothing
    assert spec is not None
    assert spec.origin is not None
    data = Path(spec.origin).parent / "data" / "en"
    assert {file.name for file in data.iterdir()} == {"NOTICE", "letter_to_sound.xz", "lexicon.xz"}


def test_the_import_is_quick_and_lean(capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import sys, time; wall, cpu = time.perf_counter(), time.process_time(); "
        "import edgewright; wall, cpu = time.perf_counter() - wall, time.process_time() - cpu; "
        "print(wall, cpu, 'onnxruntime' in sys.modules)"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(5)
    ]
    wall = min(float(run.stdout.split()[0]) for run in runs)
    cpu = min(float(run.stdout.split()[1]) for run in runs)
    with capsys.disabled():
        print(f"\nimport edgewright: {wall:.3f} s, of which {cpu:.3f} s CPU (best of 5)")
    assert cpu <= LONGEST_IMPORT  # wall time would judge what else the machine does
    assert all(run.stdout.split()[2] == "False" for run in runs)
