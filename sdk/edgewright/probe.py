"""What this machine has: processor, cores, libraries. `place` decides on nothing else."""

import functools
import os
import platform
from dataclasses import dataclass, replace
from pathlib import Path

from edgewright import _core
from edgewright.backends import BACKENDS, DeviceFact
from edgewright.backends.facts import Facts, NvidiaDriver
from edgewright.backends.nvidia import find_driver, find_platform
from edgewright.backends.onnxrt_library import find_onnxruntime
from edgewright.backends.tensorrt_installed import find_cuda_bindings, find_tensorrt
from edgewright.engines.cache import EngineCache

MAX_DEFAULT_THREADS = 4
"""Threads of a model when none are asked for: the usable cores, at most this many. Beyond four
cores, one inference of a small model gains little and takes them from the application."""


@dataclass(frozen=True)
class Probe:
    """A machine as `place` sees it."""

    machine: str
    """Name of the processor."""
    architecture: str
    """`x86_64`, `aarch64`, …"""
    cpu_features: tuple[str, ...]
    """Instruction sets that are present: `avx2`, `avx512f`, `vnni`, `neon`, …"""
    cores: int
    """Physical cores that this process may use."""
    facts: Facts
    """The GPU's driver, the installed libraries and the engines."""

    @property
    def devices(self) -> tuple[DeviceFact, ...]:
        """What each backend concludes about each device."""
        return tuple(fact for backend in BACKENDS.values() for fact in backend.devices(self.facts))

    def has(self, feature: str) -> bool:
        """Return whether the processor has an instruction set."""
        return feature in self.cpu_features


def probe(*, gpus: bool = True) -> Probe:
    """Look at this machine: at its engines every time, at all else once per process.

    Args:
        gpus: Whether to look for GPUs, which starts their driver in this process.
    """
    here = _hardware_and_libraries()
    if not gpus:
        return here
    facts = replace(here.facts, nvidia=_driver(), engines=EngineCache().records())
    return replace(here, facts=facts)


@functools.cache
def _driver() -> NvidiaDriver:
    return find_driver()


@functools.cache
def _hardware_and_libraries() -> Probe:
    features = _core.cpu_features()
    return Probe(
        machine=processor_name(),
        architecture=platform.machine(),
        cpu_features=tuple(sorted(name for name, present in features.items() if present)),
        cores=usable_cores(),
        facts=Facts(
            platform=find_platform(),
            nvidia=NvidiaDriver("", "", (), "not looked for, since device='cpu' was asked for"),
            onnxruntime=find_onnxruntime(),
            tensorrt=find_tensorrt(),
            cuda_bindings=find_cuda_bindings(),
        ),
    )


def default_threads() -> int:
    """Return the threads of a model when none are asked for."""
    return min(usable_cores(), MAX_DEFAULT_THREADS)


def processor_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's name, or the architecture where the system does not tell."""
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model") and value.strip():
                return value.strip()
    return platform.processor() or platform.machine()


def usable_cores(
    topology: Path = Path("/sys/devices/system/cpu"), quota: Path = Path("/sys/fs/cgroup/cpu.max")
) -> int:
    """Return the physical cores that this process may use: affinity, siblings, container quota."""
    cpus = (
        os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    )
    siblings = {_siblings(topology, cpu) for cpu in cpus}
    return max(1, min(len(siblings), _quota(quota)))


def _siblings(topology: Path, cpu: int) -> str:
    file = topology / f"cpu{cpu}" / "topology" / "thread_siblings_list"
    return file.read_text().strip() if file.exists() else str(cpu)


def _quota(file: Path) -> int:
    """Return the cores of a cgroup-v2 quota, rounded up; many where there is none."""
    if not file.exists():
        return 1 << 16
    quota, period = file.read_text().split()
    return 1 << 16 if quota == "max" else -(-int(quota) // int(period))
