"""Inputs, outputs and states of an ONNX Runtime session in the memory of a device."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from edgewright.backends.base import closed_error
from edgewright.specs import Array, Resident, TensorSpec


class ResidentValue(Resident):
    """A state in the memory of a device."""

    def __init__(self, ort: Any, spec: TensorSpec, device: str) -> None:
        super().__init__(spec)
        self._value = ort.OrtValue.ortvalue_from_numpy(spec.zeros(), device, 0)

    @property
    def value(self) -> Any:
        """ONNX Runtime's own."""
        value = self._value
        if value is None:
            raise closed_error()
        return value

    def clear(self) -> None:
        """Set all values to zero."""
        self.value.update_inplace(np.zeros(self.shape, self.dtype))

    def close(self) -> None:
        """Let go of the memory; the session of a running call keeps it until that ends."""
        self._value = None


class DeviceBinding:
    """One call of a session: what is no state crosses to the device and back, states stay there."""

    def __init__(
        self,
        ort: Any,
        session: Any,
        device: str,
        inputs: Mapping[str, Array | Resident],
        outputs: Mapping[str, Array | Resident],
    ) -> None:
        self._session, self._binding = session, session.io_binding()
        self._sent: list[tuple[Any, Array]] = []
        self._fetched: list[tuple[Any, Array]] = []
        for name, array in inputs.items():
            value = self._value(ort, array, device, self._sent)
            self._binding.bind_ortvalue_input(name, value)
        for name, array in outputs.items():
            value = self._value(ort, array, device, self._fetched)
            self._binding.bind_ortvalue_output(name, value)

    def __call__(self) -> None:
        """Run once: inputs as they are now, outputs into their arrays."""
        for value, array in self._sent:
            value.update_inplace(array)
        self._session.run_with_iobinding(self._binding)
        for value, array in self._fetched:
            array[...] = value.numpy()

    @staticmethod
    def _value(
        ort: Any, array: Array | Resident, device: str, crossing: list[tuple[Any, Array]]
    ) -> Any:
        if isinstance(array, ResidentValue):
            return array.value
        own = np.array(array)
        value = ort.OrtValue.ortvalue_from_numpy(own, device, 0)
        crossing.append((value, cast("Array", array)))
        return value
