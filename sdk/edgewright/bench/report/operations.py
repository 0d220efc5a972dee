"""How many operations an answer takes: the products of a graph, from the shapes of a profiled run.

A multiply-add counts as two operations. Counted are the fp32 kernels, whose profile has the shapes
of all weights; quantizing a product does not change how many operations it takes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from edgewright.backends.onnxrt_profile import KernelCall
from edgewright.backends.onnxrt_runner import ProfiledRunner
from edgewright.bench.profile import open_profiled
from edgewright.bundle import Bundle
from edgewright.placement import BASELINE

EPISODE = 64
"""Steps that are counted of a model that keeps an episode; others answer each query once."""


@dataclass(frozen=True)
class Operations:
    """What one answer takes."""

    each: float
    """Operations, the mean over the queries."""
    uncounted: tuple[str, ...]
    """Types of operators that make products whose number the profile does not tell."""


def count_operations(bundle: Bundle) -> Operations:
    """Ask the fp32 variant about the golden samples and count what it computes.

    Raises:
        UsageError: The bundle has no variant of that name.
        PlacementError: It cannot be opened here.
    """
    samples = {file: sample for file, sample, _ in bundle.golden()}
    model = open_profiled(bundle, bundle.variant(BASELINE), threads=1)
    try:
        queries = model.task.queries(model, samples, ())
        asked = queries * (EPISODE if model.task.one_caller else 1)
        for query in asked:
            query.ask()
        calls = [
            call
            for runner in model.runners.values()
            if isinstance(runner, ProfiledRunner)
            for run in runner.end_profile()
            for call in run
        ]
    finally:
        model.close()
    return add_up(calls, len(asked))


def add_up(calls: Sequence[KernelCall], answers: int) -> Operations:
    """Return the operations of calls of kernels, for one of so many answers."""
    total, uncounted = 0, set()
    for call in calls:
        if call.operator in _OTHER_PRODUCTS:
            uncounted.add(call.operator)
        elif call.operator in _COUNTS:
            found = _COUNTS[call.operator](call.input_shapes, call.output_shapes[0])
            if found is None:
                uncounted.add(call.operator)
            total += found or 0
    return Operations(total / answers, tuple(sorted(uncounted)))


Shape = tuple[int, ...]


def _matrix_product(inputs: Sequence[Shape], output: Shape) -> int | None:
    """The first input is (…, m, k), or (…, k, m) where it is transposed; the output (…, m, n)."""
    first = inputs[0]
    if len(first) < 2 or len(output) < 2:
        return 2 * prod(output) * first[-1] if first else None
    m = output[-2]
    return 2 * prod(output) * (first[-1] if first[-2] == m else first[-2])


def _convolution(inputs: Sequence[Shape], output: Shape) -> int | None:
    """The weights are (channels out, channels in a group, kernel …), unless they were packed."""
    if len(inputs) < 2 or len(inputs[1]) != len(output):
        return None
    return 2 * prod(output) * prod(inputs[1][1:])


def _transposed_convolution(inputs: Sequence[Shape], output: Shape) -> int | None:
    """The weights are (channels in, channels out of a group, kernel …), unless packed."""
    if len(inputs) < 2 or len(inputs[1]) != len(output):
        return None
    return 2 * prod(inputs[0]) * prod(inputs[1][1:])


def _attention(inputs: Sequence[Shape], output: Shape) -> int | None:
    """Query, key and value are (batch, time, width) or (batch, head, time, width)."""
    if len(inputs) < 3 or any(len(one) != len(output) for one in inputs[:3]) or len(output) < 3:
        return None
    query, key = inputs[:2]
    return 2 * key[-2] * (prod(query) + prod(output))


_COUNTS: dict[str, Callable[[Sequence[Shape], Shape], int | None]] = {
    **dict.fromkeys(("MatMul", "FusedMatMul", "FusedMatMulActivation"), _matrix_product),
    **dict.fromkeys(("Gemm", "FusedGemm"), _matrix_product),
    **dict.fromkeys(("Conv", "FusedConv"), _convolution),
    "ConvTranspose": _transposed_convolution,
    **dict.fromkeys(("Attention", "MultiHeadAttention"), _attention),
}
_OTHER_PRODUCTS = ("LSTM", "GRU", "RNN", "Einsum", "GroupQueryAttention")
