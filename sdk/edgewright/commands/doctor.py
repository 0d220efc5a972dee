"""`edgewright doctor`: what is installed, what really loads, and how to get what is missing."""

import argparse
import platform
from dataclasses import dataclass
from importlib import metadata

from edgewright import _core
from edgewright.backends import BACKENDS, DeviceFact
from edgewright.backends.facts import Facts
from edgewright.backends.installation import conflicts, fitting_lines
from edgewright.backends.tensorrt_installed import installed_version
from edgewright.commands.base import add_json_option
from edgewright.commands.output import emit, emit_table
from edgewright.errors import PlacementError
from edgewright.probe import Probe, default_threads, probe

PACKAGES = {
    "numpy": "pip install . in a checkout",
    "pillow": "pip install . in a checkout",
    "rich": "pip install . in a checkout",
    "isal": "pip install '.[dna]' in a checkout",
    "gymnasium": "pip install '.[control]' in a checkout",
    "mujoco": "pip install '.[control]' in a checkout",
    "sentencepiece": "pip install '.[translate]' in a checkout",
    "torch": "pip install '.[export]' in a checkout",
    "transformers": "pip install '.[export]' in a checkout",
    "onnx": "pip install '.[export]' in a checkout",
}
"""Command that installs each library, but for those that run graphs."""


@dataclass(frozen=True)
class Package:
    """One library."""

    name: str
    version: str | None
    """None when it is not installed."""
    install: str
    """Command that installs it."""


@dataclass(frozen=True)
class Device:
    """One device through one backend."""

    backend: str
    device: str
    provider: str
    version: str
    works: bool
    """Whether a one-node graph ran on it just now."""
    problem: str | None
    """Why it cannot be used; none where nothing speaks against it."""
    untested: str = ""
    """Of a device without a problem on which no graph ran: what was tried instead."""

    @property
    def state(self) -> str:
        """`works`, `untested` or `failed`."""
        return "failed" if self.problem else "untested" if self.untested else "works"


@dataclass(frozen=True)
class Diagnosis:
    """What this machine has for Edgewright."""

    edgewright: str
    python: str
    system: str
    probe: Probe
    """What placement decides on, whole."""
    instruction_set: str
    """What the kernels use of the processor, as in docs/kernels.md."""
    default_threads: int
    packages: tuple[Package, ...]
    devices: tuple[Device, ...]
    conflicts: tuple[str, ...]
    """Installed packages that exclude each other."""
    install: dict[str, str]
    """By what it brings: the line that fits this machine."""


class DoctorCommand:
    """Prints the diagnosis. Ends with an error code where no device can be used."""

    help = "print what is installed here, what loads, and what is missing"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add nothing but `--json`."""
        add_json_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Examine and print."""
        found = diagnose()
        if args.json:
            emit(found, as_json=True)
        else:
            _print(found)
        return 0 if any(d.problem is None for d in found.devices) else PlacementError.exit_code


def diagnose() -> Diagnosis:
    """Look at libraries and devices; every device but TensorRT's runs a one-node graph."""
    here = probe()
    return Diagnosis(
        edgewright=metadata.version("edgewright"),
        python=platform.python_version(),
        system=platform.platform(),
        probe=here,
        instruction_set=_core.instruction_set(),
        default_threads=default_threads(),
        packages=tuple(
            Package(name, installed_version(name), install) for name, install in PACKAGES.items()
        ),
        devices=tuple(_examine(fact) for fact in here.devices),
        conflicts=conflicts(here.facts),
        install=fitting_lines(here.facts),
    )


def _examine(fact: DeviceFact) -> Device:
    backend = BACKENDS[fact.backend]
    problem = fact.problem or backend.self_test(fact.device)
    untested = "" if problem else backend.untested
    works = problem is None and not untested
    return Device(fact.backend, fact.device, fact.provider, fact.version, works, problem, untested)


def _print(found: Diagnosis) -> None:
    here = found.probe
    rows: list[tuple[str, ...]] = [
        ("edgewright", found.edgewright, ""),
        ("python", found.python, found.system),
        ("processor", here.machine, " ".join(here.cpu_features)),
        ("kernels", found.instruction_set, ""),
        ("cores", str(here.cores), f"{found.default_threads} threads by default"),
        *_gpu_rows(here.facts),
        *_library_rows(here.facts),
    ]
    rows += [
        (p.name, p.version or "missing", "" if p.version else p.install) for p in found.packages
    ]
    rows += [
        (f"{d.device} by {d.provider}", d.state, d.problem or d.untested) for d in found.devices
    ]
    rows += [("conflict", "", line) for line in found.conflicts]
    rows += [("install", what, line) for what, line in found.install.items()]
    emit_table("doctor", ("what", "state", "detail"), rows)


def _gpu_rows(facts: Facts) -> list[tuple[str, ...]]:
    driver = facts.nvidia
    rows: list[tuple[str, ...]] = [("platform", facts.platform, "")] if facts.platform else []
    served = f"serves CUDA {driver.cuda}" if driver.cuda else ""
    rows.append(("NVIDIA driver", driver.version or "missing", driver.problem or served))
    for gpu in driver.gpus:
        memory = f"{gpu.memory_bytes / 2**30:.1f} GiB"
        rows.append(("GPU", gpu.name, f"compute capability {gpu.compute_capability}, {memory}"))
    return rows


def _library_rows(facts: Facts) -> list[tuple[str, ...]]:
    """Return a row for each library that runs graphs, and for what its providers lack."""
    runtime = facts.onnxruntime
    packages = " and ".join(runtime.packages) or "onnxruntime"
    told = runtime.problem or ", ".join(runtime.providers)
    rows: list[tuple[str, ...]] = [(packages, runtime.version or "missing", told)]
    for provider, needed in runtime.needed_libraries.items():
        missing = runtime.missing_libraries.get(provider, ())
        state = f"{len(missing)} missing" if missing else "found"
        rows.append((f"libraries of {provider}", state, ", ".join(missing or needed)))
    for library in facts.tensorrt:
        built = f"for CUDA {library.cuda}" if library.cuda else ""
        rows.append((library.flavor, library.version or "found", library.problem or built))
    if facts.tensorrt:
        rows.append(("cuda-bindings", facts.cuda_bindings or "missing", ""))
    if facts.engines:
        rows.append(("engines", str(len(facts.engines)), "in the cache; see `edgewright cache`"))
    return rows
