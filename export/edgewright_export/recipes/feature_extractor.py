"""`preprocessor_config.json` of recognizers, read by the original class."""

from collections.abc import Mapping
from typing import Any

from edgewright.errors import CheckpointError, UnsupportedCheckpointError, UsageError
from edgewright.features import LogMelConfig, check_config
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.quiet import quiet_libraries

FILE, PROCESSOR_FILE = "preprocessor_config.json", "processor_config.json"


def read_extractor(checkpoint: Checkpoint, extractor_class: Any) -> Any:
    """Return the feature extractor of `checkpoint`, an `extractor_class`.

    transformers 5 stores it inside `processor_config.json`, earlier versions in a file of its own.

    Raises:
        CheckpointNotFoundError: Neither file is there.
        UnsupportedCheckpointError: The checkpoint names another class.
        CheckpointError: The class does not take what is stored.
    """
    settings = _settings(checkpoint)
    named, expected = settings.get("feature_extractor_type"), extractor_class.__name__
    if named != expected:
        raise UnsupportedCheckpointError(
            f"{FILE}: got the feature extractor {named}, expected {expected}, which "
            f"{checkpoint.architecture} is made for; use the file of the checkpoint"
        )
    try:
        with quiet_libraries():
            return extractor_class.from_dict(settings)
    except (TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"{FILE}: got settings that {expected} does not take ({error}), expected those that it "
            "saved; download the file again"
        ) from error


def checked(features: LogMelConfig) -> LogMelConfig:
    """Return `features` when the runtime can compute them.

    Raises:
        CheckpointError: A setting is out of range.
    """
    try:
        check_config(features)
    except UsageError as error:
        reason = str(error).rpartition(";")[0]
        raise CheckpointError(f"{FILE}: {reason}; download the file again") from error
    return features


def _settings(checkpoint: Checkpoint) -> dict[str, Any]:
    if not checkpoint.has(FILE) and checkpoint.has(PROCESSOR_FILE):
        nested = checkpoint.read_json(PROCESSOR_FILE).get("feature_extractor")
        if isinstance(nested, Mapping):
            return dict(nested)
    return checkpoint.read_json(FILE)
