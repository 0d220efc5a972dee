"""A graph that ONNX Runtime opened, run plainly or with a profile."""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edgewright.backends.base import Runner, closed_error
from edgewright.backends.onnxrt_binding import DeviceBinding, ResidentValue
from edgewright.backends.onnxrt_library import import_onnxruntime
from edgewright.backends.onnxrt_profile import KernelCall, read_profile
from edgewright.backends.onnxrt_providers import PROVIDERS
from edgewright.bundle.manifest import Component
from edgewright.errors import EdgewrightError, StateError
from edgewright.specs import Array, Resident, TensorSpec


class OnnxRuntimeRunner(Runner):
    """One `InferenceSession`; ONNX Runtime lets any number of threads run it at once."""

    def __init__(self, component: Component, session: Any, provider: str) -> None:
        super().__init__(component, provider)
        self._session = session
        self._names = [spec.name for spec in component.outputs]
        self._device = None if provider == PROVIDERS["cpu"] else "cuda"
        """Memory that the session computes in, if it is not the host's."""

    def _open_session(self) -> Any:
        """Return the session, which a `close` in another thread cannot take away then."""
        session = self._session
        if session is None:
            raise closed_error()
        return session

    def _run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        session = self._open_session()
        try:
            values = session.run(self._names, dict(arrays))
        except Exception as error:
            raise EdgewrightError(
                f"graph: ONNX Runtime failed on inputs { {n: a.shape for n, a in arrays.items()} } "
                f"with '{error}', expected an answer; try a smaller input or batch"
            ) from error
        return dict(zip(self._names, values, strict=True))

    def _state(self, spec: TensorSpec) -> Array | Resident:
        """Return zeros in the memory that the session computes in."""
        if self._device is None:
            return spec.zeros()
        return ResidentValue(import_onnxruntime(), spec, self._device)

    def _bind(
        self, inputs: Mapping[str, Array | Resident], outputs: Mapping[str, Array | Resident]
    ) -> Callable[[], None]:
        """Let the session read and write the memory of the arrays, where it runs on the CPU."""
        if self._device is None:
            run = self._bind_host(inputs, outputs)
        else:
            session = self._open_session()
            run = DeviceBinding(import_onnxruntime(), session, self._device, inputs, outputs)

        def call() -> None:
            try:
                run()
            except Exception as error:
                raise EdgewrightError(
                    f"graph: ONNX Runtime failed on bound inputs with '{error}', expected an "
                    "answer; try other inputs"
                ) from error

        return call

    def _bind_host(
        self, inputs: Mapping[str, Array | Resident], outputs: Mapping[str, Array | Resident]
    ) -> Callable[[], None]:
        session, value = self._open_session(), import_onnxruntime().OrtValue.ortvalue_from_numpy
        binding = session.io_binding()
        for name, array in inputs.items():
            binding.bind_ortvalue_input(name, value(array))
        for name, array in outputs.items():
            binding.bind_ortvalue_output(name, value(array))
        run, memory = session.run_with_iobinding, (inputs, outputs)

        def call(_: object = memory) -> None:  # the binding holds pointers, the default the arrays
            run(binding)

        return call

    def close(self) -> None:
        """Release the session; a running call keeps its own reference until it ends."""
        super().close()
        self._session = None


class ProfiledRunner(OnnxRuntimeRunner):
    """A session that writes down every call of a kernel, in a temporary folder until it ends."""

    def __init__(
        self, component: Component, session: Any, provider: str, folder: TemporaryDirectory[str]
    ) -> None:
        super().__init__(component, session, provider)
        self._folder: TemporaryDirectory[str] | None = folder
        self.runs = 0
        """Inferences so far."""

    def _run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        answer = super()._run(arrays)
        self.runs += 1
        return answer

    def _bind(
        self, inputs: Mapping[str, Array | Resident], outputs: Mapping[str, Array | Resident]
    ) -> Callable[[], None]:
        return Runner._bind(self, inputs, outputs)  # by `_run`, which counts

    def end_profile(self) -> list[list[KernelCall]]:
        """Return the calls of each inference and write down no more.

        Raises:
            StateError: The profile ended before.
        """
        if self._folder is None:
            raise StateError(
                "profile: got a second end, expected one; open the graph again for another profile"
            )
        try:
            return read_profile(Path(self._session.end_profiling()))
        finally:
            self._remove()

    def close(self) -> None:
        """Release the session and remove what it wrote."""
        if self._folder is not None:
            self._session.end_profiling()  # it would write to the end otherwise
            self._remove()
        super().close()

    def _remove(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()
