"""ONNX Runtime, on the CPU and on NVIDIA GPUs: what it serves, and how graphs are opened."""

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edgewright.backends.base import (
    Backend,
    DeviceFact,
    Runner,
    check_signature,
)
from edgewright.backends.facts import Facts
from edgewright.backends.onnxrt_library import import_onnxruntime, load_gpu_libraries
from edgewright.backends.onnxrt_providers import PROVIDERS, ProviderOptions, providers_of
from edgewright.backends.onnxrt_runner import OnnxRuntimeRunner, ProfiledRunner
from edgewright.backends.requirements import cuda_problem, tensorrt_provider_problem
from edgewright.bundle.manifest import Component, Manifest, Variant
from edgewright.engines.cache import EngineCache, hash_files, provider_key
from edgewright.errors import (
    CacheError,
    EdgewrightError,
    MissingDependencyError,
    PlacementError,
    StateError,
)
from edgewright.specs import TensorSpec

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}
_LOG_FATAL_ONLY = 4  # errors come as exceptions, whose text is told

# x -> Identity -> y, float32 (1,), IR 7, opset 13: the smallest graph that proves a provider loads.
_IDENTITY_GRAPH = (
    b'\x08\x07\x12\x00:7\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x01tZ\x0f\n\x01x\x12\n\n\x08\x08'
    b"\x01\x12\x04\n\x02\x08\x01b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00"
    b"\x10\r"
)


class OnnxRuntime(Backend):
    """ONNX Runtime sessions: one inter-op thread, no spinning, no fallback to another device."""

    key = "onnxruntime"
    _shared_threads: int | None = None
    _lock = threading.Lock()

    @classmethod
    def devices(cls, facts: Facts) -> tuple[DeviceFact, ...]:
        """Return what this onnxruntime can use, TensorRT first."""
        problems = {
            "tensorrt": tensorrt_provider_problem(facts),
            "cuda": cuda_problem(facts),
            "cpu": facts.onnxruntime.problem,
        }
        return tuple(
            DeviceFact(cls.key, device, provider, facts.onnxruntime.version, problems[device])
            for device, provider in PROVIDERS.items()
        )

    @classmethod
    def variant_problem(
        cls, facts: Facts, manifest: Manifest, variant: Variant, device: str, *, asked: bool
    ) -> str | None:
        """Keep TensorRT for those who ask: it builds its engines while the graphs are opened."""
        if device != "tensorrt" or asked:
            return None
        return (
            "it builds engines while the bundle is loaded, 30 to 100 s for each graph, unless its "
            "cache has them; ask for it by device='tensorrt'"
        )

    @classmethod
    def self_test(cls, device: str) -> str | None:
        """Run an identity graph on `device`."""
        one = (TensorSpec("x", "float32", (1,)),)
        component = Component(("identity",), one, (TensorSpec("y", "float32", (1,)),))
        shared = cls._shared_threads is not None
        try:
            options = _options(import_onnxruntime(), device, 1, shared_threads=shared)
            session = _session(_IDENTITY_GRAPH, providers_of(device, component, {}), options)
            runner = OnnxRuntimeRunner(component, session, PROVIDERS[device])
            answer = runner.run({"x": np.ones(1, np.float32)})["y"]
        except EdgewrightError as error:
            return str(error)
        return None if answer == 1 else f"identity of 1 gave {answer}"

    @classmethod
    def open(
        cls,
        files: Sequence[Path],
        component: Component,
        *,
        device: str,
        threads: int,
        shared_threads: bool = False,
        strict: bool = True,
        precision: str = "",
        options: Mapping[str, str] | None = None,
    ) -> Runner:
        """Open the graph `files[0]`; see `Backend.open`."""

        def opened(*, strict: bool) -> OnnxRuntimeRunner:
            settings = cls._own_options(device, threads, shared_threads, strict=strict)
            try:
                with _engines(device, files) as engines:
                    providers = providers_of(
                        device, component, options or {}, strict=strict, engines=engines
                    )
                    session = _checked_session(files, component, providers, settings)
            except CacheError as error:
                raise PlacementError(str(error)) from error
            return OnnxRuntimeRunner(component, session, session.get_providers()[0])

        try:
            return opened(strict=True)
        except PlacementError as error:
            if strict or device == "cpu":
                raise
            runner = opened(strict=False)
            runner.shared_with_cpu = str(error)
            return runner

    @classmethod
    def open_profiled(
        cls, files: Sequence[Path], component: Component, *, threads: int
    ) -> ProfiledRunner:
        """Open the graph `files[0]` on the CPU to see what its kernels take; see `Backend.open`."""
        options = cls._own_options("cpu", threads, shared_threads=False)
        options.enable_profiling = True
        folder = TemporaryDirectory(prefix="edgewright-profile-", ignore_cleanup_errors=True)
        try:
            options.profile_file_prefix = str(Path(folder.name) / "calls")
            providers = providers_of("cpu", component, {})
            session = _checked_session(files, component, providers, options)
            return ProfiledRunner(component, session, session.get_providers()[0], folder)
        except BaseException:
            folder.cleanup()
            raise

    @classmethod
    def _own_options(
        cls, device: str, threads: int, shared_threads: bool, *, strict: bool = True
    ) -> Any:
        if cls._shared_threads is not None and not shared_threads:
            raise StateError(
                f"threads: got {threads} for one model after set_threads({cls._shared_threads}), "
                "expected none: with a shared pool, ONNX Runtime gives no model its own; leave "
                "`threads` away, or do not call set_threads"
            )
        return _options(
            import_onnxruntime(), device, threads, shared_threads=shared_threads, strict=strict
        )

    @classmethod
    def share_threads(cls, threads: int) -> None:
        """Create ONNX Runtime's process-wide pool.

        Its workers spin while they wait, and the Python interface has no switch for that (a
        session's own pool has one, and it is off here). Once it exists, no session can have its
        own. A session that was opened before keeps its own.

        Raises:
            StateError: The pool exists with another size; ONNX Runtime cannot change it.
        """
        ort = import_onnxruntime()
        if not hasattr(ort, "set_global_thread_pool_sizes"):
            raise MissingDependencyError(
                f"set_threads: got onnxruntime {ort.__version__}, expected one with a shared thread"
                " pool; upgrade onnxruntime, or give each model its own: load(..., threads=n)"
            )
        with cls._lock:
            if cls._shared_threads == threads:
                return
            if cls._shared_threads is not None:
                raise StateError(
                    f"set_threads: got {threads} after {cls._shared_threads}, expected one size "
                    "per process; call it once, before the first load"
                )
            ort.set_global_thread_pool_sizes(threads, 1)
            cls._shared_threads = threads


def _options(
    ort: Any, device: str, threads: int, *, shared_threads: bool, strict: bool = True
) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = _LOG_FATAL_ONLY
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    if shared_threads:
        options.use_per_session_threads = False
    else:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # On a busy two-core machine, spinning workers doubled the median latency.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    if device != "cpu" and strict:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    return options


def _engines(device: str, files: Sequence[Path]) -> AbstractContextManager[Path | None]:
    """Return the folder for the engines of a graph, where its device has such."""
    if device != "tensorrt":
        return nullcontext()
    from edgewright.probe import probe  # which imports the backends

    return EngineCache().provider_engines(provider_key(hash_files(files), probe().facts))


def _session(graph: str | bytes, providers: Sequence[ProviderOptions], options: Any) -> Any:
    ort, provider = import_onnxruntime(), providers[0][0]
    if provider != PROVIDERS["cpu"]:
        load_gpu_libraries(provider)
    shown = "graph" if isinstance(graph, bytes) else f"graph '{Path(graph).name}'"
    try:
        session = ort.InferenceSession(graph, options, list(providers), enable_fallback=False)
    except Exception as error:
        raise PlacementError(
            f"{shown}: onnxruntime {ort.__version__} with {provider} failed with '{error}', "
            "expected it to open; use another device or precision, or a newer onnxruntime"
        ) from error
    session.disable_fallback()
    got = session.get_providers()[0]
    if got != provider:
        raise PlacementError(
            f"{shown}: got provider {got}, expected {provider}; see `edgewright doctor` for the "
            "libraries that it misses"
        )
    return session


def _checked_session(
    files: Sequence[Path],
    component: Component,
    providers: Sequence[ProviderOptions],
    options: Any,
) -> Any:
    session = _session(str(files[0]), providers, options)
    where = component.files[0]
    check_signature("inputs", where, component.inputs, _specs(session.get_inputs()))
    check_signature("outputs", where, component.outputs, _specs(session.get_outputs()))
    return session


def _specs(nodes: Sequence[Any]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(
            node.name,
            _DTYPES.get(node.type, node.type),
            tuple(size if isinstance(size, int) else str(size) for size in node.shape),
        )
        for node in nodes
    )
