"""Ranges come back only for the same model, data, preprocessing, method and versions."""

import hashlib
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest

from checkpoint_layouts import edit_json
from edgewright.cli import main
from edgewright.errors import UsageError
from edgewright_export.export import export
from edgewright_export.quantization import QuantizationPlan
from edgewright_export.quantization.cache import CacheKey, CalibrationCache

Tiny = Callable[[str], Path]
KEY = CacheKey(
    model="1" * 64, data="2" * 64, preprocessing="3" * 64, method="min-max of Conv", versions="v 1"
)
RANGES = {"a": (-1.5, 2.0), "b": (0.0, 0.1)}


def resigned(text: str) -> str:
    """Return an entry with the hash of its changed content."""
    entry = json.loads(text)
    content = {"key": entry["key"], "ranges": entry["ranges"]}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps({**content, "sha256": digest})


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def cache(tmp_path: Path, notes: list[str]) -> CalibrationCache:
    return CalibrationCache(tmp_path / "cache", notes.append)


def test_what_was_stored_is_found_again(cache: CalibrationCache, notes: list[str]) -> None:
    assert cache.find("encoder", KEY) is None
    cache.store("encoder", KEY, RANGES)
    assert cache.find("encoder", KEY) == RANGES
    assert cache.find("decoder", KEY) is None
    assert notes == [
        "calibration cache: encoder: missed: no entry for this graph",
        "calibration cache: encoder: found",
        "calibration cache: decoder: missed: no entry for this graph",
    ]


@pytest.mark.parametrize("part", [field.name for field in fields(CacheKey)])
def test_any_other_part_of_the_key_misses_and_is_named(
    part: str, cache: CalibrationCache, notes: list[str]
) -> None:
    cache.store("encoder", KEY, RANGES)
    assert cache.find("encoder", replace(KEY, **{part: "9" * 64})) is None
    assert f"another {part} (" in notes[-1]
    assert "999999999999…" in notes[-1]


def test_the_file_of_another_model_is_not_taken_under_any_name(
    cache: CalibrationCache, notes: list[str], tmp_path: Path
) -> None:
    other = replace(KEY, model="8" * 64)
    cache.store("encoder", KEY, RANGES)
    (mine,) = (tmp_path / "cache").iterdir()
    cache.store("encoder", other, {"a": (-9.0, 9.0)})
    (theirs,) = set((tmp_path / "cache").iterdir()) - {mine}
    shutil.copyfile(mine, theirs)
    assert cache.find("encoder", other) is None
    assert "another model" in notes[-1]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("-1.5", "-1.6"),
        lambda text: resigned(text.replace("-1.5", "NaN")),
        lambda _: "[" * 100_000,
        lambda text: text.replace("min-max", "entropy"),
        lambda _: "[]",
        lambda _: "",
    ],
)
def test_a_damaged_file_is_passed_by(
    damage: Callable[[str], str], cache: CalibrationCache, notes: list[str], tmp_path: Path
) -> None:
    cache.store("encoder", KEY, RANGES)
    (path,) = (tmp_path / "cache").iterdir()
    path.write_text(damage(path.read_text("utf-8")), "utf-8")
    assert cache.find("encoder", KEY) is None
    assert "1 damaged file(s) passed by" in notes[-1]
    cache.store("encoder", KEY, RANGES)
    assert cache.find("encoder", KEY) == RANGES


def test_infinite_ranges_come_back(cache: CalibrationCache) -> None:
    cache.store("encoder", KEY, {"mask": (-math.inf, 0.0)})
    assert cache.find("encoder", KEY) == {"mask": (-math.inf, 0.0)}


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="expected a folder"):
        CalibrationCache(tmp_path / "file")


def test_exports_reuse_ranges_of_the_same_key_only(
    tiny: Tiny, tmp_path: Path, notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = QuantizationPlan(operators=("MatMul", "Gemm", "Conv"), static=True)
    monkeypatch.setattr("edgewright_export.recipes.vit.ViTRecipe.quantization", lambda _: plan)
    folder = tiny("vit")

    def made(**options: object) -> str:
        before = len(notes)
        manifest = export(
            folder, tmp_path / "out.edge", variants=["int8"], force=True,
            calibration_cache=tmp_path / "cache", explain_cache=notes.append, **options,
        )  # fmt: skip
        (note,) = notes[before:]
        assert manifest.variants[1].receipt.calibration_sha256 is not None
        return note

    assert "no entry" in made()
    first = (tmp_path / "out.edge/variants/int8/model.onnx").read_bytes()
    assert "found" in made()
    assert (tmp_path / "out.edge/variants/int8/model.onnx").read_bytes() == first
    assert "another data" in made(seed=5)
    assert "another method (min-max" in made(calibration_method="percentile")
    # The synthetic samples are raw images: preprocessing changes, the samples do not.
    edit_json(folder / "preprocessor_config.json", image_mean=[0.4, 0.5, 0.5])
    assert "another preprocessing" in made()


def test_the_command_explains_the_cache(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", str(tiny("vit")), "-o", str(tmp_path / "out.edge"), "--json"]
    assert main([*command, "--explain-cache"]) == 2
    assert "expected its folder" in capsys.readouterr().err
    # fp16 asks for the extremes, whatever the method of the others.
    command += ["--calibration-method", "entropy"]
    options = ["--calibration-cache", str(tmp_path / "cache"), "--explain-cache"]
    assert main([*command, *options, "--variants", "fp16", "--require", "fp16"]) == 0
    captured = capsys.readouterr()
    assert "calibration cache: model: missed: no entry for this graph" in captured.err
    assert [json.loads(line)["name"] for line in captured.out.splitlines()] == ["fp32", "fp16"]
    (entry,) = (tmp_path / "cache").iterdir()
    assert json.loads(entry.read_text("utf-8"))["key"]["method"] == "min-max of all operators"
