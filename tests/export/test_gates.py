"""What differs from PyTorch does not get into a bundle, and leaves nothing behind."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file

import edgewright as ew
from checkpoint_layouts import tamper
from edgewright.backends.onnxrt_providers import PROVIDERS
from edgewright.backends.requirements import NAMES
from edgewright.bench.statistics import Comparison
from edgewright.errors import ParityError, UsageError, VariantRejectedWarning
from edgewright_export.export import export
from edgewright_export.lint import Finding
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.quantization import QuantizationPlan

Tiny = Callable[[str], Path]
InstantTrace = Callable[[str], Path]


def plant_outliers(folder: Path) -> None:
    """Scale a channel up by 10,000 and its reader's weights down: PyTorch answers as before."""
    weights = load_file(folder / "model.safetensors")
    for norm, product in (("ln_1", "attn.c_attn"), ("ln_2", "mlp.c_fc")):
        for name in (f"encoder.h.0.{norm}.weight", f"encoder.h.0.{norm}.bias"):
            weights[name][0] *= 1e4
        weights[f"encoder.h.0.{product}.weight"][0] /= 1e4
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def test_accepted_variants_verify_and_tell_what_was_measured(
    tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path
) -> None:
    instant_trace("vit")
    folder = tiny("vit")
    manifest = export(folder, tmp_path / "out.edge")
    assert [variant.name for variant in manifest.variants] == ["fp32", "int8"]
    assert manifest.variants[1].receipt.metric.minimum == 0.99
    assert 1e-3 <= manifest.golden.tolerance["int8"] < 0.5
    assert ew.verify(tmp_path / "out.edge", checkpoint=folder).ok


def test_tampered_graph_is_refused_and_nothing_is_left(
    tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path
) -> None:
    tamper(instant_trace("vit"), "model.classifier.weight")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(ParityError, match=r"golden samples.*nothing was written"):
        export(tiny("vit"), out / "out.edge")
    assert list(out.iterdir()) == []


def test_graph_that_ignores_padding_is_refused(
    tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = instant_trace("dna")
    model = onnx.load(graph)
    for node in model.graph.node:  # the sign of ids above 0 is 1: everything is seen
        node.input[:] = ["seen" if name == "attention_mask" else name for name in node.input]
    model.graph.node.insert(0, onnx.helper.make_node("Sign", ["token_ids"], ["seen"]))
    onnx.save(model, graph)
    monkeypatch.setattr("edgewright_export.recipes.dnabert.DNABERTRecipe._example", padded)
    with pytest.raises(ParityError, match="other batches and lengths"):
        export(tiny("dna"), tmp_path / "out.edge")


def padded(_: object, batch: int, tokens: int) -> dict[str, torch.Tensor]:
    """Return ids above 0 of which the mask hides the last half."""
    mask = torch.ones((batch, tokens), dtype=torch.int64)
    mask[-1, tokens // 2 :] = 0
    return {"token_ids": torch.arange(5, 5 + tokens).expand(batch, -1), "attention_mask": mask}


def test_force_bypasses_no_gate_and_keeps_the_old_bundle(
    tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path
) -> None:
    folder, graph = tiny("vit"), instant_trace("vit")
    old = export(folder, tmp_path / "out.edge", variants=["fp32"])
    with pytest.raises(UsageError, match="--force"):
        export(folder, tmp_path / "out.edge")
    tamper(graph, "model.classifier.weight")
    with pytest.raises(ParityError):
        export(folder, tmp_path / "out.edge", force=True)
    with ew.Bundle.open(tmp_path / "out.edge") as bundle:
        assert bundle.manifest == old


@pytest.fixture(scope="module")
def outliers(
    tiny_masters: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Return a checkpoint that int8 ruins, and its bundle."""
    root = tmp_path_factory.mktemp("outliers")
    folder = Path(shutil.copytree(tiny_masters["hopper"], root / "checkpoint"))
    plant_outliers(folder)
    with pytest.warns(VariantRejectedWarning, match="left out.*int8.*action_agreement"):
        export(folder, root / "out.edge")
    return folder, root / "out.edge"


def test_variant_that_misses_its_accuracy_is_left_out_and_recorded(
    outliers: tuple[Path, Path],
) -> None:
    with ew.Bundle.open(outliers[1]) as bundle:
        manifest = bundle.manifest
    assert [variant.name for variant in manifest.variants] == ["fp32"]
    assert [(r.variant, "action_agreement" in r.why) for r in manifest.rejected] == [("int8", True)]
    assert not (outliers[1] / "variants" / "int8").exists()
    assert manifest.golden.tolerance == {"fp32": 1e-4}
    assert ew.verify(outliers[1]).ok


def test_required_variant_that_misses_its_accuracy_ends_the_export(
    outliers: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy(_: TracedComponent, path: Path) -> None:
        shutil.copyfile(outliers[1] / "variants" / "fp32" / "model.onnx", path)

    monkeypatch.setattr("edgewright_export.graphs.export_graph", copy)
    with pytest.raises(ParityError, match="int8"):
        export(outliers[0], tmp_path / "out.edge", require=["int8"])
    assert list(tmp_path.iterdir()) == []


def test_plan_that_keeps_the_sensitive_layer_passes(
    outliers: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "edgewright_export.recipes.decision_transformer.DecisionTransformerRecipe.quantization",
        lambda _: QuantizationPlan(keep=("*.c_attn/*", "*.c_fc/*")),
    )
    manifest = export(outliers[0], tmp_path / "out.edge", require=["int8"])
    receipt = manifest.variants[1].receipt
    kept = ("model.encoder.h.0.attn.c_attn/Gemm", "model.encoder.h.0.mlp.c_fc/Gemm")
    assert receipt.kept_in_higher_precision == kept
    assert receipt.metric.value >= 0.99


def test_pytorch_that_answers_nan_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    folder = tiny("hopper")
    options = json.loads((folder / "edgewright.json").read_text())
    options["state_std"] = [1e-300] * 11
    (folder / "edgewright.json").write_text(json.dumps(options))
    with np.errstate(over="ignore"), pytest.raises(ParityError, match="NaN or infinity"):
        export(folder, tmp_path / "out.edge")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"variants": ["fp8"]}, "got \\['fp8'\\]"),
        ({"variants": ["fp32"], "require": ["int8"]}, "not among the variants"),
        ({"family": "swin"}, "expected one of"),
    ],
)
def test_contradicting_options_are_refused(
    arguments: dict[str, list[str]], words: str, tiny: Tiny, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        export(tiny("vit"), tmp_path / "out.edge", **arguments)


def test_two_exports_give_the_same_graphs_and_a_zip_holds_them(
    tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path
) -> None:
    instant_trace("vit")
    folder = tiny("vit")
    one = export(folder, tmp_path / "one.edge", seed=3)
    two = export(folder, tmp_path / "two.edge", seed=3, zip=True)
    same = [name for name in one.files if name != "README.md"]
    assert [one.files[name] for name in same] == [two.files[name] for name in same]
    assert ew.verify(tmp_path / "two.edge").ok


def test_static_scales_come_from_the_calibration_samples(
    tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = QuantizationPlan(operators=("MatMul", "Gemm", "Conv"), static=True)
    monkeypatch.setattr("edgewright_export.recipes.vit.ViTRecipe.quantization", lambda _: plan)
    instant_trace("vit")
    manifest = export(tiny("vit"), tmp_path / "out.edge")
    receipt = manifest.variants[1].receipt
    assert receipt.calibration_sha256 is not None
    assert receipt.method.startswith("static int8 (QDQ")
    graph = onnx.load(tmp_path / "out.edge" / "variants" / "int8" / "model.onnx").graph
    quantized = {node.op_type for node in graph.node}
    assert {"QuantizeLinear", "DequantizeLinear", "Conv"} <= quantized
    assert "DynamicQuantizeLinear" not in quantized


def test_a_variant_that_the_quantizer_cannot_make_is_left_out_and_recorded(
    tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> tuple[str, ...]:
        raise KeyError("no such tensor")

    monkeypatch.setattr("edgewright_export.quantization.precisions.quantize_weights", fail)
    instant_trace("vit")
    with pytest.warns(VariantRejectedWarning, match="got KeyError .*no such tensor.* quantizer"):
        manifest = export(tiny("vit"), tmp_path / "out.edge", variants=["int8w", "int8-reduced"])
    assert [variant.name for variant in manifest.variants] == ["fp32", "int8-reduced"]
    assert [(one.precision, one.targets[0].compatibility) for one in manifest.variants[1:]] == [
        ("int8", ())
    ]
    assert [rejection.variant for rejection in manifest.rejected] == ["int8w"]


def test_the_form_for_tensorrt_is_linted_and_its_speed_unmeasured(
    tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instant_trace("vit")
    folder = tiny("vit")
    manifest = export(folder, tmp_path / "out.edge", variants=["int8", "int8-trt"])
    variant = manifest.variants[-1]
    assert (variant.name, variant.precision) == ("int8-trt", "int8-trt")
    providers = [target.ep for target in variant.targets]
    assert providers == [*NAMES.values(), PROVIDERS["tensorrt"]]
    assert {(t.device, t.verdict) for t in variant.targets} == {("tensorrt", "unmeasured")}
    assert ew.verify(tmp_path / "out.edge").ok
    refused = Finding("tensorrt", "refused", "layer/Odd", "Odd", "an odd operator")
    monkeypatch.setattr("edgewright_export.parity.lint", lambda _: [refused])
    with pytest.warns(VariantRejectedWarning, match="'layer/Odd' .Odd.: got an odd operator"):
        manifest = export(folder, tmp_path / "two.edge", variants=["int8-trt"])
    assert [rejection.variant for rejection in manifest.rejected] == ["int8-trt"]


def test_too_much_noise_in_an_output_rejects_a_variant(
    tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = "edgewright_export.recipes.vit.ViTRecipe.least_sqnr_db"
    monkeypatch.setattr(recipe, {"logits": 200.0})
    instant_trace("vit")
    with pytest.warns(VariantRejectedWarning, match=r"'logits': got .* dB .* at least 200"):
        manifest = export(tiny("vit"), tmp_path / "out.edge")
    assert [variant.name for variant in manifest.variants] == ["fp32"]


def test_a_budget_rescues_a_checkpoint_with_planted_outliers(
    outliers: tuple[Path, Path], tmp_path: Path
) -> None:
    manifest = export(
        outliers[0],
        tmp_path / "rescued.edge",
        budget="action>=99%",
        search_journal=tmp_path / "journal.jsonl",
        require=["int8"],
    )
    int8 = manifest.variants[1]
    assert int8.receipt.metric.minimum == 0.99
    assert int8.receipt.metric.value >= 0.99
    assert int8.receipt.method.endswith("activations migrated")
    assert int8.receipt.calibration_sha256 is not None
    assert "outlier channels moved" in int8.receipt.search
    assert ew.verify(tmp_path / "rescued.edge").ok
    graph = onnx.load(tmp_path / "rescued.edge" / "variants" / "int8" / "model.onnx").graph
    assert "DynamicQuantizeLinear" in {node.op_type for node in graph.node}
    noted = (tmp_path / "journal.jsonl").read_bytes()
    again = export(
        outliers[0],
        tmp_path / "again.edge",
        budget="action>=99%",
        search_journal=tmp_path / "journal.jsonl",
    )
    assert (tmp_path / "journal.jsonl").read_bytes() == noted  # nothing was measured again
    assert again.variants[1].receipt.search == int8.receipt.search
    assert again.files["variants/int8/model.onnx"] == manifest.files["variants/int8/model.onnx"]


def test_a_budget_that_nothing_meets_leaves_the_variant_out(
    tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path
) -> None:
    instant_trace("vit")
    with pytest.warns(VariantRejectedWarning, match="no part .* within the budget 'logits>=200dB'"):
        manifest = export(tiny("vit"), tmp_path / "out.edge", budget="logits>=200dB")
    assert [one.variant for one in manifest.rejected] == ["int8"]
    assert not (tmp_path / "out.edge" / "variants" / "int8").exists()


def test_a_variant_that_is_not_faster_says_where_its_time_goes(
    tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slower = Comparison(1.3, (1.2, 1.4), 1.0, "slower", 40, 5, 1.3e-3, 1e-3)
    monkeypatch.setattr("edgewright_export.variants.compare_latency", lambda *_: slower)
    instant_trace("vit")
    manifest = export(tiny("vit"), tmp_path / "out.edge", variants=["int8-reduced"])
    (target,) = manifest.variants[1].targets
    assert target.verdict == "not recommended"
    assert any("multiplies two activations" in why for why in target.why_slower)
    assert all(" ms)" in why for why in target.why_slower)
    assert manifest.variants[0].targets[0].why_slower == ()
    sheet = (tmp_path / "out.edge" / "README.md").read_text()
    assert all(f"- int8-reduced on cpu: {why}" in sheet for why in target.why_slower)


def test_the_datasheet_says_what_stayed_in_fp32_and_why(
    tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path
) -> None:
    instant_trace("vit")
    manifest = export(tiny("vit"), tmp_path / "out.edge", variants=["fp16"])
    receipt = manifest.variants[1].receipt
    assert receipt.metric.interval[0] <= receipt.metric.value <= receipt.metric.interval[1]
    assert set(receipt.parity.outputs_sqnr_db) == {"logits"}
    sheet = (tmp_path / "out.edge" / "README.md").read_text()
    assert "- fp16, its operator, or the range of its values, needs single precision: `" in sheet
    assert f"`{receipt.calibration_sha256[:16]}…`" in sheet


@pytest.mark.parametrize("name", ["fp16", "int8-reduced", "int8-trt", "int8w"])
def test_a_budget_keeps_nodes_of_every_precision_in_fp32(
    name: str, tiny: Tiny, instant_trace: InstantTrace, tmp_path: Path
) -> None:
    instant_trace("vit")
    folder = tiny("vit")
    plain = export(folder, tmp_path / "plain.edge", variants=[name]).variants[1].receipt
    assert plain.parity.sqnr_db is not None
    least = plain.parity.sqnr_db + 9
    manifest = export(
        folder,
        tmp_path / "out.edge",
        variants=[name],
        budget=f"logits>={least}dB",
        require=[name],
    )
    receipt = manifest.variants[1].receipt
    assert receipt.parity.outputs_sqnr_db["logits"] >= least
    assert len(receipt.kept_in_higher_precision) > len(plain.kept_in_higher_precision)
    assert any("alone in lower precision" in why for why in receipt.why_kept.values())
    assert ew.verify(tmp_path / "out.edge").ok
