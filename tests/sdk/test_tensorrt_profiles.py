"""Which optimization profile a call takes, for every graph of the demo's bundles."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pytest

import edgewright as ew
from edgewright.backends.tensorrt_profiles import fitting, profiles
from edgewright.bundle.manifest import Component, SizeRange
from edgewright.families import FAMILIES
from edgewright.specs import TensorSpec

Sizes = Mapping[str, int]


@pytest.fixture(scope="module")
def components(demo_bundles: Path) -> dict[str, Component]:
    found = {}
    for path in sorted(demo_bundles.glob("*.edge")):
        with ew.Bundle.open(path) as bundle:
            family = bundle.manifest.family
            for variant in bundle.manifest.variants:
                for name, component in variant.components.items():
                    found[f"{family} {path.stem} {variant.name} {name}"] = component
    return found


def edges(ranges: tuple[SizeRange, ...]) -> set[int]:
    """Return sizes at the ends of the ranges, in them, beside them and far outside."""
    ends = {end for one in ranges for end in (one.least, one.typical, one.most)}
    middles = {(one.least + one.most) // 2 for one in ranges}
    return {size + step for size in ends for step in (-1, 0, 1)} | middles | {0, 10**6}


def holding(ranges: tuple[SizeRange, ...], size: int) -> int | None:
    """Return the index of the first range that holds `size`."""
    return next((i for i, one in enumerate(ranges) if size in range(one.least, one.most + 1)), None)


def expected(component: Component, sizes: Sizes) -> int | None:
    """Return the place in the product of the ranges, of which the last runs fastest."""
    index = 0
    for name, size in sizes.items():
        held = holding(component.ranges[name], size)
        if held is None:
            return None
        index = index * len(component.ranges[name]) + held
    return index


def taken(component: Component, sizes: Sizes) -> int | None:
    shapes = {
        spec.name: tuple(d if isinstance(d, int) else sizes[d] for d in spec.shape)
        for spec in component.inputs
    }
    return fitting(profiles(component), component.inputs, shapes)


def test_every_size_finds_its_profile(components: dict[str, Component]) -> None:
    assert {name.split()[0] for name in components} == set(FAMILIES)
    found: set[int | None] = set()
    for name, component in components.items():
        dynamic = [d for spec in component.inputs for d in spec.shape if isinstance(d, str)]
        names = list(dict.fromkeys(dynamic))
        for values in product(*(sorted(edges(component.ranges[one])) for one in names)):
            sizes = dict(zip(names, values, strict=True))
            assert taken(component, sizes) == expected(component, sizes), (name, sizes)
            found.add(taken(component, sizes))
    assert found >= {None, 0, 1, 2, 3}  # speech has four buckets of lengths


def test_every_declared_range_is_its_own_profile(components: dict[str, Component]) -> None:
    for name, component in components.items():
        made = profiles(component)
        for index, profile in enumerate(made):
            for kind in ("least", "typical", "most"):
                sizes = {dimension: getattr(size, kind) for dimension, size in profile.items()}
                assert taken(component, sizes) == index, (name, sizes)


def test_a_size_between_two_ranges_has_no_profile() -> None:
    inputs = (TensorSpec("x", "float32", ("batch", "time")),)
    ranges = {
        "batch": (SizeRange(1, 1, 2),),
        "time": (SizeRange(2, 4, 4), SizeRange(6, 8, 8)),
    }
    component = Component(("graph.onnx",), inputs, inputs, ranges=ranges)
    indices = [taken(component, {"batch": 2, "time": time}) for time in range(1, 10)]
    assert indices == [None, 0, 0, 0, None, 1, 1, 1, None]
    assert taken(component, {"batch": 3, "time": 4}) is None
