"""The gates: every variant is compared with PyTorch before it may enter a bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from edgewright.backends import Runner
from edgewright.bundle.manifest import Metric, Parity
from edgewright.errors import ParityError
from edgewright.specs import Array
from edgewright.verify import golden_difference
from edgewright_export.evaluation import Evaluation, Measured
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.subject import Advance, Sample, Subject

FP32_TOLERANCE = 1e-4
"""Largest difference of fp32 from PyTorch, relative to the output's scale (measured: 1e-6)."""
MARGIN = 2.0
"""A device may differ this much more from PyTorch than the export host did: its kernels add and
round in another order."""
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


def compare_golden(subject: Subject, golden: Sequence[GoldenSample]) -> TensorCheck:
    """Compare the outputs of `subject` with PyTorch's on the golden samples."""
    return _check([(sample.outputs, subject.infer(sample.inputs)) for sample in golden])


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
    relative = max(golden_difference(expected, got) for expected, got in pairs)
    expected = _flat([outputs for outputs, _ in pairs], pairs)
    error = _flat([outputs for _, outputs in pairs], pairs) - expected
    noise, signal = float(error @ error), float(expected @ expected)
    sqnr = 10 * float(np.log10(signal / noise)) if noise > 0 and signal > 0 else None
    largest = float(np.max(np.abs(error)))
    return TensorCheck(Parity(largest, float(np.max(np.abs(expected))), sqnr, len(pairs)), relative)


def _flat(
    samples: Sequence[Mapping[str, Array]],
    pairs: Sequence[tuple[Mapping[str, Array], Mapping[str, Array]]],
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return all values as one float64 vector, outputs in the order of the expected ones."""
    return np.concatenate(
        [
            np.asarray(sample[name], np.float64).ravel()
            for sample, (expected, _) in zip(samples, pairs, strict=True)
            for name in expected
        ]
    )


def gate_fp32(check: TensorCheck, what: str) -> None:
    """Raise a ParityError unless `check` is within `FP32_TOLERANCE`; NaN is not."""
    if not check.relative <= FP32_TOLERANCE:
        raise ParityError(
            f"fp32 {what}: got a difference of {check.relative:.2g} of the output's scale from "
            f"PyTorch, expected at most {FP32_TOLERANCE:g}; nothing was written: report it with "
            "config.json and the versions of torch and onnx"
        )


def tolerance(precision: str, check: TensorCheck) -> float:
    """Return the largest relative difference that a device may show on the golden samples."""
    if precision == "fp32":
        return FP32_TOLERANCE
    return max(LEAST_TOLERANCE, MARGIN * check.relative)


class MetricGate:
    """The task metric of variants beside that of PyTorch, which is measured once."""

    def __init__(self, evaluation: Evaluation, reference: Subject, advance: Advance):
        """Measure PyTorch."""
        self._evaluation = evaluation
        self._reference: Measured = evaluation.reference(reference, advance)

    @property
    def name(self) -> str:
        """Name of the metric."""
        return self._evaluation.name

    @property
    def samples(self) -> int:
        """Number of samples that `measure` counts."""
        return self._evaluation.samples

    def measure(self, subject: Subject, precision: str, advance: Advance) -> Metric:
        """Return the metric of a variant of `precision`.

        Raises:
            ParityError: It is below what the precision has to reach.
        """
        evaluation = self._evaluation
        metric = Metric(
            name=evaluation.name,
            value=evaluation.measure(subject, advance).value,
            reference=self._reference.value,
            minimum=evaluation.minimum(self._reference, precision),
            samples=evaluation.samples,
            data=evaluation.data,
        )
        if not metric.value >= metric.minimum:
            raise ParityError(
                f"{precision}: got {metric.name} {metric.value:.4g} on {metric.samples} samples of "
                f"{metric.data}, expected at least {metric.minimum:.4g} beside PyTorch's "
                f"{metric.reference:.4g}; keep sensitive layers in fp32, or do without the variant"
            )
        return metric
