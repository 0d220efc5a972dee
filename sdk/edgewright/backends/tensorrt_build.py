"""From an ONNX graph to a TensorRT engine; TensorRT runs it on the GPU that it was built for.

The network is strongly typed: precisions are those of the graph (casts, QuantizeLinear pairs), and
the builder chooses among implementations, never among precisions.
"""

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgewright.backends.base import check_signature
from edgewright.backends.facts import TensorRtFlavor
from edgewright.backends.tensorrt_library import MOST_ERRORS, import_tensorrt, quiet_logger, told
from edgewright.backends.tensorrt_profiles import Profile, line, profiles, shapes
from edgewright.bundle.manifest import Component
from edgewright.errors import EngineBuildError, UsageError
from edgewright.progress import Progress
from edgewright.specs import TensorSpec

HARDWARE_COMPATIBILITY = ("none", "same-compute-capability", "ampere-plus")
"""Other GPUs that may load an engine: none, those of its generation, all from Ampere on."""
_ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Signals that end programs; Windows has no SIGHUP."""
_DTYPES = {
    "FLOAT": "float32", "HALF": "float16", "INT8": "int8", "INT32": "int32", "INT64": "int64",
    "BOOL": "bool", "UINT8": "uint8",
}  # fmt: skip


@dataclass(frozen=True)
class BuildOptions:
    """How an engine is built."""

    compatibility: str = "none"
    """One of `HARDWARE_COMPATIBILITY`."""
    compute_capability: str | None = None
    """For TensorRT-RTX: generation of the GPU that it is built for, where none is at hand."""
    timing_cache: bytes = b""
    """What an earlier build measured on this GPU."""


@dataclass(frozen=True)
class BuiltEngine:
    """An engine in TensorRT's own format."""

    plan: bytes
    timing_cache: bytes
    """What this build and those before it measured; empty from TensorRT-RTX."""
    seconds: float


def build_engine(
    flavor: TensorRtFlavor,
    files: Sequence[Path],
    component: Component,
    options: BuildOptions,
    progress: Progress,
) -> BuiltEngine:
    """Build the engine of one graph.

    TensorRT needs a GPU for it. TensorRT-RTX does not where `options` name a compute capability:
    what depends on the GPU, it compiles when the engine is first used.

    Args:
        flavor: Which TensorRT.
        files: The graph first, then its external data, which lies beside it.
        component: Its signature and ranges in the manifest.
        options: See there.
        progress: Shows the builder's own phases.

    Raises:
        EngineBuildError: TensorRT does not take the graph; nodes and reasons are named.
        IntegrityError: The graph's inputs or outputs differ from the manifest's.
        MissingDependencyError: This TensorRT is not installed.
        UsageError: An option is not known to this TensorRT.
    """
    with quiet_logger(flavor).errors() as errors:
        return _Builder(flavor, errors).build(files, component, options, progress)


class _Builder:
    def __init__(self, flavor: TensorRtFlavor, errors: Sequence[str]) -> None:
        """Start the builder; the logger adds to `errors`."""
        self._trt, self._flavor, self._errors = import_tensorrt(flavor), flavor, errors
        self._logger = quiet_logger(flavor)
        try:
            self._builder = self._trt.Builder(self._logger)
        except (TypeError, RuntimeError) as error:  # what its bindings make of a null pointer
            raise EngineBuildError(
                f"builder: {self._name} does not start ({told(errors)}), expected one; see "
                "`edgewright doctor`"
            ) from error

    def build(
        self, files: Sequence[Path], component: Component, options: BuildOptions, progress: Progress
    ) -> BuiltEngine:
        network = self._parse(files[0], component)
        config = self._configure(options)
        for profile in profiles(component):
            self._add_profile(config, profile, component)
        cache = self._set_timing_cache(config, options.timing_cache)
        monitor = _monitor_class(self._trt)(files[0].name, progress)
        config.progress_monitor = monitor
        start = time.perf_counter()
        with _interrupts_noted(monitor):
            plan = self._builder.build_serialized_network(network, config)
        if plan is None:
            raise EngineBuildError(
                f"{component.files[0]}: {self._name} built no engine of it: "
                f"{told(self._errors)}; use another precision, or a newer {self._flavor}"
            )
        seconds = time.perf_counter() - start
        measured = bytes(cache.serialize()) if cache is not None else b""
        return BuiltEngine(bytes(plan), measured, seconds)

    @property
    def _name(self) -> str:
        return f"{self._flavor} {self._trt.__version__}"

    def _parse(self, graph: Path, component: Component) -> Any:
        flag = self._trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED
        network = self._builder.create_network(1 << int(flag))
        parser = self._trt.OnnxParser(network, self._logger)
        if not parser.parse_from_file(str(graph)):
            errors = [parser.get_error(i) for i in range(parser.num_errors)]
            raise EngineBuildError(
                f"{component.files[0]}: {self._name} does not take "
                f"{'; '.join(map(_told, errors[:MOST_ERRORS]))}"
                f"{_more(len(errors))}; use a variant made for it (fp32-trt, fp16, int8-trt)"
            )
        where = component.files[0]
        inputs = [network.get_input(i) for i in range(network.num_inputs)]
        outputs = [network.get_output(i) for i in range(network.num_outputs)]
        check_signature("inputs", where, component.inputs, tuple(map(_spec, inputs)))
        found = tuple(_completed(spec, component.outputs) for spec in map(_spec, outputs))
        check_signature("outputs", where, component.outputs, found)
        if sizes := [tensor.name for tensor in inputs if tensor.is_shape_tensor]:
            raise EngineBuildError(
                f"{component.files[0]}: got inputs {sizes} whose values decide sizes, expected "
                "sizes that follow from those of the inputs; export the bundle again"
            )
        self._let_attention_be_decomposed(network)
        return network

    def _let_attention_be_decomposed(self, network: Any) -> None:
        """Allow attention of sizes without a kernel of its own; older versions do not parse any."""
        kind = getattr(self._trt.LayerType, "ATTENTION_INPUT", None)
        for layer in map(network.get_layer, range(network.num_layers)):
            if layer.type == kind:
                layer.__class__ = self._trt.IAttentionInputLayer  # as its samples downcast
                layer.attention.decomposable = True

    def _configure(self, options: BuildOptions) -> Any:
        trt, config = self._trt, self._builder.create_builder_config()
        config.clear_flag(trt.BuilderFlag.TF32)  # fp32 means fp32
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
        level = options.compatibility.upper().replace("-", "_")
        levels = trt.HardwareCompatibilityLevel
        if not hasattr(levels, level):
            raise UsageError(
                f"compatibility: got '{options.compatibility}', expected one that {self._name} "
                f"knows; choose among {', '.join(HARDWARE_COMPATIBILITY)}"
            )
        config.hardware_compatibility_level = getattr(levels, level)
        if options.compute_capability is not None:
            self._set_compute_capability(config, options.compute_capability)
        return config

    def _set_compute_capability(self, config: Any, wanted: str) -> None:
        kinds = getattr(self._trt, "ComputeCapability", None)
        name = f"SM{wanted.replace('.', '')}"
        if kinds is None or not hasattr(kinds, name):
            known = [n for n in dir(kinds) if n.startswith("SM")] if kinds is not None else []
            shown = ", ".join(f"{n[2:-1]}.{n[-1]}" for n in known) or "that of the GPU at hand"
            raise UsageError(
                f"compute capability: got '{wanted}', expected one that {self._name} builds for: "
                f"{shown}"
            )
        config.num_compute_capabilities = 1
        if not config.set_compute_capability(getattr(kinds, name), 0):
            raise self._refused(f"compute capability {wanted}")

    def _set_timing_cache(self, config: Any, kept: bytes) -> Any:
        """Have the builder measure into a cache, an empty one where it does not take `kept`."""
        if self._flavor != "tensorrt":  # the other measures when an engine is first used
            return None
        for content in (kept, b""):
            cache = config.create_timing_cache(content)
            if cache is not None and config.set_timing_cache(cache, ignore_mismatch=False):
                return cache
        raise self._refused("an empty timing cache")

    def _add_profile(self, config: Any, profile: Profile, component: Component) -> None:
        if not profile:
            return
        made, sizes = self._builder.create_optimization_profile(), f"sizes {line(profile)}"
        for spec in component.inputs:
            if any(isinstance(size, str) for size in spec.shape):
                try:
                    made.set_shape(spec.name, *shapes(profile, spec))
                except ValueError as error:
                    raise self._refused(f"{sizes} of '{spec.name}' ({error})") from error
        if config.add_optimization_profile(made) < 0:
            raise self._refused(sizes)

    def _refused(self, what: str) -> EngineBuildError:
        return EngineBuildError(
            f"builder: {self._name} refused {what} with '{told(self._errors)}', expected that it "
            "takes them; export the bundle again, or report it"
        )


def _monitor_class(trt: Any) -> Any:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        """Shows the builder's outermost phases, and lets a signal end them."""

        def __init__(self, graph: str, progress: Progress) -> None:
            super().__init__()
            self.interrupted = 0
            self._graph, self._progress = graph, progress
            self._phase: str | None = None

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            if self._phase is None:
                self._phase = phase_name
                self._progress.start(f"{self._graph}: {phase_name}", num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            if phase_name == self._phase:
                self._progress.advance_to(step + 1)
            return not self.interrupted

        def phase_finish(self, phase_name: str) -> None:
            if phase_name == self._phase:
                self._phase = None

    return Monitor


@contextmanager
def _interrupts_noted(monitor: Any) -> Iterator[None]:
    """Have a signal that ends programs end the build at its next step, and call its handler then.

    What a handler raises in the builder is lost, and the build goes on. Other handlers than
    Python's stay as they are.

    Raises:
        KeyboardInterrupt: There was a signal, whose handler raised nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number: int, _: object) -> None:
        monitor.interrupted = number

    found = {number: signal.getsignal(number) for number in _ENDING}
    handlers = {number: handler for number, handler in found.items() if callable(handler)}
    for number in handlers:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if monitor.interrupted:
        handlers[monitor.interrupted](monitor.interrupted, None)
        raise KeyboardInterrupt


def _told(error: Any) -> str:
    """Return a parser's error in words: the node, its operator, and the reason."""
    name, operator = error.node_name(), error.node_operator()
    node = f"node '{name}' ({operator})" if operator else "the file"
    reason = error.desc().strip()
    return f"{node}: {reason}" if reason not in ("", "false") else f"{node}: not supported"


def _more(count: int) -> str:
    return f" and {count - MOST_ERRORS} more" if count > MOST_ERRORS else ""


def _spec(tensor: Any) -> TensorSpec:
    dtype = _DTYPES.get(tensor.dtype.name, tensor.dtype.name)
    return TensorSpec(tensor.name, dtype, tuple(d if d >= 0 else "?" for d in tensor.shape))


def _completed(found: TensorSpec, listed: Sequence[TensorSpec]) -> TensorSpec:
    """Fill sizes of an output that only the run tells in from the manifest.

    TensorRT does not derive as many sizes from those of the inputs as ONNX does.
    """
    shape = next((s.shape for s in listed if s.name == found.name), ())
    if len(shape) != len(found.shape):
        return found
    sizes = (want if got == "?" else got for want, got in zip(shape, found.shape, strict=True))
    return replace(found, shape=tuple(sizes))
