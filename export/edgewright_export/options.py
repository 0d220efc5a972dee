"""Export options that `config.json` cannot carry: `edgewright.json` and the file of `--options`."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from edgewright import records
from edgewright.errors import BundleError, CheckpointError, CheckpointNotFoundError

T = TypeVar("T")
OPTIONS_FILE = "edgewright.json"
JSON_LIMIT = 64 * 2**20
"""Bytes of the largest JSON file that is read."""


@dataclass(frozen=True)
class LicenseOptions:
    """SPDX expressions; `NOASSERTION` says that the checkpoint's author did not tell."""

    code: tuple[str, ...] = ("NOASSERTION",)
    weights: tuple[str, ...] = ("NOASSERTION",)
    data: tuple[str, ...] = ("NOASSERTION",)


@dataclass(frozen=True)
class CommonOptions:
    """Options of every family."""

    name: str | None = None
    """Name of the bundle; the folder's name by default."""
    version: str = "0"
    """Version of the weights, as their author counts."""
    licenses: LicenseOptions = LicenseOptions()
    notice: str | None = None
    """Text of the bundle's NOTICE file."""
    seed: int | None = None
    """Seed of the training; written down by its author and not used by the export."""


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in the JSON file `path`.

    Raises:
        CheckpointNotFoundError: There is no such file.
        CheckpointError: It is no JSON object.
    """
    if not path.is_file():
        raise CheckpointNotFoundError(
            f"{path}: got no such file, expected a JSON file; check the path"
        )
    if path.stat().st_size > JSON_LIMIT:
        raise CheckpointError(
            f"{path}: got {path.stat().st_size:,} bytes, expected at most {JSON_LIMIT:,}; "
            "this is no file of a checkpoint"
        )
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path}: got no valid JSON ({error}), expected one object; correct the file"
        ) from error
    if not isinstance(value, dict):
        raise CheckpointError(
            f"{path}: got a JSON {type(value).__name__}, expected one object; correct the file"
        )
    return value


def refuse_unknown(raw: Mapping[str, Any], kinds: tuple[type, ...], where: str) -> None:
    """Raise a CheckpointError when `raw` has keys that none of the dataclasses `kinds` has."""
    known = {field.name for kind in kinds for field in dataclasses.fields(kind)}
    unknown = sorted(set(raw) - known)
    if unknown:
        raise CheckpointError(
            f"{where}: got unknown options {unknown}, expected some of {sorted(known)}; "
            "correct the spelling or remove them"
        )


def parse(kind: type[T], raw: Mapping[str, Any], where: str) -> T:
    """Return those keys of `raw` that the dataclass `kind` has, as a `kind`.

    Raises:
        CheckpointError: A required option is missing, or one has the wrong type.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    missing = [name for name, field in fields.items() if _required(field) and name not in raw]
    if missing:
        raise CheckpointError(
            f"{where}: got no {', '.join(missing)}, expected them because config.json does not "
            f"carry them; take them from the model card and write them to {OPTIONS_FILE} in the "
            "checkpoint folder or to a file given with --options"
        )
    try:
        return records.read(kind, {key: raw[key] for key in fields if key in raw}, where)
    except BundleError as error:
        raise CheckpointError(f"{str(error).rpartition(';')[0]}; correct the option") from error


def _required(field: "dataclasses.Field[Any]") -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing
