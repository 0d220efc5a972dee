"""Re-checks a bundle on this device: hashes, graph signatures, golden samples."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from edgewright.bundle import Bundle
from edgewright.bundle.files import hash_stream
from edgewright.bundle.manifest import Variant
from edgewright.errors import (
    BundleError,
    BundleNotFoundError,
    CheckpointNotFoundError,
    EdgewrightError,
    FormatVersionError,
    PlacementError,
    StateError,
    UsageError,
)
from edgewright.families.base import Model
from edgewright.loading import open_model
from edgewright.placement import BASELINE, CandidateKey, place
from edgewright.probe import probe
from edgewright.specs import Array

Status = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    """`files`, `checkpoint <file>`, `<variant>: graphs`, `<variant>: <golden sample>`."""
    status: Status
    """`skipped` where it cannot be done here; the detail says why."""
    detail: str

    def __str__(self) -> str:
        return f"{self.status:7} {self.name}: {self.detail}"


@dataclass(frozen=True)
class Verification:
    """What `verify` found."""

    ok: bool
    """Nothing failed, and at least one variant answered the golden samples as it should."""
    checks: tuple[Check, ...]

    def __str__(self) -> str:
        return "\n".join([*map(str, self.checks), "ok" if self.ok else "NOT ok"])


def verify(
    path: str | Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    checkpoint: str | Path | None = None,
) -> Verification:
    """Check a bundle as far as this machine can.

    Args:
        path: Bundle folder, or zip of one.
        device: Where the variants are run; see `load`.
        threads: See `load`.
        checkpoint: Folder that the bundle should have been exported from.

    Returns:
        Every check. What is damaged is a failed check, not an error.

    Raises:
        BundleNotFoundError: There is no bundle.
        FormatVersionError: The bundle needs a later reader.
        UsageError: `threads` is out of its range.
        StateError: `threads` is given though `set_threads` was called.
        CheckpointNotFoundError: There is no folder `checkpoint`.
    """
    try:
        bundle = Bundle.open(path)
    except (BundleNotFoundError, FormatVersionError):
        raise
    except BundleError as error:
        return Verification(False, (Check("files", "failed", str(error)),))
    with bundle:
        manifest = bundle.manifest
        checks = [Check("files", "ok", f"{len(manifest.files)} files as in the manifest")]
        if checkpoint is not None:
            checks += _checkpoint_checks(manifest.source.files, Path(checkpoint))
        answers = [
            c for v in manifest.variants for c in _variant_checks(bundle, v.name, device, threads)
        ]
    ok = all(c.status != "failed" for c in [*checks, *answers]) and any(
        c.status == "ok" for c in answers
    )
    return Verification(ok, (*checks, *answers))


def golden_difference(expected: Mapping[str, Array], got: Mapping[str, Array]) -> float:
    """Return the largest absolute difference of two samples, relative to the output's scale.

    The scale is the largest absolute expected value of each output. Infinite where names or shapes
    differ, or where a value that was expected finite is not.
    """
    if set(expected) != set(got):
        return float("inf")
    return max(_difference(np.asarray(e, np.float64), got[name]) for name, e in expected.items())


def _difference(expected: Any, got: Array) -> float:
    if expected.shape != got.shape or not np.isfinite(got).all():
        return float("inf")
    difference = float(np.max(np.abs(expected - got), initial=0.0))
    scale = float(np.max(np.abs(expected), initial=0.0))
    if scale == 0.0:
        return 0.0 if difference == 0.0 else float("inf")
    return difference / scale


def _checkpoint_checks(listed: Mapping[str, str], folder: Path) -> Iterator[Check]:
    """Compare the files that the bundle was made from with those in `folder`."""
    if not folder.is_dir():
        raise CheckpointNotFoundError(
            f"checkpoint: got '{folder}', expected a folder; check the path"
        )
    for name, sha256 in listed.items():
        file = folder / name
        if not file.is_file():
            yield Check(f"checkpoint {name}", "failed", f"not in '{folder}'")
            continue
        with file.open("rb") as stream:
            same = hash_stream(stream) == sha256
        detail = "is what the bundle was made from" if same else "differs from what was exported"
        yield Check(f"checkpoint {name}", "ok" if same else "failed", detail)


def _variant_checks(
    bundle: Bundle, variant: str, device: str, threads: int | None
) -> Iterator[Check]:
    name = f"{variant}: graphs"
    refused: dict[CandidateKey, str] = {}
    try:
        model = _open(bundle, variant, device, threads, refused)
    except PlacementError as error:
        fault = any(_is_for(bundle.variant(variant), provider) for _, provider in refused)
        yield Check(name, "failed" if fault else "skipped", str(error))
        return
    except (FormatVersionError, StateError, UsageError):  # no fault of the bundle's bytes
        raise
    except EdgewrightError as error:
        yield Check(name, "failed", str(error))
        return
    with model:
        yield Check(name, "ok", f"signatures as in the manifest, on {_where(model, refused)}")
        tolerance = bundle.manifest.golden.tolerance[variant]
        try:
            for file, inputs, outputs in bundle.golden():
                yield _golden_check(model, f"{variant}: {file}", inputs, outputs, tolerance)
        except BundleError as error:
            yield Check(f"{variant}: golden samples", "failed", str(error))


def _open(
    bundle: Bundle,
    variant: str,
    device: str,
    threads: int | None,
    refused: dict[CandidateKey, str],
) -> Model[Any]:
    """Open a variant as `load` does: with `auto`, on the first device that it opens on.

    Args:
        bundle: An open bundle.
        variant: Its name.
        device: See `load`.
        threads: See `load`.
        refused: Is given what did not open, with the reason.

    Raises:
        PlacementError: There is no device for it, or it does not open there.
    """
    here = probe(gpus=device != "cpu")
    while True:
        placement = place(bundle.manifest, here, device=device, variant=variant, refused=refused)
        try:
            return open_model(bundle, placement, threads, strict=device != "auto")
        except PlacementError as error:
            refused[placement.key] = " ".join(str(error).split())
            if device != "auto":
                raise


def _where(model: Model[Any], refused: Mapping[CandidateKey, str]) -> str:
    shared = any(runner.shared_with_cpu for runner in model.runners.values())
    passed = "".join(f"; not on {provider}: {why}" for (_, provider), why in refused.items())
    return f"{model.runtime.provider}{', a part of it on the CPU' if shared else ''}{passed}"


def _is_for(variant: Variant, provider: str) -> bool:
    """Whether a variant is for an execution provider; fp32 is for all."""
    return variant.precision == BASELINE or any(t.ep == provider for t in variant.targets)


def _golden_check(
    model: Model[Any],
    name: str,
    inputs: Mapping[str, Array],
    outputs: Mapping[str, Array],
    tolerance: float,
) -> Check:
    try:
        difference = golden_difference(outputs, model.prove(inputs))
    except EdgewrightError as error:
        return Check(name, "failed", str(error))
    detail = f"differs by {difference:.2e} of the output's scale, allowed {tolerance:.2e}"
    return Check(name, "ok" if difference <= tolerance else "failed", detail)
