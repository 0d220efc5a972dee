"""The part of the demo that comes after the export: measuring, answering, table and picture."""

import json
from pathlib import Path

import pytest
from PIL import Image

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
