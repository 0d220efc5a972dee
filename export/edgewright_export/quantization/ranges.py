"""Ranges of activations, observed sample by sample, so that memory holds one sample at a time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod
from onnxruntime.quantization.calibrate import TensorsData, create_calibrator, save_tensors_data

from edgewright.errors import UsageError
from edgewright.specs import Array
from edgewright_export.onnx_graph import graph_files
from edgewright_export.quiet import quiet_libraries

GraphInputs = Mapping[str, Array]
"""What one run of a graph is given, by input name."""
Ranges = Mapping[str, tuple[float, float]]
"""By tensor of a graph: the least and the largest value that are to be told apart."""

METHODS = {
    "min-max": (CalibrationMethod.MinMax, {}),
    "percentile": (CalibrationMethod.Percentile, {"symmetric": False, "percentile": 99.999}),
    "entropy": (CalibrationMethod.Entropy, {"symmetric": False}),
}
"""How ranges follow from what was observed: the extremes; the extremes but for 0.0005 % of the
values at each end; or what loses least information (KL divergence) in 128 steps."""
DEFAULT_METHOD = "min-max"


def check_method(method: str) -> str:
    """Return `method`.

    Raises:
        UsageError: It is none of `METHODS`.
    """
    if method not in METHODS:
        raise UsageError(
            f"calibration method: got {method!r}, expected one of {', '.join(METHODS)}; choose one"
        )
    return method


class RangeCollector:
    """Runs a fp32 graph with every tensor that is to be quantized in view."""

    def __init__(self, graph: Path, operators: Sequence[str], method: str = DEFAULT_METHOD) -> None:
        """Open the graph.

        Args:
            graph: ONNX file.
            operators: Their inputs and outputs are observed; none means those of all.
            method: A key of `METHODS`.
        """
        kind, options = METHODS[check_method(method)]
        with TemporaryDirectory() as folder, quiet_libraries():
            self._calibrator = create_calibrator(
                graph,
                list(operators),
                augmented_model_path=str(Path(folder) / "observed.onnx"),
                calibrate_method=kind,
                use_external_data_format=len(graph_files(graph)) > 1,
                extra_options=options,
            )
        self._observed = False

    def observe(self, inputs: GraphInputs) -> None:
        """Run the graph once and widen the ranges."""
        with quiet_libraries():
            self._calibrator.collect_data(_OneSample(inputs))
        self._observed = True

    def finish(self) -> dict[str, tuple[float, float]]:
        """Return the ranges of what was observed; none where nothing was."""
        if not self._observed:
            return {}
        with quiet_libraries():
            found = self._calibrator.compute_data()
        ends = {name: data.range_value for name, data in found.items()}
        return {name: (low.item(), high.item()) for name, (low, high) in sorted(ends.items())}


def write_ranges(ranges: Ranges, path: Path) -> None:
    """Write `ranges` as ONNX Runtime's quantizer reads them."""
    pairs = {
        name: (np.array(low, np.float32), np.array(high, np.float32))
        for name, (low, high) in ranges.items()
    }
    save_tensors_data(TensorsData(CalibrationMethod.MinMax, pairs), path)


class _OneSample(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, inputs: GraphInputs):
        self._inputs: GraphInputs | None = inputs

    def get_next(self) -> GraphInputs | None:
        inputs, self._inputs = self._inputs, None
        return inputs
