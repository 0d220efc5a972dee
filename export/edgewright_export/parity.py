"""The gates: every variant is compared with PyTorch before it may enter a bundle."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from edgewright.backends import Runner
from edgewright.bundle.manifest import Metric, Parity
from edgewright.errors import ParityError
from edgewright.families import Model
from edgewright.specs import Array
from edgewright.verify import golden_difference
from edgewright_export.evaluation import Evaluation, Measured
from edgewright_export.lint import lint
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.quantization.cache import digest_of
from edgewright_export.quantization.precisions import PRECISIONS
from edgewright_export.search.budget import NO_BUDGET, Budget
from edgewright_export.subject import Advance, Sample, Subject

Floats: TypeAlias = NDArray[np.float64]

FP32_TOLERANCE = 1e-4
"""Largest difference of fp32 from PyTorch, relative to the output's scale (measured: 1e-6)."""
MARGIN = 2.0
"""A device may differ this much more from PyTorch than the export host did: its kernels add and
round in another order."""
NO_SIGNAL_DB = -999.0
"""Signal to noise where there is no signal, or the noise is no number."""
LEAST_TOLERANCE = 1e-3
"""Of variants other than fp32, where the export host happened to agree closely."""


@dataclass(frozen=True)
class GoldenSample:
    """A raw input and what PyTorch answered."""

    inputs: Sample
    outputs: dict[str, Array]


@dataclass(frozen=True)
class TensorCheck:
    """How the outputs of a variant differ from PyTorch's."""

    parity: Parity
    relative: float
    """Largest difference relative to the scale of its own output."""
    sqnr_db: Mapping[str, float]
    """By output: signal to quantization noise, dB; infinite where nothing differs."""


def golden_set(reference: Subject, samples: Sequence[Sample]) -> list[GoldenSample]:
    """Return `samples` with the answers of PyTorch.

    Raises:
        ParityError: PyTorch itself answers NaN or infinity.
    """
    golden = [GoldenSample(sample, reference.infer(sample)) for sample in samples]
    if not all(np.isfinite(o).all() for sample in golden for o in sample.outputs.values()):
        raise ParityError(
            "PyTorch: got NaN or infinity for a golden sample, expected finite numbers; check the "
            "checkpoint, and options such as state_std"
        )
    return golden


def compare_golden(model: Model[Any], golden: Sequence[GoldenSample]) -> TensorCheck:
    """Compare the outputs of `model` with PyTorch's on the golden samples."""
    return _check([(sample.outputs, model.prove(sample.inputs)) for sample in golden])


def compare_probes(runner: Runner, traced: TracedComponent) -> TensorCheck:
    """Compare the graph behind `runner` with its module on batches and lengths of other sizes."""
    pairs = []
    for inputs in (traced.inputs, *traced.probes):
        with torch.inference_mode():
            answer = traced.module(*inputs.values())
        tensors = (answer,) if isinstance(answer, torch.Tensor) else answer
        expected = dict(zip(traced.outputs, (t.numpy() for t in tensors), strict=True))
        pairs.append((expected, runner.run({name: t.numpy() for name, t in inputs.items()})))
    return _check(pairs)


def _check(pairs: Sequence[tuple[Mapping[str, Array], Mapping[str, Array]]]) -> TensorCheck:
    _same_shapes(pairs)
    relative = max(golden_difference(expected, got) for expected, got in pairs)
    names = list(pairs[0][0])
    expected = {name: _flat([outputs[name] for outputs, _ in pairs]) for name in names}
    errors = {name: _flat([got[name] for _, got in pairs]) - expected[name] for name in names}
    signal, error = _flat(list(expected.values())), _flat(list(errors.values()))
    sqnr = _decibels(signal, error)
    largest, scale = float(np.max(np.abs(error))), float(np.max(np.abs(signal)))
    ratios = {name: _decibels(expected[name], errors[name]) for name in names}
    stored = {name: ratio if np.isfinite(ratio) else None for name, ratio in ratios.items()}
    parity = Parity(largest, scale, sqnr if np.isfinite(sqnr) else None, len(pairs), stored)
    return TensorCheck(parity, relative, ratios)


def _same_shapes(pairs: Sequence[tuple[Mapping[str, Array], Mapping[str, Array]]]) -> None:
    for expected, got in pairs:
        shapes = [{name: one.shape for name, one in outputs.items()} for outputs in (expected, got)]
        if shapes[0] != shapes[1]:
            raise ParityError(
                f"answers: got outputs of shapes {shapes[1]}, expected those of PyTorch "
                f"{shapes[0]}; nothing was written: report it with config.json"
            )


def _flat(arrays: Sequence[Array]) -> Floats:
    """Return all values as one float64 vector."""
    return np.concatenate([np.asarray(array, np.float64).ravel() for array in arrays])


def _decibels(signal: Floats, noise: Floats) -> float:
    """Return 10 log10 of the ratio of two energies: infinite without noise, finite otherwise.

    Noise without a signal is far below any bound, and so is noise that is no number.
    """
    energy, error = float(signal @ signal), float(noise @ noise)
    if error == 0:
        return float("inf")
    return 10 * float(np.log10(energy / error)) if energy and np.isfinite(error) else NO_SIGNAL_DB


def gate_fp32(check: TensorCheck, what: str) -> None:
    """Raise a ParityError unless `check` is within `FP32_TOLERANCE`; NaN is not."""
    if not check.relative <= FP32_TOLERANCE:
        raise ParityError(
            f"fp32 {what}: got a difference of {check.relative:.2g} of the output's scale from "
            f"PyTorch, expected at most {FP32_TOLERANCE:g}; nothing was written: report it with "
            "config.json and the versions of torch and onnx"
        )


def gate_device(variant: str, graphs: Iterable[Path]) -> None:
    """Raise a ParityError where the backend that `variant` is made for refuses a graph of it."""
    if variant not in PRECISIONS or PRECISIONS[variant].device == "cpu":
        return
    for one in chain.from_iterable(map(lint, graphs)):
        if (one.backend, one.severity) == (PRECISIONS[variant].device, "refused"):
            raise ParityError(
                f"{variant} node '{one.node}' ({one.operator}): got {one.why}, expected a graph "
                "that TensorRT takes; report it with config.json"
            )


def gate_sqnr(precision: str, check: TensorCheck, least_db: Mapping[str, float]) -> None:
    """Raise a ParityError where an output has less signal to noise than it must, or is NaN."""
    if not np.isfinite(check.relative):
        raise ParityError(
            f"{precision}: got NaN or infinity on the golden samples, expected finite numbers; do "
            "without the variant"
        )
    for output, least in least_db.items():
        if output in check.sqnr_db and not check.sqnr_db[output] >= least:
            raise ParityError(
                f"{precision} '{output}': got {check.sqnr_db[output]:.1f} dB of signal to noise on "
                f"the golden samples, expected at least {least:g}; search within a budget "
                "for what may leave fp32, or do without the variant"
            )


def tolerance(precision: str, check: TensorCheck) -> float:
    """Return the largest relative difference that a device may show on the golden samples."""
    if precision == "fp32":
        return FP32_TOLERANCE
    return max(LEAST_TOLERANCE, MARGIN * check.relative)


class MetricGate:
    """The task metric of variants beside that of PyTorch, which is measured once."""

    def __init__(
        self,
        evaluation: Evaluation,
        reference: Subject,
        advance: Advance,
        budget: Budget = NO_BUDGET,
    ):
        """Measure PyTorch; the bounds of `budget` replace the evaluation's."""
        self._evaluation, self.budget = evaluation, budget
        self._reference: Measured = evaluation.reference(reference, advance)

    @property
    def name(self) -> str:
        """Name of the metric."""
        return self._evaluation.name

    @property
    def samples(self) -> int:
        """Number of samples that `measure` counts."""
        return self._evaluation.samples

    @property
    def reference(self) -> float:
        """PyTorch's metric."""
        return self._reference.value

    def minimum(self, precision: str) -> float:
        """Return the least that a variant of `precision` must reach, or the most it may have.

        A budget bounds every variant but fp32.
        """
        own = self._evaluation.minimum(self._reference, precision)
        if precision == "fp32":
            return own
        return self.budget.minimum(self.name, self.reference, own)

    def value(self, subject: Subject) -> float:
        """Return the metric of `subject`, bound or not."""
        return self._evaluation.measure(subject, lambda _: None).value

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the metric's name and samples."""
        return digest_of([self.name, self._evaluation.sha256()])

    def measure(self, subject: Subject, name: str, precision: str, advance: Advance) -> Metric:
        """Return the metric of the variant `name`, which is of `precision`.

        Raises:
            ParityError: It is worse than what the precision has to reach.
        """
        evaluation, measured = self._evaluation, self._evaluation.measure(subject, advance)
        metric = Metric(
            name=evaluation.name,
            value=measured.value,
            reference=self.reference,
            minimum=self.minimum(precision),
            samples=evaluation.samples,
            data=evaluation.data,
            interval=measured.interval(),
        )
        if not metric.passes:
            bound = "at most" if metric.less_is_better else "at least"
            raise ParityError(
                f"{name}: got {metric.name} {metric.value:.4g} on {metric.samples} samples of "
                f"{metric.data}, expected {bound} {metric.minimum:.4g} beside PyTorch's "
                f"{metric.reference:.4g}; search within a budget for what may leave fp32, or do "
                "without the variant"
            )
        return metric
