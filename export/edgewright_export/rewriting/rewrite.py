"""All rewrites in their order."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import onnx
from onnx import ModelProto

from edgewright_export.onnx_graph import save_model
from edgewright_export.rewriting.attention import fuse_attention
from edgewright_export.rewriting.convolution_masks import simplify_convolution_masks
from edgewright_export.rewriting.factors import fold_factors
from edgewright_export.rewriting.masks import drop_idle_masks
from edgewright_export.rewriting.relative_positions import share_position_padding
from edgewright_export.rewriting.residual_sums import keep_residual_sums
from edgewright_export.rewriting.swapped_axes import swap_axes_at_once
from edgewright_export.rewriting.transposed_convolutions import convolve_transposed

Rewrite = Callable[[ModelProto], int]
"""Changes a graph in place and returns in how many places."""

REWRITES: Mapping[str, Rewrite] = MappingProxyType(
    {
        "dropped masks": drop_idle_masks,
        "simplified convolution masks": simplify_convolution_masks,
        "convolved transposed": convolve_transposed,
        "folded factors": fold_factors,
        "shared position padding": share_position_padding,
        "swapped axes": swap_axes_at_once,
        "fused attention": fuse_attention,
        "unfused residual sums": keep_residual_sums,
    }
)
"""In their order. They keep to standard operators and raise the opset to 23 where they fuse."""


def rewrite(source: Path, target: Path) -> dict[str, int]:
    """Write the fp32 graph `source` with all rewrites that apply to `target`.

    Args:
        source: ONNX file.
        target: ONNX file to write, another one.

    Returns:
        By name of the rewrite, how many places it changed; none that changed nothing.
    """
    model = onnx.load(source)
    changed = {name: apply(model) for name, apply in REWRITES.items()}
    save_model(model, target)
    return {name: count for name, count in changed.items() if count}
