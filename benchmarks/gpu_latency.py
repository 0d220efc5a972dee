"""Latency of the public sizes on a GPU: PyTorch eager and compiled, ONNX Runtime, and our engines.

    python benchmarks/gpu_latency.py vit conformer fastspeech2-decoder hifi-gan --output FILE.json

All sides answer the same inputs from host memory to host memory, one after the other in random
order, so that what disturbs the machine disturbs all of them. fp32 is without TF32 on every side.
Weights are random: how far a side is from PyTorch in fp32 says that it computes the same, and
nothing of accuracy. A side that cannot be had is listed with the reason. `--device cpu` leaves the
engines out and tries the rest where there is no GPU.
"""

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from full_size import SUBJECTS, Inputs, load_recipe, make_once, set_default_attention
from numpy.typing import NDArray

from edgewright.backends.base import Runner
from edgewright.backends.facts import TensorRtFlavor
from edgewright.backends.onnxrt import OnnxRuntime
from edgewright.backends.requirements import tensorrt_problem
from edgewright.backends.tensorrt_build import BuildOptions, build_engine
from edgewright.backends.tensorrt_profiles import profiles
from edgewright.backends.tensorrt_runner import TensorRtRunner
from edgewright.bench.statistics import latency_percentiles
from edgewright.bundle.manifest import Component, SizeRange
from edgewright.errors import GpuUnavailableError
from edgewright.probe import probe
from edgewright.progress import Progress
from edgewright_export.onnx_graph import TracedComponent, describe, export_graph, graph_files
from edgewright_export.quantization import QuantizationPlan
from edgewright_export.quantization.precisions import PRECISIONS
from edgewright_export.rewriting import rewrite

Answer = NDArray[Any]
Side = Callable[[], Answer]
FLAVORS: tuple[TensorRtFlavor, ...] = ("tensorrt", "tensorrt-rtx")
PACKAGES = ("torch", "onnxruntime-gpu", "onnxruntime", "tensorrt", "tensorrt-rtx-cu13-libs")


def main() -> None:
    """Measure the models that the command line names."""
    arguments = _arguments()
    torch.backends.cudnn.allow_tf32 = False
    rows: list[dict[str, Any]] = []
    with Progress() as progress:
        for name in arguments.models:
            for batch in arguments.batch:
                sides = dict(_sides(name, batch, arguments, progress))
                rows += _measure(name, batch, sides, arguments, progress)
    found = {**_about(arguments), "rows": rows}
    text = json.dumps(found, indent=1)
    if arguments.output is not None:
        arguments.output.write_text(text + "\n", "utf-8")
    print(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", choices=SUBJECTS, metavar="MODEL")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--samples", type=int, default=700, help="of each side (p99 wants 662)")
    parser.add_argument("--folder", type=Path, default=Path("full-size"), help="keeps graphs")
    parser.add_argument("--output", type=Path, help="JSON file (default: the terminal alone)")
    return parser.parse_args()


def _sides(
    name: str, batch: int, arguments: argparse.Namespace, progress: Progress
) -> Iterator[tuple[str, Side | str]]:
    """Yield each side, or why it cannot be had."""
    subject, folder, device = SUBJECTS[name], arguments.folder / name, arguments.device
    recipe = load_recipe(subject, arguments.folder)
    traced = recipe.components()[subject.component]
    drawn = subject.inputs(np.random.default_rng(0))
    inputs = {key: np.repeat(array, batch, axis=0) for key, array in drawn.items()}
    graphs = _graphs(folder, traced, recipe.quantization())
    set_default_attention(traced.module)
    module = traced.module.eval().to(device)
    for half in (False, True):
        precision = "fp16" if half else "fp32"
        for form, network in (("eager", module), ("compiled", torch.compile(module))):
            opened = partial(_torch, network, inputs, device, half=half)
            yield f"torch {form} {precision}", _tried(opened)
        opened = partial(_runtime, graphs[precision], inputs, device)
        yield f"onnxruntime {precision}", _tried(opened)
        for flavor in FLAVORS if device == "cuda" else ():
            built = partial(_engine, graphs[f"{precision}-trt"], inputs, flavor, progress)
            yield f"{flavor} {precision}", _tried(built)


def _tried(make: Callable[[], Side]) -> Side | str:
    try:
        side = make()
        side()
    except Exception as error:  # noqa: BLE001 - the others are measured all the same
        return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return side


def _graphs(folder: Path, traced: TracedComponent, plan: QuantizationPlan) -> dict[str, Path]:
    """Return the graphs by precision; TensorRT's are not rewritten for ONNX Runtime."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("fp32-trt", "fp32", "fp16-trt", "fp16")
    paths = {name: folder / f"gpu-{name}.onnx" for name in names}
    make_once(paths["fp32-trt"], lambda target: export_graph(traced, target))
    make_once(paths["fp32"], lambda target: rewrite(paths["fp32-trt"], target))
    for source in ("fp32-trt", "fp32"):
        half = PRECISIONS["fp16"].write
        write = partial(half, paths[source], plan=plan, ranges={})
        make_once(paths[source.replace("32", "16")], write)
    return paths


def _torch(module: torch.nn.Module, inputs: Inputs, device: str, *, half: bool) -> Side:
    return lambda: _infer(module, inputs, device, half)


@torch.inference_mode()
def _infer(module: torch.nn.Module, inputs: Inputs, device: str, half: bool) -> Answer:
    tensors = [torch.from_numpy(array).to(device) for array in inputs.values()]
    with torch.autocast(device, torch.float16, enabled=half):
        answer = module(*tensors)
    first = answer if isinstance(answer, torch.Tensor) else answer[0]
    values: Answer = first.float().cpu().numpy()
    return values


def _runtime(graph: Path, inputs: Inputs, device: str) -> Side:
    threads = torch.get_num_threads()
    component = _component(graph, inputs)
    return _first_output(
        OnnxRuntime.open(
            graph_files(graph), component, device=device, threads=threads, strict=False
        ),
        inputs,
    )


def _engine(graph: Path, inputs: Inputs, flavor: TensorRtFlavor, progress: Progress) -> Side:
    if problem := tensorrt_problem(probe().facts, flavor):
        raise GpuUnavailableError(problem)
    component = _component(graph, inputs)
    built = build_engine(flavor, graph_files(graph), component, BuildOptions(), progress)
    runner = TensorRtRunner(component, flavor, built.plan, profiles(component))
    return _first_output(runner, inputs)


def _component(graph: Path, inputs: Inputs) -> Component:
    """Return the graph's description for the sizes of `inputs` alone."""
    component = describe(graph, graph.parent)
    sizes = {
        name: size
        for spec in component.inputs
        for name, size in zip(spec.shape, inputs[spec.name].shape, strict=True)
        if isinstance(name, str)
    }
    ranges = {name: (SizeRange(size, size, size),) for name, size in sizes.items()}
    return replace(component, ranges=ranges)


def _first_output(runner: Runner, inputs: Inputs) -> Side:
    name = runner.outputs[0].name
    return lambda: runner.run(inputs)[name].astype(np.float32)


def _measure(
    model: str,
    batch: int,
    sides: dict[str, Side | str],
    arguments: argparse.Namespace,
    progress: Progress,
) -> list[dict[str, Any]]:
    expected = sides["torch eager fp32"]
    if isinstance(expected, str):
        raise SystemExit(f"{model}: PyTorch itself does not run: {expected}")
    reference, generator = expected(), np.random.default_rng(0)
    calls = {name: side for name, side in sides.items() if not isinstance(side, str)}
    names = list(calls)
    seconds = {name: np.empty(arguments.samples) for name in names}
    progress.start(f"{model}, batch {batch}", arguments.samples)
    for number in range(arguments.samples):
        for index in generator.permutation(len(names)):
            start = perf_counter()
            calls[names[index]]()
            seconds[names[index]][number] = perf_counter() - start
        progress.advance_to(number + 1)
    rows = []
    for name, side in sides.items():
        row: dict[str, Any] = {"model": model, "batch": batch, "side": name}
        if isinstance(side, str):
            rows.append({**row, "problem": side})
            continue
        error = np.abs(side() - reference).max() / np.abs(reference).max()
        rows.append({
            **row,
            "milliseconds": latency_percentiles(seconds[name]),
            "x_torch_eager": float(np.median(seconds["torch eager fp32"] / seconds[name])),
            "largest_difference": float(error),
        })  # fmt: skip
    return rows


def _about(arguments: argparse.Namespace) -> dict[str, Any]:
    driver = probe().facts.nvidia
    installed = {package.metadata["Name"]: package.version for package in metadata.distributions()}
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "device": arguments.device,
        "gpu": driver.gpus[0].name if driver.gpus else None,
        "driver": driver.version,
        "python": platform.python_version(),
        "versions": {name: installed[name] for name in PACKAGES if name in installed},
        "command": " ".join(["python", *sys.argv]),
        "samples": arguments.samples,
    }


if __name__ == "__main__":
    main()
