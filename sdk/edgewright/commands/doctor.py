"""`edgewright doctor`: what is installed, what really loads, and how to get what is missing."""

import argparse
import platform
from dataclasses import dataclass
from importlib import metadata

from edgewright import _core
from edgewright.backends import BACKENDS, DeviceFact
from edgewright.backends.onnxrt import INSTALL_CPU, INSTALL_GPU
from edgewright.commands.base import add_json_option
from edgewright.commands.output import emit, emit_table
from edgewright.errors import PlacementError
from edgewright.probe import default_threads, probe

PACKAGES = {
    "numpy": "pip install . in a checkout",
    "pillow": "pip install . in a checkout",
    "rich": "pip install . in a checkout",
    "onnxruntime": INSTALL_CPU,
    "onnxruntime-gpu": INSTALL_GPU,
    "isal": "pip install '.[dna]' in a checkout",
    "gymnasium": "pip install '.[control]' in a checkout",
    "mujoco": "pip install '.[control]' in a checkout",
    "sentencepiece": "pip install '.[translate]' in a checkout",
    "torch": "pip install '.[export]' in a checkout",
    "transformers": "pip install '.[export]' in a checkout",
    "onnx": "pip install '.[export]' in a checkout",
}
"""Command that installs each library."""


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


@dataclass(frozen=True)
class Diagnosis:
    """What this machine has for Edgewright."""

    edgewright: str
    python: str
    system: str
    machine: str
    """Name of the processor."""
    cpu_features: tuple[str, ...]
    instruction_set: str
    """What the kernels use of it, as in docs/kernels.md."""
    cores: int
    """Physical cores that this process may use."""
    default_threads: int
    packages: tuple[Package, ...]
    devices: tuple[Device, ...]
    advice: tuple[str, ...]


class DoctorCommand:
    """Prints the diagnosis. Ends with an error code where no device works."""

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
        return 0 if any(device.works for device in found.devices) else PlacementError.exit_code


def diagnose() -> Diagnosis:
    """Look at libraries and devices; every device runs a one-node graph."""
    here = probe()
    packages = tuple(Package(name, _version(name), install) for name, install in PACKAGES.items())
    return Diagnosis(
        edgewright=metadata.version("edgewright"),
        python=platform.python_version(),
        system=platform.platform(),
        machine=here.machine,
        cpu_features=here.cpu_features,
        instruction_set=_core.instruction_set(),
        cores=here.cores,
        default_threads=default_threads(),
        packages=packages,
        devices=tuple(_examine(fact) for fact in here.devices),
        advice=_advice({package.name for package in packages if package.version}),
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _examine(fact: DeviceFact) -> Device:
    problem = fact.problem or BACKENDS[fact.backend].self_test(fact.device)
    return Device(fact.backend, fact.device, fact.provider, fact.version, problem is None, problem)


def _advice(installed: set[str]) -> tuple[str, ...]:
    if {"onnxruntime", "onnxruntime-gpu"} <= installed:
        return (
            "onnxruntime and onnxruntime-gpu overwrite each other's files: uninstall both, then "
            "install one of edgewright[cpu] and edgewright[gpu]",
        )
    return ()


def _print(found: Diagnosis) -> None:
    rows: list[tuple[str, ...]] = [
        ("edgewright", found.edgewright, ""),
        ("python", found.python, found.system),
        ("processor", found.machine, " ".join(found.cpu_features)),
        ("kernels", found.instruction_set, ""),
        ("cores", str(found.cores), f"{found.default_threads} threads by default"),
    ]
    rows += [
        (p.name, p.version or "missing", "" if p.version else p.install) for p in found.packages
    ]
    rows += [
        (f"{d.device} by {d.provider}", "works" if d.works else "failed", d.problem or "")
        for d in found.devices
    ]
    rows += [("advice", "", line) for line in found.advice]
    emit_table("doctor", ("what", "state", "detail"), rows)
