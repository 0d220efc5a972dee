"""What was found on a machine, before anything is concluded from it; every record is plain data.

`edgewright doctor --json` prints them, so that what another machine would choose can be told here.
"""

from dataclasses import dataclass, field
from typing import Literal

TensorRtFlavor = Literal["tensorrt", "tensorrt-rtx"]


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU."""

    name: str
    """As the driver calls it: `NVIDIA H200`, `Orin`, …"""
    compute_capability: str
    """Generation: `7.5` (Turing), `8.7` (Orin), `9.0` (Hopper), …"""
    memory_bytes: int
    """All of its memory; on Jetson boards that of the board."""


@dataclass(frozen=True)
class NvidiaDriver:
    """The driver and the GPUs that it sees."""

    version: str
    """`580.95.05`; empty where the system does not tell."""
    cuda: str
    """Latest CUDA that it serves: `13.0`; empty without a driver."""
    gpus: tuple[Gpu, ...]
    """In the driver's order; the first one is used."""
    problem: str | None
    """Why none can be used and what to do about it; none where one can."""

    @property
    def major(self) -> int:
        """Major version, or that of the CUDA that it serves where the system does not tell."""
        return int((self.version or self.cuda).partition(".")[0] or 0)


@dataclass(frozen=True)
class OnnxRuntimeLibrary:
    """The installed onnxruntime."""

    packages: tuple[str, ...]
    """What brought it: `onnxruntime`, `onnxruntime-gpu`; two of them overwrite each other."""
    version: str
    """Empty where it cannot be imported."""
    providers: tuple[str, ...]
    """Execution providers that it was built with."""
    needed_libraries: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By provider: shared libraries that its file needs, such as `libcudart.so.13`."""
    missing_libraries: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By provider: those of them that are not on this machine."""
    problem: str | None = None
    """Why it cannot be imported; none where it can."""


@dataclass(frozen=True)
class TensorRtLibrary:
    """One installed TensorRT."""

    flavor: TensorRtFlavor
    version: str
    """`10.3.0.30`; empty where the installation does not tell."""
    cuda: str = ""
    """Major version of the CUDA that it was built with; empty where its package does not tell."""
    problem: str | None = None
    """Why it cannot be imported; none where it can."""


@dataclass(frozen=True)
class EngineIdentity:
    """What an engine depends on: the key of the cache."""

    graph_sha256: str
    """SHA-256 (hex) of the graph's files; see `edgewright.engines.cache.graph_digest`."""
    flavor: TensorRtFlavor
    version: str
    """Of TensorRT."""
    cuda: str
    """Major version of the CUDA that this TensorRT was built with; empty where it does not tell."""
    gpu: str
    """Name of the GPU."""
    compute_capability: str
    driver_major: int
    """See `NvidiaDriver.major`."""
    precision: str
    """Of the variant: `fp32`, `fp16`, `int8-trt`, …"""
    profiles: tuple[str, ...]
    """Sizes that it was built for, one line a profile."""
    builder_settings: int
    """What Edgewright told the builder: `edgewright.backends.tensorrt.BUILDER_SETTINGS`."""


@dataclass(frozen=True)
class EngineRecord:
    """One engine in the cache: its sidecar file."""

    identity: EngineIdentity
    bundle: str
    """Name, version and variant that it was built from, and the component, for people."""
    compatibility: str
    """Other GPUs that may load it, as `HARDWARE_COMPATIBILITY` names them."""
    plan_sha256: str
    """SHA-256 (hex) of the plan."""
    plan_bytes: int
    seconds: float
    """That building it took."""
    built: str
    """When: ISO 8601, UTC."""
    edgewright: str
    """Version that built it."""


@dataclass(frozen=True)
class Facts:
    """All that backends conclude from."""

    platform: str
    """`JetPack 6 (L4T 36.4.3)` on a Jetson; empty elsewhere."""
    nvidia: NvidiaDriver
    onnxruntime: OnnxRuntimeLibrary
    tensorrt: tuple[TensorRtLibrary, ...] = ()
    """Those that are installed."""
    cuda_bindings: str = ""
    """Version of cuda-bindings, which the TensorRT runner needs; empty where it is missing."""
    engines: tuple[EngineRecord, ...] = ()
    """Engines in the cache."""
