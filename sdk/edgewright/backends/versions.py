"""Version numbers that facts tell."""

import re

from edgewright.backends.facts import Facts

Version = tuple[int, ...]

TURING: Version = (7, 5)
"""Compute capability below which CUDA 13 and TensorRT since 10.5 serve no GPU."""
NEWEST_CUDA = 13
"""Major version of the CUDA that the newest wheels are built with."""
JETPACK_7 = 38
"""First major version of its Jetson Linux."""


def numbers(version: str) -> Version:
    """Return the leading numbers of a version: (10, 3, 0) of `10.3.0`; none of an empty one."""
    leading = re.match(r"\d+(?:\.\d+)*", version)
    return () if leading is None else tuple(map(int, leading[0].split(".")))


def capability(facts: Facts) -> Version:
    """Return the compute capability of the first GPU, which is the one that is used."""
    return numbers(facts.nvidia.gpus[0].compute_capability)


def wants_cuda_12(facts: Facts) -> bool:
    """Whether the driver or the GPU is too old for CUDA 13."""
    served = numbers(facts.nvidia.cuda)[:1]
    return bool(served) and (
        served < (NEWEST_CUDA,) or (bool(facts.nvidia.gpus) and capability(facts) < TURING)
    )


def jetson_linux(facts: Facts) -> int | None:
    """Return the major version of Jetson Linux: 36 on JetPack 6; none on other machines."""
    told = re.search(r"L4T (\d+)", facts.platform)
    return None if told is None else int(told[1])


def before_jetpack_7(facts: Facts) -> bool:
    """Whether this is a Jetson that CUDA's and TensorRT's wheels for servers do not serve."""
    linux = jetson_linux(facts)
    return linux is not None and linux < JETPACK_7


def library_major(facts: Facts, provider: str, stems: tuple[str, ...]) -> int | None:
    """Return the major version of the first of some libraries that a provider needs.

    Args:
        facts: Of the machine.
        provider: Execution provider of ONNX Runtime.
        stems: Names such as `libcudart`.
    """
    for name in facts.onnxruntime.needed_libraries.get(provider, ()):
        stem, _, version = name.partition(".so.")
        if stem in stems and version.isdecimal():
            return int(version)
    return None


def provider_tensorrt(facts: Facts) -> int | None:
    """Return the major version of TensorRT that ONNX Runtime's provider is for, where it tells."""
    return library_major(facts, "TensorrtExecutionProvider", ("libnvinfer",))
