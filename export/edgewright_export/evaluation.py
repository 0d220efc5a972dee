"""Task metrics of a subject: on labelled samples, or as agreement with PyTorch."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgewright.bench.statistics import bootstrap_interval
from edgewright.errors import InputError
from edgewright_export.calibrate import Calibration, hash_samples
from edgewright_export.subject import Advance, Sample, Subject

Floats = NDArray[np.float32]

KEPT_SHARE = dict.fromkeys(("int8", "int8-trt", "int8w"), 0.99)
"""Share of the PyTorch metric that a precision has to keep; others are to keep `DEFAULT_SHARE`."""
DEFAULT_SHARE = 0.999


Interval = Callable[[], tuple[float, ...]]


@dataclass(frozen=True)
class Measured:
    """What an evaluation found."""

    value: float
    """The metric."""
    episodes: tuple[float, ...] = ()
    """Its parts, where the metric is a mean over episodes."""
    interval: Interval = field(default=lambda: (), compare=False)
    """Returns the 95 % bootstrap interval over the samples, low and high; none of what is exact."""


@dataclass(frozen=True)
class Evaluation(ABC):
    """One metric on fixed samples; larger is better, unless its name ends in `_error_rate`."""

    name: str
    """`top1`, `auc`, …; `<metric>_agreement` when the samples have no labels."""
    data: str
    """What the samples are: a file name, an environment, `calibration samples`."""

    @property
    @abstractmethod
    def samples(self) -> int:
        """Number of samples (or episodes)."""

    @abstractmethod
    def measure(self, subject: Subject, advance: Advance) -> Measured:
        """Return the metric of `subject`."""

    @abstractmethod
    def sha256(self) -> str:
        """Return the SHA-256 (hex) of samples and labels."""

    def reference(self, subject: Subject, advance: Advance) -> Measured:
        """Return the metric of PyTorch."""
        return self.measure(subject, advance)

    def minimum(self, reference: Measured, precision: str) -> float:
        """Return what a variant of `precision` must reach, given the figure of PyTorch.

        Of an error rate it is the most that it may have.
        """
        return KEPT_SHARE.get(precision, DEFAULT_SHARE) * reference.value


@dataclass(frozen=True)
class LabelledEvaluation(Evaluation):
    """A metric of logits against labels."""

    inputs: Sequence[Sample]
    """Raw samples; may be read from disk one by one."""
    labels: NDArray[np.int64]
    """The right class of each sample."""
    score: Callable[[NDArray[np.float32], NDArray[np.int64]], float]
    """From logits `(samples, classes)` and labels to the metric."""
    output: str = "logits"
    """Which output is judged."""
    hits: Callable[[Floats, NDArray[np.int64]], NDArray[np.float64]] | None = None
    """The metric of every sample alone, where `score` is their mean."""

    @property
    def samples(self) -> int:
        """Number of labelled samples."""
        return len(self.inputs)

    def measure(self, subject: Subject, advance: Advance) -> Measured:
        """Return the metric of `subject` over all samples."""
        logits = []
        for sample in self.inputs:
            logits.append(_answer(subject, sample, self.output))
            advance(1)
        rows = np.stack(logits)
        value = float(self.score(rows, self.labels))
        return Measured(value, interval=lambda: self._interval(rows))

    def sha256(self) -> str:
        """Return the hash of inputs and labels."""
        return hash_samples(({"labels": self.labels}, *self.inputs))

    def _interval(self, rows: Floats) -> tuple[float, ...]:
        if self.hits is None:
            return bootstrap_interval(
                lambda draws: np.array([self._drawn(rows[d], self.labels[d]) for d in draws]),
                self.labels.size,
            )
        return mean_of(self.hits(rows, self.labels)).interval()

    def _drawn(self, rows: Floats, labels: NDArray[np.int64]) -> float:
        """Return the metric of a draw, NaN where one of its classes is missing."""
        try:
            return self.score(rows, labels)
        except InputError:
            return float("nan")


@dataclass(frozen=True)
class AgreementEvaluation(Evaluation):
    """Mean agreement with what PyTorch answered to the same samples."""

    inputs: Sequence[Sample]
    """Raw samples."""
    expected: tuple[Floats, ...]
    """What PyTorch answered."""
    agree: Callable[[Floats, Floats], float]
    """From an answer and the expected one to 0 (unlike) … 1 (the same)."""
    output: str
    """Which output is judged."""

    @classmethod
    def create(
        cls,
        name: str,
        calibration: Calibration,
        reference: Subject,
        output: str,
        agree: Callable[[Floats, Floats], float],
    ) -> "AgreementEvaluation":
        """Return the evaluation on `calibration`, after asking `reference` (PyTorch)."""
        inputs = calibration.samples
        expected = tuple(_answer(reference, sample, output) for sample in inputs)
        return cls(name, calibration.data, inputs, expected, agree, output)

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.inputs)

    def reference(self, subject: Subject, advance: Advance) -> Measured:
        """Return 1: PyTorch agrees with itself."""
        advance(len(self.inputs))
        return Measured(1.0)

    def measure(self, subject: Subject, advance: Advance) -> Measured:
        """Return the mean agreement of `subject` with PyTorch."""
        values = []
        for sample, expected in zip(self.inputs, self.expected, strict=True):
            values.append(self.agree(_answer(subject, sample, self.output), expected))
            advance(1)
        return mean_of(values)

    def sha256(self) -> str:
        """Return the hash of inputs and PyTorch's answers."""
        return hash_samples((*({self.output: answer} for answer in self.expected), *self.inputs))


def mean_of(
    values: Sequence[float] | NDArray[np.float64], episodes: tuple[float, ...] = ()
) -> Measured:
    """Return the mean of the metrics of single samples."""
    array = np.asarray(values, np.float64)
    return Measured(
        float(array.mean()),
        episodes,
        lambda: bootstrap_interval(lambda draws: array[draws].mean(axis=1), array.size),
    )


def right_class(logits: Floats, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return 1 for rows whose largest entry is at the label and 0 for others."""
    return np.asarray(np.argmax(logits, axis=-1) == labels, np.float64)


def _answer(subject: Subject, sample: Sample, output: str) -> Floats:
    return np.asarray(subject.infer(sample)[output], dtype=np.float32)


def same_class(answer: Floats, expected: Floats) -> float:
    """Return the share of rows (or 0 or 1 for one row) whose largest entries coincide."""
    return float(np.mean(np.argmax(answer, axis=-1) == np.argmax(expected, axis=-1)))


def cosine(answer: Floats, expected: Floats) -> float:
    """Return the cosine of the angle between two vectors, 0 for a null vector."""
    norm = float(np.linalg.norm(answer) * np.linalg.norm(expected))
    return float(np.sum(answer * expected, dtype=np.float64)) / norm if norm > 0 else 0.0


def explained(answer: Floats, expected: Floats) -> float:
    """Return the share of the energy of `expected` that the error leaves: 1 - |a - e|² / |e|²."""
    energy = float(np.sum(np.square(expected), dtype=np.float64))
    error = float(np.sum(np.square(answer - expected), dtype=np.float64))
    return max(0.0, 1.0 - error / energy) if energy > 0 else float(error == 0.0)
