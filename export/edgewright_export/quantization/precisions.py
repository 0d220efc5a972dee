"""The kinds of variants that are made from the fp32 graphs, by name."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

import onnx

from edgewright_export.onnx_graph import save_model
from edgewright_export.quantization.half import SENSITIVE, convert_half, halved_nodes
from edgewright_export.quantization.integer import IntegerForm, quantize_integer
from edgewright_export.quantization.plan import QuantizationPlan, quantizable_nodes
from edgewright_export.quantization.ranges import Ranges
from edgewright_export.quantization.weight_only import (
    BLOCK_SIZE,
    quantize_weights,
    weighted_products,
)

X86 = ("x86_64", "AMD64")
TENSORRT = ("TensorRT", "TensorRT-RTX", "TensorrtExecutionProvider")
"""Engines of `edgewright build`, and those of ONNX Runtime's provider."""
EVERY_OPERATOR: tuple[str, ...] = ()
"""As the operators to observe: those of the whole graph."""


class Precision(ABC):
    """How the graphs of one kind of variant are written."""

    key: ClassVar[str]
    """What users ask for by `precision=`."""
    providers: ClassVar[tuple[str, ...]] = ("CPUExecutionProvider",)
    """Those of `device` that it is made for; only the CPU's is measured during the export."""
    device: ClassVar[str] = "cpu"
    method: ClassVar[str | None] = None
    """How it wants ranges to follow from the samples; none leaves it to the user."""
    cpu_features: Mapping[str, tuple[str, ...]] = {}
    """By architecture: what its arithmetic needs to be exact and fast."""
    portable: ClassVar[bool] = False
    """Whether it is made from the graphs as they were traced, for backends other than ONNX
    Runtime's CPU provider, which some rewrites are for."""
    judged_by_speed: ClassVar[bool] = False
    """Whether it is made to be faster on CPUs, so that what is not may as well stay in fp32."""
    migrates: ClassVar[bool] = False
    """Whether outlier channels of activations cost it accuracy, so that moving them may help."""
    why_kept: ClassVar[str] = "the family keeps it"
    """Why nodes stay in fp32 that nobody named."""

    @abstractmethod
    def observed(self, plan: QuantizationPlan) -> tuple[str, ...] | None:
        """Return the operators whose tensors' ranges it wants; none where it wants no ranges."""

    @abstractmethod
    def write(
        self,
        source: Path,
        target: Path,
        plan: QuantizationPlan,
        ranges: Ranges,
        exact: Collection[str] = (),
    ) -> tuple[str, ...]:
        """Write the form of the fp32 graph `source` to `target`.

        Args:
            source: ONNX file.
            target: ONNX file to write.
            plan: The family's choice.
            ranges: Of the tensors of the operators that it observes.
            exact: Names of nodes that stay in fp32 whatever the plan says.

        Returns:
            Names of the nodes that stay in fp32 without being named in `exact`.
        """

    @abstractmethod
    def lowered(self, source: Path, plan: QuantizationPlan, ranges: Ranges) -> tuple[str, ...]:
        """Return the names of the nodes that `write` takes from fp32."""

    @abstractmethod
    def describe(self, plan: QuantizationPlan, method: str) -> str:
        """Return how it is made, for the receipt; `method` is that of the calibration."""


@dataclass(frozen=True)
class Integer(Precision):
    """int8 of activations and weights."""

    key = "int8"
    judged_by_speed = True
    migrates = True

    form: IntegerForm = field(default_factory=IntegerForm)

    @property
    def cpu_features(self) -> Mapping[str, tuple[str, ...]]:  # type: ignore[override]
        """VNNI, without which sums of U8S8 products can saturate, unless weights have 7 bits."""
        return {} if self.form.reduced_range else dict.fromkeys(X86, ("vnni",))

    def observed(self, plan: QuantizationPlan) -> tuple[str, ...] | None:
        """Return the plan's operators where its scales are static."""
        return plan.operators if plan.static else None

    def write(
        self,
        source: Path,
        target: Path,
        plan: QuantizationPlan,
        ranges: Ranges,
        exact: Collection[str] = (),
    ) -> tuple[str, ...]:
        """Write it as the plan says."""
        observed = ranges if plan.static else None
        return quantize_integer(source, target, plan, self.form, observed, exact=exact)

    def lowered(self, source: Path, plan: QuantizationPlan, ranges: Ranges) -> tuple[str, ...]:
        """Return the products, convolutions and tables that the plan quantizes."""
        return quantizable_nodes(source, plan)

    def describe(self, plan: QuantizationPlan, method: str) -> str:
        """Name scales, types, method, granularity and operators."""
        nodes = "QDQ" if self.form.symmetric else "QDQ, MatMulIntegerToFloat"
        scales = f"static int8 ({nodes}, {self.form.types}, {method})"
        scales = scales if plan.static else f"dynamic int8 ({self.form.types})"
        return f"{scales}, {plan.granularity}, {', '.join(plan.operators)}"


@dataclass(frozen=True)
class TensorRtInteger(Integer):
    """int8 as TensorRT takes it: explicit, static, symmetric, biases in fp32, no tables."""

    key = "int8-trt"
    providers = TENSORRT
    device = "tensorrt"
    portable = True
    judged_by_speed = False

    form: IntegerForm = field(default_factory=lambda: IntegerForm(symmetric=True))

    @property
    def cpu_features(self) -> Mapping[str, tuple[str, ...]]:  # type: ignore[override]
        """None: it is not made for a CPU."""
        return {}

    def observed(self, plan: QuantizationPlan) -> tuple[str, ...] | None:
        """Return the plan's products and convolutions."""
        return _static(plan).operators

    def write(
        self,
        source: Path,
        target: Path,
        plan: QuantizationPlan,
        ranges: Ranges,
        exact: Collection[str] = (),
    ) -> tuple[str, ...]:
        """Write it with static scales, whatever the plan says of them."""
        return super().write(source, target, _static(plan), ranges, exact)

    def lowered(self, source: Path, plan: QuantizationPlan, ranges: Ranges) -> tuple[str, ...]:
        """Return the products and convolutions that the plan quantizes."""
        return super().lowered(source, _static(plan), ranges)

    def describe(self, plan: QuantizationPlan, method: str) -> str:
        """Name the same as of int8."""
        return super().describe(_static(plan), method)


class TensorRtSingle(Precision):
    """fp32 as PyTorch traced it: TensorRT up to 10.13 knows no fused attention."""

    key = "fp32"
    providers = TENSORRT
    device = "tensorrt"
    portable = True

    def observed(self, plan: QuantizationPlan) -> tuple[str, ...] | None:
        """Return none: all values keep their type."""
        return None

    def write(
        self,
        source: Path,
        target: Path,
        plan: QuantizationPlan,
        ranges: Ranges,
        exact: Collection[str] = (),
    ) -> tuple[str, ...]:
        """Copy the traced graph."""
        save_model(onnx.load(source), target)
        return ()

    def lowered(self, source: Path, plan: QuantizationPlan, ranges: Ranges) -> tuple[str, ...]:
        """Return none."""
        return ()

    def describe(self, plan: QuantizationPlan, method: str) -> str:
        """Name how it is traced."""
        return "torch.onnx.export, optimized"


class Half(Precision):
    """fp16 but for what half precision cannot hold."""

    key = "fp16"
    portable = True
    method = "min-max"  # a single value that is too large is enough
    why_kept = "its operator, or the range of its values, needs single precision"

    def observed(self, plan: QuantizationPlan) -> tuple[str, ...] | None:
        """Return every operator: any tensor may be too large."""
        return EVERY_OPERATOR

    def write(
        self,
        source: Path,
        target: Path,
        plan: QuantizationPlan,
        ranges: Ranges,
        exact: Collection[str] = (),
    ) -> tuple[str, ...]:
        """Write it with casts."""
        return convert_half(source, target, ranges, exact)

    def lowered(self, source: Path, plan: QuantizationPlan, ranges: Ranges) -> tuple[str, ...]:
        """Return all nodes but the sensitive ones and those of wide ranges."""
        return halved_nodes(source, ranges)

    def describe(self, plan: QuantizationPlan, method: str) -> str:
        """Name what stays in fp32."""
        return f"fp16 with casts, {', '.join(SENSITIVE)} and wide ranges in fp32"


class WeightOnly(Precision):
    """8-bit weights in blocks."""

    key = "int8w"

    def observed(self, plan: QuantizationPlan) -> tuple[str, ...] | None:
        """Return none: activations keep their values."""
        return None

    def write(
        self,
        source: Path,
        target: Path,
        plan: QuantizationPlan,
        ranges: Ranges,
        exact: Collection[str] = (),
    ) -> tuple[str, ...]:
        """Write it for the plan's products."""
        return quantize_weights(source, target, plan, exact)

    def lowered(self, source: Path, plan: QuantizationPlan, ranges: Ranges) -> tuple[str, ...]:
        """Return the plan's products."""
        return weighted_products(source, plan)

    def describe(self, plan: QuantizationPlan, method: str) -> str:
        """Name the blocks."""
        return f"weight-only int8 (symmetric, blocks of {BLOCK_SIZE}), MatMul, Gemm"


def _static(plan: QuantizationPlan) -> QuantizationPlan:
    operators = tuple(name for name in plan.operators if name != "Gather")
    return replace(plan, static=True, operators=operators)


PRECISIONS: dict[str, Precision] = {
    "fp16": Half(),
    "fp32-trt": TensorRtSingle(),
    "int8": Integer(),
    "int8-reduced": Integer(IntegerForm(reduced_range=True)),
    "int8-trt": TensorRtInteger(),
    "int8w": WeightOnly(),
}
"""By name of the variant; its folder is named so too."""
