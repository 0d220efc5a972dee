"""One tiny bundle per family, made once."""

from pathlib import Path

import pytest

import tiny_bundles


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Paths of the bundles: by family, and `token` and `embedding` for the other DNABERT heads."""
    folder = tmp_path_factory.mktemp("tiny")
    bundles = {name: make(folder / f"{name}.edge") for name, make in tiny_bundles.MAKERS.items()}
    for head in ("token", "embedding"):
        bundles[head] = tiny_bundles.dnabert(folder / f"{head}.edge", head)
    return bundles
