"""Reading the weights of a checkpoint folder without running anything from it."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from edgewright.errors import CheckpointError, CheckpointNotFoundError
from edgewright_export.options import read_json
from edgewright_export.quiet import quiet_libraries

SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")
INDEX_FILES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")

Weights = dict[str, torch.Tensor]


def weight_files(folder: Path) -> tuple[str, ...]:
    """Return the names of the weight files of `folder`: one, or an index and its shards.

    safetensors are preferred to a pickle, and one file to shards.

    Raises:
        CheckpointNotFoundError: There are none, or a shard is missing.
        CheckpointError: An index names a shard outside the folder, or a link.
    """
    for single, index in zip(SINGLE_FILES, INDEX_FILES, strict=True):
        if (folder / single).is_file():
            return (single,)
        if (folder / index).is_file():
            return (index, *_shards(folder, index))
    raise CheckpointNotFoundError(
        f"checkpoint {folder}: got no weights, expected one of "
        f"{', '.join(SINGLE_FILES + INDEX_FILES)}; download the weights too"
    )


def _shards(folder: Path, index: str) -> list[str]:
    weight_map = read_json(folder / index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(
            f"{folder / index}: got no weight_map, expected one file name for each weight; "
            "download the index again"
        )
    names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        _check_shard(folder, index, name)
    return names


def _check_shard(folder: Path, index: str, name: str) -> None:
    if PurePosixPath(name).name != name or "\\" in name or name in ("", ".", ".."):
        raise CheckpointError(
            f"{folder / index}: got the shard name {name!r}, expected a plain file name; a shard "
            "outside the folder is not read"
        )
    if (folder / name).is_symlink():
        raise CheckpointError(
            f"{folder / name}: got a link as a shard, expected a file; copy the checkpoint with "
            "its links followed (cp -rL)"
        )
    if not (folder / name).is_file():
        raise CheckpointNotFoundError(
            f"{folder / name}: got no such shard, expected it because {index} names it; "
            "download it too"
        )


def read_weights(folder: Path, names: tuple[str, ...]) -> Weights:
    """Return all tensors of the weight files `names` (see `weight_files`), on the CPU.

    Raises:
        CheckpointError: A file is damaged, a pickle wants code, an entry is no tensor or not
            finite, or a weight stands in two shards.
    """
    weights: Weights = {}
    for name in names:
        if name in INDEX_FILES:
            continue
        for key, tensor in _reader(name)(folder / name).items():
            _check_tensor(folder / name, key, tensor, weights)
            weights[key] = tensor
    return weights


def _reader(name: str) -> Callable[[Path], Weights]:
    return _read_safetensors if name.endswith(".safetensors") else _read_pickle


def _read_safetensors(path: Path) -> Weights:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise CheckpointError(
            f"{path}: got a damaged file ({error}), expected safetensors; download it again"
        ) from error


def _read_pickle(path: Path) -> Weights:
    try:
        with quiet_libraries():
            weights: Weights = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path}: got {_refused(str(error))}, expected tensors only; nothing of it was run: "
            "convert the weights to safetensors where you trust them"
        ) from error
    except (OSError, MemoryError):
        raise
    except Exception as error:  # damaged pickles end in errors of every kind
        raise CheckpointError(
            f"{path}: got a damaged file ({_first_line(error)}), expected tensors saved by "
            "torch.save; download it again"
        ) from error
    if not isinstance(weights, dict):
        raise CheckpointError(
            f"{path}: got a {type(weights).__name__}, expected a dictionary of tensors; save the "
            "model's state_dict"
        )
    return weights


def _first_line(error: Exception) -> str:
    """Return the first line of a message, or what kind of error it is where there is none."""
    return str(error).partition("\n")[0] or type(error).__name__


def _refused(reason: str) -> str:
    """Say what the pickle wanted, from the reason that PyTorch gives."""
    if wanted := re.search(r"GLOBAL (\S+)", reason):
        return f"a pickle that wants to call {wanted[1]}"
    detail = re.search(r"Unsupported [^\n]+", reason)
    return (
        f"a damaged file, or a pickle of more than tensors ({detail[0] if detail else 'refused'})"
    )


def _check_tensor(path: Path, key: str, tensor: object, others: Weights) -> None:
    if not isinstance(tensor, torch.Tensor):
        raise CheckpointError(
            f"{path}: got a {type(tensor).__name__} as '{key}', expected a tensor; save the "
            "model's state_dict only"
        )
    if key in others:
        raise CheckpointError(
            f"{path}: got the weight '{key}' for the second time, expected it in one shard; "
            "download the checkpoint again"
        )
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise CheckpointError(
            f"{path}: got NaN or infinity in the weight '{key}', expected finite numbers; the "
            "training diverged or the file is damaged"
        )
