"""A slimmer or zipped copy of a bundle: what a device gets."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgewright.arguments import names
from edgewright.bundle import Bundle, BundleWriter
from edgewright.bundle.manifest import Manifest, Variant
from edgewright.bundle.writer import README
from edgewright.errors import UsageError


def pack(
    source: str | Path,
    output: str | Path,
    *,
    variants: Sequence[str] | None = None,
    zip: bool = False,  # noqa: A002 - the word of the command line
    overwrite: bool = False,
) -> Path:
    """Write the bundle `source`, or some of its variants, to `output` and return that path.

    Everything else is kept: assets, golden samples, notices, receipts, rejections. The copy has a
    manifest, and so a digest, of its own.

    Args:
        source: Bundle folder or zip; every hash is checked.
        output: Where the copy goes; it may be `source` itself when `overwrite` is set.
        variants: Names of the variants to keep; all of them when none are given.
        zip: Whether the copy is one zip file instead of a folder.
        overwrite: Whether a bundle at `output` is replaced.

    Raises:
        UsageError: A variant is unknown, or `output` may not be written.
        BundleError: `source` is not an intact bundle.
    """
    with (
        Bundle.open(source) as bundle,
        BundleWriter(output, overwrite=overwrite, zip=zip) as writer,
    ):
        manifest = bundle.manifest
        dropped: set[str] = set()
        if variants is not None:
            manifest, dropped = _select(manifest, names("variants", variants))
        for name in sorted(set(manifest.files) - dropped - {README}):
            target = writer.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(bundle.file(name), target)
        return writer.finish(manifest)


def _select(manifest: Manifest, chosen: Sequence[str]) -> tuple[Manifest, set[str]]:
    """Return the manifest with the variants `chosen` only, and the files that nothing else uses."""
    known = [variant.name for variant in manifest.variants]
    if not chosen or (unknown := sorted(set(chosen) - set(known))):
        got = unknown if chosen else "none"
        raise UsageError(f"variants: got {got}, expected some of {known}; choose among these")
    kept = tuple(variant for variant in manifest.variants if variant.name in chosen)
    tolerance = {name: manifest.golden.tolerance[name] for name in known if name in chosen}
    slim = replace(manifest, variants=kept, golden=replace(manifest.golden, tolerance=tolerance))
    used = _files(kept) | {sample.file for sample in manifest.golden.samples}
    return slim, _files(manifest.variants) - used - {manifest.licenses.notice}


def _files(variants: Sequence[Variant]) -> set[str]:
    return {
        path
        for variant in variants
        for component in variant.components.values()
        for path in component.files
    }
