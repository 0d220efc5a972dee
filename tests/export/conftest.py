"""Checkpoints and bundles that several tests of the exporter share; each is made once."""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from checkpoint_layouts import REDUCED, TINY, save
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.export import export
from edgewright_export.onnx_graph import TracedComponent, export_graph
from edgewright_export.recipes import RECIPES

FAMILY = {"vit": "vit", "hopper": "decision_transformer", "dna": "dnabert"}
"""Of the tiny checkpoints."""


@pytest.fixture(scope="session")
def reduced(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path]]:
    """Return a function from the name of a layout to checkpoint folder and fp32 bundle."""
    root, made = tmp_path_factory.mktemp("reduced"), {}

    def get(name: str) -> tuple[Path, Path]:
        if name not in made:
            folder = save(REDUCED[name], root / name)
            bundle = root / f"{name}.edge"
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*auto_map.*")
                export(folder, bundle, variants=["fp32"])
            made[name] = folder, bundle
        return made[name]

    return get


@pytest.fixture(scope="session")
def tiny_masters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the tiny checkpoints by name, not to be changed."""
    root = tmp_path_factory.mktemp("tiny")
    return {name: save(layout, root / name) for name, layout in TINY.items()}


@pytest.fixture
def tiny(tiny_masters: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Return a function from the name of a tiny checkpoint to a copy that a test may change."""
    return lambda name: Path(shutil.copytree(tiny_masters[name], tmp_path / f"checkpoint-{name}"))


@pytest.fixture(scope="session")
def traced(
    tiny_masters: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """Return a function from the name of a tiny checkpoint to its fp32 graph."""
    root = tmp_path_factory.mktemp("traced")

    def get(name: str) -> Path:
        graph = root / f"{name}.onnx"
        if not graph.exists():
            recipe = RECIPES[FAMILY[name]].load(Checkpoint(tiny_masters[name]))
            export_graph(recipe.components()["model"], graph)
        return graph

    return get


@pytest.fixture
def instant_trace(
    traced: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Path]:
    """Return a function that makes exports reuse a traced graph; it returns a copy to change."""

    def use(name: str) -> Path:
        graph = Path(shutil.copyfile(traced(name), tmp_path / "traced.onnx"))

        def copy(_: TracedComponent, path: Path) -> None:
            shutil.copyfile(graph, path)

        monkeypatch.setattr("edgewright_export.graphs.export_graph", copy)
        return graph

    return use
