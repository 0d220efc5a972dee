"""int8: by ONNX Runtime's quantizer, with dynamic scales or with observed ranges."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from onnxruntime.quantization import QuantFormat, QuantType, quantize_dynamic, quantize_static

from edgewright_export.onnx_graph import graph_files
from edgewright_export.quantization.plan import QuantizationPlan, kept_nodes, nodes_without_weights
from edgewright_export.quantization.products import integer_products, write_integer_products
from edgewright_export.quantization.ranges import Ranges, write_ranges
from edgewright_export.quiet import quiet_libraries


@dataclass(frozen=True)
class IntegerForm:
    """What the hardware wants of the numbers."""

    symmetric: bool = False
    """int8 activations around 0, and biases in fp32: TensorRT takes no other scales. Otherwise
    activations are uint8, which VNNI multiplies by int8."""
    reduced_range: bool = False
    """Weights of 7 bits: sums of pairs of products then fit the 16 bits that x86 without VNNI
    holds them in."""

    @property
    def types(self) -> str:
        """Activations and weights in short, as receipts name them."""
        return f"{'S8' if self.symmetric else 'U8'}S{'7' if self.reduced_range else '8'}"


def quantize_integer(
    source: Path,
    target: Path,
    plan: QuantizationPlan,
    form: IntegerForm = IntegerForm(),
    ranges: Ranges | None = None,
    *,
    exact: Collection[str] = (),
) -> tuple[str, ...]:
    """Write the int8 form of the fp32 graph `source` to `target`.

    Args:
        source: ONNX file.
        target: ONNX file to write.
        plan: What is quantized.
        form: How its numbers are stored.
        ranges: Of the activations; none gives them dynamic scales.
        exact: Names of nodes that stay in fp32 beside those that `plan` keeps.

    Returns:
        Names of the nodes that `plan` kept in fp32.
    """
    kept = kept_nodes(source, plan)
    excluded = [*kept, *exact]
    common: dict[str, Any] = {
        "op_types_to_quantize": list(plan.operators),
        "per_channel": plan.per_channel,
        "reduce_range": form.reduced_range,
        "weight_type": QuantType.QInt8,
        "use_external_data_format": len(graph_files(source)) > 1,
    }
    if ranges is not None:
        _quantize_static(source, target, plan, form, ranges, excluded, common)
        return kept
    with quiet_libraries():
        # The quantizer first turns each Gemm into a MatMul (and an Add), named `…_MatMul`.
        quantize_dynamic(
            source,
            target,
            nodes_to_exclude=[*excluded, *(f"{name}_MatMul" for name in excluded)],
            extra_options={"MatMulConstBOnly": True},
            **common,
        )
    return kept


def _quantize_static(  # noqa: PLR0917 - what `quantize_integer` has made of its arguments
    source: Path,
    target: Path,
    plan: QuantizationPlan,
    form: IntegerForm,
    ranges: Ranges,
    excluded: Collection[str],
    common: Mapping[str, Any],
) -> None:
    products = () if form.symmetric else integer_products(source, plan.operators, ranges)
    with quiet_libraries(), TemporaryDirectory() as folder:
        write_ranges(ranges, observed := Path(folder) / "ranges.json")
        quantize_static(
            source,
            target,
            calibration_cache_path=observed,
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QInt8 if form.symmetric else QuantType.QUInt8,
            nodes_to_exclude=[*excluded, *products, *nodes_without_weights(source, plan)],
            extra_options=_extra_options(form),
            **common,
        )
    if lowered := set(products).difference(excluded):
        write_integer_products(
            target,
            lowered,
            ranges,
            per_channel=plan.per_channel,
            reduced_range=form.reduced_range,
        )


def _extra_options(form: IntegerForm) -> dict[str, bool]:
    if not form.symmetric:
        return {}
    return {"ActivationSymmetric": True, "WeightSymmetric": True, "QuantizeBias": False}
