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
    """`state_NN_<what>`, an input of the graph; all zeros is a legal first state."""
    output: str
    """`next_state_NN_<what>`, an output of the graph with the same dtype and shape."""


@dataclass(frozen=True)
class SizeRange:
    """Sizes of a dynamic dimension that an engine is built for together."""

    least: int
    typical: int
    """What it is made fastest for."""
    most: int


@dataclass(frozen=True)
class Component:
    """One graph of a variant."""

    files: tuple[str, ...]
    """Bundle paths: the ONNX file first, then its external data."""
    inputs: tuple[TensorSpec, ...]
    """What the graph takes, states included, in the graph's order."""
    outputs: tuple[TensorSpec, ...]
    """What the graph gives, states included, in the graph's order."""
    states: tuple[StatePair, ...] = ()
    """What the graph carries from call to call, in order of the input names; none for most."""
    ranges: dict[str, tuple[SizeRange, ...]] = field(default_factory=dict)
    """By dynamic dimension of the inputs: the sizes that it is meant for, in ascending ranges.
    TensorRT builds an engine for them; other backends take any size."""


@dataclass(frozen=True)
class Target:
    """How a variant fared on one kind of machine; speed marks, it never rejects."""

    ep: str
    """Execution provider, such as `CPUExecutionProvider`; `TensorRT` or `TensorRT-RTX` for engines
    of `edgewright build`."""
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
    why_slower: tuple[str, ...] = ()
    """Where it is not faster than fp32: what costs the time, by node, the most costly first."""
    options: dict[str, str] = field(default_factory=dict)
    """Of the execution provider, by names of `onnxrt_providers.OPTIONS`; they win over Edgewright's
    choices. Engines of `edgewright build` take none."""


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
    """Number of golden inputs compared."""
    outputs_sqnr_db: dict[str, float | None] = field(default_factory=dict)
    """The same ratio of every output alone, dB; none where it is identical."""


def less_is_better(metric: str) -> bool:
    """Whether a metric of this name counts errors."""
    return metric.endswith("_error_rate")


@dataclass(frozen=True)
class Metric:
    """The task metric of a variant beside that of PyTorch on the same samples."""

    name: str
    """`top1`, `auc`, `mean_return`, …; `…_agreement` where no labels were given; `…_error_rate`
    where less is better."""
    value: float
    """Of this variant."""
    reference: float
    """The same metric of PyTorch fp32 (1 for an agreement)."""
    minimum: float
    """Value that the gate asked for: the least, or the largest where less is better."""
    samples: int
    """Number of samples, sequences or episodes."""
    data: str
    """What the samples were: a file name, an environment, or `calibration samples`."""
    interval: tuple[float, ...] = ()
    """95 % bootstrap interval of `value` over the samples: two numbers, or none if exact."""

    @property
    def less_is_better(self) -> bool:
        """Whether `minimum` is the largest value that is allowed."""
        return less_is_better(self.name)

    @property
    def passes(self) -> bool:
        """Whether the gate lets `value` through; NaN never passes."""
        if self.less_is_better:
            return self.value <= self.minimum
        return self.value >= self.minimum


@dataclass(frozen=True)
class Receipt:
    """What was measured of a variant."""

    bytes: int
    """Size of all its files; a file that two components share counts once."""
    parity: Parity
    """Tensor agreement with PyTorch."""
    metric: Metric
    """Task metric beside that of PyTorch."""
    method: str
    """How it was made, such as `dynamic int8, per channel, MatMul`."""
    calibration_sha256: str | None
    """Hash of the calibration samples; none where none were needed."""
    kept_in_higher_precision: tuple[str, ...]
    """Names of graph nodes left out of the quantization, of a variant of several components as
    `<component>/<node>`; `<component>/*` for a whole component."""
    why_kept: dict[str, str] = field(default_factory=dict)
    """By name of such a node: why it was left out."""
    search: str = ""
    """What a search tried and found; empty where the plain form was enough."""


@dataclass(frozen=True)
class Variant:
    """One precision of all components."""

    name: str
    """What users ask for, and its folder under `variants/`."""
    precision: str
    """`fp32`, `int8`, `fp16`, …"""
    opsets: dict[str, int]
    """Operator-set version by domain; the default domain is `ai.onnx`."""
    components: dict[str, Component]
    """Its graphs by name; a family knows the names that it needs."""
    targets: tuple[Target, ...]
    """Kinds of machine that it was made for or measured on."""
    receipt: Receipt
    """What was measured of it."""


@dataclass(frozen=True)
class Rejection:
    """A variant that missed a gate and is not in the bundle."""

    variant: str
    """Its name."""
    why: str
    """The gate that it missed, with the figures."""


@dataclass(frozen=True)
class GoldenSample:
    """One `.npz` of raw inputs (`input.<name>`) and fp32 PyTorch outputs (`output.<name>`)."""

    file: str
    """Bundle path."""


@dataclass(frozen=True)
class Golden:
    """Samples to re-check on the device."""

    samples: tuple[GoldenSample, ...]
    """At least one; each has all inputs and outputs of the family."""
    tolerance: dict[str, float]
    """By variant: largest allowed absolute difference, relative to the output's scale."""


@dataclass(frozen=True)
class Manifest:
    """All of `manifest.json`."""

    format: str
    """Always `edgewright-bundle`."""
    format_version: int
    """1; a reader refuses later ones."""
    requires: tuple[str, ...]
    """Features that a reader must have; it refuses those that it does not know."""
    family: str
    """Key of the code that runs the bundle, such as `vit`."""
    task: str
    """What it is for, such as `classify`; the command of that name runs it."""
    name: str
    """Name of the model, for people."""
    version: str
    """Version of the model, for people."""
    licenses: Licenses
    """What may be done with it."""
    source: Source
    """Where it came from."""
    config: dict[str, Any]
    """What pre- and post-processing needs; each family has a record for it."""
    files: dict[str, FileEntry]
    """Every file but `manifest.json` and `manifest.sha256`."""
    variants: tuple[Variant, ...]
    """At least one, of different names; they may share files."""
    rejected: tuple[Rejection, ...]
    """Variants that the export made and left out."""
    golden: Golden
    """Samples to re-check on the device."""
    extensions: dict[str, Any] = field(default_factory=dict)
    """Free for others; unknown keys are allowed here and nowhere else."""
