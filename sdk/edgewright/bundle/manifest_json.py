"""`manifest.json`: from bytes to a checked `Manifest` and back."""

from typing import Any

from edgewright import records, strict_json
from edgewright.bundle.manifest import FORMAT, FORMAT_VERSION, READER_FEATURES, Manifest
from edgewright.bundle.rules import check_manifest
from edgewright.errors import BundleError, FormatVersionError


def read_manifest(data: bytes) -> Manifest:
    """Return the manifest in `data`, the bytes of `manifest.json`.

    The format version and the required features are judged first, so that a bundle of a later
    format is refused in those words and not because of a key that this reader does not know.

    Raises:
        FormatVersionError: A later format version, or a feature that this reader does not have.
        BundleError: Not strict JSON, an unknown or missing key, a wrong type, a broken rule.
    """
    value = strict_json.parse(data, "manifest.json")
    _check_version(value)
    manifest = records.read(Manifest, value, "manifest")
    check_manifest(manifest)
    return manifest


def write_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of `manifest.json`, checked by the rules that a reader applies.

    Raises:
        BundleError: The manifest breaks a rule of the format.
    """
    data = strict_json.dump(records.plain(manifest))
    read_manifest(data)
    return data


def sha256_line(digest: str) -> bytes:
    """Return the content of `manifest.sha256`, which `sha256sum --check` reads."""
    return f"{digest}  manifest.json\n".encode("ascii")


def _check_version(value: Any) -> None:
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        got = value.get("format") if isinstance(value, dict) else type(value).__name__
        raise BundleError(
            f"manifest.format: got {str(got)[:40]!r}, expected {FORMAT!r}; "
            "pass a bundle made by `edgewright export`"
        )
    version = value.get("format_version")
    if type(version) is not int or version < 1:
        raise BundleError(
            f"manifest.format_version: got {str(version)[:40]!r}, expected a whole number from 1; "
            "export the bundle again"
        )
    if version > FORMAT_VERSION:
        raise FormatVersionError(
            f"manifest.format_version: got {str(version)[:40]}, expected at most {FORMAT_VERSION}; "
            "update edgewright, or export the bundle with this version"
        )
    _check_features(value.get("requires"))


def _check_features(requires: Any) -> None:
    names = records.read(tuple[str, ...], requires, "manifest.requires")
    if unknown := sorted(set(names) - READER_FEATURES):
        raise FormatVersionError(
            f"manifest.requires: got unknown features {str(unknown)[:200]}, expected "
            f"none beyond {sorted(READER_FEATURES)}; update edgewright, or export the bundle again"
        )
