"""Placement is a pure function, so every machine can be had here."""

from dataclasses import replace
from pathlib import Path

import pytest

import edgewright as ew
from edgewright.bundle.manifest import Manifest, Rejection
from edgewright.errors import PlacementError, PlacementWarning, UsageError
from edgewright.placement import place
from edgewright.probe import Probe
from recorded_probes import recorded

VNNI = replace(recorded("cpu"), machine="a CPU", cpu_features=("avx2", "vnni"))
AVX2 = replace(VNNI, cpu_features=("avx2",))
GPU = replace(VNNI, facts=recorded("h200_without_tensorrt").facts)


@pytest.fixture(scope="module")
def manifest(tiny: dict[str, Path]) -> Manifest:
    return ew.Bundle.open(tiny["vit"]).manifest


def with_verdict(manifest: Manifest, verdict: str) -> Manifest:
    fp32, int8 = manifest.variants
    target = replace(int8.targets[0], verdict=verdict)
    return replace(manifest, variants=(fp32, replace(int8, targets=(target,))))


@pytest.mark.parametrize(
    ("probe", "verdict", "variant", "device"),
    [
        (VNNI, "recommended", "int8", "cpu"),
        (AVX2, "recommended", "fp32", "cpu"),
        (VNNI, "not recommended", "fp32", "cpu"),
        (VNNI, "unmeasured", "fp32", "cpu"),
        (GPU, "recommended", "fp32", "cuda"),
    ],
)
def test_auto_takes_what_is_recommended_and_safe_here(
    manifest: Manifest, probe: Probe, verdict: str, variant: str, device: str
) -> None:
    placement = place(with_verdict(manifest, verdict), probe)
    assert (placement.variant, placement.device) == (variant, device)
    assert placement.reasons[-1].endswith("taken")
    assert len(placement.reasons) == 2 * len(probe.devices)  # of two variants


def test_reasons_name_what_speaks_against_a_variant(manifest: Manifest) -> None:
    reasons = "\n".join(place(manifest, AVX2).reasons)
    assert "cuda (CUDAExecutionProvider) with fp32: no NVIDIA driver" in reasons
    assert "needs CPU features ['vnni'], which 'a CPU' has not" in reasons
    slow = "\n".join(place(with_verdict(manifest, "not recommended"), VNNI).reasons)
    assert "marked 'not recommended' at 0.50 × fp32 latency (measured on test CPU)" in slow


def test_a_precision_that_is_asked_for_is_taken_with_its_doubts(manifest: Manifest) -> None:
    placement = place(manifest, AVX2, precision="int8")
    assert placement.variant == "int8"
    assert "taken, although: needs CPU features" in placement.reasons[-1]


def test_of_two_forms_of_a_precision_the_one_without_doubts_is_taken(manifest: Manifest) -> None:
    fp32, int8 = with_verdict(manifest, "recommended").variants
    (target,) = int8.targets
    slower = replace(target, compatibility=(), latency_ratio=0.6, latency_interval=(0.5, 0.7))
    reduced = replace(int8, name="int8-reduced", targets=(slower,))
    both = replace(manifest, variants=(fp32, int8, reduced))
    for precision in ("auto", "int8"):
        assert place(both, AVX2, precision=precision).variant == "int8-reduced"
        assert place(both, VNNI, precision=precision).variant == "int8"
    for probe in (AVX2, VNNI):
        assert place(both, probe, precision="int8-reduced").variant == "int8-reduced"
        for name in ("int8", "int8-reduced"):
            assert place(both, probe, variant=name).variant == name


@pytest.mark.parametrize("verdict", ["not recommended", "unmeasured"])
def test_a_precision_is_its_namesake_unless_the_cpu_lacks_what_it_needs(
    manifest: Manifest, verdict: str
) -> None:
    fp32, int8 = with_verdict(manifest, verdict).variants
    (target,) = int8.targets
    faster = replace(target, compatibility=(), latency_ratio=0.1, latency_interval=(0.1, 0.1))
    both = replace(
        manifest, variants=(fp32, int8, replace(int8, name="int8-reduced", targets=(faster,)))
    )
    assert place(both, VNNI, precision="int8").variant == "int8"
    assert place(both, AVX2, precision="int8").variant == "int8-reduced"
    with pytest.raises(PlacementError, match="no such variant"):
        place(both, VNNI, variant="fp16")


@pytest.mark.parametrize(
    ("device", "precision", "reason"),
    [
        ("cuda", "auto", "no NVIDIA driver"),
        ("tensorrt", "auto", "no NVIDIA driver"),
        ("auto", "fp16", "the bundle has no such variant .rejected at export: too coarse."),
        ("cpu", "int4", "it has fp32, int8"),
    ],
)
def test_what_cannot_be_had_raises_with_every_candidate(
    manifest: Manifest, device: str, precision: str, reason: str
) -> None:
    manifest = replace(manifest, rejected=(Rejection("fp16", "too coarse"),))
    with pytest.raises(PlacementError, match=reason) as caught:
        place(manifest, VNNI, device=device, precision=precision)
    assert f"device '{device}' with precision '{precision}'" in str(caught.value)


@pytest.mark.parametrize(
    ("device", "precision"), [("cuda", "fp32"), ("tensorrt", "auto"), ("cpu", "fp16")]
)
def test_without_strict_it_warns_and_records_the_fallback(
    manifest: Manifest, device: str, precision: str
) -> None:
    with pytest.warns(PlacementWarning, match="cannot be had; running int8 on CPU"):
        placement = place(manifest, VNNI, device=device, precision=precision, strict=False)
    assert placement.fallback == f"device '{device}' with precision '{precision}'"


def test_nothing_usable_raises_even_without_strict(manifest: Manifest) -> None:
    missing = replace(VNNI.facts.onnxruntime, problem="onnxruntime is missing")
    nothing = replace(VNNI, facts=replace(VNNI.facts, onnxruntime=missing))
    with pytest.raises(PlacementError, match="onnxruntime is missing"):
        place(manifest, nothing, strict=False)


def test_an_unknown_device_is_a_usage_error(manifest: Manifest) -> None:
    with pytest.raises(UsageError, match="got 'npu', expected one of auto, cpu, cuda, tensorrt"):
        place(manifest, VNNI, device="npu")


def test_load_tells_what_ran(tiny: dict[str, Path]) -> None:
    with pytest.raises(PlacementError, match=r"tensorrt .* with fp32: no NVIDIA driver"):
        ew.load(tiny["vit"], device="tensorrt", precision="fp32")
    with pytest.warns(PlacementWarning, match="tensorrt") as told:
        model = ew.load(tiny["vit"], device="tensorrt", strict=False, threads=1)
    assert [one.filename for one in told] == [__file__]
    assert model.runtime.provider == "CPUExecutionProvider"
    assert model.runtime.fallback == "device 'tensorrt' with precision 'auto'"
    assert (model.runtime.threads, len(model.runtime.bundle_digest)) == (1, 64)
