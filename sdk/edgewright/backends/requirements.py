"""What each library needs of a machine: pure functions of the facts, which answer in words.

Sources: NVIDIA's support matrices of TensorRT and TensorRT-RTX, its release notes of CUDA, and the
`NEEDED` entries of onnxruntime-gpu's providers; docs/gpu.md has the table.
"""

from edgewright.backends.facts import Facts, TensorRtFlavor, TensorRtLibrary
from edgewright.backends.installation import (
    install_cuda_bindings,
    install_onnxruntime_gpu,
    install_tensorrt,
    install_tensorrt10,
    install_tensorrt_rtx,
    uninstall_tensorrt,
)
from edgewright.backends.tensorrt_library import LEAST_VERSION
from edgewright.backends.versions import (
    TURING,
    Version,
    before_jetpack_7,
    capability,
    jetson_linux,
    library_major,
    numbers,
    provider_tensorrt,
)
from edgewright.bundle.manifest import Variant

_CUDA, _TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
NAMES: dict[TensorRtFlavor, str] = {"tensorrt": "TensorRT", "tensorrt-rtx": "TensorRT-RTX"}
_CUDA_LIBRARIES = ("libcudart", "libcublas", "libcublasLt")
_DRIVERS: dict[Version, str] = {(12,): "525", (12, 2): "535", (13,): "580"}
"""First driver that serves a CUDA."""
_LEAST_CUDA_OF_TENSORRT_11: Version = (12, 2)
_VOLTA: Version = (7, 0)
_THOR: tuple[Version, ...] = ((10, 1), (11, 0))
"""Compute capability of Thor: before CUDA 13, and since."""
_RTX_CAPABILITIES: tuple[Version, ...] = ((7, 5), (8, 6), (8, 9), (12, 0), (12, 1))
_RTX_WITHOUT_FP32_ON_TURING: Version = (1, 7)
"""Last TensorRT-RTX of which this is known."""
_LEAST_JETSON_TENSORRT_11: Version = (11, 4, 1)


def cuda_problem(facts: Facts) -> str | None:
    """Say why ONNX Runtime's CUDA provider cannot be used; none where it can."""
    install = install_onnxruntime_gpu(facts)
    return (
        _provider_problem(facts, _CUDA, install)
        or _provider_cuda_problem(facts, _CUDA, install)
        or _missing_problem(facts, _CUDA, install)
    )


def tensorrt_provider_problem(facts: Facts) -> str | None:
    """Say why ONNX Runtime's TensorRT provider cannot be used; none where it can."""
    install = install_tensorrt10(facts)
    return (
        _provider_problem(facts, _TENSORRT, install)
        or _provider_cuda_problem(facts, _TENSORRT, install)
        or _provider_tensorrt_problem(facts)
        or _missing_problem(facts, _TENSORRT, install)
    )


def tensorrt_problem(facts: Facts, flavor: TensorRtFlavor) -> str | None:
    """Say why a TensorRT cannot be used by itself; none where it can."""
    name = NAMES[flavor]
    install = {"tensorrt": install_tensorrt, "tensorrt-rtx": install_tensorrt_rtx}[flavor](facts)
    if facts.nvidia.problem:
        return facts.nvidia.problem
    if flavor == "tensorrt-rtx" and capability(facts) not in _RTX_CAPABILITIES:
        served = ", ".join(map(_shown, _RTX_CAPABILITIES))
        return f"{name} does not serve {_gpu(facts)}, only {served}; use TensorRT"
    library = next((found for found in facts.tensorrt if found.flavor == flavor), None)
    if library is None:
        return f"{name} is not installed; {install}"
    if library.problem:
        return f"{name} {library.version}: {library.problem}; {install}"
    return (
        _old_problem(library)
        or _jetson_problem(facts, library)
        or _capability_problem(facts, library)
        or _driver_problem(facts, library, install)
        or _bindings_problem(facts)
    )


def tensorrt_variant_problem(facts: Facts, flavor: TensorRtFlavor, variant: Variant) -> str | None:
    """Say why a TensorRT that can be used builds no engine of a variant here; none if not known.

    TensorRT-RTX has no fp32 products for Turing, and every int8-trt graph leaves some in fp32.
    """
    if flavor != "tensorrt-rtx" or capability(facts) != TURING:
        return None
    version = next(found.version for found in facts.tensorrt if found.flavor == flavor)
    whole = [n for n in variant.receipt.kept_in_higher_precision if n.endswith("/*")]
    if numbers(version)[:2] > _RTX_WITHOUT_FP32_ON_TURING or (
        variant.precision == "fp16" and not whole
    ):
        return None
    kept = f" with {', '.join(whole)} in fp32" if whole else ""
    return (
        f"{NAMES[flavor]} {version} builds no fp32 products for {_gpu(facts)}, and this is "
        f"{variant.precision}{kept}; use a variant in fp16 throughout, TensorRT or device='cuda'"
    )


def _provider_problem(facts: Facts, provider: str, install: str) -> str | None:
    runtime = facts.onnxruntime
    if runtime.problem or facts.nvidia.problem:
        return runtime.problem or facts.nvidia.problem
    if provider not in runtime.providers:
        return (
            f"the installed onnxruntime has no {provider} (it has {', '.join(runtime.providers)}); "
            f"{install}"
        )
    return None


def _provider_cuda_problem(facts: Facts, provider: str, install: str) -> str | None:
    major = library_major(facts, provider, _CUDA_LIBRARIES)
    what = f"onnxruntime {facts.onnxruntime.version}"
    return None if major is None else _cuda_version_problem(facts, what, (major,), install)


def _cuda_version_problem(facts: Facts, what: str, wanted: Version, install: str) -> str | None:
    """Compare a CUDA that `what` was built with to that of the driver and to the GPU."""
    driver, shown = facts.nvidia, _shown(wanted)
    if driver.cuda and numbers(driver.cuda)[: len(wanted)] < wanted:
        least = f" (driver {_DRIVERS[wanted]} or later)" if wanted in _DRIVERS else ""
        return (
            f"{what} needs CUDA {shown}{least}, and the driver"
            f"{driver.version and ' ' + driver.version} serves CUDA {driver.cuda}; update the "
            f"driver, or {install}"
        )
    if wanted >= (13,) and capability(facts) < TURING:
        return f"{what} is built with CUDA {shown}, which does not serve {_gpu(facts)}; {install}"
    return None


def _provider_tensorrt_problem(facts: Facts) -> str | None:
    wanted = provider_tensorrt(facts)
    library = next((found for found in facts.tensorrt if found.flavor == "tensorrt"), None)
    if library is None or wanted is None:
        return None
    if numbers(library.version)[:1] not in ((), (wanted,)):
        return (
            f"onnxruntime {facts.onnxruntime.version} needs TensorRT {wanted} "
            f"(libnvinfer.so.{wanted}), and {library.version} is installed; "
            f"{install_tensorrt10(facts)}"
        )
    return _capability_problem(facts, library)


def _missing_problem(facts: Facts, provider: str, install: str) -> str | None:
    missing = facts.onnxruntime.missing_libraries.get(provider, ())
    if not missing:
        return None
    verb = "is" if len(missing) == 1 else "are"
    return f"{', '.join(missing)} {verb} not found, which {provider} needs; {install}"


def _old_problem(library: TensorRtLibrary) -> str | None:
    version = numbers(library.version)[:2]
    if library.flavor == "tensorrt" and () < version < LEAST_VERSION:
        least = _shown(LEAST_VERSION)
        return f"TensorRT {library.version} is installed, {least} or later is needed; upgrade it"
    return None


def _jetson_problem(facts: Facts, library: TensorRtLibrary) -> str | None:
    version = numbers(library.version)
    if jetson_linux(facts) is None or library.flavor != "tensorrt" or version < (11,):
        return None
    system = f"{uninstall_tensorrt(library)}, then {install_tensorrt(facts)}"
    if before_jetpack_7(facts):
        return (
            f"TensorRT {library.version} does not serve {facts.platform}, which stays on TensorRT "
            f"10; {system}"
        )
    if version < _LEAST_JETSON_TENSORRT_11:
        return (
            f"TensorRT {library.version} serves no Jetson, {_shown(_LEAST_JETSON_TENSORRT_11)} or "
            f"later does from JetPack 7.2.2 on; {system}"
        )
    return None


def _capability_problem(facts: Facts, library: TensorRtLibrary) -> str | None:
    if library.flavor != "tensorrt":
        return None
    version, here = numbers(library.version)[:2], capability(facts)
    name = f"TensorRT {library.version}"
    if here < (_VOLTA if version < (10, 5) else TURING):
        return f"{name} no longer serves {_gpu(facts)}; use device='cuda' or 'cpu'"
    least = _least_tensorrt(here)
    if () < version < least:
        return f"{name} does not serve {_gpu(facts)}; {_shown(least)} or later does, upgrade it"
    return None


def _least_tensorrt(here: Version) -> Version:
    """Return the first TensorRT that knows a GPU: Blackwell since 10.8, Thor since 10.13."""
    if here in _THOR:
        return (10, 13)
    return (10, 8) if here >= (10, 0) else LEAST_VERSION


def _driver_problem(facts: Facts, library: TensorRtLibrary, install: str) -> str | None:
    if not library.cuda:
        return None
    wanted: Version = (int(library.cuda),)
    if wanted == (12,) and library.flavor == "tensorrt" and numbers(library.version) >= (11,):
        wanted = _LEAST_CUDA_OF_TENSORRT_11
    name = f"{NAMES[library.flavor]} {library.version}"
    return _cuda_version_problem(facts, name, wanted, install)


def _bindings_problem(facts: Facts) -> str | None:
    install = install_cuda_bindings(facts)
    if not facts.cuda_bindings:
        return f"cuda-bindings is not installed; {install}"
    major = numbers(facts.cuda_bindings)[:1]
    return _cuda_version_problem(facts, f"cuda-bindings {facts.cuda_bindings}", major, install)


def _gpu(facts: Facts) -> str:
    gpu = facts.nvidia.gpus[0]
    return f"compute capability {gpu.compute_capability} ({gpu.name})"


def _shown(version: Version) -> str:
    return ".".join(map(str, version))
