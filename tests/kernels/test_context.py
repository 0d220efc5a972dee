import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.context import ContextWindow
from edgewright.errors import InputError, InputTypeError, StateError, UsageError
from reference import context as reference

S, A = 5, 2
MEAN = np.linspace(-1, 2, S).tolist()
STD = np.linspace(0.3, 4, S).tolist()


def make(length=4, max_ep_len=1000, scale=1000.0):
    return ContextWindow(length, MEAN, STD, A, scale, max_ep_len)


def episode(steps, seed=0):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.normal(0, 3, shape).astype(np.float32)  # noqa: E731
    return draw(steps, S), draw(steps - 1, A), draw(steps - 1)


def play(context, states, actions, rewards):
    """Run all but the last step, and return the arrays of the last."""
    for state, action, reward in zip(states, actions, rewards, strict=False):
        context.observe(state)
        context.act(action)
        context.reward(reward)
    context.observe(states[-1])
    return context.arrays()


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 25), st.integers(1, 8), st.sampled_from([6, 1000]))
def test_arrays_equal_reference(steps, length, max_ep_len):
    data = episode(steps)
    context = make(length, max_ep_len)
    context.reset(3600)
    got = play(context, *data)
    expected = reference.context(
        *data, 3600, length=length, mean=MEAN, std=STD, scale=1000.0, max_ep_len=max_ep_len
    )
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        assert got[name].dtype == array.dtype, name
        np.testing.assert_array_equal(got[name], array, err_msg=name)


def test_reset_forgets_the_last_episode():
    used, fresh = make(), make()
    used.reset(10)
    play(used, *episode(9, seed=1))
    for context in (used, fresh):
        context.reset(500)
    data = episode(2, seed=2)
    expected = play(fresh, *data)
    for name, array in play(used, *data).items():
        np.testing.assert_array_equal(array, expected[name])


def test_arrays_do_not_change_afterwards():
    context = make()
    context.reset(1)
    first = play(context, *episode(1))
    kept = {name: array.copy() for name, array in first.items()}
    context.act(np.ones(A))
    context.observe(np.ones(S))
    context.arrays()
    for name, array in first.items():
        np.testing.assert_array_equal(array, kept[name])


def test_step_is_observe_and_arrays():
    one, two = make(), make()
    for context in (one, two):
        context.reset(7)
    for i, state in enumerate(episode(9)[0]):
        one.observe(state)
        expected, got = one.arrays(), two.step(state if i % 2 else state.tolist())
        for name, array in expected.items():
            np.testing.assert_array_equal(got[name], array, err_msg=name)
        for context in (one, two):
            context.act(np.full(A, i))
    with pytest.raises(StateError, match="got a call of act"):
        two.act(np.zeros(A))


@pytest.mark.parametrize(
    "keep",
    [
        lambda arrays: arrays,
        lambda arrays: arrays["states"],
        lambda arrays: arrays["actions"][0, -1:],
        lambda arrays: memoryview(arrays["timesteps"]),
    ],
)
def test_what_is_held_is_not_written_to_again(keep):
    context = make()
    context.reset(1)
    held = []
    for state in episode(20)[0]:
        kept = keep(context.step(state))
        copy = {k: v.copy() for k, v in kept.items()} if isinstance(kept, dict) else np.array(kept)
        held.append((kept, copy))
        context.act(np.ones(A))
    for kept, copy in held:
        np.testing.assert_equal(kept if isinstance(kept, dict) else np.array(kept), copy)


def test_arrays_changed_by_the_caller_do_not_come_back():
    context = make()
    context.reset(1)
    for state in episode(6)[0]:
        arrays = context.step(state)
        assert arrays["states"].shape == (1, 4, S)
        assert arrays["attention_mask"].all() == (arrays["timesteps"][0, -1] >= 3)
        context.act(np.ones(A))
        arrays["states"].resize((3, 2), refcheck=False)
        arrays["timesteps"].flags.writeable = False
        arrays.pop("attention_mask")[:] = 7


def test_a_step_without_reward_keeps_the_return_to_go():
    context = make(scale=10.0)
    context.reset(50)
    context.observe(np.zeros(S))
    context.act(np.zeros(A))
    context.observe(np.zeros(S, np.float64))
    np.testing.assert_array_equal(context.arrays()["returns_to_go"][0, :, 0], [0, 0, 5, 5])


def test_order_of_calls_is_kept():
    context = make()
    for call in (context.arrays, lambda: context.observe(np.zeros(S))):
        with pytest.raises(StateError, match="expected reset"):
            call()
    context.reset(1)
    with pytest.raises(StateError, match="got a call of act, expected observe"):
        context.act(np.zeros(A))
    context.observe(np.zeros(S))
    with pytest.raises(StateError, match="got a call of observe, expected act or arrays"):
        context.observe(np.zeros(S))
    context.act(np.zeros(A))
    context.reward(1)
    with pytest.raises(StateError, match="got a call of reward, expected observe"):
        context.reward(1)


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        (np.zeros(4), InputError, r"'state': got shape \(4,\), expected \(5,\)"),
        (np.zeros((1, 5)), InputError, r"got shape \(1, 5\)"),
        (np.array([0, 0, np.nan, 0, 0]), InputError, "got NaN, .* at index 2"),
        (np.array([np.inf, 0, 0, 0, 0]), InputError, "at index 0, expected finite"),
        (np.array([0, 1e300, 0, 0, 0]), InputError, "beyond float32 at index 1"),
        (np.zeros(5, complex), InputTypeError, "got dtype complex128, expected real numbers"),
        (["a"] * 5, InputTypeError, "expected real numbers"),
        (None, InputTypeError, "got dtype object"),
    ],
)
def test_bad_states_are_refused_and_the_episode_goes_on(state, error, message):
    context = make()
    context.reset(1)
    with pytest.raises(error, match=message):
        context.observe(state)
    context.observe(np.zeros(S))
    with pytest.raises(InputError, match=r"'action': got shape \(3,\), expected \(2,\)"):
        context.act(np.zeros(3))
    context.act([0, 1])
    with pytest.raises(InputError, match="'reward': got nan, expected a finite number"):
        context.reward(float("nan"))
    with pytest.raises(InputTypeError, match="'reward': got NoneType, expected a number"):
        context.reward(None)
    for target in (float("inf"), 1e39, 10**400):
        with pytest.raises(InputError, match=r"'target_return': got .* finite number of float32"):
            context.reset(target)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"context_length": 0}, "context_length: got 0"),
        ({"context_length": 10**9}, "context_length: got 1000000000, expected at most 65536"),
        ({"action_dim": -1}, "action_dim: got -1"),
        ({"max_ep_len": 0}, "max_ep_len: got 0"),
        ({"state_mean": [], "state_std": []}, "state_mean: got 0"),
        ({"state_std": [1.0]}, "state_std: got 1 values, .* expected 5 values"),
        ({"state_std": [1.0, 0, 1, 1, 1]}, "use 1 for states that never change"),
        ({"state_mean": [float("nan")] * 5}, "state_mean: .* expected finite"),
        ({"return_scale": 0}, "return_scale: got 0, expected above 0"),
    ],
)
def test_constants_are_checked(changed, message):
    constants = {
        "context_length": 4,
        "state_mean": MEAN,
        "state_std": STD,
        "action_dim": A,
        "return_scale": 1.0,
        "max_ep_len": 10,
    }
    with pytest.raises(UsageError, match=message):
        ContextWindow(**constants | changed)


def test_arrays_that_somebody_holds_stay_as_they_are():
    states, actions, rewards = episode(4)
    context = make()
    context.reset(3600)
    context.observe(states[0])
    held = context.arrays()["states"]
    before = held.copy()
    context.act(actions[0])
    context.reward(rewards[0])
    context.observe(states[1])
    assert not np.array_equal(context.arrays()["states"], before)
    np.testing.assert_array_equal(held, before)


def test_locked_arrays_are_left_alone():
    states, actions, _ = episode(3)
    context = make()
    context.reset(3600)
    context.observe(states[0])
    context.arrays()["states"].flags.writeable = False
    context.act(actions[0])
    context.observe(states[1])
    assert context.arrays()["states"].flags.writeable
