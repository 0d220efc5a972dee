"""Golden samples: raw inputs of a model and what PyTorch answered, as `.npz` without pickles."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

from edgewright.errors import BundleError
from edgewright.specs import Array

LIMIT = 2**30
"""Largest sample once unpacked, bytes."""
INPUT, OUTPUT = "input.", "output."
_BROKEN = (
    ValueError,
    OSError,
    EOFError,
    KeyError,
    TypeError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
)
"""What NumPy and `zipfile` raise on broken, pickled or absurdly large arrays."""


def write_golden(inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> bytes:
    """Return a sample as the bytes of an `.npz` file; equal arrays give equal bytes.

    Raises:
        BundleError: The sample could not be read back: an object array, no inputs, no outputs.
    """
    arrays = {INPUT + name: array for name, array in inputs.items()}
    arrays |= {OUTPUT + name: array for name, array in outputs.items()}
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=True, **arrays)  # what has pickles fails just below
    data = file.getvalue()
    read_golden(data, "golden sample")
    return data


def read_golden(data: bytes, where: str) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the inputs and the outputs of the sample in `data`, the bytes of an `.npz` file.

    Raises:
        BundleError: It is no `.npz` of plain arrays, too large, or lacks inputs or outputs.
    """
    try:
        return _split(_load(data))
    except _BROKEN as error:
        raise BundleError(
            f"file '{where}': got a sample that cannot be used ({error}), expected an .npz of "
            "plain arrays named input.<name> and output.<name>; do not use this bundle"
        ) from error


def _load(data: bytes) -> dict[str, Array]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > LIMIT:
        raise ValueError(f"{size} bytes of arrays, more than {LIMIT}")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name: np.asarray(arrays[name]) for name in arrays.files}


def _split(sample: dict[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
    inputs = {name[len(INPUT) :]: a for name, a in sample.items() if name.startswith(INPUT)}
    outputs = {name[len(OUTPUT) :]: a for name, a in sample.items() if name.startswith(OUTPUT)}
    if not inputs or not outputs or len(inputs) + len(outputs) != len(sample):
        raise ValueError(f"arrays {sorted(sample)[:8]}")
    return inputs, outputs
