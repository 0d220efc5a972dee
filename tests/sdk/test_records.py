"""Records: JSON read strictly into dataclasses, written back, and described by a JSON Schema."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import jsonschema  # type: ignore[import-untyped]
import pytest

from edgewright import records
from edgewright.bundle.schema import SCHEMA_FILE, manifest_schema
from edgewright.errors import BundleError

STORED = Path(__file__).parents[1] / "data" / "bundle_v1.edge" / "manifest.json"


@dataclass(frozen=True)
class Part:
    shape: tuple[int | str, ...]
    ratio: float | None = None


@dataclass(frozen=True)
class Whole:
    name: str
    kind: Literal["large", "small"]
    parts: dict[str, Part]
    limits: tuple[float, ...] | None = None
    free: dict[str, Any] = field(default_factory=dict)


PLAIN = {
    "name": "n",
    "kind": "small",
    "parts": {"a": {"shape": ["batch", 3], "ratio": 0.5}},
    "limits": [1.0, 2.0],
    "free": {"x": [None, {}]},
}


def test_read_and_plain_are_inverse() -> None:
    whole = records.read(Whole, PLAIN, "whole")
    assert whole.parts["a"] == Part(("batch", 3), 0.5)
    assert records.plain(whole) == PLAIN


def test_defaults_fill_what_is_absent() -> None:
    whole = records.read(Whole, {"name": "n", "kind": "large", "parts": {}}, "whole")
    assert whole == Whole("n", "large", {}, None, {})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": None}, r"whole.name: got NoneType None, expected string"),
        ({"kind": "middle"}, r"whole.kind: got str 'middle', expected one of \['large', 'small'\]"),
        ({"kind": ["large"]}, "whole.kind: got list"),
        ({"parts": []}, "whole.parts: got list"),
        ({"parts": {"a": {}}}, r"parts.a: got unknown keys \[\] and missing keys \['shape'\]"),
        ({"parts": {"a": {"shape": [1.5]}}}, r"whole.parts.a.shape\[0\]: got float"),
        ({"parts": {"a": {"shape": [True]}}}, r"shape\[0\]: got bool"),
        ({"parts": {"a": {"shape": "3"}}}, "shape: got str"),
        ({"limits": [float("inf")]}, r"limits\[0\]: got float inf, expected a finite number"),
        ({"limits": [2**60]}, r"limits\[0\]: got int"),
        ({"limits": ["x" * 100]}, r"\.\.\., expected number"),
        ({"more": 1}, r"unknown keys \['more'\]"),
    ],
)
def test_wrong_values_are_named_by_their_place(change: dict[str, Any], words: str) -> None:
    with pytest.raises(BundleError, match=words):
        records.read(Whole, PLAIN | change, "whole")


def test_whole_numbers_are_taken_as_floats() -> None:
    limits = records.read(Whole, PLAIN | {"limits": [1]}, "whole").limits
    assert limits == (1.0,)
    assert isinstance(limits[0], float)


def test_the_schema_of_a_record_accepts_and_refuses_alike() -> None:
    validator = jsonschema.Draft202012Validator(records.schema(Whole))
    assert validator.is_valid(PLAIN)
    changes: list[dict[str, Any]] = [
        {"kind": "middle"},
        {"more": 1},
        {"limits": "no"},
        {"parts": {"a": {}}},
    ]
    for change in changes:
        assert not validator.is_valid(PLAIN | change), change


def test_the_published_schema_is_that_of_the_records() -> None:
    published = json.loads(SCHEMA_FILE.read_text("utf-8"))
    assert published == manifest_schema(), "run: python -m edgewright.bundle.schema"
    jsonschema.Draft202012Validator.check_schema(published)


def test_the_stored_manifest_fits_the_published_schema() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text("utf-8")))
    manifest = json.loads(STORED.read_text("utf-8"))
    validator.validate(manifest)
    assert not validator.is_valid(manifest | {"format_version": 2})
    assert not validator.is_valid(manifest | {"colour": "blue"})
