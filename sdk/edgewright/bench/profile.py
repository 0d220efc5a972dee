"""The report of `edgewright profile`: two variants of a bundle, operator by operator."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewright.backends.onnxrt import OnnxRuntime
from edgewright.backends.onnxrt_runner import ProfiledRunner
from edgewright.bench.operators import ROUNDS, WARMUP, OperatorTime, operator_times
from edgewright.bench.why_slower import (
    Finding,
    SideBySide,
    compare_modules,
    compare_operators,
    why_slower,
)
from edgewright.bundle import Bundle
from edgewright.bundle.manifest import Variant
from edgewright.errors import PlacementError, UsageError
from edgewright.families.base import Model
from edgewright.loading import open_model
from edgewright.placement import BASELINE, place
from edgewright.probe import Probe, probe
from edgewright.progress import Progress

DEVICE = "cpu"
NOTE = (
    "Profiling costs time, most where operators are many and small: for how much faster or slower "
    "the variant is, trust the ratio of `edgewright inspect`, which was measured without."
)


@dataclass(frozen=True)
class Profile:
    """Two variants of a bundle on this CPU, operator by operator."""

    bundle: str
    """Name and version."""
    variant: str
    """The one in question."""
    baseline: str
    """The one beside it."""
    machine: str
    """Name of the processor."""
    threads: int
    samples: int
    """Golden samples that were answered in each round."""
    rounds: int
    """That were counted."""
    baseline_seconds: float
    """Of all operators, for one answer."""
    seconds: float
    """The same of the variant in question."""
    ratio: float | None
    """`seconds` / `baseline_seconds`; none where the clock is too coarse for the graphs."""
    operators: tuple[SideBySide, ...]
    """By type of operator, the longest first."""
    modules: tuple[SideBySide, ...]
    """By PyTorch module, the longest first."""
    findings: tuple[Finding, ...]
    """What keeps the variant from being faster, the most expensive first."""
    baseline_nodes: tuple[OperatorTime, ...]
    """Every node of the optimized graphs, in order of execution."""
    nodes: tuple[OperatorTime, ...]
    """The same of the variant in question."""
    note: str = NOTE


def profile_bundle(
    path: str | Path,
    variant: str = "int8",
    *,
    beside: str = BASELINE,
    threads: int = 1,
    rounds: int = ROUNDS,
    progress: Progress | None = None,
) -> Profile:
    """Let two variants of a bundle answer its golden samples, and compare their operators.

    Args:
        path: Bundle folder, or zip of one.
        variant: Name of the variant in question.
        beside: Name of the variant that it is compared with.
        threads: Of each model.
        rounds: How often the golden samples are answered, after a warm-up.
        progress: Shows the rounds; none shows nothing.

    Raises:
        UsageError: A variant is not in the bundle, both are the same, or an option is out of range.
        PlacementError: A variant is made for another device, or cannot be opened here.
        BundleError: The bundle is missing, damaged, or of a later format.
    """
    if variant == beside:
        raise UsageError(
            f"variants: got '{variant}' twice, expected two; compare it with another variant"
        )
    with Bundle.open(path) as bundle:
        records = [_on_cpu(bundle.variant(name)) for name in (beside, variant)]
        samples = [inputs for _, inputs, _ in bundle.golden()]
        models: dict[str, Model[Any]] = {}
        try:
            for record in records:
                models[record.name] = open_profiled(bundle, record, threads)
            if progress is not None:
                progress.start(f"profiling {variant} beside {beside}", WARMUP + rounds)
            advance = (lambda: None) if progress is None else progress.advance
            times = operator_times(models, samples, rounds=rounds, advance=advance)
        finally:
            for model in models.values():
                model.close()
        name = f"{bundle.manifest.name} {bundle.manifest.version}"
    return _report(name, records, times, threads=threads, samples=len(samples), rounds=rounds)


def _on_cpu(variant: Variant) -> Variant:
    if not any(target.device == DEVICE for target in variant.targets):
        devices = ", ".join(sorted({target.device for target in variant.targets})) or "no device"
        raise PlacementError(
            f"variant '{variant.name}': got one made for {devices}, expected one for the CPU, "
            "whose operators can be timed here; choose another variant"
        )
    return variant


def open_profiled(bundle: Bundle, variant: Variant, threads: int) -> Model[Any]:
    """Open a variant on the CPU so that its runners (`ProfiledRunner`) write down their kernels.

    Raises:
        PlacementError: The variant cannot be opened here.
        BundleError: The config does not fit the family, or the graphs do not fit the manifest.
    """
    placement = place(bundle.manifest, probe(), device=DEVICE, variant=variant.name)
    with open_model(bundle, placement, threads) as model:  # checks family, config and threads
        pass
    runners: dict[str, ProfiledRunner] = {}
    try:
        for key, component in variant.components.items():
            files = [bundle.file(file) for file in component.files]
            runners[key] = OnnxRuntime.open_profiled(files, component, threads=threads)
        return type(model)(model.config, bundle.read_bytes, runners, model.runtime)
    except BaseException:
        for runner in runners.values():
            runner.close()
        raise


def needed_features(variant: Variant, here: Probe) -> tuple[str, ...]:
    """Return the CPU features that a variant wants, those of the target that fits `here` best."""
    wanted = [target.compatibility for target in variant.targets if target.device == DEVICE]
    return min(wanted, key=lambda names: sum(not here.has(name) for name in names), default=())


def _report(
    bundle: str,
    records: list[Variant],
    times: dict[str, tuple[OperatorTime, ...]],
    *,
    threads: int,
    samples: int,
    rounds: int,
) -> Profile:
    baseline, variant = records
    before, after = times[baseline.name], times[variant.name]
    here = probe()
    sums = [sum(time.seconds for time in column) for column in (before, after)]
    return Profile(
        bundle=bundle,
        variant=variant.name,
        baseline=baseline.name,
        machine=here.machine,
        threads=threads,
        samples=samples,
        rounds=rounds,
        baseline_seconds=sums[0],
        seconds=sums[1],
        ratio=sums[1] / sums[0] if sums[0] else None,
        operators=compare_operators(before, after),
        modules=compare_modules(before, after),
        findings=why_slower(
            before,
            after,
            here,
            needs=needed_features(variant, here),
            kept=variant.receipt.kept_in_higher_precision,
        ),
        baseline_nodes=before,
        nodes=after,
    )
