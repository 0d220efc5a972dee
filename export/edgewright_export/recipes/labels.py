"""Class names of a checkpoint."""

from collections.abc import Mapping
from typing import Any

from edgewright.errors import CheckpointError


def read_labels(config: Any) -> tuple[str, ...]:
    """Return the class names of a transformers configuration, by class index.

    Raises:
        CheckpointError: `id2label` does not number the classes from 0.
    """
    names: Mapping[int, str] = config.id2label
    if sorted(names) != list(range(config.num_labels)):
        raise CheckpointError(
            f"config.json: got id2label for {sorted(names)[:10]}, expected the classes "
            f"0 … {config.num_labels - 1}; correct id2label"
        )
    return tuple(str(names[index]) for index in range(config.num_labels))
