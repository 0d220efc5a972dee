"""Rules of a manifest that its types cannot say: names, references and figures that must agree."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NoReturn

from edgewright.bundle.files import MANIFEST, MANIFEST_HASH, check_path, folders, is_name
from edgewright.bundle.manifest import (
    Component,
    Golden,
    Licenses,
    Manifest,
    SizeRange,
    StatePair,
    Target,
    Variant,
)
from edgewright.errors import BundleError
from edgewright.specs import TensorSpec

DTYPES = frozenset(
    ["bool", "float16", "float32", "float64"]
    + [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
)
"""Tensor types that a graph may have at its border: those that NumPy has."""
VERDICTS = ("recommended", "not recommended", "unmeasured")
_HASH = re.compile(r"[0-9a-f]{64}")
STATE = re.compile(r"state_[0-9]{2}_[A-Za-z0-9_]+")
"""Names of a graph's inputs that are states; that of the output begins with `next_`."""


def check_manifest(manifest: Manifest) -> None:
    """Check every rule of format 1 that needs the manifest only.

    Raises:
        BundleError: A rule is broken; the message begins with the key.
    """
    _check_names({"manifest.family": manifest.family, "manifest.task": manifest.task})
    _check_files(manifest)
    _check_licenses(manifest.licenses, manifest.files)
    for path, sha256 in manifest.source.files.items():
        _check_hash(sha256, f"manifest.source.files[{path!r}]")
    if not manifest.variants:
        _refuse("manifest.variants", "none", "at least one")
    _check_unique([variant.name for variant in manifest.variants], "manifest.variants")
    for variant in manifest.variants:
        _check_variant(variant, manifest)
    _check_golden(manifest.golden, manifest)


def _check_files(manifest: Manifest) -> None:
    for path, entry in manifest.files.items():
        where = f"manifest.files[{path!r}]"
        check_path(path, where)
        if path in (MANIFEST, MANIFEST_HASH):
            _refuse(where, "the manifest itself", "the other files")
        _check_hash(entry.sha256, where)
        if entry.bytes < 0:
            _refuse(where, f"{entry.bytes} bytes", "a size")
    lowered = [path.lower() for path in manifest.files]  # some file systems ignore case
    _check_unique(lowered, "manifest.files without case")
    if clash := sorted({folder for path in lowered for folder in folders(path)} & set(lowered)):
        _refuse("manifest.files", f"{clash[0]!r} as file and as folder", "one of them")


def _check_licenses(licenses: Licenses, files: Iterable[str]) -> None:
    for name in ("code", "weights", "data"):
        if not getattr(licenses, name):
            _refuse(f"manifest.licenses.{name}", "none", "SPDX expressions or NOASSERTION")
    _check_listed([licenses.notice], files, "manifest.licenses.notice")


def _check_variant(variant: Variant, manifest: Manifest) -> None:
    where = f"manifest.variants[{variant.name!r}]"
    _check_names({f"{where}.name": variant.name, f"{where}.precision": variant.precision})
    if not variant.components:
        _refuse(f"{where}.components", "none", "at least one")
    for name, component in variant.components.items():
        _check_names({f"{where}.components": name})
        _check_component(component, manifest.files, f"{where}.components[{name!r}]")
    used = {path for component in variant.components.values() for path in component.files}
    size = sum(manifest.files[path].bytes for path in used)
    if variant.receipt.bytes != size:
        _refuse(f"{where}.receipt.bytes", variant.receipt.bytes, f"{size}, the size of its files")
    if min(variant.receipt.parity.samples, variant.receipt.metric.samples) < 1:
        _refuse(f"{where}.receipt", "a figure of no samples", "at least one sample")
    if variant.receipt.calibration_sha256 is not None:
        _check_hash(variant.receipt.calibration_sha256, f"{where}.receipt.calibration_sha256")
    _check_interval(variant.receipt.metric.interval, f"{where}.receipt.metric.interval")
    kept = variant.receipt.kept_in_higher_precision
    if unknown := sorted(set(variant.receipt.why_kept) - set(kept)):
        _refuse(f"{where}.receipt.why_kept", unknown, "nodes of kept_in_higher_precision")
    for index, target in enumerate(variant.targets):
        _check_target(target, f"{where}.targets[{index}]")


def _check_component(component: Component, files: Iterable[str], where: str) -> None:
    if not component.files or not component.files[0].endswith(".onnx"):
        _refuse(f"{where}.files", list(component.files), "an .onnx file first")
    _check_listed(component.files, files, f"{where}.files")
    for kind in ("inputs", "outputs"):
        _check_specs(getattr(component, kind), f"{where}.{kind}")
    _check_states(component, f"{where}.states")
    for name, ranges in component.ranges.items():
        if not any(name in spec.shape for spec in component.inputs):
            _refuse(f"{where}.ranges", f"'{name}'", "dynamic dimensions of the inputs")
        _check_ranges(ranges, f"{where}.ranges[{name!r}]")


def _check_ranges(ranges: Sequence[SizeRange], where: str) -> None:
    if not ranges:
        _refuse(where, "none", "at least one")
    for size in ranges:
        if not 1 <= size.least <= size.typical <= size.most:
            _refuse(where, size, "1 <= least <= typical <= most")
    for before, after in pairwise(ranges):
        if after.least <= before.most:
            _refuse(where, f"{after} after {before}", "ascending ranges")


def _check_specs(specs: Sequence[TensorSpec], where: str) -> None:
    if not specs:
        _refuse(where, "none", "at least one")
    _check_unique([spec.name for spec in specs], where)
    for spec in specs:
        if spec.dtype not in DTYPES:
            _refuse(f"{where}[{spec.name!r}].dtype", spec.dtype, f"one of {sorted(DTYPES)}")
        if any(size == "" if isinstance(size, str) else size < 0 for size in spec.shape):
            _refuse(f"{where}[{spec.name!r}].shape", spec.shape, "sizes or names")


def _check_states(component: Component, where: str) -> None:
    inputs = {spec.name: spec for spec in component.inputs}
    outputs = {spec.name: spec for spec in component.outputs}
    for pair in component.states:
        _check_pair(pair, inputs.get(pair.input), outputs.get(pair.output), where)
    paired = [pair.input for pair in component.states]
    _check_unique(paired, where)
    if paired != sorted(name for name in inputs if STATE.fullmatch(name)):
        _refuse(where, paired, "every input state_NN_… of the graph, in order of its name")


def _check_pair(
    pair: StatePair, source: TensorSpec | None, result: TensorSpec | None, where: str
) -> None:
    if STATE.fullmatch(pair.input) is None or pair.output != f"next_{pair.input}":
        _refuse(where, (pair.input, pair.output), "state_NN_<what> and next_state_NN_<what>")
    if source is None or result is None:
        _refuse(where, (pair.input, pair.output), "an input and an output of the graph")
    if (source.dtype, source.shape) != (result.dtype, result.shape):
        _refuse(where, f"{source} and {result}", "equal dtypes and shapes")


def _check_target(target: Target, where: str) -> None:
    if target.verdict not in VERDICTS:
        _refuse(f"{where}.verdict", target.verdict, f"one of {list(VERDICTS)}")
    measured = target.verdict != VERDICTS[2]
    figures = (target.latency_ratio is not None, len(target.latency_interval), target.machine != "")
    if figures != ((True, 2, True) if measured else (False, 0, False)):
        _refuse(
            where,
            f"verdict {target.verdict!r} with ratio {target.latency_ratio}, interval "
            f"{target.latency_interval}, machine {target.machine!r}",
            "all three where it was measured and none where it was not",
        )
    _check_interval(target.latency_interval, f"{where}.latency_interval")


def _check_interval(interval: Sequence[float], where: str) -> None:
    if len(interval) not in (0, 2) or list(interval) != sorted(interval):
        _refuse(where, interval, "low and high, or nothing")


def _check_golden(golden: Golden, manifest: Manifest) -> None:
    paths = [sample.file for sample in golden.samples]
    if not paths or not all(path.endswith(".npz") for path in paths):
        _refuse("manifest.golden.samples", paths, "at least one, each an .npz file")
    _check_unique(paths, "manifest.golden.samples")
    _check_listed(paths, manifest.files, "manifest.golden.samples")
    names = sorted(variant.name for variant in manifest.variants)
    if sorted(golden.tolerance) != names:
        _refuse("manifest.golden.tolerance", sorted(golden.tolerance), f"the variants {names}")
    if any(value < 0 for value in golden.tolerance.values()):
        _refuse("manifest.golden.tolerance", golden.tolerance, "no negative figure")


def _check_names(names: dict[str, str]) -> None:
    for where, name in names.items():
        if not is_name(name):
            _refuse(where, repr(name), "a name of letters, digits, '_', '.', '-'")


def _check_unique(names: Sequence[str], where: str) -> None:
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        _refuse(where, f"{twice[0]!r} more than once", "each once")


def _check_listed(paths: Iterable[str], files: Iterable[str], where: str) -> None:
    if missing := sorted(set(paths) - set(files)):
        _refuse(where, f"{missing[0]!r}, which manifest.files does not have", "a listed file")


def _check_hash(text: str, where: str) -> None:
    if _HASH.fullmatch(text) is None:
        _refuse(where, f"hash {text[:70]!r}", "64 lower-case hexadecimal digits")


def _refuse(where: str, got: object, expected: str) -> NoReturn:
    raise BundleError(
        f"{where[:200]}: got {str(got)[:300]}, expected {expected}; export the bundle again"
    )
