"""Variants of lower precision, made from the fp32 graphs."""

from edgewright_export.quantization.plan import QuantizationPlan

__all__ = ["QuantizationPlan"]
