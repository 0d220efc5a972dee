"""Edgewright: verified bundles answer on the device, without PyTorch.

import edgewright as ew

vit = ew.load("fashion.edge")
print(vit("coat.png", top_k=3))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

try:
    from edgewright import _core as _core
except ImportError as error:
    raise ImportError(
        f"edgewright: got '{error}', expected the compiled module edgewright._core; build it from "
        "a checkout with `pip install .[cpu]` (needs a C++17 compiler)"
    ) from error

from edgewright.bundle import Bundle
from edgewright.bundle.pack import pack
from edgewright.errors import (
    BundleError,
    EdgewrightError,
    InputError,
    IntegrityError,
    PlacementError,
    PlacementWarning,
)
from edgewright.loading import load, set_threads
from edgewright.runtime import Runtime, Timings
from edgewright.verify import verify

if TYPE_CHECKING:
    __version__: str

__all__ = [
    "Bundle",
    "BundleError",
    "EdgewrightError",
    "InputError",
    "IntegrityError",
    "PlacementError",
    "PlacementWarning",
    "Runtime",
    "Timings",
    "__version__",
    "load",
    "pack",
    "set_threads",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Look the version up only when it is asked for: reading package metadata takes a while."""
    if name == "__version__":
        return import_module("importlib.metadata").version("edgewright")
    raise AttributeError(f"module 'edgewright' has no attribute '{name}'")
