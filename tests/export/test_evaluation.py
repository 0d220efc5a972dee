"""Metrics, the shares that precisions have to keep, and the return in an environment."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgewright as ew
from checkpoint_layouts import edit_json
from edgewright.bundle.manifest import Metric
from edgewright.errors import ParityError, UsageError
from edgewright.families.decision_transformer import DecisionTransformerConfig
from edgewright.tasks.metrics import top1
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.evaluation import (
    LabelledEvaluation,
    Measured,
    cosine,
    explained,
    same_class,
)
from edgewright_export.export import export
from edgewright_export.parity import MetricGate
from edgewright_export.recipes import RECIPES
from edgewright_export.recipes.closed_loop import ClosedLoopEvaluation

EYE = np.eye(100, dtype=np.float32)
HOPPER = DecisionTransformerConfig(
    state_dim=11, action_dim=3, context_length=10, max_ep_len=1000, return_scale=1000.0,
    state_mean=(0.0,) * 11, state_std=(1.0,) * 11, action_low=(-1.0,) * 3, action_high=(1.0,) * 3,
    environment=None, target_return=1.0,
)  # fmt: skip


class Table:
    """Answers with the row of logits that the sample numbers; some rows are wrong."""

    def __init__(self, wrong: int) -> None:
        self._logits = np.concatenate((np.roll(EYE[:wrong], 1, axis=1), EYE[wrong:]))

    def infer(self, sample: Any) -> dict[str, Any]:
        return {"logits": self._logits[int(sample["row"])]}


ROWS = LabelledEvaluation(
    "top1", "rows", [{"row": np.array(row)} for row in range(100)], np.arange(100), top1
)


@pytest.mark.parametrize(
    ("precision", "wrong", "passes"),
    [
        *((name, wrong, wrong < 2) for name in ("int8", "int8-trt", "int8w") for wrong in (1, 2)),
        *((name, wrong, wrong < 1) for name in ("fp32", "fp16") for wrong in (0, 1)),
    ],
)
def test_precisions_keep_their_share_of_the_metric(
    precision: str, wrong: int, passes: bool
) -> None:
    counted: list[int] = []
    gate = MetricGate(ROWS, Table(0), counted.append)
    assert sum(counted) == 100
    if passes:
        metric = gate.measure(Table(wrong), "a variant", precision, counted.append)
        assert (metric.value, metric.reference) == (1 - wrong / 100, 1.0)
        return
    with pytest.raises(
        ParityError, match=f"a variant: got top1 {1 - wrong / 100} on 100 samples of rows"
    ):
        gate.measure(Table(wrong), "a variant", precision, counted.append)


@pytest.mark.parametrize(("name", "least"), [("top1", True), ("word_error_rate", False)])
def test_the_bound_of_an_error_rate_is_its_largest_value(name: str, least: bool) -> None:
    values = {value: Metric(name, value, 0.5, 0.5, 9, "rows").passes for value in (0.4, 0.5, 0.6)}
    assert values == {0.4: not least, 0.5: True, 0.6: least}
    assert not Metric(name, float("nan"), 0.5, 0.5, 9, "rows").passes


def test_agreements_are_1_for_the_same_and_less_for_others() -> None:
    vector = np.arange(5, dtype=np.float32)
    for agree in (same_class, cosine, explained):
        assert agree(vector, vector) == pytest.approx(1.0)
    assert same_class(EYE[:2], EYE[[0, 0]]) == 0.5
    assert cosine(EYE[0], EYE[1]) == 0.0
    assert explained(np.float32([3, 4]), np.float32([3, 3.5])) == pytest.approx(1 - 0.25 / 21.25)
    assert explained(EYE[0], np.zeros(100, np.float32)) == 0.0


def test_return_may_fall_as_far_as_chance_explains() -> None:
    loop = ClosedLoopEvaluation("mean_return", "Hopper-v5", 1000.0, 0)
    steady = loop.minimum(Measured(1000.0, (1000.0,) * 10), "int8")
    returns = np.random.default_rng(0).normal(1000, 100, 100)
    noisy = loop.minimum(Measured(1000.0, tuple(returns)), "int8")
    assert steady == 1000.0
    standard_error = returns.std() * np.sqrt(2 / 100)  # of the difference of two means
    assert noisy == pytest.approx(1000 - 1.96 * standard_error, abs=0.1 * standard_error)
    assert loop.minimum(Measured(1000.0, tuple(returns)), "fp32") < noisy


def test_closed_loop_needs_a_target_and_a_known_environment() -> None:
    with pytest.raises(UsageError, match="target_return"):
        ClosedLoopEvaluation.create("Hopper-v5", replace(HOPPER, target_return=None), 0)
    with pytest.raises(UsageError, match="Skipper-v1"):
        ClosedLoopEvaluation.create("Skipper-v1", HOPPER, 0)
    with pytest.raises(UsageError, match="trained for"):
        ClosedLoopEvaluation.create("CartPole-v1", HOPPER, 0)


def test_policies_are_judged_by_their_return_in_the_environment(
    tiny: Callable[[str], Path], instant_trace: Callable[[str], Path], tmp_path: Path
) -> None:
    instant_trace("hopper")
    folder = tiny("hopper")
    edit_json(folder / "edgewright.json", target_return=1000.0, environment="Hopper-v5")
    manifest = export(folder, tmp_path / "out.edge", variants=["fp32"], evaluation="Hopper-v5")
    metric = manifest.variants[0].receipt.metric
    assert (metric.name, metric.data, metric.samples) == ("mean_return", "Hopper-v5", 10)
    assert metric.value == pytest.approx(metric.reference, rel=1e-3)
    assert metric.minimum < metric.reference


def test_reference_policy_equals_the_runtime_step_by_step(
    tiny: Callable[[str], Path], instant_trace: Callable[[str], Path], tmp_path: Path
) -> None:
    instant_trace("hopper")
    folder = tiny("hopper")
    export(folder, tmp_path / "out.edge", variants=["fp32"])
    reference: Any = RECIPES["decision_transformer"].load(Checkpoint(folder)).reference()
    generator = np.random.default_rng(0)
    with ew.load(tmp_path / "out.edge") as policy:
        policies = (policy, reference)
        for one in policies:
            one.reset(900.0)
        for step in range(60):  # beyond context length and max_ep_len
            state = generator.normal(size=11).astype(np.float32)
            reward = None if step == 0 else float(generator.uniform(0, 5))
            mine, theirs = (one.step(state, reward).action for one in policies)
            np.testing.assert_allclose(mine, theirs, atol=1e-5)
