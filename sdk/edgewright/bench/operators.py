"""What every operator of a model takes, from ONNX Runtime's own profile of its graphs."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewright.backends.onnxrt_profile import KernelCall
from edgewright.backends.onnxrt_runner import ProfiledRunner
from edgewright.errors import EdgewrightError, UsageError
from edgewright.families.base import Model
from edgewright.specs import Array

ROUNDS = 20
"""Times that a model answers all samples."""
WARMUP = 2
"""Rounds before, which are not counted."""

GRAPH = "graph"
"""Module of the nodes of which PyTorch does not know where they come from."""
_WITHOUT_MODULE = "_empty_nn_module_stack_from_metadata_hook"  # PyTorch's name for the same
_ADDED_BY_FUSIONS = re.compile(r"(?:/?\w*Fusion/?|/duplicated)+$")


@dataclass(frozen=True)
class OperatorTime:
    """What one node of an optimized graph takes."""

    node: str
    """Its name: that in the ONNX file, or what a fusion or the quantizer made of it."""
    operator: str
    """`MatMul`, `DynamicQuantizeMatMul`, …"""
    seconds: float
    """For one answer, the mean over the samples."""
    component: str = "model"
    """Graph that it is in."""
    dtype: str = "float"
    """Of its first input in ONNX Runtime's words: `float`, `float16`, `uint8`, …"""
    weighted: bool = True
    """Whether it reads weights; a product of two activations does not."""

    @property
    def module(self) -> str | None:
        """Path of the PyTorch module that it comes from; none where its name does not tell."""
        return module_of(self.node)


def module_of(node: str) -> str | None:
    """Return the module path in the name of a node of an optimized graph.

    The exporter names nodes `module.path/Operator`. ONNX Runtime's quantizer and fusions append to
    that (`…/MatMul_quant`, `…/Gemm_MatMul`, `…/Conv_token_7`, `…/MatMul/MatMulScaleFusion/`), or
    name a node after its tensor or operator (`val_11_DequantizeLinear`, `conv2d_nchwc`,
    `SkipLayerNormalization_token_0`), which tells no module.

    Returns:
        The path, `GRAPH` where the exporter knew none, or none.
    """
    module, slash, _ = _ADDED_BY_FUSIONS.sub("", node).rpartition("/")
    if not slash:
        return None
    return GRAPH if module == _WITHOUT_MODULE else module


def operator_times(
    models: Mapping[str, Model[Any]],
    samples: Sequence[Mapping[str, Array]],
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
    advance: Callable[[], object] = lambda: None,
) -> dict[str, tuple[OperatorTime, ...]]:
    """Let models answer samples and return what each of their operators took.

    The models take turns, in random order: what disturbs the machine disturbs all. Of the times of
    a node in the rounds, the middle half is averaged; ONNX Runtime tells whole microseconds, so
    that a median could tell no finer.

    Args:
        models: By name. Their runners come from `OnnxRuntime.open_profiled`, and their profiles
            end here.
        samples: Raw samples, as golden samples are.
        rounds: How often each model answers all samples, after `WARMUP` rounds.
        seed: Of the order.
        advance: Is called after each of the `WARMUP + rounds` rounds of all models.

    Returns:
        By name of the model, its nodes in order of execution. A node that never ran is absent.

    Raises:
        UsageError: `rounds` is below 1, there are no samples, or a model is not profiled.
        EdgewrightError: ONNX Runtime left out runs, as it does after a million calls of kernels.
    """
    if rounds < 1 or not samples:
        raise UsageError(
            f"profile: got {rounds} rounds of {len(samples)} samples, expected at least 1 of 1; "
            "give samples, and leave the rounds away"
        )
    runners = {name: _profiled(name, model) for name, model in models.items()}
    ends: dict[str, list[dict[str, int]]] = {name: [] for name in models}
    generator, names = np.random.default_rng(seed), list(models)
    for _ in range(WARMUP + rounds):
        for turn in generator.permutation(len(names)):
            name = names[turn]
            for sample in samples:
                models[name].infer(sample)
            ends[name].append({key: runner.runs for key, runner in runners[name].items()})
        advance()
    return {
        name: tuple(
            time
            for key, runner in runners[name].items()
            for time in _times(key, runner, [end[key] for end in ends[name]], len(samples))
        )
        for name in models
    }


def _profiled(name: str, model: Model[Any]) -> dict[str, ProfiledRunner]:
    runners = {}
    for key, runner in model.runners.items():
        if not isinstance(runner, ProfiledRunner):
            raise UsageError(
                f"model '{name}': got a {type(runner).__name__} for component '{key}', expected a "
                "ProfiledRunner; open it with OnnxRuntime.open_profiled"
            )
        runners[key] = runner
    return runners


def _times(
    component: str, runner: ProfiledRunner, ends: Sequence[int], samples: int
) -> list[OperatorTime]:
    """Return the times of the nodes of one graph.

    Args:
        component: Its name.
        runner: It.
        ends: Its runs until the end of each round.
        samples: Of a round.
    """
    runs = runner.end_profile()
    if len(runs) != runner.runs:
        raise EdgewrightError(
            f"profile of '{component}': got {len(runs)} runs from ONNX Runtime, expected "
            f"{runner.runs}; ask for fewer rounds or samples"
        )
    rows: dict[tuple[int, str, str], NDArray[np.float64]] = {}
    calls: dict[tuple[int, str, str], KernelCall] = {}
    rounds = len(ends) - WARMUP
    for row in range(rounds):
        for run in runs[ends[row + WARMUP - 1] : ends[row + WARMUP]]:
            for call in run:
                key = call.index, call.node, call.operator
                calls.setdefault(key, call)
                rows.setdefault(key, np.zeros(rounds))[row] += call.seconds
    return [
        OperatorTime(
            call.node,
            call.operator,
            _middle_mean(rows[key]) / samples,
            component,
            call.dtype,
            call.weighted,
        )
        for key, call in calls.items()
    ]


def _middle_mean(values: NDArray[np.float64]) -> float:
    """Return the mean without the lowest and the highest quarter."""
    cut = values.size // 4
    return float(np.sort(values)[cut : values.size - cut].mean())
