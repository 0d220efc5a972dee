"""A checkpoint folder in the Hugging Face layout: read and checked, never executed."""

import fnmatch
import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from edgewright.errors import (
    CheckpointError,
    CheckpointNotFoundError,
    UnsupportedCheckpointError,
)
from edgewright_export.options import (
    OPTIONS_FILE,
    CommonOptions,
    parse,
    read_json,
    refuse_unknown,
)
from edgewright_export.quiet import quiet_libraries
from edgewright_export.weights import Weights, read_weights, weight_files

T = TypeVar("T")
_CHUNK = 1 << 20
_CONFIG_ERRORS = (
    ValueError, TypeError, LookupError, RuntimeError, AttributeError, ArithmeticError,
    AssertionError,
)  # fmt: skip
"""What a network raises that is built with a `config.json` that it cannot use."""


@contextmanager
def built_by_config(folder: Path, name: str) -> Iterator[None]:
    """Blame `config.json` where a network cannot be built.

    Args:
        folder: The checkpoint.
        name: Class of the network.

    Raises:
        CheckpointError: What is built inside failed.
    """
    from huggingface_hub.errors import StrictDataclassError

    try:
        yield
    except CheckpointError:
        raise
    except (*_CONFIG_ERRORS, StrictDataclassError) as error:
        raise CheckpointError(
            f"checkpoint {folder}: got a config.json that {name} does not take "
            f"({type(error).__name__}: {error}), expected that of a saved model; download it again"
        ) from error


class Checkpoint:
    """A folder with `config.json`, weights and what else its family needs.

    Attributes:
        folder: Where it lies.
        config: The content of `config.json`.
        architecture: The one class that `config.json` names.
        options: `edgewright.json`, overlaid with the file given with `--options`.
        hashes: SHA-256 (hex) of every file read so far, by name.
    """

    def __init__(self, folder: str | Path, *, options: str | Path | None = None):
        """Open the checkpoint in `folder`.

        Args:
            folder: The checkpoint.
            options: A JSON file with further options, which win over `edgewright.json`.

        Raises:
            CheckpointNotFoundError: The folder, `config.json` or `options` does not exist.
            CheckpointError: `config.json` or the options cannot be used.
        """
        self.folder = Path(folder)
        self.hashes: dict[str, str] = {}
        if not self.folder.is_dir():
            raise CheckpointNotFoundError(
                f"checkpoint {self.folder}: got no such folder, expected one with config.json and "
                "weights; check the path (nothing is downloaded)"
            )
        self.config = self.read_json("config.json")
        self.architecture = self._architecture()
        self.options: dict[str, Any] = {}
        if (self.folder / OPTIONS_FILE).is_file():
            self.options.update(self.read_json(OPTIONS_FILE))
        if options is not None:
            self.options.update(read_json(Path(options)))
        self.common = parse(CommonOptions, self.options, "options")

    def family_options(self, kind: type[T]) -> T:
        """Return the options of the family as a `kind`; options of no known name are refused."""
        refuse_unknown(self.options, (CommonOptions, kind), "options")
        return parse(kind, self.options, "options")

    def read_bytes(self, name: str) -> bytes:
        """Return the file `name` of the folder and note its hash."""
        data = self._path(name).read_bytes()
        self.hashes[name] = hashlib.sha256(data).hexdigest()
        return data

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the JSON object in the file `name` of the folder and note its hash."""
        value = read_json(self._path(name))
        self.hashes[name] = _sha256(self.folder / name)
        return value

    def _path(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise CheckpointNotFoundError(
                f"checkpoint {self.folder}: got no {name}, expected it beside the weights; "
                "download the whole checkpoint"
            )
        return path

    def has(self, name: str) -> bool:
        """Return whether the folder has a file `name`."""
        return (self.folder / name).is_file()

    def load(self, model_class: Any, *, unused: tuple[str, ...] = (), **arguments: Any) -> Any:
        """Return the weights in an instance of the transformers class `model_class`.

        The class is the library's own: code in the folder (`auto_map`) is never run. Weights are
        converted to float32.

        Args:
            model_class: A `PreTrainedModel`.
            unused: Patterns of weights that the file may have and the model does not use, such as
                buffers of older versions.
            arguments: Passed to the constructor.

        Raises:
            CheckpointError: Weights are missing, unexpected, of another shape, or damaged.
        """
        if "quantization_config" in self.config:
            raise UnsupportedCheckpointError(
                f"checkpoint {self.folder}: got weights that are already quantized, expected "
                "floating point; export the original checkpoint"
            )
        if "auto_map" in self.config:
            warnings.warn(
                f"checkpoint {self.folder}: its own code (auto_map) is not run; it is loaded as "
                f"the library's {model_class.__name__}",
                stacklevel=2,
            )
        names = weight_files(self.folder)
        weights = read_weights(self.folder, names)
        self.hashes.update({name: _sha256(self.folder / name) for name in names})
        with quiet_libraries():
            model, report = self._instantiate(model_class, weights, arguments)
        _check_report(self.folder, report, unused)
        return model.eval().requires_grad_(False)

    def _instantiate(
        self, model_class: Any, weights: Weights, arguments: dict[str, Any]
    ) -> tuple[Any, dict[str, Any]]:
        import torch

        config = {key: value for key, value in self.config.items() if key != "auto_map"}
        with built_by_config(self.folder, model_class.__name__):
            loaded: tuple[Any, dict[str, Any]] = model_class.from_pretrained(
                None,
                config=model_class.config_class.from_dict(config),
                state_dict=weights,
                dtype=torch.float32,
                # Explicit products and softmax: the graph is smaller than that of the fused call.
                attn_implementation="eager",
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                local_files_only=True,
                **arguments,
            )
        return loaded

    def _architecture(self) -> str:
        named = self.config.get("architectures")
        if not isinstance(named, list) or len(named) != 1 or not isinstance(named[0], str):
            raise CheckpointError(
                f"{self.folder / 'config.json'}: got architectures {named}, expected exactly one; "
                "name the class that saved the weights"
            )
        return named[0]


def _check_report(folder: Path, report: dict[str, Any], unused: tuple[str, ...]) -> None:
    unexpected = sorted(
        key
        for key in report["unexpected_keys"]
        if not any(fnmatch.fnmatchcase(key, pattern) for pattern in unused)
    )
    wrong = {
        "missing": sorted(report["missing_keys"]),
        "unexpected": unexpected,
        "of another shape": sorted(str(item[0]) for item in report["mismatched_keys"]),
    }
    found = [f"{_shorten(keys)} {what}" for what, keys in wrong.items() if keys]
    if found or report.get("error_msgs"):
        raise CheckpointError(
            f"checkpoint {folder}: got weights with {'; '.join(found) or report['error_msgs']}, "
            "expected exactly those of the architecture in config.json; a part left at random "
            "would look like an answer: fine-tune it, or name the class that saved the weights"
        )


def _shorten(keys: list[str]) -> str:
    shown = ", ".join(keys[:4])
    return shown if len(keys) <= 4 else f"{shown} and {len(keys) - 4} more"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
