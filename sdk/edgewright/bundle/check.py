"""The checks of a bundle folder that need no hash of its files."""

import hashlib
from pathlib import Path

from edgewright.bundle.files import (
    MANIFEST,
    MANIFEST_HASH,
    MANIFEST_LIMIT,
    check_listing,
    read_limited,
)
from edgewright.bundle.manifest import Manifest
from edgewright.bundle.manifest_json import read_manifest, sha256_line
from edgewright.errors import IntegrityError


def check_folder(root: Path, expected_digest: str | None = None) -> tuple[Manifest, str]:
    """Check manifest, names, kinds and sizes in the folder `root`; return manifest and digest.

    Raises:
        IntegrityError: A hash of the manifest, a name, a kind or a size differs.
        BundleError: The manifest breaks a rule of the format.
    """
    data = read_limited(root / MANIFEST, MANIFEST, MANIFEST_LIMIT)
    line = read_limited(root / MANIFEST_HASH, MANIFEST_HASH, MANIFEST_LIMIT)
    manifest, digest = check_manifest_bytes(data, line, expected_digest)
    sizes = {name: entry.bytes for name, entry in manifest.files.items()}
    check_listing(root, sizes | {MANIFEST: len(data), MANIFEST_HASH: len(line)})
    return manifest, digest


def check_manifest_bytes(
    data: bytes, line: bytes, expected_digest: str | None
) -> tuple[Manifest, str]:
    """Check the manifest's own hash, then its content; return the manifest and that hash.

    Args:
        data: The bytes of `manifest.json`.
        line: The bytes of `manifest.sha256`.
        expected_digest: Hash (hex) that `data` must have, where one is pinned.

    Raises:
        IntegrityError: The hash differs.
        BundleError: The manifest breaks a rule of the format.
    """
    digest = hashlib.sha256(data).hexdigest()
    if line != sha256_line(digest):
        raise IntegrityError(
            f"file '{MANIFEST}': got SHA-256 {digest[:16]}…, expected what {MANIFEST_HASH} says; "
            "copy or export the bundle again"
        )
    if expected_digest is not None and digest != expected_digest.lower():
        raise IntegrityError(
            f"bundle: got digest {digest}, expected {expected_digest.lower()}; "
            "this is another bundle than the one that was pinned"
        )
    return read_manifest(data), digest
