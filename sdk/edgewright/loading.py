"""From a bundle on disk to a model that answers."""

import threading
import warnings
from pathlib import Path
from typing import Any

from edgewright.arguments import whole_number
from edgewright.backends import BACKENDS, Runner
from edgewright.bundle import Bundle, Check
from edgewright.errors import (
    BundleError,
    FormatVersionError,
    PlacementError,
    PlacementWarning,
    UsageError,
)
from edgewright.families import FAMILIES
from edgewright.families.base import Model
from edgewright.placement import CandidateKey, Placement, place
from edgewright.probe import default_threads, probe
from edgewright.records import read
from edgewright.runtime import Runtime

_shared_threads: int | None = None
_lock = threading.Lock()


def load(
    path: str | Path,
    *,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    strict: bool = True,
    check: Check = "all",
    expected_digest: str | None = None,
) -> Any:
    """Load a bundle: check it, choose a variant and a device, open the graphs.

    Args:
        path: Bundle folder, or zip of one.
        device: `auto`, `cpu`, `cuda` or `tensorrt`. With `auto`, what cannot be opened is passed
            over, and what the device does not take of a graph runs on the CPU;
            `.runtime.placement` tells what and why.
        precision: `auto`, or the precision or name of a variant: `fp32`, `int8`, ….
        threads: Size of this model's own pool. By default the physical cores that this process
            may use, at most 4; or the pool of `set_threads`, if that was called.
        strict: Raise when the device or precision asked for cannot be had. Otherwise warn with
            `PlacementWarning`, and tell what ran instead in `.runtime.fallback`. With
            `device="auto"`, what was chosen and cannot be opened is warned about and passed over.
        check: `all` hashes every file, `used` only those that are loaded.
        expected_digest: SHA-256 (hex) that the manifest must have.

    Returns:
        A model of the bundle's family, such as `edgewright.families.vit.ViT`; annotate the variable
        with that class to have its calls type-checked.

    Raises:
        BundleError: The bundle is missing, damaged, or of a later format.
        PlacementError: What was asked for cannot be had here; the message lists every candidate.
        UsageError: An option is out of its range.
        StateError: `threads` is given though `set_threads` was called.
    """
    with Bundle.open(path, check=check, expected_digest=expected_digest) as bundle:
        return _open_first(bundle, device, precision, threads, strict=strict)


def _open_first(
    bundle: Bundle, device: str, precision: str, threads: int | None, *, strict: bool
) -> Model[Any]:
    """Open the best candidate; where nothing was demanded, the best that opens, with a warning."""
    demanded = strict and device != "auto"
    refused: dict[CandidateKey, str] = {}
    while True:
        placement = place(
            bundle.manifest,
            probe(gpus=device != "cpu"),
            device=device,
            precision=precision,
            strict=strict,
            refused=refused,
        )
        try:
            model = open_model(bundle, placement, threads, strict=demanded)
        except PlacementError as error:
            if demanded:
                raise
            refused[placement.key] = " ".join(str(error).split())
            continue
        if refused and placement.fallback is None:
            warnings.warn(
                f"took {model.runtime.variant} on {model.runtime.provider}, because what comes "
                f"before it cannot be opened: {'; '.join(refused.values())}",
                PlacementWarning,
                stacklevel=3,
            )
        return model


def open_model(
    bundle: Bundle, placement: Placement, threads: int | None = None, *, strict: bool = True
) -> Model[Any]:
    """Open what a placement chose. The bundle may be closed afterwards.

    Args:
        bundle: An open bundle.
        placement: One of its variants on a device of this machine.
        threads: See `load`.
        strict: Refuse graphs of which a part would run elsewhere than on the device.

    Raises:
        FormatVersionError: The family is unknown to this version.
        BundleError: The config does not fit the family, or the graphs do not fit the manifest.
        PlacementError: A graph cannot be opened on that device.
    """
    manifest = bundle.manifest
    family = FAMILIES.get(manifest.family)
    if family is None:
        raise FormatVersionError(
            f"manifest.family: got '{manifest.family}', expected one of {', '.join(FAMILIES)}; "
            "upgrade edgewright"
        )
    if manifest.task != family.task.key:
        raise BundleError(
            f"manifest.task: got '{manifest.task}', expected '{family.task.key}', which is what "
            f"the family '{manifest.family}' is for; export the bundle again"
        )
    size, shared = _threads(threads)
    runners = _open_runners(bundle, placement, size, shared, strict=strict)
    runtime = _runtime(bundle, placement, runners, size, shared)
    try:
        config = read(family.config_type, manifest.config, "manifest.config")
        return family(config, bundle.read_bytes, runners, runtime)
    except UsageError as error:  # raised by a front about a value that the user never gave
        _close(runners)
        raise BundleError(f"manifest.config: {error}") from error
    except BaseException:
        _close(runners)
        raise


def set_threads(threads: int) -> None:
    """Make models that are loaded from now on share one pool of threads.

    Call it once per process, before the first load. From then on, `load(threads=n)` is refused:
    ONNX Runtime gives no model its own pool beside a shared one. The shared pool's workers spin
    while they wait (with more than one thread), and its Python interface has no switch for that.
    So this is for processes with many models on cores of their own; elsewhere the pools that
    models have by default, whose threads sleep while they wait, answer sooner.

    Raises:
        UsageError: `threads` is below 1.
        StateError: The pool exists already with another size.
        MissingDependencyError: No inference library with a shared pool is installed.
    """
    global _shared_threads  # noqa: PLW0603  one pool per process is what this call is about
    threads = _check_threads(threads)
    with _lock:
        for backend in BACKENDS.values():
            backend.share_threads(threads)
        _shared_threads = threads


def _threads(threads: int | None) -> tuple[int, bool]:
    """Return the size of the pool, and whether it is the shared one."""
    if threads is not None:
        return _check_threads(threads), False
    if _shared_threads is not None:
        return _shared_threads, True
    return default_threads(), False


def _check_threads(threads: int) -> int:
    size = whole_number("threads", threads, "1 to 1024")
    if not 1 <= size <= 1024:
        raise UsageError(f"threads: got {size}, expected 1 to 1024; choose the cores to use")
    return size


def _open_runners(
    bundle: Bundle, placement: Placement, threads: int, shared_threads: bool, *, strict: bool
) -> dict[str, Runner]:
    backend, variant = BACKENDS[placement.backend], bundle.variant(placement.variant)
    options = {
        name: value
        for target in variant.targets
        if (target.ep, target.device) == (placement.provider, placement.device)
        for name, value in target.options.items()
    }
    runners: dict[str, Runner] = {}
    try:
        for name, component in variant.components.items():
            runners[name] = backend.open(
                [bundle.file(file) for file in component.files],
                component,
                device=placement.device,
                threads=threads,
                shared_threads=shared_threads,
                strict=strict,
                precision=variant.precision,
                options=options,
            )
    except BaseException:
        _close(runners)
        raise
    return runners


def _close(runners: dict[str, Runner]) -> None:
    for runner in runners.values():
        runner.close()


def _shared_with_cpu(runners: dict[str, Runner]) -> tuple[str, ...]:
    return tuple(
        f"component {name}: a part of it runs on the CPU beside {runner.provider}, because "
        f"{' '.join(runner.shared_with_cpu.split())}"
        for name, runner in runners.items()
        if runner.shared_with_cpu is not None
    )


def _runtime(
    bundle: Bundle, placement: Placement, runners: dict[str, Runner], threads: int, shared: bool
) -> Runtime:
    manifest = bundle.manifest
    (provider,) = {runner.provider for runner in runners.values()}
    return Runtime(
        bundle=f"{manifest.name} {manifest.version}",
        bundle_digest=bundle.digest,
        family=manifest.family,
        variant=placement.variant,
        precision=bundle.variant(placement.variant).precision,
        backend=placement.backend,
        device=placement.device,
        provider=provider,
        threads=threads,
        shared_threads=shared,
        placement=(*placement.reasons, *_shared_with_cpu(runners)),
        fallback=placement.fallback,
    )
