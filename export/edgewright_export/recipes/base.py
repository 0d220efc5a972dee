"""What a recipe is: how a family is loaded, cut into components, calibrated and judged."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from edgewright_export.calibrate import Calibration, spread
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.evaluation import Evaluation
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.quantization import QuantizationPlan
from edgewright_export.subject import Sample, Subject

R = TypeVar("R", bound="Recipe")

GOLDEN_SAMPLES = 3
"""Golden samples of a bundle."""
SYNTHETIC_SAMPLES = 16
"""Samples that are made up when no `--calibration` is given."""
MAX_CALIBRATION_SAMPLES = 128
"""Samples taken from what `--calibration` names, spread over all of it."""


class Recipe(ABC):
    """One checkpoint of a family, ready to be exported."""

    family: ClassVar[str]
    """Key in `RECIPES` and in the runtime's `FAMILIES`."""
    architectures: ClassVar[tuple[str, ...]]
    """Names in `config.json` that the recipe takes."""
    least_sqnr_db: ClassVar[Mapping[str, float]] = {}
    """By output: least signal to quantization noise of int8 on the golden samples, where agreement
    of the task metric alone would let audible damage pass."""

    @classmethod
    @abstractmethod
    def load(cls: type[R], checkpoint: Checkpoint) -> R:
        """Read weights, options and assets of `checkpoint`.

        Raises:
            CheckpointError: Something is missing or cannot be used.
        """

    @property
    @abstractmethod
    def config(self) -> Any:
        """The runtime family's configuration record."""

    @abstractmethod
    def components(self) -> dict[str, TracedComponent]:
        """Return the graphs to export, by component name."""

    def assets(self) -> dict[str, bytes]:
        """Return the files that pre- and post-processing need, by bundle path."""
        return {}

    def asset_licenses(self) -> tuple[str, ...]:
        """Return SPDX expressions of the data that `assets` brings beside the checkpoint's own."""
        return ()

    def asset_notice(self) -> str | None:
        """Return the notices that `asset_licenses` want beside every copy of the data."""
        return None

    @abstractmethod
    def reference(self) -> Subject:
        """Return PyTorch with the preprocessing of the original library, not ours."""

    @abstractmethod
    def calibration(self, path: Path | None, seed: int) -> Calibration:
        """Return the samples in `path`, or synthetic ones.

        Raises:
            InputError: `path` cannot be used.
        """

    @abstractmethod
    def evaluation(self, path: Path | None, calibration: Calibration, seed: int) -> Evaluation:
        """Return the metric on the labelled samples in `path`, or agreement on `calibration`.

        Raises:
            InputError: `path` cannot be used.
        """

    def golden(self, calibration: Calibration) -> list[Sample]:
        """Return the few samples that the bundle stores to be checked again on the device."""
        return spread(calibration.samples, GOLDEN_SAMPLES)

    def quantization(self) -> QuantizationPlan:
        """Return how the int8 variant is made."""
        return QuantizationPlan()
