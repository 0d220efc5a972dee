"""The command that installs each library on the machine of some facts, and what excludes what.

The extras follow the newest wheels, which are built with CUDA 13. Where the driver or the GPU is
too old for it, the lines name the last wheels that are not.
"""

from edgewright.backends.facts import Facts, TensorRtLibrary
from edgewright.backends.versions import (
    before_jetpack_7,
    jetson_linux,
    numbers,
    provider_tensorrt,
    wants_cuda_12,
)

INSTALL_CPU = "pip install '.[cpu]' in a checkout"
_BINDINGS_12 = ">=12.6,<13"


def install_onnxruntime_gpu(facts: Facts) -> str:
    """Return the line for ONNX Runtime's CUDA provider."""
    if before_jetpack_7(facts):
        return "install NVIDIA's wheel of onnxruntime-gpu for this JetPack (docs/jetson.md)"
    older = " 'onnxruntime-gpu<1.27'" if wants_cuda_12(facts) else ""
    return f"{_without_cpu_build(facts)}pip install '.[gpu]'{older} in a checkout"


def install_tensorrt10(facts: Facts) -> str:
    """Return the line for ONNX Runtime's TensorRT provider."""
    if before_jetpack_7(facts):
        return install_onnxruntime_gpu(facts)
    if wants_cuda_12(facts):
        removal = _without_cpu_build(facts) + _without_other_tensorrt(facts, 10, "12")
        return f"{removal}pip install 'onnxruntime-gpu[cuda,cudnn]<1.27' 'tensorrt-cu12>=10.3,<11'"
    removal = _without_cpu_build(facts) + _without_other_tensorrt(facts, 10, "13")
    return f"{removal}pip install '.[tensorrt10]' in a checkout"


def install_tensorrt(facts: Facts) -> str:
    """Return the line for TensorRT itself."""
    if jetson_linux(facts) is not None:
        return (
            "sudo apt install python3-libnvinfer, make the environment with "
            f"--system-site-packages, and {install_cuda_bindings(facts)}"
        )
    if wants_cuda_12(facts):
        packages = f"'tensorrt-cu12>=11,<12' 'cuda-bindings{_BINDINGS_12}'"
        return f"{_without_other_tensorrt(facts, 11, '12')}pip install {packages}"
    return f"{_without_other_tensorrt(facts, 11, '13')}pip install '.[tensorrt]' in a checkout"


def install_tensorrt_rtx(facts: Facts) -> str:
    """Return the line for TensorRT-RTX."""
    if wants_cuda_12(facts):
        packages = "tensorrt-rtx-cu12-libs tensorrt-rtx-cu12-bindings"
        return f"pip install {packages} 'cuda-bindings{_BINDINGS_12}'"
    return "pip install '.[rtx]' in a checkout"


def install_cuda_bindings(facts: Facts) -> str:
    """Return the line for cuda-bindings."""
    return f"pip install 'cuda-bindings{_BINDINGS_12 if wants_cuda_12(facts) else '>=12.6'}'"


def uninstall_tensorrt(library: TensorRtLibrary) -> str:
    """Return the line that removes the wheels of a TensorRT."""
    wheels = f"tensorrt-cu{library.cuda}"
    parts = f" {wheels} {wheels}-libs {wheels}-bindings" if library.cuda else ""
    return f"pip uninstall tensorrt{parts}"


def fitting_lines(facts: Facts) -> dict[str, str]:
    """Return, by what it brings, each line that fits this machine.

    Without a GPU that is the CPU's, where ONNX Runtime is missing.
    """
    if facts.nvidia.problem is not None:
        return {"cpu by onnxruntime": INSTALL_CPU} if facts.onnxruntime.problem else {}
    return {
        "tensorrt": install_tensorrt(facts),
        "tensorrt by onnxruntime": install_tensorrt10(facts),
        "cuda by onnxruntime": install_onnxruntime_gpu(facts),
    }


def conflicts(facts: Facts) -> tuple[str, ...]:
    """Say which installed packages exclude each other, and what to do."""
    found = []
    if len(facts.onnxruntime.packages) > 1:
        found.append(
            f"{' and '.join(facts.onnxruntime.packages)} overwrite each other's files: uninstall "
            "both, then install one of the extras cpu and gpu"
        )
    wanted = provider_tensorrt(facts)
    for library in facts.tensorrt:
        installed = numbers(library.version)[:1]
        if library.flavor == "tensorrt" and wanted and installed not in ((), (wanted,)):
            found.append(
                f"onnxruntime's TensorRT provider is for TensorRT {wanted}, and {library.version} "
                "is installed: an environment holds one of the extras tensorrt (for engines of "
                "`edgewright build`) and tensorrt10 (for the provider). For the provider: "
                f"{install_tensorrt10(facts)}"
            )
    return tuple(found)


def _without_cpu_build(facts: Facts) -> str:
    return "pip uninstall onnxruntime && " if "onnxruntime" in facts.onnxruntime.packages else ""


def _without_other_tensorrt(facts: Facts, major: int, cuda: str) -> str:
    """Return what removes wheels whose files those of another version or CUDA would overwrite."""
    others = (
        library
        for library in facts.tensorrt
        if library.flavor == "tensorrt"
        and library.cuda
        and (library.cuda, numbers(library.version)[:1]) != (cuda, (major,))
    )
    return "".join(f"{uninstall_tensorrt(library)} && " for library in others)
