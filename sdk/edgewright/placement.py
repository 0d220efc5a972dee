"""Which variant runs on which device, and why: a pure function of the manifest and the probe."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace

from edgewright.backends import BACKENDS, DeviceFact
from edgewright.bundle.manifest import Manifest, Target, Variant
from edgewright.errors import PlacementError, PlacementWarning, UsageError
from edgewright.probe import Probe

DEVICES = ("auto", "cpu", "cuda", "tensorrt")
"""Values of `device`."""

BASELINE = "fp32"
"""Precision that is always right, if not always fastest."""

CandidateKey = tuple[str, str]
"""Name of a variant, and the provider that would run it."""


@dataclass(frozen=True)
class Placement:
    """A variant on a device."""

    variant: str
    backend: str
    device: str
    provider: str
    reasons: tuple[str, ...]
    """One line per candidate that was considered, the taken one last."""
    fallback: str | None = None
    """What was asked for and not had; none when everything asked for was had."""

    @property
    def key(self) -> CandidateKey:
        """The variant and the provider."""
        return self.variant, self.provider


@dataclass(frozen=True)
class _Request:
    """What was asked for, and where."""

    manifest: Manifest
    probe: Probe
    device: str
    precision: str
    refused: Mapping[CandidateKey, str]


@dataclass(frozen=True)
class _Candidate:
    fact: DeviceFact
    variant: Variant
    rank: tuple[float, ...]
    """Smaller is better within a device: the latency ratio to fp32, behind what was asked for."""
    problem: str | None
    note: str
    """What speaks against it though it was asked for."""

    def __str__(self) -> str:
        return self.line(self.problem or "usable")

    def line(self, verdict: str) -> str:
        return f"{self.fact.device} ({self.fact.provider}) with {self.variant.name}: {verdict}"


def place(
    manifest: Manifest,
    probe: Probe,
    *,
    device: str = "auto",
    precision: str = "auto",
    variant: str | None = None,
    strict: bool = True,
    refused: Mapping[CandidateKey, str] | None = None,
) -> Placement:
    """Choose a variant and a device; nothing but the arguments is looked at.

    `device="auto"` takes the first usable device of the probe. `precision="auto"` takes, among the
    variants that were measured as recommended for that device and whose CPU features are all
    present, the one with the smallest latency ratio, and fp32 otherwise: in the form that was made
    for the device, where the bundle has one.

    Args:
        manifest: Of the bundle.
        probe: Of the machine.
        device: One of `DEVICES`.
        precision: `auto`, or the precision or name of a variant. Of several forms of a precision
            the one of that name is taken, unless this CPU lacks what it needs and another's not.
        variant: The name of a variant; none but it is taken then.
        strict: Raise when what was asked for cannot be had; otherwise warn, record it in
            `Placement.fallback`, and choose as if nothing had been asked for.
        refused: Candidates that could not be opened, with the reason; they are not taken again.

    Raises:
        UsageError: `device` is none of `DEVICES`.
        PlacementError: Nothing usable is left; the message lists every candidate.
    """
    if device not in DEVICES:
        raise UsageError(
            f"device: got '{device}', expected one of {', '.join(DEVICES)}; choose one"
        )
    if variant is not None:
        manifest = replace(
            manifest, variants=tuple(v for v in manifest.variants if v.name == variant)
        )
        precision = variant
    request = _Request(manifest, probe, device, precision, refused or {})
    lines, candidates = _candidates(request)
    taken = _best(candidates)
    fallback = None
    if taken is None and not strict:
        more, candidates = _candidates(replace(request, device="auto", precision="auto"))
        lines, taken = tuple(dict.fromkeys((*lines, *more))), _best(candidates)
        fallback = f"device '{device}' with precision '{precision}'"
    if taken is None:
        raise _refusal(device, precision, lines)
    placement = _placement(taken, lines, fallback)
    if fallback is not None:
        # Where `load` was called, which comes here by a function of its own.
        warnings.warn(_fallback_text(placement), PlacementWarning, stacklevel=4)
    return placement


def _candidates(request: _Request) -> tuple[tuple[str, ...], tuple[_Candidate, ...]]:
    """Return a line for every candidate, and those candidates that a variant stands for."""
    manifest, precision = request.manifest, request.precision
    facts = [f for f in request.probe.devices if request.device in ("auto", f.device)]
    variants = [v for v in manifest.variants if precision in ("auto", v.precision, v.name)]
    lines = []
    if not variants:
        present = ", ".join(variant.name for variant in manifest.variants)
        rejected = [r.why for r in manifest.rejected if r.variant == precision]
        why = f" (rejected at export: {rejected[0]})" if rejected else ""
        lines.append(f"{precision}: the bundle has no such variant{why}; it has {present}")
    candidates = tuple(_judge(fact, variant, request) for fact in facts for variant in variants)
    return (*lines, *map(str, candidates)), candidates


def _judge(fact: DeviceFact, variant: Variant, request: _Request) -> _Candidate:
    problem = fact.problem or _problem(fact, variant, request)
    if variant.precision == BASELINE:
        return _judge_baseline(fact, variant, request.precision, problem)
    target = _target(fact, variant, request.probe)
    doubt = _doubt(target, fact, request.probe)
    ratio = float("inf")
    if target is not None and target.latency_ratio is not None:
        ratio = target.latency_ratio
    if request.precision == "auto":
        return _Candidate(fact, variant, (False, False, ratio), problem or doubt, "")
    lacking = target is None or bool(_missing(target, request.probe))
    rank = (lacking, variant.name != request.precision, ratio)
    return _Candidate(fact, variant, rank, problem, doubt or "")


def _judge_baseline(
    fact: DeviceFact, variant: Variant, precision: str, problem: str | None
) -> _Candidate:
    """Prefer the form that was made for the device; any other but the plain one wants its name."""
    made_for = tuple(dict.fromkeys(target.device for target in variant.targets))
    foreign = bool(made_for) and fact.device not in made_for
    rank = (False, False, 1.0, foreign)
    if foreign and variant.name not in (BASELINE, precision):
        problem = problem or f"made for {', '.join(made_for)}; ask for it by its name"
    return _Candidate(fact, variant, rank, problem, "")


def _problem(fact: DeviceFact, variant: Variant, request: _Request) -> str | None:
    """Return what the backend says against a variant, or what came of opening it."""
    if why := request.refused.get((variant.name, fact.provider)):
        return f"could not be opened: {why}"
    return BACKENDS[fact.backend].variant_problem(
        request.probe.facts,
        request.manifest,
        variant,
        fact.device,
        asked=request.device == fact.device,
    )


def _target(fact: DeviceFact, variant: Variant, probe: Probe) -> Target | None:
    """Return what was measured for this provider, the entry that this CPU fulfils first."""
    targets = [t for t in variant.targets if t.ep == fact.provider and t.device == fact.device]
    return min(targets, key=lambda t: len(_missing(t, probe)), default=None)


def _missing(target: Target, probe: Probe) -> list[str]:
    return [feature for feature in target.compatibility if not probe.has(feature)]


def _doubt(target: Target | None, fact: DeviceFact, probe: Probe) -> str | None:
    """Say why `precision="auto"` passes over a variant; none where it is recommended here."""
    if target is None:
        return f"its speed was never measured with {fact.provider}; ask for it by precision"
    if missing := _missing(target, probe):
        return (
            f"needs CPU features {missing}, which '{probe.machine}' has not, for exact and fast "
            "arithmetic; ask for it by precision and check it with `edgewright verify`"
        )
    if target.verdict == "unmeasured":
        return f"its speed is unmeasured with {fact.provider}; ask for it by precision"
    if target.verdict == "recommended":
        return None
    ratio = "" if target.latency_ratio is None else f" at {target.latency_ratio:.2f} × fp32 latency"
    return f"marked '{target.verdict}'{ratio} (measured on {target.machine or 'another machine'})"


def _best(candidates: tuple[_Candidate, ...]) -> _Candidate | None:
    """Return the best-ranked variant of the first device that has a usable one."""
    usable = [candidate for candidate in candidates if candidate.problem is None]
    if not usable:
        return None
    return min((c for c in usable if c.fact is usable[0].fact), key=lambda c: c.rank)


def _placement(taken: _Candidate, lines: tuple[str, ...], fallback: str | None) -> Placement:
    others = tuple(line for line in lines if line != str(taken))
    chosen = taken.line(f"taken, although: {taken.note}" if taken.note else "taken")
    return Placement(
        variant=taken.variant.name,
        backend=taken.fact.backend,
        device=taken.fact.device,
        provider=taken.fact.provider,
        reasons=(*others, chosen),
        fallback=fallback,
    )


def _refusal(device: str, precision: str, lines: tuple[str, ...]) -> PlacementError:
    listed = "".join(f"\n  - {line}" for line in lines)
    return PlacementError(
        f"device '{device}' with precision '{precision}': got no usable candidate, expected one; "
        f"install what is missing or ask for another device or precision:{listed}"
    )


def _fallback_text(placement: Placement) -> str:
    return (
        f"{placement.fallback} cannot be had; running {placement.variant} on "
        f"{placement.provider} instead: " + "; ".join(placement.reasons)
    )
