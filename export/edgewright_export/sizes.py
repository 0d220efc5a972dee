"""The sizes of dynamic dimensions that engines are built for: what a recipe declares."""

from edgewright.bundle.manifest import SizeRange

BATCH = (SizeRange(1, 1, 8),)
"""One input is the usual batch of a device."""


def lengths(*bounds: int, step: int = 1) -> tuple[SizeRange, ...]:
    """Return the ranges between `bounds`, each made fastest for its longest.

    Args:
        bounds: The least length, then the most of every range; those below the least are left out.
        step: What lengths are multiples of.
    """
    least, *most = bounds
    tops = sorted({top for top in most if top >= least})
    starts = [least, *(top + step for top in tops)]
    return tuple(SizeRange(start, top, top) for start, top in zip(starts, tops, strict=False))
