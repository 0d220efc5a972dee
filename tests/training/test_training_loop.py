import dataclasses
import signal

import numpy as np
import pytest
import torch
from torch import nn
from training_loop import TrainingInterrupted, TrainingPlan, epoch_indices, learning_rate_at, train

PLAN = TrainingPlan(
    num_steps=12,
    learning_rate=1e-2,
    warmup_steps=3,
    seed=5,
    average_decay=0.9,
    evaluate_every=4,
    keep="last",
)


def small_model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))


def loss_that_stops(stop_at=None, number=signal.SIGTERM):
    def loss(model, rng, step):
        if step == stop_at:
            signal.raise_signal(number)
        return model(torch.from_numpy(rng.standard_normal((16, 6), np.float32))).square().mean()

    return loss


def dev_metric(model):
    return -float(model(torch.ones(2, 6)).square().mean())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_ends_with_the_same_bits(tmp_path, number):
    whole, parts = small_model(), small_model()
    expected = train(whole, loss_that_stops(), PLAN, tmp_path / "whole.pt", evaluate=dev_metric)
    stopping = loss_that_stops(5, number)
    with pytest.raises(TrainingInterrupted, match="stopped at step 6"):
        train(parts, stopping, PLAN, tmp_path / "parts.pt", evaluate=dev_metric)
    parts = small_model()
    result = train(parts, loss_that_stops(), PLAN, tmp_path / "parts.pt", evaluate=dev_metric)
    assert result.history == expected.history
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, parts.state_dict()[name]), name


def test_the_best_weights_are_kept(tmp_path):
    metrics = iter([0.1, 0.9, 0.3])
    seen = []

    def evaluate(model):
        seen.append(model[0].weight.clone())
        return next(metrics)

    model = small_model()
    plan = dataclasses.replace(PLAN, keep="best")
    result = train(model, loss_that_stops(), plan, tmp_path / "work.pt", evaluate=evaluate)
    assert result.best_metric == 0.9
    assert torch.equal(model[0].weight, seen[1])


def test_a_work_file_of_another_plan_is_refused(tmp_path):
    train(small_model(), loss_that_stops(), PLAN, tmp_path / "work.pt", evaluate=dev_metric)
    other = dataclasses.replace(PLAN, learning_rate=1e-3)
    with pytest.raises(ValueError, match="another plan; delete it"):
        train(small_model(), loss_that_stops(), other, tmp_path / "work.pt", evaluate=dev_metric)


def test_the_rate_warms_up_and_falls_to_zero():
    rates = [learning_rate_at(PLAN, step) for step in range(PLAN.num_steps + 1)]
    assert rates[:3] == pytest.approx([1e-2 / 3, 2e-2 / 3, 1e-2])
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[-1] == pytest.approx(0.0)


def test_an_epoch_shows_every_example_once():
    first = np.concatenate([epoch_indices(10, 5, step, seed=1) for step in (0, 1)])
    second = np.concatenate([epoch_indices(10, 5, step, seed=1) for step in (2, 3)])
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(first) != list(second)
