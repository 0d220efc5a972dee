import dataclasses
import json
from pathlib import Path

import decision_transformer_hopper as script
import hopper_behaviour as behaviour
import hopper_windows
import numpy as np
import pytest
import torch
from transformers import DecisionTransformerModel

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINT = ROOT / "examples/checkpoints/decision-transformer-hopper"
CONTEXT = hopper_windows.CONTEXT_LENGTH


@pytest.fixture(scope="module")
def trajectories():
    rng = np.random.default_rng(3)
    return [
        behaviour.Trajectory(
            rng.standard_normal((length, 11), np.float32),
            rng.uniform(-1, 1, (length, 3)).astype(np.float32),
            np.full(length, reward, np.float32),
        )
        for length, reward in ((30, 1.0), (25, 20.0), (4, 500.0))
    ]


@pytest.fixture(scope="module")
def data(trajectories):
    return hopper_windows.build_tables(trajectories)


def test_an_interrupted_search_goes_on_with_the_same_bits(tmp_path):
    settings = behaviour.SearchSettings(iterations=3, directions=2, top_directions=1)
    whole, parts = tmp_path / "whole.npz", tmp_path / "parts.npz"
    assert len(list(behaviour.search(whole, behaviour.FREE_PACE, settings))) == 3
    next(behaviour.search(parts, behaviour.FREE_PACE, settings))
    assert len(list(behaviour.search(parts, behaviour.FREE_PACE, settings))) == 2
    with np.load(whole) as expected, np.load(parts) as got:
        for key in expected:
            np.testing.assert_array_equal(got[key], expected[key], err_msg=key)


def test_running_statistics_equal_those_of_all_observations():
    parts = np.split(np.random.default_rng(0).normal(3.0, 2.0, (60, 11)), [7, 30])
    statistics = behaviour.ObservationStatistics()
    for part in parts:
        statistics.update(part)
    policy = statistics.policy(np.zeros((3, 11)))
    np.testing.assert_allclose(policy.mean, np.concatenate(parts).mean(0))
    np.testing.assert_allclose(policy.std, np.concatenate(parts).std(0))


@pytest.mark.parametrize(("pace", "expected"), [(np.inf, 70.0), (2.0, 150.0), (0.5, -50.0)])
def test_fitness_counts_distance_or_pace(pace, expected):
    observations = np.zeros((100, 11), np.float32)
    observations[:, 5] = [1.0, 2.0] * 50
    trajectory = behaviour.Trajectory(observations, None, np.full(100, 1.7, np.float32))
    # The mean speed is 1.5 m/s: 100 * (pace - |1.5 - pace|).
    assert behaviour.fitness(trajectory, pace) == pytest.approx(expected)


def test_trajectories_come_back_as_saved(tmp_path, trajectories):
    behaviour.save_arrays(tmp_path / "t.npz", behaviour.pack_trajectories(trajectories))
    for got, expected in zip(
        behaviour.load_trajectories(tmp_path / "t.npz"), trajectories, strict=True
    ):
        np.testing.assert_array_equal(got.actions, expected.actions)
        assert got.total_return == expected.total_return
    assert [path.name for path in tmp_path.iterdir()] == ["t.npz"]


def test_returns_to_go_are_the_rewards_still_to_come(trajectories, data):
    expected = [
        [sum(t.rewards[step:].tolist()) / 1000]
        for t in trajectories
        for step in range(len(t.rewards))
    ]
    np.testing.assert_allclose(data.returns_to_go, expected, rtol=1e-6)


def test_windows_are_padded_on_the_left_within_one_episode(data):
    steps = [0, 3, 29, 30, 30 + CONTEXT, 58]
    windows = hopper_windows.cut_windows(data, np.array(steps))
    for row, step in enumerate(steps):
        first = max(step - CONTEXT + 1, *data.offsets[data.offsets <= step])
        real = step + 1 - first
        assert windows.attention_mask[row].tolist() == [0] * (CONTEXT - real) + [1] * real
        for name in ("states", "actions", "returns_to_go", "timesteps"):
            got, table = getattr(windows, name)[row].numpy(), getattr(data, name)
            np.testing.assert_array_equal(got[CONTEXT - real :], table[first : step + 1])
            assert not got[: CONTEXT - real].any()


def test_every_return_bin_is_drawn_equally_often(data):
    pools = hopper_windows.episode_pools(data)
    steps = hopper_windows.draw_steps(data, pools, np.random.default_rng(1), 6000)
    episodes = np.searchsorted(data.offsets, steps, side="right") - 1
    shares = np.bincount(episodes, minlength=3) / 6000
    # Returns 30, 500 and 2,000 lie in three bins; a share's standard deviation is 0.006.
    np.testing.assert_allclose(shares, 1 / 3, atol=0.03)


def reference_episode(model, data, target, seed):
    """Play one episode with growing lists, as the model card describes it."""
    environment = behaviour.make_environment()
    observation, _ = environment.reset(seed=seed)
    history, to_go, total, done = [], target, 0.0, False
    while not done:
        state = (observation - data.state_mean) / data.state_std
        now = [np.float32(to_go / 1000)], state.astype(np.float32), np.zeros(3, np.float32)
        history.append(list(now))
        recent = history[-CONTEXT:]
        pad = CONTEXT - len(recent)
        columns = [np.array(column, np.float32) for column in zip(*recent, strict=True)]
        padded = [np.concatenate([np.zeros((pad, c.shape[1]), np.float32), c]) for c in columns]
        times = [0] * pad + list(range(len(history) - len(recent), len(history)))
        output = model(
            returns_to_go=torch.from_numpy(padded[0])[None],
            states=torch.from_numpy(padded[1])[None],
            actions=torch.from_numpy(padded[2])[None],
            timesteps=torch.tensor([times]),
            attention_mask=torch.tensor([[0] * pad + [1] * len(recent)]),
        )
        history[-1][2] = output.action_preds[0, -1].numpy()
        observation, reward, terminated, truncated, _ = environment.step(history[-1][2])
        to_go, total = to_go - reward, total + reward
        done = terminated or truncated
    return total


def test_the_closed_loop_plays_as_the_card_says(data):
    model = script.build_model(4).eval()
    with torch.inference_mode():
        got = script.closed_loop_returns(model, data, (500.0, 2500.0), (7, 8))
        expected = [[reference_episode(model, data, t, s) for s in (7, 8)] for t in (500.0, 2500.0)]
    # Both compute in float32, in another batch size.
    np.testing.assert_allclose(got, expected, rtol=1e-3)


def test_the_shipped_checkpoint_loads_whole_and_follows_its_target(data):
    model, info = DecisionTransformerModel.from_pretrained(CHECKPOINT, output_loading_info=True)
    assert not any(info.values())
    options = json.loads((CHECKPOINT / "edgewright.json").read_text())
    mean, std = (np.array(options[key], np.float32) for key in ("state_mean", "state_std"))
    shipped = dataclasses.replace(data, state_mean=mean, state_std=std)
    with torch.inference_mode():
        low, high = script.closed_loop_returns(model.eval(), shipped, (500.0, 2500.0), (20,))[:, 0]
    assert low < 1200
    assert high > 2000


def test_the_example_trajectories_are_what_their_maker_says():
    examples = behaviour.load_trajectories(ROOT / "examples/data/hopper_trajectories.npz")
    returns = [trajectory.total_return for trajectory in examples]
    np.testing.assert_allclose(returns, behaviour.EXAMPLE_RETURNS, rtol=0.01)
    for trajectory in examples:
        assert trajectory.observations.dtype == trajectory.actions.dtype == np.float32
        assert np.abs(trajectory.actions).max() <= 1.0
