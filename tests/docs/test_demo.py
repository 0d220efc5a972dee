"""The part of the demo that comes after the export: measuring, answering, table and picture."""

import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from edgewright.errors import CheckpointNotFoundError

ROOT = Path(__file__).parents[2]


def test_demo_shows_measures_and_draws(
    demo_bundles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "demo"))
    import stages
    from shipped import SHIPPED

    for shipped in SHIPPED:
        bundle = stages.bundle_path(demo_bundles, shipped)
        stages.bundle_path(tmp_path, shipped).symlink_to(bundle, target_is_directory=True)
    monkeypatch.setattr(stages, "BLOCKS", 2)
    stages.show(tmp_path)
    rows = json.loads((tmp_path / "results.json").read_text())
    assert [row["bundle"] for row in rows] == [shipped.name for shipped in SHIPPED]
    assert all(set(row["variants"]) == {"fp32", "int8"} for row in rows)
    with Image.open(tmp_path / "demo.png") as picture:
        assert picture.width > 1000
    assert "mean_return" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("out of cores\nat line 3"), "demo: error: RuntimeError: out of cores\n"),
        (MemoryError(), "demo: error: MemoryError\n"),
    ],
    ids=repr,
)
def test_any_failure_of_the_demo_is_one_line(
    error: Exception, line: str, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "demo"))
    import demo
    import stages

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(stages, "run", fail)
    monkeypatch.setattr(sys, "argv", ["demo.py"])
    monkeypatch.setattr(demo.signal, "signal", lambda *_: None)
    assert demo.main() == 1
    assert capsys.readouterr().err == line


def test_a_missing_checkpoint_is_told_before_the_first_export(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "demo"))
    import stages
    from shipped import Shipped

    with pytest.raises(CheckpointNotFoundError, match=r"got no folder .*absent-model, expected"):
        stages.check_checkpoints(
            [Shipped("vit-fashion-mnist", None, ""), Shipped("absent-model", None, "")]
        )
