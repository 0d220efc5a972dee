"""The NVIDIA driver and its GPUs, asked through `libcuda.so.1`, without CUDA or TensorRT.

Source: the CUDA driver API, https://docs.nvidia.com/cuda/cuda-driver-api/.
"""

import ctypes
import re
from pathlib import Path

from edgewright.backends.facts import Gpu, NvidiaDriver

_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*
_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE
_NO_GPU = "the NVIDIA driver sees no GPU; check `nvidia-smi`"
_JETPACK = {35: 5, 36: 6, 38: 7}
"""JetPack by major version of Jetson Linux (L4T)."""


def find_driver(
    library: str = "libcuda.so.1", version: Path = Path("/proc/driver/nvidia/version")
) -> NvidiaDriver:
    """Return the driver and its GPUs; without them, what is wrong.

    Args:
        library: The driver's library, as the dynamic loader finds it.
        version: File in which the kernel module tells its version.
    """
    number = _driver_version(version)
    try:
        cuda = ctypes.CDLL(library)
    except OSError:
        problem = f"no NVIDIA driver ({Path(library).name} is not found); install the driver"
        return NvidiaDriver(number, "", (), f"{problem}, or use device='cpu'")
    served = _served_cuda(cuda)
    try:
        _call(cuda, "cuInit", 0)
        gpus = _gpus(cuda)
    except _CallError as error:
        return NvidiaDriver(number, served, (), str(error))
    return NvidiaDriver(number, served, gpus, None if gpus else _NO_GPU)


def find_platform(release: Path = Path("/etc/nv_tegra_release")) -> str:
    """Return `JetPack 6 (L4T 36.4.3)` on a Jetson, and nothing elsewhere.

    Args:
        release: File in which Jetson Linux tells its version.
    """
    told = re.search(r"R(\d+) \(release\), REVISION: ([\d.]+)", _text(release))
    if told is None:
        return ""
    linux = f"L4T {told[1]}.{told[2]}"
    jetpack = _JETPACK.get(int(told[1]))
    return linux if jetpack is None else f"JetPack {jetpack} ({linux})"


def _driver_version(file: Path) -> str:
    told = re.search(r"^NVRM version:.*?\s(\d+\.\d+(?:\.\d+)?)\s", _text(file), re.MULTILINE)
    return "" if told is None else told[1]


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""


def _served_cuda(cuda: ctypes.CDLL) -> str:
    number = ctypes.c_int(0)
    if cuda.cuDriverGetVersion(ctypes.byref(number)) or not number.value:
        return ""
    return f"{number.value // 1000}.{number.value % 1000 // 10}"


class _CallError(Exception):
    """What is wrong when a call of the driver's API fails."""


def _call(cuda: ctypes.CDLL, function: str, *arguments: object) -> None:
    status = getattr(cuda, function)(*arguments)
    if status == _NO_DEVICE:
        raise _CallError(_NO_GPU)
    if status:
        name = ctypes.c_char_p()
        cuda.cuGetErrorName(status, ctypes.byref(name))
        error = name.value.decode() if name.value else f"error {status}"
        raise _CallError(f"the NVIDIA driver fails ({function}: {error}); check `nvidia-smi`")


def _gpus(cuda: ctypes.CDLL) -> tuple[Gpu, ...]:
    count = ctypes.c_int(0)
    _call(cuda, "cuDeviceGetCount", ctypes.byref(count))
    return tuple(_gpu(cuda, index) for index in range(count.value))


def _gpu(cuda: ctypes.CDLL, index: int) -> Gpu:
    device, number = ctypes.c_int(0), ctypes.c_int(0)
    name, memory = ctypes.create_string_buffer(256), ctypes.c_size_t(0)
    _call(cuda, "cuDeviceGet", ctypes.byref(device), index)
    _call(cuda, "cuDeviceGetName", name, len(name), device)
    _call(cuda, "cuDeviceTotalMem_v2", ctypes.byref(memory), device)
    capability = []
    for attribute in (_CAPABILITY_MAJOR, _CAPABILITY_MINOR):
        _call(cuda, "cuDeviceGetAttribute", ctypes.byref(number), attribute, device)
        capability.append(str(number.value))
    return Gpu(name.value.decode(errors="replace"), ".".join(capability), memory.value)
