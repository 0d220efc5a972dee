"""The manifest: strict JSON, versions, unknown keys, and figures that must agree."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgewright import records, strict_json
from edgewright.bundle import Bundle
from edgewright.bundle.manifest import Component, SizeRange, StatePair
from edgewright.bundle.manifest_json import read_manifest, write_manifest
from edgewright.errors import BundleError, FormatVersionError, IntegrityError
from edgewright.specs import TensorSpec

Change = Callable[[dict[str, Any]], object]


def refuse(folder: Path, error: type[BundleError], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        Bundle.open(folder)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "Expecting value"),
        (b"[1, 2", "not strict JSON"),
        (b'{"a": 1, "a": 1}', "duplicate key 'a'"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "digits"),
        (b"[" * 200_000, "too deeply nested"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64"),
        (b'{"a":' * 100_000, "too deeply nested"),
        (b'{"a": "\xff"}', "utf-8"),
        (b'\xef\xbb\xbf{"a": 1}', "BOM"),
        (b'{"a": "\\ud800"}', "surrogates"),
        (b'{"a": "\\u001b[2J"}', "control character"),
        (b'{"a\\u0000": 1}', "control character"),
        (b'{"' + b"a" * 257 + b'": 1}', "of 257 characters"),
        (b"null", "got 'NoneType', expected 'edgewright-bundle'"),
        (b"{}", "got 'None', expected 'edgewright-bundle'"),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, bytes) else None,
)
def test_text_that_is_no_manifest(
    folder: Path, write_manifest: Callable[[bytes], None], text: bytes, words: str
) -> None:
    write_manifest(text)
    refuse(folder, BundleError, words)


def test_a_manifest_of_a_gigabyte_is_refused_by_its_size(folder: Path) -> None:
    with (folder / "manifest.json").open("wb") as file:
        file.truncate(2**30)
    refuse(folder, IntegrityError, "got 1073741824 bytes, expected at most 16777216")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.update(format_version=2), "format_version: got '?2'?, expected at most 1"),
        (lambda m: m.update(format_version=10**30), "update edgewright"),
        (lambda m: m.update(format_version=2, variants="in another form"), "update edgewright"),
        (lambda m: m.update(requires=["sharded"]), r"unknown features \['sharded'\]"),
    ],
)
def test_later_formats_are_refused_as_such(
    edit: Any, folder: Path, change: Change, words: str
) -> None:
    edit(change)
    refuse(folder, FormatVersionError, words)


def int8(m: dict[str, Any]) -> dict[str, Any]:
    variant: dict[str, Any] = m["variants"][1]
    return variant


def model(m: dict[str, Any]) -> dict[str, Any]:
    component: dict[str, Any] = int8(m)["components"]["model"]
    return component


def rename(m: dict[str, Any], old: str, new: str) -> None:
    m["files"][new] = m["files"].pop(old)


RULES: list[tuple[Change, str]] = [
    (lambda m: m.update(format="zip"), "format: got 'zip'"),
    (lambda m: m.update(format_version=0), "format_version: got '0'"),
    (lambda m: m.update(format_version=True), "format_version: got 'True'"),
    (lambda m: m.update(format_version=1.0), "format_version: got '1.0'"),
    (lambda m: m.pop("requires"), "requires: got NoneType"),
    (lambda m: m.pop("name"), r"missing keys \['name'\]"),
    (lambda m: m.update(colour=1), r"unknown keys \['colour'\]"),
    (lambda m: int8(m).update(colour=1), r"variants\[1\]: got unknown keys"),
    (lambda m: model(m)["inputs"][0].update(unit="m"), r"inputs\[0\]: got unknown keys"),
    (lambda m: m.update(name=7), "name: got int 7, expected string"),
    (lambda m: m.update(files=[]), "files: got list"),
    (lambda m: m["source"].update(seed=1.5), "seed: got float"),
    (lambda m: m["source"].update(seed=True), "seed: got bool"),
    (lambda m: m["source"].update(files={"a": "A" * 64}), "64 lower-case"),
    (lambda m: m.update(family="../vit"), "family: got '../vit'"),
    (lambda m: m.update(task=""), "task: got ''"),
    (lambda m: m["licenses"].update(data=[]), "licenses.data: got none"),
    (lambda m: m["licenses"].update(notice="COPYING"), "notice: got 'COPYING'"),
    (lambda m: m["files"]["NOTICE"].update(sha256="0" * 63), "64 lower-case"),
    (lambda m: m["files"]["NOTICE"].update(bytes=-1), "-1 bytes"),
    (lambda m: m["files"].update({"manifest.json": m["files"]["NOTICE"]}), "manifest itself"),
    (lambda m: m["files"].update({"notice": m["files"]["NOTICE"]}), "without case"),
    (lambda m: m["files"].update({"NOTICE/a": m["files"]["NOTICE"]}), "as file and as folder"),
    (lambda m: m.update(variants=[]), "variants: got none"),
    (lambda m: int8(m).update(name="fp32"), "'fp32' more than once"),
    (lambda m: int8(m).update(name="a/b"), "got 'a/b'"),
    (lambda m: int8(m).update(components={}), "components: got none"),
    (lambda m: int8(m)["components"].update({"..": model(m)}), r"got '\.\.'"),
    (lambda m: int8(m)["receipt"].update(bytes=1), "receipt.bytes: got 1, expected 308"),
    (lambda m: int8(m)["receipt"]["metric"].update(samples=0), "no samples"),
    (lambda m: int8(m)["receipt"]["metric"].update(value=None), "metric.value: got NoneType"),
    (lambda m: int8(m)["receipt"].update(calibration_sha256="x"), "calibration_sha256"),
    (lambda m: int8(m)["receipt"].update(why_kept={"a/Conv": "odd"}), "kept_in_higher_precision"),
    (lambda m: int8(m)["receipt"]["metric"].update(interval=[0.5]), "metric.interval: got"),
    (lambda m: model(m).update(files=[]), "an .onnx file first"),
    (lambda m: model(m).update(files=["NOTICE"]), "an .onnx file first"),
    (lambda m: model(m)["files"].append("weights.bin"), "'weights.bin', which manifest.files"),
    (lambda m: model(m).update(inputs=[]), "inputs: got none"),
    (lambda m: model(m)["inputs"].append(model(m)["inputs"][0]), "'pixel_values' more than once"),
    (lambda m: model(m)["inputs"][0].update(dtype="O"), "dtype: got O"),
    (lambda m: model(m)["inputs"][0].update(shape=[-1]), "shape: got"),
    (lambda m: model(m)["inputs"][0].update(shape=[[1]]), r"shape\[0\]: got list"),
    (lambda m: int8(m)["targets"][0].update(verdict="fast"), "verdict: got fast"),
    (lambda m: int8(m)["targets"][0].update(machine=""), "none where it was not"),
    (lambda m: int8(m)["targets"][0].update(latency_interval=[2.0, 1.0]), "low and high"),
    (lambda m: int8(m)["targets"][0].update(verdict="unmeasured"), "none where it was not"),
    (lambda m: m["golden"].update(samples=[]), "at least one"),
    (lambda m: m["golden"]["samples"].append({"file": "NOTICE"}), ".npz"),
    (lambda m: m["golden"]["samples"].append({"file": "x.npz"}), "'x.npz', which manifest.files"),
    (lambda m: m["golden"]["tolerance"].pop("int8"), "tolerance: got"),
    (lambda m: m["golden"]["tolerance"].update(int8=-1), "no negative"),
]


@pytest.mark.parametrize(("change", "words"), RULES, ids=[words for _, words in RULES])
def test_broken_rules(edit: Any, folder: Path, change: Change, words: str) -> None:
    edit(change)
    refuse(folder, BundleError, words)


@pytest.mark.parametrize(
    "path",
    ["../NOTICE", "a/../NOTICE", "/NOTICE", "./NOTICE", "a//b", "a/", "", ".", "..", ".hidden",
     "a\\b", "C:NOTICE", "-rf", "a b", "é", "NOTICE\n", "a/" * 16 + "b", "x" * 101],
)  # fmt: skip
def test_paths_that_could_leave_the_bundle(edit: Any, folder: Path, path: str) -> None:
    edit(lambda m: rename(m, "README.md", path))
    refuse(folder, BundleError, "expected a relative path such as")


def test_unknown_keys_are_free_under_extensions(edit: Any, folder: Path) -> None:
    edit(lambda m: m["extensions"].update(anything={"deep": [1, None, "x"]}))
    assert Bundle.open(folder).manifest.extensions["anything"] == {"deep": [1, None, "x"]}


def test_a_manifest_survives_writing_and_reading(stored: Path) -> None:
    data = (stored / "manifest.json").read_bytes()
    manifest = read_manifest(data)
    written = write_manifest(manifest)
    assert read_manifest(written) == manifest
    assert write_manifest(read_manifest(written)) == written
    assert records.plain(manifest) == json.loads(written)
    assert contains(json.loads(written), json.loads(data))


def contains(later: Any, earlier: Any) -> bool:
    """Whether `later` has all that `earlier` has, and else only keys with empty defaults."""
    if isinstance(earlier, dict):
        added = [later[key] for key in later.keys() - earlier.keys()]
        return not any(added) and all(contains(later[key], earlier[key]) for key in earlier)
    if isinstance(earlier, list):
        return len(later) == len(earlier) and all(map(contains, later, earlier))
    return bool(later == earlier)


def test_a_writer_refuses_what_a_reader_would_refuse(stored: Path) -> None:
    manifest = read_manifest((stored / "manifest.json").read_bytes())
    with pytest.raises(BundleError, match="variants: got none"):
        write_manifest(replace(manifest, variants=()))


def component(*pairs: StatePair, inputs: dict[str, int], outputs: dict[str, int]) -> Component:
    return Component(
        files=("variants/fp32/model.onnx",),
        inputs=tuple(TensorSpec(name, "float32", (size,)) for name, size in inputs.items()),
        outputs=tuple(TensorSpec(name, "float32", (size,)) for name, size in outputs.items()),
        states=pairs,
    )


CACHE = StatePair("state_00_cache", "next_state_00_cache")
STATES = [
    (component(CACHE, inputs={CACHE.input: 4}, outputs={CACHE.output: 4}), None),
    (component(CACHE, inputs={CACHE.input: 4}, outputs={CACHE.output: 5}), "equal dtypes"),
    (component(CACHE, inputs={"x": 4}, outputs={CACHE.output: 4}), "an input and an output"),
    (component(inputs={CACHE.input: 4}, outputs={CACHE.output: 4}), "every input state_NN"),
    (
        component(StatePair("x", "next_x"), inputs={"x": 1}, outputs={"next_x": 1}),
        "state_NN_<what>",
    ),
    (
        component(StatePair(CACHE.input, "y"), inputs={CACHE.input: 4}, outputs={"y": 4}),
        "next_state",
    ),
    (component(CACHE, CACHE, inputs={CACHE.input: 4}, outputs={CACHE.output: 4}), "more than once"),
]


def ranged(*sizes: tuple[int, int, int], name: str = "batch") -> Component:
    spec = TensorSpec("x", "float32", ("batch", 4))
    ranges = {name: tuple(SizeRange(*size) for size in sizes)}
    return replace(component(inputs={}, outputs={"y": 1}), inputs=(spec,), ranges=ranges)


RANGES = [
    (ranged((1, 1, 8)), None),
    (ranged((1, 1, 1), (48, 48, 96)), None),
    (ranged(), "ranges.'batch'.: got none"),
    (ranged((0, 1, 8)), "1 <= least <= typical <= most"),
    (ranged((2, 1, 8)), "1 <= least <= typical <= most"),
    (ranged((1, 9, 8)), "1 <= least <= typical <= most"),
    (ranged((1, 1, 8), (8, 9, 9)), "ascending"),
    (ranged((1, 1, 8), name="time"), "ranges: got 'time', expected dynamic dimensions"),
]


@pytest.mark.parametrize(("with_ranges", "words"), RANGES)
def test_ranges_are_those_of_dynamic_dimensions(
    stored: Path, with_ranges: Component, words: str | None
) -> None:
    test_states_are_pairs_of_the_graph(stored, with_ranges, words)


@pytest.mark.parametrize(("with_states", "words"), STATES, ids=[str(words) for _, words in STATES])
def test_states_are_pairs_of_the_graph(
    stored: Path, with_states: Component, words: str | None
) -> None:
    manifest = read_manifest((stored / "manifest.json").read_bytes())
    fp32 = replace(manifest.variants[0], components={"model": with_states})
    changed = replace(manifest, variants=(fp32, manifest.variants[1]))
    if words is None:
        assert read_manifest(write_manifest(changed)) == changed
    else:
        with pytest.raises(BundleError, match=words):
            write_manifest(changed)


def test_dump_is_read_back_as_it_was() -> None:
    value = {"naïve": [1, 2.5, None, True, "tab\t"], "empty": {}}
    assert strict_json.parse(strict_json.dump(value), "value") == value
