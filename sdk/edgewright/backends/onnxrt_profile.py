"""ONNX Runtime's profile of a session: what every kernel of the optimized graph took."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KERNEL = "_kernel_time"  # behind the node's name in the profile


@dataclass(frozen=True, slots=True)
class KernelCall:
    """One call of one kernel, after ONNX Runtime's graph optimizations."""

    node: str
    """Name of the node; fusions rename some, and nodes that they make may have the operator's."""
    index: int
    """Of the node in its graph."""
    operator: str
    dtype: str
    """Of the first input: `float`, `float16`, `uint8`, …; empty where there is none."""
    weighted: bool
    """Whether it reads constants. Those that were packed for the kernel are not listed as inputs,
    so a product with one input has them."""
    seconds: float
    """Without the calls inside it, which the branches of an `If` make."""
    input_shapes: tuple[tuple[int, ...], ...]
    """Of the inputs that are listed; see `weighted`."""
    output_shapes: tuple[tuple[int, ...], ...]


def read_profile(file: Path) -> list[list[KernelCall]]:
    """Return the calls of each run of the session, in order of execution.

    The file is read line by line: as a whole it would take many times its size in memory.
    """
    runs: list[list[KernelCall]] = []
    calls: list[tuple[int, int, dict[str, Any]]] = []
    for event in _events(file):
        if event["cat"] == "Node" and event["name"].endswith(_KERNEL):
            calls.append((event["ts"], event["dur"], event))
        elif event["name"] == "model_run":  # written at the end of a run
            runs.append(list(_kernel_calls(calls)))
            calls = []
    return runs


def _events(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of the JSON array, which has one a line."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("{"):
                yield json.loads(line.rstrip().removesuffix(","))


def _kernel_calls(calls: list[tuple[int, int, dict[str, Any]]]) -> Iterator[KernelCall]:
    finished: list[tuple[int, int]] = []  # start and duration of what is inside no other call yet
    for start, duration, event in calls:
        inner = 0
        while finished and finished[-1][0] >= start:
            inner += finished.pop()[1]
        finished.append((start, duration))
        yield _kernel_call(event, max(0, duration - inner))


def _kernel_call(event: dict[str, Any], microseconds: int) -> KernelCall:
    details = event["args"]
    inputs = details.get("input_type_shape", [])
    return KernelCall(
        node=event["name"].removesuffix(_KERNEL),
        index=int(details["node_index"]),
        operator=details["op_name"],
        dtype=next(iter(inputs[0]), "") if inputs else "",
        weighted=len(inputs) < 2 or int(details.get("parameter_size", 0)) > 0,
        seconds=microseconds * 1e-6,
        input_shapes=_shapes(inputs),
        output_shapes=_shapes(details.get("output_type_shape", [])),
    )


def _shapes(tensors: list[dict[str, list[int]]]) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of tensors that are each listed as `{dtype: shape}`."""
    return tuple(tuple(shape) for tensor in tensors for shape in tensor.values())
