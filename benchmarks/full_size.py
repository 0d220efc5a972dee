"""Models of the public sizes, with random weights: how fast each form of them answers.

    python benchmarks/full_size.py vit bert conformer --folder /tmp/full-size

Every figure is PyTorch's latency in fp32 (eager, default attention, one thread) over that of the
form, both timed interleaved in one process. The bare int8 product beside PyTorch's says what this
processor allows: a model that is all products and nothing else would gain that much. Random weights
say nothing of accuracy. Checkpoints and graphs stay in the folder, so that a second run only
measures.
"""

import argparse
import copy
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession, SessionOptions
from transformers import PreTrainedModel

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from checkpoint_layouts import FULL, save
from edgewright.backends.onnxrt import OnnxRuntime
from edgewright.bench.statistics import Comparison, compare_interleaved
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.onnx_graph import TracedComponent, describe, export_graph, graph_files
from edgewright_export.quantization import QuantizationPlan
from edgewright_export.quantization.precisions import PRECISIONS
from edgewright_export.quantization.ranges import RangeCollector
from edgewright_export.recipes import RECIPES, Recipe
from edgewright_export.rewriting import rewrite

Inputs = dict[str, NDArray[Any]]
Call = Callable[[], object]
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
"""CPU time leaves out what the machine spends on others."""


@dataclass(frozen=True)
class Subject:
    """One graph of a public size."""

    layout: str
    """Key of `checkpoint_layouts.FULL`."""
    family: str
    inputs: Callable[[np.random.Generator], Inputs]
    """Draws what is answered."""
    component: str = "model"
    seconds: float | None = None
    """Of the audio that one answer is about."""


def _normal(*shape: int) -> Callable[[np.random.Generator], NDArray[np.float32]]:
    return lambda generator: generator.standard_normal(shape).astype(np.float32)


def _tokens(generator: np.random.Generator) -> Inputs:
    ids = generator.integers(5, 4101, (1, 128))
    return {"token_ids": ids, "attention_mask": np.ones_like(ids)}


def _speech(generator: np.random.Generator) -> Inputs:
    mask = np.ones((1, 1000), np.int64)
    return {"features": _normal(1, 1000, 80)(generator), "attention_mask": mask}


def _phones(generator: np.random.Generator) -> Inputs:
    return {
        "token_ids": generator.integers(1, 19, (1, 60)),
        "speaking_rate": np.ones(1, np.float32),
    }


FRAMES, FRAME_SECONDS = 400, 256 / 22050
SUBJECTS = {
    "vit": Subject("vit", "vit", lambda g: {"pixel_values": _normal(1, 3, 224, 224)(g)}),
    "bert": Subject("dna6_masked_lm", "dnabert", _tokens),
    "conformer": Subject("parakeet_110m", "conformer_ctc", _speech, seconds=10.0),
    "fastspeech2-encoder": Subject("fastspeech2_hifigan", "fastspeech2", _phones, "encoder"),
    "fastspeech2-decoder": Subject(
        "fastspeech2_hifigan",
        "fastspeech2",
        lambda g: {"frames": _normal(1, FRAMES, 384)(g)},
        "decoder",
        FRAMES * FRAME_SECONDS,
    ),
    "hifi-gan": Subject(
        "fastspeech2_hifigan",
        "fastspeech2",
        lambda g: {"mel": _normal(1, FRAMES, 80)(g)},
        "vocoder",
        FRAMES * FRAME_SECONDS,
    ),
}


def main() -> None:
    """Measure the models that the command line names."""
    arguments = _arguments()
    torch.set_num_threads(1)
    _measure_product(arguments)
    for name in arguments.models:
        subject, folder = SUBJECTS[name], arguments.folder / name
        recipe = load_recipe(subject, arguments.folder)
        traced = recipe.components()[subject.component]
        inputs = subject.inputs(np.random.default_rng(0))
        graphs = _graphs(folder, subject, recipe.quantization(), traced)
        calls = {**_torch_calls(traced, inputs), **_graph_calls(graphs, inputs)}
        _measure(name, subject, calls, graphs, arguments)


PRODUCT = (197, 768, 3072)
"""Rows, inputs and outputs of the widest product of ViT-B/16."""


def _measure_product(arguments: argparse.Namespace) -> None:
    """Print how many times as fast as PyTorch's fp32 product ONNX Runtime's bare int8 one is."""
    rows, inputs, outputs = PRODUCT
    generator = np.random.default_rng(0)
    weights = generator.integers(-127, 128, (inputs, outputs), np.int8)
    values = generator.integers(0, 256, (rows, inputs), np.uint8)
    options = SessionOptions()
    options.intra_op_num_threads = 1
    session = InferenceSession(_integer_product(weights, rows), options)
    layer, hidden = torch.nn.Linear(inputs, outputs), torch.randn(rows, inputs)
    found = _compare(
        partial(_infer, layer, [hidden]), lambda: session.run(None, {"a": values}), arguments
    )
    rates = (2e-9 * rows * inputs * outputs / t for t in (found.a_seconds, found.b_seconds))
    print("product {} x {} x {}: fp32 {:.0f} GFLOPS, ".format(*PRODUCT, next(rates)), end="")
    print(f"int8 {next(rates):.0f} GOPS, {_shown(found)}", flush=True)


def _integer_product(weights: NDArray[np.int8], rows: int) -> bytes:
    node = helper.make_node("MatMulInteger", ["a", "w", "zero"], ["y"])
    ends = [
        helper.make_tensor_value_info("a", TensorProto.UINT8, [rows, len(weights)]),
        helper.make_tensor_value_info("y", TensorProto.INT32, [rows, weights.shape[1]]),
    ]
    constants = {"w": weights, "zero": np.array(128, np.uint8)}
    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph([node], "product", ends[:1], ends[1:], stored)
    opsets = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(SUBJECTS))
    parser.add_argument("--folder", type=Path, default=Path("full-size"), help="keeps graphs")
    parser.add_argument("--blocks", type=int, default=40)
    parser.add_argument("--calls", type=int, default=1, help="of each side in a block")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    arguments = parser.parse_args()
    if unknown := set(arguments.models) - SUBJECTS.keys():
        parser.error(f"got {', '.join(sorted(unknown))}, expected {', '.join(SUBJECTS)}")
    return arguments


def load_recipe(subject: Subject, folder: Path) -> Recipe:
    """Return the recipe of a checkpoint with random weights, which `folder` keeps."""
    checkpoint = folder / "checkpoints" / subject.layout
    if not checkpoint.exists():
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(0)
        save(FULL[subject.layout], checkpoint)
    return RECIPES[subject.family].load(Checkpoint(checkpoint))


def _graphs(
    folder: Path, subject: Subject, plan: QuantizationPlan, traced: TracedComponent
) -> dict[str, Path]:
    """Write the forms of the graph that are not in `folder` yet."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("fp32", "fp32 rewritten", "int8", "int8 rewritten")
    paths = {name: folder / f"{name.replace(' ', '-')}.onnx" for name in names}
    fp32, rewritten, int8, rewritten_int8 = paths.values()
    make_once(fp32, lambda target: export_graph(traced, target))
    make_once(rewritten, lambda target: print(f"  {rewrite(fp32, target)}"))
    inputs = subject.inputs(np.random.default_rng(1))
    make_once(int8, lambda target: _quantize(fp32, target, plan, inputs))
    make_once(rewritten_int8, lambda target: _quantize(rewritten, target, plan, inputs))
    return paths


def make_once(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file, whole or not at all, unless it is there."""
    if not path.exists():
        write(partial_path := path.with_suffix(".partial"))
        partial_path.rename(path)


def _quantize(source: Path, target: Path, plan: QuantizationPlan, inputs: Inputs) -> None:
    ranges: Mapping[str, tuple[float, float]] = {}
    if plan.static:
        collector = RangeCollector(source, plan.operators)
        collector.observe(inputs)
        ranges = collector.finish()
    PRECISIONS["int8"].write(source, target, plan, ranges)


def _torch_calls(traced: TracedComponent, inputs: Inputs) -> dict[str, Call]:
    """Return PyTorch in fp32 and bf16, with the attention that users get by default."""
    module, tensors = traced.module.eval(), [torch.from_numpy(a) for a in inputs.values()]
    set_default_attention(module)
    half = copy.deepcopy(module).bfloat16()
    narrow = [t.bfloat16() if t.is_floating_point() else t for t in tensors]
    bf16 = partial(_infer, half, narrow)
    try:
        bf16()
    except RuntimeError:  # it makes fp32 tensors itself
        bf16 = partial(_infer_mixed, module, tensors)
    return {"torch fp32": partial(_infer, module, tensors), "torch bf16": bf16}


def set_default_attention(module: torch.nn.Module) -> None:
    """Give a model the attention that users get who do not ask for another."""
    for part in module.modules():
        if isinstance(part, PreTrainedModel) and part._supports_sdpa:
            part.set_attn_implementation("sdpa")
            break


def _infer_mixed(module: torch.nn.Module, tensors: list[torch.Tensor]) -> object:
    with torch.autocast("cpu", torch.bfloat16):
        return _infer(module, tensors)


@torch.inference_mode()
def _infer(module: torch.nn.Module, tensors: list[torch.Tensor]) -> object:
    return module(*tensors)


def _graph_calls(graphs: Mapping[str, Path], inputs: Inputs) -> dict[str, Call]:
    calls: dict[str, Call] = {}
    for name, path in graphs.items():
        component = describe(path, path.parent)
        runner = OnnxRuntime.open(graph_files(path), component, device="cpu", threads=1)
        calls[name] = partial(runner.run, inputs)
    return calls


def _measure(
    name: str,
    subject: Subject,
    calls: Mapping[str, Call],
    graphs: Mapping[str, Path],
    arguments: argparse.Namespace,
) -> None:
    print(f"{name} ({arguments.clock} time)")
    bf16: Comparison | None = None
    for form, call in calls.items():
        if form == "torch fp32":
            continue
        found = _compare(calls["torch fp32"], call, arguments)
        bf16 = bf16 or found
        line = f"  {form:16} {_shown(found)}, {1e3 * found.b_seconds:7.1f} ms"
        if form in graphs:
            size = sum(file.stat().st_size for file in graph_files(graphs[form]))
            line += f", {found.ratio / bf16.ratio:.2f} x bf16, {size / 1e6:.0f} MB"
        if subject.seconds is not None:
            line += f", RTF {found.b_seconds / subject.seconds:.4f}"
        print(line, flush=True)
    for before, after in (("fp32", "fp32 rewritten"), ("int8", "int8 rewritten")):
        found = _compare(calls[before], calls[after], arguments)
        print(f"  rewriting {before}: {_shown(found)}", flush=True)


def _compare(a: Call, b: Call, arguments: argparse.Namespace) -> Comparison:
    return compare_interleaved(
        a, b, blocks=arguments.blocks, calls=arguments.calls, clock=CLOCKS[arguments.clock]
    )


def _shown(found: Comparison) -> str:
    low, high = found.interval
    return f"{found.ratio:5.2f} x [{low:.2f}, {high:.2f}], A/A {found.aa:.3f}"


if __name__ == "__main__":
    main()
