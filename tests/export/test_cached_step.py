"""The cached step: the full window's actions until it slides, PyTorch's own afterwards."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import DecisionTransformerConfig, DecisionTransformerModel

import edgewright as ew
from checkpoint_layouts import HOPPER_OPTIONS, Layout, save
from edgewright.bundle.manifest import StatePair
from edgewright.cli import main
from edgewright.errors import InputError
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.export import export
from edgewright_export.recipes import RECIPES
from edgewright_export.recipes.closed_loop import ClosedLoopEvaluation

LENGTH = 5
TARGET = 900.0
HEADS = (1, 2)
"""Attention of one head is folded into fewer products."""

Exported = Callable[[int], tuple[Path, Path]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Return a function from the number of heads to checkpoint folder and bundle."""
    root, made = tmp_path_factory.mktemp("cached"), {}

    def get(heads: int) -> tuple[Path, Path]:
        if heads not in made:
            layout = Layout(
                lambda: DecisionTransformerModel(
                    DecisionTransformerConfig(
                        state_dim=11, act_dim=3, hidden_size=16, n_layer=2, n_head=heads,
                        max_ep_len=12,
                    )
                ),
                {
                    "edgewright.json": {
                        **HOPPER_OPTIONS, "context_length": LENGTH, "cached_step": True
                    }
                },
            )  # fmt: skip
            folder, bundle = save(layout, root / str(heads)), root / f"{heads}.edge"
            export(folder, bundle, variants=["fp32", "int8"])
            made[heads] = folder, bundle
        return made[heads]

    return get


def reference_of(folder: Path) -> Any:
    return RECIPES["decision_transformer"].load(Checkpoint(folder)).reference()


def episode(seed: int, steps: int) -> Iterator[tuple[np.ndarray, float | None]]:
    generator = np.random.default_rng(seed)
    for step in range(steps):
        state = generator.normal(size=11).astype(np.float32)
        yield state, None if step == 0 else float(generator.uniform(0, 5))


def actions(policy: Any, seed: int = 0, steps: int = 3 * LENGTH) -> np.ndarray:
    return np.array([policy.step(*seen).action for seen in episode(seed, steps)])


@pytest.mark.parametrize("heads", HEADS)
def test_steps_equal_the_full_window_until_it_slides(heads: int, exported: Exported) -> None:
    folder, bundle = exported(heads)
    reference = reference_of(folder)
    reference.reset(TARGET)
    expected = actions(reference)
    with ew.load(bundle, precision="fp32") as policy:
        policy.reset(TARGET)
        full = actions(policy)
        policy.reset(TARGET, cached=True)
        cached = actions(policy)
    np.testing.assert_allclose(full, expected, atol=1e-4)
    np.testing.assert_allclose(cached[:LENGTH], expected[:LENGTH], atol=1e-4)
    assert np.abs(cached[LENGTH] - expected[LENGTH]).max() > 1e-4  # an old step still acts


@pytest.mark.parametrize("heads", HEADS)
def test_steps_equal_pytorch_that_computes_no_token_again(heads: int, exported: Exported) -> None:
    folder, bundle = exported(heads)
    reference = reference_of(folder)
    reference.reset(TARGET, cached=True)
    expected = actions(reference, steps=8 * LENGTH)  # beyond max_ep_len
    with ew.load(bundle, precision="fp32") as policy:
        policy.reset(TARGET, cached=True)
        np.testing.assert_allclose(actions(policy, steps=8 * LENGTH), expected, atol=1e-4)


@pytest.mark.parametrize("heads", HEADS)
def test_int8_steps_stay_within_the_tolerance_of_the_bundle(heads: int, exported: Exported) -> None:
    folder, bundle = exported(heads)
    with ew.Bundle.open(bundle) as opened:
        tolerance = opened.manifest.golden.tolerance["int8"]
    reference = reference_of(folder)
    reference.reset(TARGET)
    expected = actions(reference, steps=LENGTH)
    with ew.load(bundle, precision="int8", strict=False) as policy:
        policy.reset(TARGET, cached=True)
        cached = actions(policy, steps=LENGTH)
    assert np.abs(cached - expected).max() <= 2 * tolerance * np.abs(expected).max()


def test_reset_makes_a_policy_as_new(exported: Exported) -> None:
    with ew.load(exported(1)[1]) as policy, ew.load(exported(1)[1]) as new:
        policy.reset(TARGET, cached=True)
        actions(policy, seed=1, steps=LENGTH + 1)  # an odd number, so that the states are swapped
        policy.reset(TARGET, cached=True)
        new.reset(TARGET, cached=True)
        np.testing.assert_array_equal(actions(policy), actions(new))


def test_both_ways_to_act_take_turns_by_episode(exported: Exported) -> None:
    with ew.load(exported(1)[1]) as policy:
        policy.reset(TARGET)
        full = actions(policy)
        policy.reset(TARGET, cached=True)
        cached = actions(policy, steps=LENGTH)
        policy.reset(TARGET)
        np.testing.assert_array_equal(actions(policy), full)
    np.testing.assert_allclose(cached, full[:LENGTH], atol=1e-4)


def test_policies_and_infer_do_not_disturb_each_other(exported: Exported) -> None:
    bundle = exported(1)[1]
    sample = {
        "states": np.ones((2 * LENGTH, 11), np.float32),
        "actions": np.zeros((2 * LENGTH - 1, 3), np.float32),
        "rewards": np.ones(2 * LENGTH - 1, np.float32),
        "target_return": np.array(TARGET, np.float32),
    }
    with ew.load(bundle) as one, ew.load(bundle) as other:
        alone = []
        for seed in (0, 1):
            one.reset(TARGET, cached=True)
            alone.append(actions(one, seed))
        one.reset(TARGET, cached=True)
        other.reset(TARGET, cached=True)
        together = []
        for seen in zip(episode(0, 3 * LENGTH), episode(1, 3 * LENGTH), strict=True):
            first, second = one.step(*seen[0]).action, other.step(*seen[1]).action
            together.append((first.copy(), second.copy()))
            one.infer(sample)
            np.testing.assert_array_equal(first, together[-1][0])
    np.testing.assert_array_equal(np.swapaxes(together, 0, 1), alone)


def test_the_bundle_declares_its_states_and_verifies(exported: Exported) -> None:
    folder, bundle = exported(1)
    with ew.Bundle.open(bundle) as opened:
        step = opened.variant("fp32").components["step"]
    names = ("state_00_tokens", "state_01_tokens", "state_02_length")
    assert step.states == tuple(StatePair(name, f"next_{name}") for name in names)
    shapes = {spec.name: spec.shape for spec in step.inputs}
    assert [shapes[name] for name in names] == [(1, 3 * LENGTH, 16)] * 2 + [(1,)]
    assert ew.verify(bundle).ok
    assert ew.verify(bundle, checkpoint=folder).ok


def test_a_bundle_without_the_step_refuses_it(
    reduced: Callable[[str], tuple[Path, Path]],
) -> None:
    with ew.load(reduced("hopper")[1]) as policy:
        policy.reset(TARGET)
        policy.step(np.zeros(11))
        with pytest.raises(InputError, match=r"no component 'step'.*cached_step"):
            policy.reset(TARGET, cached=True)
        assert policy.step(np.zeros(11), 1.0).return_to_go == TARGET - 1  # the episode goes on


def test_half_of_the_episodes_are_judged_with_the_cached_step(exported: Exported) -> None:
    folder, bundle = exported(1)
    loop = ClosedLoopEvaluation("mean_return", "Hopper-v5", 1000.0, 0, cached=True)
    assert loop.samples == 20
    with ew.load(bundle, precision="fp32") as policy:
        measured = loop.measure(policy, lambda _: None).episodes
    expected = loop.measure(reference_of(folder), lambda _: None).episodes
    np.testing.assert_allclose(measured, expected, rtol=1e-2)
    assert measured[:10] != measured[10:]
    assert loop.sha256() != replace(loop, cached=False).sha256()


def test_the_command_takes_cached_steps(
    exported: Exported, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["control", str(exported(1)[1]), "--environment", "Hopper-v5", "--target-return"]
    assert main([*arguments, "900", "--cached", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] > 0
