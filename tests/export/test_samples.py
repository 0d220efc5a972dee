"""Calibration and evaluation data: what is read, and what is refused in words."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgewright.errors import CheckpointError, InputError, InputNotFoundError, UsageError
from edgewright_export.calibrate import Calibration, spread
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.recipes import RECIPES
from edgewright_export.recipes.kmers import SPECIAL_TOKENS, read_vocabulary, token_ids

Tiny = Callable[[str], Path]
FAMILY = {"vit": "vit", "hopper": "decision_transformer", "dna": "dnabert"}


@pytest.fixture(scope="module")
def recipes(tiny_masters: dict[str, Path]) -> dict[str, Any]:
    return {
        name: RECIPES[FAMILY[name]].load(Checkpoint(folder))
        for name, folder in tiny_masters.items()
    }


def no_advance(_: int) -> None:
    """Show nothing."""


@pytest.mark.parametrize("name", FAMILY)
def test_synthetic_samples_are_seeded_and_answered(name: str, recipes: dict[str, Any]) -> None:
    recipe = recipes[name]
    one, same, other = (recipe.calibration(None, seed) for seed in (1, 1, 2))
    assert one.sha256() == same.sha256() != other.sha256()
    assert one.data == "synthetic samples"
    agreement = recipe.evaluation(None, one, 1)
    assert agreement.reference(recipe.reference(), no_advance).value == 1.0
    assert agreement.measure(recipe.reference(), no_advance).value == pytest.approx(1.0)
    assert agreement.name.endswith("_agreement")


def test_spread_takes_first_and_last() -> None:
    assert spread(range(100), 3) == [0, 50, 99]
    assert spread("ab", 3) == ["a", "b"]


def images(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True)
    for index in range(count):
        Image.new("RGB", (20, 10), (index, 0, 0)).save(folder / f"{index}.png")
    return folder


def test_images_of_a_folder_are_calibration(recipes: dict[str, Any], tmp_path: Path) -> None:
    calibration = recipes["vit"].calibration(images(tmp_path / "flat", 3), 0)
    assert [sample["image"].shape for sample in calibration.samples] == [(10, 20, 3)] * 3
    large = Calibration([{"image": np.zeros((3000, 2000, 3), np.uint8)}], "one photograph")
    assert recipes["vit"].golden(large)[0]["image"].shape == (1024, 1024, 3)


def test_class_folders_are_evaluation(recipes: dict[str, Any], tmp_path: Path) -> None:
    for label in ("LABEL_0", "LABEL_2"):
        images(tmp_path / "classes" / label, 2)
    recipe = recipes["vit"]
    evaluation = recipe.evaluation(tmp_path / "classes", recipe.calibration(None, 0), 0)
    assert (evaluation.name, evaluation.samples) == ("top1", 4)
    assert evaluation.labels.tolist() == [0, 0, 2, 2]
    assert evaluation.measure(recipe.reference(), no_advance).value in (0, 0.25, 0.5, 0.75, 1)


@pytest.mark.parametrize(
    ("prepare", "kind", "words"),
    [
        (lambda p: None, InputNotFoundError, "no folder"),
        (lambda p: p.mkdir(), InputError, "folders none"),
        (lambda p: images(p / "Shoe", 1), InputError, "Shoe"),
        (lambda p: (p / "LABEL_0").mkdir(parents=True), InputError, "without images"),
    ],
)
def test_wrong_image_folders_are_named(
    prepare: Any, kind: type[Exception], words: str, recipes: dict[str, Any], tmp_path: Path
) -> None:
    prepare(tmp_path / "set")
    with pytest.raises(kind, match=words):
        recipes["vit"].evaluation(tmp_path / "set", Calibration([], ""), 0)


def table(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_tables_and_fasta_are_calibration(recipes: dict[str, Any], tmp_path: Path) -> None:
    rows = table(tmp_path / "rows.tsv", "sequence\tlabel", "ACGTAC\tLABEL_0", "acgtn\tLABEL_1")
    samples = recipes["dna"].calibration(rows, 0).samples
    assert [sample["sequence"].tobytes() for sample in samples] == [b"ACGTAC", b"acgtn"]
    fasta = table(tmp_path / "genome.fa", ">one", "ACGT" * 100)
    samples = recipes["dna"].calibration(fasta, 0).samples
    assert {len(sample["sequence"]) for sample in samples} == {recipes["dna"].config.window}


def test_two_labels_are_judged_by_auc(recipes: dict[str, Any], tmp_path: Path) -> None:
    rows = table(tmp_path / "x.tsv", "sequence\tlabel", "ACGTAC\tLABEL_0", "GGGGGG\tLABEL_1")
    evaluation = recipes["dna"].evaluation(rows, Calibration([], ""), 0)
    assert (evaluation.name, evaluation.samples) == ("auc", 2)
    assert evaluation.measure(recipes["dna"].reference(), no_advance).value in (0.0, 0.5, 1.0)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["ACGT\tLABEL_0"], "header"),
        (["sequence\tlabel"], "no rows"),
        (["sequence\tlabel", "ACGT"], "line 2: got 1 columns"),
        (["sequence\tlabel", "ACGT\tsite"], r"labels \['site'\]"),
        (["sequence\tlabel", "ÄCGT\tLABEL_0"], "line 2"),
        (["sequence\tlabel", "ACZT\tLABEL_0"], "line 2: got the letter 'Z'"),
        (["sequence\tlabel", "ACGTAC\tLABEL_0", "", "A\tLABEL_0"], "line 4: got 1 bases"),
        (["sequence\tlabel", "ACGT" * 999 + "\tLABEL_0"], "line 2: got 3996 bases"),
    ],
)
def test_wrong_tables_are_named(
    lines: list[str], words: str, recipes: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        recipes["dna"].evaluation(table(tmp_path / "x.tsv", *lines), Calibration([], ""), 0)


def test_a_record_shorter_than_a_kmer_is_named(recipes: dict[str, Any], tmp_path: Path) -> None:
    fasta = table(tmp_path / "genome.fa", ">long", "ACGT" * 100, ">tiny", "A")
    with pytest.raises(InputError, match=r"genome.fa, record 'tiny': got 1 bases"):
        recipes["dna"].calibration(fasta, 0)


def test_missing_table_and_labels_for_embeddings_are_refused(
    recipes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputNotFoundError, match="no such file"):
        recipes["dna"].evaluation(tmp_path / "x.tsv", Calibration([], ""), 0)
    config = type("Config", (), {"head": "embedding"})
    monkeypatch.setattr(recipes["dna"], "_config", config)
    with pytest.raises(UsageError, match="leave --evaluation away"):
        recipes["dna"].evaluation(tmp_path / "x.tsv", Calibration([], ""), 0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["[PAD]", "[CLS]", "AA"], "first tokens"),
        ([*SPECIAL_TOKENS, "A", "C", "G"], "every k-mer"),
        ([*SPECIAL_TOKENS, "A", "C", "G", "G"], "every k-mer"),
        ([*SPECIAL_TOKENS, "A", "C", "G", "N"], "every k-mer"),
        ([*SPECIAL_TOKENS], "every k-mer"),
    ],
)
def test_other_vocabularies_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        read_vocabulary("\n".join(words).encode())


def test_ids_follow_the_order_of_the_vocabulary() -> None:
    vocabulary = read_vocabulary("\n".join([*SPECIAL_TOKENS, *"TGCA"]).encode())
    assert token_ids(list("ACNT"), vocabulary) == [2, 8, 7, 1, 5, 3]


def test_a_vocabulary_of_another_size_or_k_is_refused(tiny: Tiny) -> None:
    folder = tiny("dna")
    (folder / "edgewright.json").write_text('{"k": 4}')
    with pytest.raises(CheckpointError, match="got k 4, expected 3"):
        RECIPES["dnabert"].load(Checkpoint(folder))
    (folder / "edgewright.json").write_text('{"window": 65}')
    with pytest.raises(CheckpointError, match="3 … 64 bases"):
        RECIPES["dnabert"].load(Checkpoint(folder))
    (folder / "vocab.txt").write_text("\n".join([*SPECIAL_TOKENS, *"ACGT"]))
    with pytest.raises(CheckpointError, match="got 9 tokens, expected 69"):
        RECIPES["dnabert"].load(Checkpoint(folder))


def trajectories(path: Path, **changes: Any) -> Path:
    generator = np.random.default_rng(0)
    arrays = {
        "observations": generator.normal(size=(9, 11)),
        "actions": generator.normal(size=(9, 3)),
        "rewards": np.ones(9),
        "offsets": np.array([0, 4, 9]),
    }
    np.savez(path, **{**arrays, **changes})
    return path


def test_beginnings_of_trajectories_are_calibration(
    recipes: dict[str, Any], tmp_path: Path
) -> None:
    samples = recipes["hopper"].calibration(trajectories(tmp_path / "t.npz"), 0).samples
    assert {float(sample["target_return"]) for sample in samples} == {4.0, 5.0}
    lengths = {len(sample["states"]) for sample in samples}
    assert lengths == {1, 2, 3, 4, 5}
    assert all(len(s["actions"]) == len(s["rewards"]) == len(s["states"]) - 1 for s in samples)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"actions": np.zeros((9, 2))}, "shapes"),
        ({"offsets": np.array([0, 4])}, "offsets"),
        ({"offsets": np.array([0, 4, 4, 9])}, "empty episode"),
        ({"rewards": np.full(9, np.nan)}, "NaN"),
        ({"rewards": np.array([None] * 9)}, "no pickles"),
    ],
)
def test_wrong_trajectories_are_named(
    changes: dict[str, Any], words: str, recipes: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=words):
        recipes["hopper"].calibration(trajectories(tmp_path / "t.npz", **changes), 0)


def test_missing_and_broken_trajectory_files_are_named(
    recipes: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(InputNotFoundError, match="no file"):
        recipes["hopper"].calibration(tmp_path / "t.npz", 0)
    (tmp_path / "t.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(InputError, match="cannot be read"):
        recipes["hopper"].calibration(tmp_path / "t.npz", 0)
