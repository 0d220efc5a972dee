"""The sizes that an engine is built for, from the ranges that a component declares."""

from collections.abc import Mapping, Sequence
from itertools import product

from edgewright.bundle.manifest import Component, SizeRange
from edgewright.errors import EngineBuildError
from edgewright.specs import TensorSpec

Profile = Mapping[str, SizeRange]
"""By dynamic dimension: the sizes that one optimization profile is for."""
Shape = tuple[int, ...]


def profiles(component: Component) -> tuple[Profile, ...]:
    """Return the optimization profiles: every combination of the declared ranges.

    A component of fixed sizes has one, which is empty.

    Raises:
        EngineBuildError: A dynamic dimension of an input has no range.
    """
    dynamic = [size for spec in component.inputs for size in spec.shape if isinstance(size, str)]
    names = list(dict.fromkeys(dynamic))
    if missing := [name for name in names if name not in component.ranges]:
        raise EngineBuildError(
            f"{component.files[0]}: got no ranges of its dynamic dimensions {missing}, expected "
            "some: an engine is built for known sizes; export the bundle again"
        )
    return tuple(
        dict(zip(names, ranges, strict=True))
        for ranges in product(*(component.ranges[name] for name in names))
    )


def shapes(profile: Profile, spec: TensorSpec) -> tuple[Shape, Shape, Shape]:
    """Return the least, the typical and the largest shape of an input in `profile`."""
    ranges = [_range(profile, size) for size in spec.shape]
    return (
        tuple(size.least for size in ranges),
        tuple(size.typical for size in ranges),
        tuple(size.most for size in ranges),
    )


def widest(component: Component) -> dict[str, tuple[Shape, Shape, Shape]]:
    """Return `shapes` of the inputs of dynamic sizes in one profile for all declared sizes.

    Raises:
        EngineBuildError: A dynamic dimension of an input has no range.
    """
    made = profiles(component)
    every = {
        name: SizeRange(size.least, made[-1][name].typical, made[-1][name].most)
        for name, size in made[0].items()
    }
    return {
        spec.name: shapes(every, spec)
        for spec in component.inputs
        if any(isinstance(size, str) for size in spec.shape)
    }


def fitting(
    made: Sequence[Profile], inputs: Sequence[TensorSpec], given: Mapping[str, Shape]
) -> int | None:
    """Return the index of the first profile that all shapes lie in; none where none holds them.

    Args:
        made: `profiles` of the component.
        inputs: Of the component.
        given: Shapes, by name of the input, of the ranks of `inputs`.
    """
    for index, profile in enumerate(made):
        if all(_holds(shapes(profile, spec), given[spec.name]) for spec in inputs):
            return index
    return None


def line(profile: Profile) -> str:
    """Return `profile` in words: `batch 1-8 (1), time 3-64 (64)`; `fixed` where it is empty."""
    parts = (f"{name} {s.least}-{s.most} ({s.typical})" for name, s in sorted(profile.items()))
    return ", ".join(parts) or "fixed"


def _holds(bounds: tuple[Shape, Shape, Shape], shape: Shape) -> bool:
    least, _, most = bounds
    return all(low <= size <= high for low, size, high in zip(least, shape, most, strict=True))


def _range(profile: Profile, size: int | str) -> SizeRange:
    return SizeRange(size, size, size) if isinstance(size, int) else profile[size]
