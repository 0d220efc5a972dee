"""The sections that only the bundle can tell: operators, roofline, front."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import product_graphs
from edgewright.backends.onnxrt_profile import KernelCall
from edgewright.bench import scenarios
from edgewright.bench.profile import profile_bundle
from edgewright.bench.report import peak
from edgewright.bench.report.figures import Run
from edgewright.bench.report.fronts import Point, best, draw_front, front_section
from edgewright.bench.report.operations import add_up, count_operations
from edgewright.bench.report.operators import draw_operators, operators_section
from edgewright.bench.report.peak import Peak, measure_peak
from edgewright.bench.report.roofline import draw_roofline, roofline_section
from edgewright.bench.result import BenchResult, Sample
from edgewright.bench.run import Options, bench_bundle
from edgewright.bench.scenarios import Tier
from edgewright.bench.why_slower import SideBySide
from edgewright.bundle import Bundle
from edgewright.bundle.manifest import Variant

Measured = tuple[BenchResult, list[Sample]]
OF_RUNS, OF_BUNDLE = {"latency", "timeline", "split"}, {"operators", "roofline", "front"}
ROOFS = Peak(threads=1, float32=1e11, int8=4e11, copied=1e10)


@pytest.fixture(autouse=True)
def glance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the peak of the machine a glance, and a run a few queries."""
    monkeypatch.setitem(scenarios.TIERS, "quick", Tier(12, 0.05))
    monkeypatch.setattr(peak, "SECONDS", 0.001)
    monkeypatch.setattr(peak, "SIZES", (64,))
    monkeypatch.setattr(peak, "COPIED_BYTES", 1 << 20)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A shipped bundle of two variants, where the demo has made it."""
    path = Path(__file__).parents[3] / "build" / "demo" / "vit-fashion-mnist.edge"
    if not path.exists():
        pytest.skip("build/demo/vit-fashion-mnist.edge is missing; `make demo` exports it")
    return path


def test_a_run_of_fp32_has_another_variant_beside_it(tiny: dict[str, Path]) -> None:
    run = Run(1, *bench_bundle(tiny["vit"], Options(threads=1, variant="fp32")))
    with Bundle.open(tiny["vit"]) as bundle:
        assert "kernels of int8 beside fp32" in operators_section([run], bundle).text


def test_operators_are_drawn_side_by_side(tiny: dict[str, Path]) -> None:
    found = profile_bundle(tiny["vit"], "int8", threads=1, rounds=1)
    operators = tuple(SideBySide(f"Kind{number}", 1e-3, 2e-3) for number in range(13))
    section = draw_operators(replace(found, operators=operators))
    assert "Bars of the operators of fp32 and int8: Kind0 1 and 2 ms, " in section.alt
    assert section.alt.endswith("Kind9 1 and 2 ms, 3 others 3 and 6 ms.")


def test_the_peak_is_measured_by_the_graphs_that_the_script_writes() -> None:
    for file in product_graphs.PRODUCTS:
        assert (product_graphs.FOLDER / file).read_bytes() == product_graphs.make_product(file)
    found = measure_peak(1)
    assert found.threads == 1
    assert min(found.float32, found.int8, found.copied) > 1e7


def call(operator: str, inputs: Any, output: tuple[int, ...]) -> KernelCall:
    return KernelCall("node", 0, operator, "float", True, 1e-6, inputs, (output,))


@pytest.mark.parametrize(
    ("operator", "inputs", "output", "multiply_adds"),
    [
        ("MatMul", [(1, 17, 128)], (1, 17, 64), 17 * 128 * 64),
        ("MatMul", [(2, 5, 7, 3), (2, 5, 3, 4)], (2, 5, 7, 4), 10 * 7 * 3 * 4),
        ("FusedMatMul", [(1, 160, 24)], (1, 24, 96), 24 * 160 * 96),  # transposed
        ("MatMul", [(8,), (8, 3)], (3,), 8 * 3),
        ("Gemm", [(1, 96), (3,)], (1, 3), 96 * 3),
        ("Conv", [(1, 80, 144), (160, 80, 5), (160,)], (1, 160, 48), 160 * 48 * 80 * 5),
        ("Conv", [(1, 160, 24), (160, 1, 15)], (1, 160, 24), 160 * 24 * 15),  # depthwise
        ("ConvTranspose", [(1, 8, 10), (8, 4, 6)], (1, 4, 30), 10 * 8 * 4 * 6),
        ("Attention", [(1, 17, 128)] * 3, (1, 17, 128), 2 * 17 * 17 * 128),
        ("Relu", [(1, 5)], (1, 5), 0),
    ],
)
def test_operations_follow_from_the_shapes(
    operator: str, inputs: Any, output: tuple[int, ...], multiply_adds: int
) -> None:
    found = add_up([call(operator, inputs, output)] * 3, answers=3)
    assert (found.each, found.uncounted) == (2 * multiply_adds, ())


@pytest.mark.parametrize("operator", ["LSTM", "ConvTranspose", "Conv", "Attention"])
def test_products_of_unknown_size_are_named(operator: str) -> None:
    found = add_up([call(operator, [(1, 8, 10)], (1, 4, 30))], answers=1)
    assert (found.each, found.uncounted) == (0, (operator,))


def test_an_answer_of_a_vit_takes_what_its_weights_say(two: Path) -> None:
    hidden, tokens, layers = 128, 17, 6  # and 256 between the two products of an MLP
    dense = layers * tokens * 8 * hidden**2 + 16 * hidden * 3 * 7 * 7 + hidden * 10
    attention = layers * 2 * tokens**2 * hidden
    with Bundle.open(two) as bundle:
        assert count_operations(bundle).each == 2 * (dense + attention)


def test_a_roofline_says_what_share_of_the_peak_is_reached(run: Measured) -> None:
    result, samples = run
    result = replace(
        result,
        parts=replace(result.parts, run=0.001),
        subject=replace(result.subject, precision="fp32"),
    )
    found = add_up([call("MatMul", [(100, 1000)], (100, 50)), call("GRU", [], (1,))], 1)
    section = draw_roofline([Run(1, result, samples)], found, ROOFS)
    assert "10 billion a second, 10% of the fp32 products' peak" in section.text
    assert "Not counted: products of GRU." in section.text
    int8 = replace(result, subject=replace(result.subject, precision="int8"))
    section = draw_roofline([Run(1, int8, samples)], found, ROOFS)
    assert "2% of the int8 products' peak" in section.alt


def test_runs_of_other_threads_are_left_out(run: Measured, tiny: dict[str, Path]) -> None:
    result, samples = run
    other = replace(result, subject=replace(result.subject, threads=2))
    with Bundle.open(tiny["vit"]) as bundle:
        section = roofline_section([Run(1, *run), Run(2, other, samples)], bundle)
    assert section.text.endswith("Left out, as they are not alike: run 2.")


def test_other_runs_have_no_roofline(run: Measured, tiny: dict[str, Path]) -> None:
    result, samples = run
    for other in (
        replace(result, host=replace(result.host, machine="another")),
        replace(result, subject=replace(result.subject, provider="CUDAExecutionProvider")),
        replace(result, settings=replace(result.settings, inputs=("photo.png",))),
        replace(result, settings=replace(result.settings, workers=2)),
        replace(result, parts=replace(result.parts, run=0.0)),
    ):
        with Bundle.open(tiny["vit"]) as bundle:
            assert roofline_section([Run(1, other, samples)], bundle).png is None


def variant(
    manifest_variant: Variant, name: str, ratio: float | None, value: float, metric: str = "top1"
) -> Variant:
    receipt = manifest_variant.receipt
    return replace(
        manifest_variant,
        name=name,
        targets=(replace(manifest_variant.targets[0], latency_ratio=ratio),),
        receipt=replace(receipt, metric=replace(receipt.metric, name=metric, value=value)),
    )


def test_the_front_joins_what_none_outdoes(tiny: dict[str, Path], run: Measured) -> None:
    with Bundle.open(tiny["vit"]) as bundle:
        one = bundle.manifest.variants[0]
        assert "int8: latency 0.5 of fp32" in front_section([Run(1, *run)], bundle).alt
    rows = (("fp32", 1.0, 0.9), ("int8", 0.6, 0.8), ("slow", 1.2, 0.85), ("fp16", 0.8, 0.7))
    points = [Point(variant(one, *row), row[1], (), "here") for row in rows]
    assert [point.variant.name for point in best(points)] == ["int8", "fp32"]
    errors = [Point(variant(one, *row, "word_error_rate"), row[1], (), "here") for row in rows]
    assert [point.variant.name for point in best(errors)] == ["int8", "fp16"]
    for drawn in (points, errors):
        section = draw_front("tiny", drawn, {"int8"})
        assert "int8: latency 0.6 of fp32" in section.alt
        assert section.png is not None
