"""The records of `manifest.json`, format version 1 (field by field in docs/bundle-format.md)."""

from dataclasses import dataclass, field
from typing import Any

from edgewright.specs import TensorSpec

FORMAT = "edgewright-bundle"
FORMAT_VERSION = 1
READER_FEATURES: frozenset[str] = frozenset()
"""Values of `requires` that this reader understands; format 1 defines none yet."""


@dataclass(frozen=True)
class Licenses:
    """SPDX expressions of what the bundle is made of."""

    code: tuple[str, ...]
    """Of the code that made the graphs."""
    weights: tuple[str, ...]
    """Of the weights; `NOASSERTION` where the checkpoint did not say."""
    data: tuple[str, ...]
    """Of the training data; `NOASSERTION` where the checkpoint did not say."""
    notice: str = "NOTICE"
    """Bundle path of the notice file."""


@dataclass(frozen=True)
class Source:
    """Where the bundle came from."""

    files: dict[str, str]
    """SHA-256 (hex) of every checkpoint file that was read."""
    architecture: str
    """Class named by the checkpoint's `config.json`."""
    tools: dict[str, str]
    """Versions of what exported it: python, torch, transformers, onnx, onnxruntime, edgewright."""
    seed: int
    """Seed of everything random during the export."""


@dataclass(frozen=True)
class FileEntry:
    """One file of the bundle."""

    sha256: str
    """SHA-256 (hex) of its bytes."""
    bytes: int
    """Its size."""


@dataclass(frozen=True)
class StatePair:
    """A state that a graph carries from call to call: output `output` is fed back as `input`."""

    input: str
    output: str


@dataclass(frozen=True)
class Component:
    """One graph of a variant."""

    files: tuple[str, ...]
    """Bundle paths: the ONNX file first, then its external data."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    states: tuple[StatePair, ...] = ()


@dataclass(frozen=True)
class Target:
    """How a variant fared on one kind of machine; speed marks, it never rejects."""

    ep: str
    """Execution provider, such as `CPUExecutionProvider`."""
    device: str
    """`cpu`, `cuda`, …"""
    compatibility: tuple[str, ...]
    """CPU features that the variant needs there for exact and fast arithmetic, such as `vnni`."""
    verdict: str
    """`recommended`, `not recommended` or `unmeasured`."""
    latency_ratio: float | None
    """Latency relative to the fp32 variant (below 1 is faster)."""
    latency_interval: tuple[float, ...]
    """95 % bootstrap interval of the ratio: two numbers, or none when unmeasured."""
    machine: str
    """CPU or GPU name of the measurement; empty when unmeasured."""


@dataclass(frozen=True)
class Parity:
    """Tensor agreement with PyTorch on the golden inputs."""

    max_abs: float
    """Largest absolute difference."""
    scale: float
    """Largest absolute value of the PyTorch output."""
    sqnr_db: float | None
    """Signal to quantization noise, dB; none where the outputs are identical."""
    samples: int


@dataclass(frozen=True)
class Metric:
    """The task metric of a variant beside that of PyTorch on the same samples."""

    name: str
    """`top1`, `auc`, `mean_return`, …; `…_agreement` where no labels were given."""
    value: float
    reference: float
    """The same metric of PyTorch fp32 (1 for an agreement)."""
    minimum: float
    """Value that the gate asked for."""
    samples: int
    data: str
    """What the samples were: a file name, an environment, or `calibration samples`."""


@dataclass(frozen=True)
class Receipt:
    """What was measured of a variant."""

    bytes: int
    """Size of all its files."""
    parity: Parity
    metric: Metric
    method: str
    """How it was made, such as `dynamic int8, per channel, MatMul`."""
    calibration_sha256: str | None
    """Hash of the calibration samples; none where none were needed."""
    kept_in_higher_precision: tuple[str, ...]
    """Names of graph nodes that were left out of the quantization."""


@dataclass(frozen=True)
class Variant:
    """One precision of all components."""

    name: str
    precision: str
    opsets: dict[str, int]
    """Operator-set version by domain; the default domain is `ai.onnx`."""
    components: dict[str, Component]
    targets: tuple[Target, ...]
    receipt: Receipt


@dataclass(frozen=True)
class Rejection:
    """A variant that missed a gate and is not in the bundle."""

    variant: str
    why: str


@dataclass(frozen=True)
class GoldenSample:
    """One `.npz` of raw inputs (`input.<name>`) and fp32 PyTorch outputs (`output.<name>`)."""

    file: str


@dataclass(frozen=True)
class Golden:
    """Samples to re-check on the device."""

    samples: tuple[GoldenSample, ...]
    tolerance: dict[str, float]
    """By variant: largest allowed absolute difference, relative to the output's scale."""


@dataclass(frozen=True)
class Manifest:
    """All of `manifest.json`."""

    format: str
    format_version: int
    requires: tuple[str, ...]
    family: str
    task: str
    name: str
    version: str
    licenses: Licenses
    source: Source
    config: dict[str, Any]
    """What pre- and post-processing needs; each family has a record for it."""
    files: dict[str, FileEntry]
    """Every file but `manifest.json` and `manifest.sha256`."""
    variants: tuple[Variant, ...]
    rejected: tuple[Rejection, ...]
    golden: Golden
    extensions: dict[str, Any] = field(default_factory=dict)
    """Free for others; unknown keys are allowed here and nowhere else."""
