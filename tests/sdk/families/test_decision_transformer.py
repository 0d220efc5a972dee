"""The policy: the closed loop, its states, bad input, one caller at a time."""

import threading
from pathlib import Path

import numpy as np
import pytest

import edgewright as ew
import tiny_bundles
from edgewright.errors import BundleError, InputError, InputTypeError, StateError
from edgewright.families.decision_transformer import DecisionTransformer

ZERO = np.zeros(tiny_bundles.STATES, np.float32)


def loaded(path: Path) -> DecisionTransformer:
    model = ew.load(path, threads=1)
    assert isinstance(model, DecisionTransformer)
    return model


@pytest.fixture
def policy(tiny: dict[str, Path]) -> DecisionTransformer:
    return loaded(tiny["decision_transformer"])


def test_steps_equal_the_definition_and_are_clipped(policy: DecisionTransformer) -> None:
    rng = np.random.default_rng(0)
    return_to_go, last = 5.0, np.zeros(2)
    policy.reset(5.0)
    reward = None
    for step in range(12):  # three times the context
        state = rng.normal(size=3)
        result = policy.step(state, reward)
        expected = np.clip(tiny_bundles.action_of(state, last, return_to_go, step), -1, 1)
        np.testing.assert_allclose(result.action, expected, atol=1e-5)
        assert result.return_to_go == pytest.approx(return_to_go)
        assert result.action.dtype == np.float32
        last, reward = result.action, float(rng.normal())
        return_to_go -= reward
    assert result.timings.total > 0


def test_infer_equals_the_steps(policy: DecisionTransformer) -> None:
    rng = np.random.default_rng(1)
    states = rng.normal(size=(9, 3)).astype(np.float32)
    rewards = rng.normal(size=8).astype(np.float32)
    policy.reset(0.5)
    actions = [policy.step(states[0]).action]
    actions += [policy.step(s, r).action for s, r in zip(states[1:], rewards, strict=True)]
    sample = {"states": states, "actions": np.array(actions[:-1]), "rewards": rewards,
              "target_return": np.array(0.5, np.float32)}  # fmt: skip
    inferred = np.clip(policy.infer(sample)["action"], -1, 1)
    np.testing.assert_allclose(inferred, actions[-1], atol=1e-6)


def test_reset_forgets_the_episode(policy: DecisionTransformer) -> None:
    first = policy.reset(3.0), policy.step(ZERO).action
    for _ in range(6):
        policy.step(ZERO + 1, 0.5)
    assert policy.reset(3.0) == first[0]
    np.testing.assert_array_equal(policy.step(ZERO).action, first[1])


def test_the_bundle_has_a_default_return(policy: DecisionTransformer, tmp_path: Path) -> None:
    assert policy.reset() == 20.0
    without = tiny_bundles.decision_transformer(tmp_path / "b.edge", config={"target_return": None})
    with pytest.raises(InputError, match="got none, and the bundle has no default"):
        loaded(without).reset()


def test_the_order_of_calls_is_checked(policy: DecisionTransformer) -> None:
    with pytest.raises(StateError, match="got step before reset"):
        policy.step(ZERO)
    policy.reset(1.0)
    with pytest.raises(InputError, match=r"input 'reward': got 1\.0, expected none"):
        policy.step(ZERO, 1.0)
    policy.step(ZERO)
    with pytest.raises(InputError, match="input 'reward': got none, expected that of the last"):
        policy.step(ZERO)


@pytest.mark.parametrize(
    ("observation", "error", "message"),
    [
        (np.zeros(4), InputError, r"got shape \(4,\), expected \(3,\)"),
        (np.zeros((1, 3)), InputError, r"got shape \(1, 3\)"),
        ([0.0, np.nan, 0.0], InputError, "got nan at index 1"),
        ([0.0, 0.0, np.inf], InputError, "got inf at index 2"),
        ([0.0, 0.0, 1e300], InputError, "got inf at index 2"),
        (["a", "b", "c"], InputTypeError, "got dtype"),
        (None, InputTypeError, "got dtype object"),
        ([[1], [1, 2]], InputTypeError, "make no array"),
    ],
)
def test_a_refused_step_leaves_the_episode_as_it_was(
    policy: DecisionTransformer, observation: object, error: type[Exception], message: str
) -> None:
    policy.reset(2.0)
    policy.step(ZERO)
    with pytest.raises(error, match=message):
        policy.step(observation, 1.0)
    with pytest.raises(InputError, match="reward"):
        policy.step(ZERO, float("nan"))
    assert policy.step(ZERO, 0.5).return_to_go == 1.5


@pytest.mark.parametrize("target", [float("nan"), float("inf")])
def test_a_return_that_is_not_finite_is_refused(policy: DecisionTransformer, target: float) -> None:
    with pytest.raises(InputError, match="target_return"):
        policy.reset(target)


def test_an_answer_that_is_not_finite_ends_the_episode(
    policy: DecisionTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy.reset(1.0)
    with monkeypatch.context() as patch:
        patch.setattr(policy, "_run", lambda _: np.array([np.nan, 0], np.float32))
        with pytest.raises(InputError, match=r"the model answers NaN.*call reset"):
            policy.step(ZERO)
    with pytest.raises(StateError, match="expected reset first"):
        policy.step(ZERO)
    policy.reset(1.0)
    assert policy.step(ZERO).return_to_go == 1.0


def test_a_second_caller_is_refused(
    policy: DecisionTransformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, leave = threading.Event(), threading.Event()
    run = policy._run

    def slow(inputs: object) -> np.ndarray:
        entered.set()
        assert leave.wait(30)
        return run(inputs)

    monkeypatch.setattr(policy, "_run", slow)
    policy.reset(1.0)
    caller = threading.Thread(target=policy.step, args=(ZERO,))
    caller.start()
    assert entered.wait(30)
    with pytest.raises(StateError, match="another thread is in it"):
        policy.step(ZERO)
    with pytest.raises(StateError, match="another thread is in it"):
        policy.reset(1.0)
    leave.set()
    caller.join()
    assert policy.step(ZERO, 0.25).return_to_go == 0.75


def test_raw_samples_are_checked(policy: DecisionTransformer) -> None:
    sample = {"states": np.zeros((2, 3), np.float32), "actions": np.zeros((2, 2), np.float32),
              "rewards": np.zeros(1, np.float32)}  # fmt: skip
    with pytest.raises(InputError, match="got 2 states, 2 actions, 1 rewards"):
        policy.infer(sample)


def test_a_config_that_does_not_fit_is_a_broken_bundle(tmp_path: Path) -> None:
    bundle = tiny_bundles.decision_transformer(tmp_path / "bad.edge", config={"action_low": [0.0]})
    with pytest.raises(BundleError, match="expected 3 and 2"):
        ew.load(bundle)


def test_limits_in_the_wrong_order_are_a_broken_bundle(tmp_path: Path) -> None:
    config = {"action_low": [0.0, 1.0], "action_high": [1.0, 0.0]}
    bundle = tiny_bundles.decision_transformer(tmp_path / "bad.edge", config=config)
    with pytest.raises(BundleError, match="expected lower limits first"):
        ew.load(bundle)


def test_sizes_that_the_graph_does_not_take_are_a_broken_bundle(tmp_path: Path) -> None:
    config = {"state_dim": 2, "state_mean": [0.0] * 2, "state_std": [1.0] * 2}
    bundle = tiny_bundles.decision_transformer(tmp_path / "bad.edge", config=config)
    with pytest.raises(BundleError, match=r"state_dim: got .*, expected what the graph takes"):
        ew.load(bundle)
