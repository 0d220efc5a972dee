"""What a checkpoint may be; everything else is refused in words, and nothing of it is run."""

import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertForSequenceClassification, ViTForImageClassification

from checkpoint_layouts import edit_json
from edgewright.errors import (
    CheckpointError,
    CheckpointNotFoundError,
    UnsupportedCheckpointError,
)
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.export import export
from edgewright_export.recipes import RECIPES

Tiny = Callable[[str], Path]


def load(folder: Path, **arguments: Any) -> Any:
    return Checkpoint(folder, **arguments).load(ViTForImageClassification)


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def test_hashes_of_all_files_read_are_known(tiny: Tiny) -> None:
    checkpoint = Checkpoint(tiny("dna"))
    RECIPES["dnabert"].load(checkpoint)
    assert set(checkpoint.hashes) == {"config.json", "model.safetensors", "vocab.txt"}


def test_half_precision_weights_become_float32(tiny: Tiny) -> None:
    folder = tiny("vit")
    change_weights(folder, lambda w: w.update({k: v.half() for k, v in w.items()}))
    assert {p.dtype for p in load(folder).parameters()} == {torch.float32}


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_missing_file_is_named(name: str, tiny: Tiny) -> None:
    folder = tiny("vit")
    (folder / name).unlink()
    with pytest.raises(CheckpointNotFoundError, match=name.replace(".", r"\.")):
        load(folder)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFoundError, match="no such folder"):
        Checkpoint(tmp_path / "absent")


@pytest.mark.parametrize("architectures", [None, [], ["A", "B"], "A"])
def test_other_than_one_architecture_is_refused(architectures: Any, tiny: Tiny) -> None:
    folder = tiny("vit")
    edit_json(folder / "config.json", architectures=architectures)
    with pytest.raises(CheckpointError, match="expected exactly one"):
        Checkpoint(folder)


def test_unknown_architecture_lists_what_is_taken(tiny: Tiny, tmp_path: Path) -> None:
    folder = tiny("vit")
    edit_json(folder / "config.json", architectures=["SwinForImageClassification"])
    with pytest.raises(UnsupportedCheckpointError, match="ViTForImageClassification"):
        export(folder, tmp_path / "out.edge")
    assert not (tmp_path / "out.edge").exists()


def test_architecture_of_another_family_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedCheckpointError, match="leave --family away"):
        export(tiny("vit"), tmp_path / "out.edge", family="dnabert")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.pop("classifier.bias"), "classifier.bias missing"),
        (lambda w: w.update({"more": torch.ones(2)}), "more unexpected"),
        (lambda w: w.update({"classifier.bias": torch.ones(9)}), "classifier.bias of another"),
        (lambda w: w["classifier.bias"].fill_(torch.nan), "NaN or infinity in .*classifier.bias"),
    ],
)
def test_wrong_weights_are_named(change: Any, words: str, tiny: Tiny) -> None:
    folder = tiny("vit")
    change_weights(folder, change)
    with pytest.raises(CheckpointError, match=words):
        load(folder)


def test_a_head_that_was_not_trained_is_refused(tiny: Tiny) -> None:
    folder = tiny("dna")
    change_weights(folder, lambda w: (w.pop("classifier.weight"), w.pop("classifier.bias")))
    with pytest.raises(CheckpointError, match=r"classifier\.bias, classifier\.weight missing"):
        Checkpoint(folder).load(BertForSequenceClassification)


def test_truncated_weights_are_refused(tiny: Tiny) -> None:
    folder = tiny("vit")
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(CheckpointError, match="damaged"):
        load(folder)


def shard(folder: Path, names: tuple[str, str] = ("a.safetensors", "b.safetensors")) -> Path:
    """Split the weights into two shards; return the index."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    keys = sorted(weights)
    parts = {names[0]: keys[: len(keys) // 2], names[1]: keys[len(keys) // 2 :]}
    for name, part in parts.items():
        save_file({key: weights[key] for key in part}, folder / Path(name).name)
    index = folder / "model.safetensors.index.json"
    weight_map = {key: name for name, part in parts.items() for key in part}
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return index


def test_shards_give_the_same_weights(tiny: Tiny) -> None:
    folder = tiny("vit")
    whole = load(folder).state_dict()
    shard(folder)
    checkpoint = Checkpoint(folder)
    parts = checkpoint.load(ViTForImageClassification).state_dict()
    assert all(torch.equal(parts[key], whole[key]) for key in whole)
    assert {"a.safetensors", "b.safetensors"} < set(checkpoint.hashes)


@pytest.mark.parametrize("name", ["../b.safetensors", "/tmp/b.safetensors", "x\\b.safetensors"])
def test_shard_outside_the_folder_is_refused(name: str, tiny: Tiny) -> None:
    folder = tiny("vit")
    shard(folder, ("a.safetensors", name))
    with pytest.raises(CheckpointError, match="outside the folder"):
        load(folder)


def test_linked_and_missing_shards_are_refused(tiny: Tiny) -> None:
    folder = tiny("vit")
    shard(folder)
    moved = (folder / "b.safetensors").rename(folder.parent / "moved")
    with pytest.raises(CheckpointNotFoundError, match="no such shard"):
        load(folder)
    (folder / "b.safetensors").symlink_to(moved)
    with pytest.raises(CheckpointError, match="cp -rL"):
        load(folder)


class Call:
    """Pickles as a call of `os.system`."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("as_zip", [True, False])
def test_pickle_that_wants_code_is_refused_and_not_run(
    as_zip: bool, tiny: Tiny, tmp_path: Path
) -> None:
    folder, witness = tiny("vit"), tmp_path / "witness"
    (folder / "model.safetensors").unlink()
    evil = {"weight": Call(f"touch {witness}")}
    if as_zip:
        torch.save(evil, folder / "pytorch_model.bin")
        assert zipfile.is_zipfile(folder / "pytorch_model.bin")
    else:
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps(evil))
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin.*nothing of it was run"):
        load(folder)
    assert not witness.exists()


@pytest.mark.parametrize(
    "data", [b"", b"version https://git-lfs.github.com/spec/v1\n", b"\x80\x02.", b"PK\x03\x04"]
)
def test_bytes_that_are_no_pickle_are_refused(data: bytes, tiny: Tiny) -> None:
    folder = tiny("vit")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged"):
        load(folder)


@pytest.mark.parametrize("content", [[torch.ones(1)], {"a": {"b": torch.ones(1)}}, {"a": 1}])
def test_pickle_of_other_things_is_refused(content: Any, tiny: Tiny) -> None:
    folder = tiny("vit")
    (folder / "model.safetensors").unlink()
    torch.save(content, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="expected a"):
        load(folder)


def test_own_code_of_a_checkpoint_is_told_and_never_run(tiny: Tiny, tmp_path: Path) -> None:
    folder, witness = tiny("vit"), tmp_path / "witness"
    (folder / "own.py").write_text(f"open({str(witness)!r}, 'w')\nclass Model: ...\nclass C: ...\n")
    edit_json(folder / "config.json", auto_map={"AutoModel": "own.Model", "AutoConfig": "own.C"})
    with pytest.warns(UserWarning, match="not run.*ViTForImageClassification"):
        model = load(folder)
    assert type(model) is ViTForImageClassification
    assert not witness.exists()


def test_quantized_checkpoint_is_refused(tiny: Tiny) -> None:
    folder = tiny("vit")
    edit_json(folder / "config.json", quantization_config={"load_in_8bit": True})
    with pytest.raises(UnsupportedCheckpointError, match="already quantized"):
        load(folder)


@pytest.mark.parametrize(
    "change", [{"hidden_act": "no such function"}, {"hidden_size": 0}, {"num_attention_heads": 0}]
)
def test_config_that_the_class_does_not_take_is_refused(change: Any, tiny: Tiny) -> None:
    folder = tiny("vit")
    edit_json(folder / "config.json", **change)
    with pytest.raises(CheckpointError, match="does not take"):
        load(folder)


@pytest.mark.parametrize("text", ["[1]", "{", '"a"'])
def test_config_that_is_no_object_is_refused(text: str, tiny: Tiny) -> None:
    folder = tiny("vit")
    (folder / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match="expected one object"):
        Checkpoint(folder)


def test_config_of_wrong_types_and_endless_size_is_refused(tiny: Tiny) -> None:
    folder = tiny("vit")
    edit_json(folder / "config.json", hidden_size="wide")
    with pytest.raises(CheckpointError, match="does not take"):
        load(folder)
    with (folder / "config.json").open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(CheckpointError, match=r"expected at most 67,108,864"):
        Checkpoint(folder)
