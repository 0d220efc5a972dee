"""Train a small Decision Transformer on Hopper-v5 and write it as a Hugging Face checkpoint.

Run as ``python examples/training/decision_transformer_hopper.py``. The behaviour data are made
first when they are missing; an interrupted run goes on with the same command.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import hopper_behaviour as behaviour
import hopper_card
import numpy as np
import torch
from hopper_windows import (
    CONTEXT_LENGTH,
    RETURN_SCALE,
    Behaviour,
    Windows,
    build_tables,
    cut_windows,
    draw_steps,
    episode_pools,
    typical_trajectories,
)
from training_loop import TrainingPlan, TrainingResult, train
from transformers import DecisionTransformerConfig, DecisionTransformerModel

MAX_EPISODE_LENGTH = 1000
TARGETS = (500.0, 1000.0, 1800.0, 2500.0)
DEV_SEEDS = tuple(range(100, 110))
TEST_SEEDS = tuple(range(1000, 1010))
"""Used once, for the table of the model card."""

BATCH_SIZE = 64

PLAN = TrainingPlan(
    num_steps=12_000,
    learning_rate=8e-4,
    warmup_steps=300,
    seed=1,
    weight_decay=1e-3,
    clip_norm=0.25,
    average_decay=0.998,
    evaluate_every=1_500,
)


def action_loss(
    data: Behaviour,
) -> Callable[[DecisionTransformerModel, np.random.Generator, int], torch.Tensor]:
    """Return the loss of a step: the mean squared error of the actions of all real positions."""
    pools = episode_pools(data)

    def loss(
        model: DecisionTransformerModel, generator: np.random.Generator, _: int
    ) -> torch.Tensor:
        windows = cut_windows(data, draw_steps(data, pools, generator, BATCH_SIZE))
        errors = (windows.predict(model).float() - windows.actions).square().mean(-1)
        return errors[windows.attention_mask.bool()].mean()

    return loss


def closed_loop_returns(
    model: DecisionTransformerModel,
    data: Behaviour,
    targets: Sequence[float],
    seeds: Sequence[int],
) -> np.ndarray:
    """Run one episode for each target and seed.

    At step t the model sees the last K (return-to-go, state, action) triples; the slot of the
    action to come is zero. After the step the return-to-go decreases by the reward received.

    Returns:
        float64 (targets, seeds): the returns.
    """
    count = len(targets) * len(seeds)
    environments = [behaviour.make_environment() for _ in range(count)]
    to_go = np.repeat(np.asarray(targets, np.float64), len(seeds))
    observations = np.stack(
        [e.reset(seed=s)[0] for e, s in zip(environments, list(seeds) * len(targets), strict=True)]
    )
    length = MAX_EPISODE_LENGTH + CONTEXT_LENGTH - 1
    states = np.zeros((count, length, behaviour.OBSERVATION_SIZE), np.float32)
    actions = np.zeros((count, length, behaviour.ACTION_SIZE), np.float32)
    returns_to_go = np.zeros((count, length, 1), np.float32)
    totals, alive = np.zeros(count), np.ones(count, bool)
    for step in range(MAX_EPISODE_LENGTH):
        last = step + CONTEXT_LENGTH - 1
        states[:, last] = (observations - data.state_mean) / data.state_std
        returns_to_go[:, last, 0] = to_go / RETURN_SCALE
        view, running = slice(step, last + 1), np.flatnonzero(alive)
        age = np.tile(np.arange(step - CONTEXT_LENGTH + 1, step + 1), (len(running), 1))
        windows = Windows(
            states=torch.from_numpy(states[running, view]),
            actions=torch.from_numpy(actions[running, view]),
            returns_to_go=torch.from_numpy(returns_to_go[running, view]),
            timesteps=torch.from_numpy(age.clip(0)),
            attention_mask=torch.from_numpy((age >= 0).astype(np.int64)),
        )
        predicted = windows.predict(model)[:, -1].float().numpy().clip(-1.0, 1.0)
        actions[running, last] = predicted
        for index, action in zip(running, predicted, strict=True):
            observations[index], reward, terminated, truncated, _ = environments[index].step(action)
            totals[index] += reward
            to_go[index] -= reward
            alive[index] = not (terminated or truncated)
        if not alive.any():
            break
    return totals.reshape(len(targets), len(seeds))


def build_model(seed: int) -> DecisionTransformerModel:
    """Return the untrained model; `seed` decides its weights."""
    torch.manual_seed(seed)
    return DecisionTransformerModel(
        DecisionTransformerConfig(
            state_dim=behaviour.OBSERVATION_SIZE,
            act_dim=behaviour.ACTION_SIZE,
            hidden_size=128,
            n_layer=3,
            n_head=1,
            n_positions=3 * CONTEXT_LENGTH,
            max_ep_len=MAX_EPISODE_LENGTH,
            action_tanh=True,
            resid_pdrop=0.1,
            attn_pdrop=0.1,
            bos_token_id=None,
            eos_token_id=None,
        )
    )


def train_model(
    data: Behaviour, work_file: Path, plan: TrainingPlan
) -> tuple[DecisionTransformerModel, TrainingResult]:
    """Train; the development metric is minus the mean miss of the four targets on the dev seeds."""
    model = build_model(plan.seed)

    def negative_miss(candidate: torch.nn.Module) -> float:
        returns = closed_loop_returns(candidate, data, TARGETS, DEV_SEEDS)
        return -float(np.abs(returns.mean(1) - np.asarray(TARGETS)).mean())

    return model, train(model, action_loss(data), plan, work_file, evaluate=negative_miss)


def ridge_policy(data: Behaviour, penalty: float = 1e-3) -> behaviour.Policy:
    """Return the linear clone of all kept steps, which knows no return-to-go."""
    states = data.states.astype(np.float64)
    bias = data.actions.mean(0, dtype=np.float64)
    gram = states.T @ states / len(states) + penalty * np.eye(states.shape[1])
    weights = np.linalg.solve(gram, states.T @ (data.actions - bias) / len(states)).T
    return behaviour.Policy(weights, data.state_mean, data.state_std, bias)


def linear_returns(policy: behaviour.Policy, seeds: Sequence[int]) -> np.ndarray:
    """Return the returns of a linear policy without noise, float64 (seeds,)."""
    environment = behaviour.make_environment()
    return np.array([behaviour.roll_out(environment, policy, seed=s).total_return for s in seeds])


def measure(
    model: DecisionTransformerModel, data: Behaviour, work: Path
) -> hopper_card.Measurement:
    """Run the finished model and the baselines on the unseen seeds."""
    with torch.inference_mode():
        returns = closed_loop_returns(model, data, TARGETS, TEST_SEEDS)
        dev_returns = closed_loop_returns(model, data, TARGETS, DEV_SEEDS)
    search_policy = behaviour.best_policy(work)
    return hopper_card.Measurement(
        targets=TARGETS,
        returns=returns,
        dev_returns=dev_returns,
        seeds=TEST_SEEDS,
        dev_seeds=DEV_SEEDS,
        baselines={
            "best linear policy of the search": linear_returns(search_policy, TEST_SEEDS),
            "ridge regression, same data": linear_returns(ridge_policy(data), TEST_SEEDS),
        },
        num_trajectories=len(data.offsets),
        num_steps=len(data.timesteps),
    )


def export_options(data: Behaviour) -> dict[str, object]:
    """Return what `config.json` cannot carry, for `edgewright.json`."""
    size = behaviour.ACTION_SIZE
    return {
        "name": "decision-transformer-hopper",
        "version": "1.0.0",
        "licenses": {"code": ["Apache-2.0"], "weights": ["Apache-2.0"], "data": ["Apache-2.0"]},
        "notice": "Trained from random weights on rollouts made for this project in Gymnasium "
        "(MIT) with MuJoCo (Apache-2.0).",
        "seed": PLAN.seed,
        "state_mean": [float(value) for value in data.state_mean],
        "state_std": [float(value) for value in data.state_std],
        "context_length": CONTEXT_LENGTH,
        "return_scale": RETURN_SCALE,
        "max_ep_len": MAX_EPISODE_LENGTH,
        "action_low": [-1.0] * size,
        "action_high": [1.0] * size,
        "environment": behaviour.ENVIRONMENT,
        "target_return": TARGETS[-1],
    }


def main(arguments: list[str] | None = None) -> int:
    """Make the data, train, measure and write the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    output = Path("examples/checkpoints/decision-transformer-hopper")
    parser.add_argument("--output", type=Path, default=output)
    parser.add_argument("--work", type=Path, default=Path("build/training/hopper"))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    behaviour.make_behaviour(options.work, behaviour.SearchSettings(seed=PLAN.seed))
    data = build_tables(typical_trajectories(options.work))
    model, result = train_model(data, options.work / "model.pt", PLAN)
    measurement = measure(model, data, options.work)
    extra = export_options(data)
    card = hopper_card.render_card(measurement, model, PLAN, result, extra)
    hopper_card.write_checkpoint(options.output, model, extra, card)
    for target, returns in zip(TARGETS, measurement.returns, strict=True):
        print(f"target {target:6.0f}  return {returns.mean():6.0f} ± {returns.std():.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
