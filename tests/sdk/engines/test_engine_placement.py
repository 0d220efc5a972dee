"""TensorRT is taken where the cache has an engine of every graph that fits, and never otherwise."""

import re
from dataclasses import replace
from typing import Any

import pytest

import edgewright as ew
import tiny_bundles
from edgewright.backends.facts import EngineIdentity, TensorRtLibrary
from edgewright.backends.requirements import tensorrt_problem
from edgewright.backends.tensorrt import TensorRt, identity_of
from edgewright.bundle.manifest import Manifest, SizeRange, Target
from edgewright.engines.cache import graph_digest
from edgewright.errors import BundleError, PlacementError
from edgewright.placement import place
from edgewright.probe import Probe
from engine_records import record
from recorded_probes import recorded

BUILD = "run `edgewright build BUNDLE --backend tensorrt`"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    path = tiny_bundles.vit(tmp_path_factory.mktemp("engines") / "tiny.edge")
    with ew.Bundle.open(path) as bundle:
        whole = bundle.manifest
    component = replace(
        whole.variants[0].components["model"], ranges={"batch": (SizeRange(1, 1, 8),)}
    )
    fp32 = replace(whole.variants[0], components={"model": component})
    return replace(whole, variants=(fp32, *whole.variants[1:]))


def identity(manifest: Manifest, probe: Probe, **changes: Any) -> EngineIdentity:
    component = manifest.variants[0].components["model"]
    digest = graph_digest([manifest.files[path].sha256 for path in component.files])
    made = identity_of(digest, component, "fp32", "tensorrt", probe.facts)
    return replace(made, **changes)


def holding(probe: Probe, *engines: EngineIdentity) -> Probe:
    return replace(probe, facts=replace(probe.facts, engines=tuple(map(record, engines))))


@pytest.mark.parametrize("machine", ["t4", "h200_tensorrt_11", "orin_jetpack_6", "thor_jetpack_7"])
def test_an_engine_that_fits_is_taken_before_all_else(machine: str, manifest: Manifest) -> None:
    here = recorded(machine)
    here = replace(here, facts=replace(here.facts, cuda_bindings="12.9.0"))
    for device in ("auto", "tensorrt"):
        placement = place(manifest, holding(here, identity(manifest, here)), device=device)
        assert (placement.backend, placement.provider) == ("tensorrt", "TensorRT")
        assert (placement.device, placement.variant) == ("tensorrt", "fp32")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"graph_sha256": "0" * 64}, f"no engine of it was built here; {BUILD}"),
        ({"version": "10.3.0"}, "its engine is stale: built for version 10.3.0, here 11.4.0"),
        ({"cuda": "12"}, "its engine is stale: built for cuda 12, here 13"),
        ({"builder_settings": 0}, "its engine is stale: built for builder settings 0, here 1"),
        ({"gpu": "NVIDIA L4"}, "its engine is stale: built for gpu NVIDIA L4, here Tesla T4"),
        ({"compute_capability": "8.9"}, "built for compute capability 8.9, here 7.5"),
        ({"driver_major": 535}, "built for driver major 535, here 580"),
        ({"profiles": ("batch 1-4 (1)",)}, "profiles batch 1-4 (1), here batch 1-8 (1)"),
    ],
)
def test_a_missing_or_stale_engine_is_passed_over_with_the_reason(
    changes: dict[str, Any], reason: str, manifest: Manifest
) -> None:
    here = recorded("t4")
    probe = holding(here, identity(manifest, here, **changes))
    placement = place(manifest, probe)
    assert placement.device == "cuda"
    (line,) = [x for x in placement.reasons if x.startswith("tensorrt (TensorRT) with fp32")]
    assert "component model: " in line
    assert reason in line
    assert line.endswith(BUILD)


def on_rtx(manifest: Manifest, capability: str, version: str) -> Probe:
    """Return a machine of one GPU with TensorRT-RTX alone, and its engines of all variants."""
    here = recorded("t4")
    gpu = replace(here.facts.nvidia.gpus[0], compute_capability=capability)
    rtx = TensorRtLibrary("tensorrt-rtx", version, "13")
    facts = replace(
        here.facts, nvidia=replace(here.facts.nvidia, gpus=(gpu,)), tensorrt=(rtx,),
        cuda_bindings="13.5.0",
    )  # fmt: skip
    engines = [
        identity_of(
            graph_digest([manifest.files[path].sha256 for path in component.files]),
            component, variant.precision, "tensorrt-rtx", facts,
        )
        for variant in manifest.variants
        for component in variant.components.values()
    ]  # fmt: skip
    return holding(replace(here, facts=facts), *engines)


def in_precision(manifest: Manifest, precision: str, *kept: str) -> Manifest:
    fp32 = manifest.variants[0]
    receipt = replace(fp32.receipt, kept_in_higher_precision=kept)
    made = replace(fp32, name=precision, precision=precision, receipt=receipt)
    return replace(manifest, variants=(made,))


@pytest.mark.parametrize(
    ("precision", "kept", "machine", "problem"),
    [
        ("fp32", (), ("7.5", "1.7.1"), "builds no fp32 products for compute capability 7.5 (Tesla"),
        ("int8-trt", ("a/MatMul",), ("7.5", "1.7.1"), "and this is int8-trt; use a variant in fp"),
        ("fp16", ("encoder/*", "b/Exp"), ("7.5", "1.7.1"), "this is fp16 with encoder/* in fp32;"),
        ("fp16", ("model/Softmax",), ("7.5", "1.7.1"), None),
        ("fp32", (), ("8.6", "1.7.1"), None),
        ("fp32", (), ("7.5", "1.8.0"), None),  # of which nothing is known
    ],
)
def test_turing_has_no_fp32_products_in_tensorrt_rtx(
    precision: str,
    kept: tuple[str, ...],
    machine: tuple[str, str],
    problem: str | None,
    manifest: Manifest,
) -> None:
    manifest = in_precision(manifest, precision, *kept)
    here = on_rtx(manifest, *machine)
    assert tensorrt_problem(here.facts, "tensorrt-rtx") is None
    if problem is None:
        assert place(manifest, here, device="tensorrt", precision=precision).device == "tensorrt"
        return
    with pytest.raises(PlacementError, match=re.escape(problem)):
        place(manifest, here, device="tensorrt", precision=precision)


def test_a_variant_is_recommended_for_engines_by_its_target(manifest: Manifest) -> None:
    fp32 = manifest.variants[0]
    measured = Target("TensorRT", "tensorrt", (), "recommended", 0.5, (0.4, 0.6), "Tesla T4")
    of_the_provider = replace(measured, ep="TensorrtExecutionProvider")
    here = recorded("t4")
    found = identity(manifest, here)
    probe = holding(here, found, replace(found, precision="int8-trt"))
    for targets, name in (((measured,), "int8-trt"), ((of_the_provider,), "fp32")):
        int8 = replace(fp32, name="int8-trt", precision="int8-trt", targets=targets)
        placement = place(replace(manifest, variants=(fp32, int8)), probe)
        assert (placement.provider, placement.variant) == ("TensorRT", name)


def test_engines_take_no_options(manifest: Manifest) -> None:
    component = manifest.variants[0].components["model"]
    with pytest.raises(
        BundleError, match=r"got options \['use_tf32'\] for TensorRT, expected none"
    ):
        TensorRt.open([], component, device="tensorrt", threads=1, options={"use_tf32": "1"})


def test_a_bundle_without_ranges_says_so(manifest: Manifest) -> None:
    fp32 = manifest.variants[0]
    component = replace(fp32.components["model"], ranges={})
    bare = replace(manifest, variants=(replace(fp32, components={"model": component}),))
    reasons = "\n".join(place(bare, recorded("t4")).reasons)
    assert "no ranges of its dynamic dimensions ['batch']" in reasons


def test_without_its_engine_tensorrt_is_refused_when_asked_for(manifest: Manifest) -> None:
    here = recorded("t4")  # whose onnxruntime cannot use TensorRT 11
    with pytest.raises(PlacementError, match="no engine of it was built here"):
        place(manifest, here, device="tensorrt")
