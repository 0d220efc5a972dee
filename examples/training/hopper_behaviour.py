"""Make behaviour data for Hopper-v5: augmented random search, then noisy re-rolls of its policies.

A Decision Transformer learns to reach *any* return only from data that hold many qualities.
Augmented random search (Mania et al. 2018, "Simple random search provides a competitive approach to
reinforcement learning", V2-t) gives them for free: every iteration leaves a linear policy, from one
that falls at once to one that hops for the whole episode. Searches at a given *pace* (mean forward
speed) add what an ordinary search lacks: policies that stay upright and still earn little.

Run as ``python examples/training/hopper_behaviour.py``; it resumes where it was stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import gymnasium
import numpy as np
from rich.console import Console
from rich.progress import Progress

ENVIRONMENT = "Hopper-v5"
OBSERVATION_SIZE = 11
ACTION_SIZE = 3
FREE_PACE = np.inf
"""The pace of the ordinary search, which maximizes the return itself."""

SEARCHES = {"free": FREE_PACE, "slow": 0.4, "walk": 0.8, "trot": 1.2}
"""Name of a search -> its pace in m/s."""

FIRST_ITERATION = 10
"""Policies before this one fall within some 100 steps and are left out."""

EXAMPLE_RETURNS = (350.0, 575.0, 800.0, 1050.0, 1775.0, 2680.0)
"""The small example file holds the trajectory nearest to each of these returns."""

REROLL_NOISES = (0.0, 0.05, 0.05, 0.1, 0.1, 0.15)
"""Action noise of the re-rolls of one policy; without noise the imitator never sees a recovery."""


@dataclass(frozen=True)
class Policy:
    """A linear policy on normalized observations."""

    weights: np.ndarray
    """float64 (3, 11)."""
    mean: np.ndarray
    """float64 (11,), of all observations that the search had seen."""
    std: np.ndarray
    """float64 (11,), positive."""
    bias: np.ndarray | float = 0.0
    """float64 (3,); the searches do without."""

    def act(self, observation: np.ndarray) -> np.ndarray:
        """Return the action, float64 (3,), in [-1, 1]."""
        raw = self.weights @ ((observation - self.mean) / self.std) + self.bias
        return np.clip(raw, -1.0, 1.0)


@dataclass(frozen=True)
class Trajectory:
    """One episode of T steps."""

    observations: np.ndarray
    """float32 (T, 11): the observation that each action answered."""
    actions: np.ndarray
    """float32 (T, 3) in [-1, 1], as executed (noise included)."""
    rewards: np.ndarray
    """float32 (T,)."""

    @property
    def total_return(self) -> float:
        """The undiscounted sum of rewards."""
        return float(self.rewards.sum(dtype=np.float64))


@dataclass(frozen=True)
class SearchSettings:
    """Augmented random search V2-t."""

    iterations: int = 70
    directions: int = 8
    top_directions: int = 4
    step_size: float = 0.02
    noise: float = 0.05
    """Standard deviation of the weight perturbations."""
    seed: int = 1


def make_environment() -> gymnasium.Env:
    """Return Hopper-v5 with its limit of 1,000 steps."""
    return gymnasium.make(ENVIRONMENT, disable_env_checker=True)


def roll_out(
    environment: gymnasium.Env, policy: Policy, *, seed: int, noise: float = 0.0
) -> Trajectory:
    """Run one episode.

    Args:
        environment: as `make_environment` returns it.
        policy: what acts.
        seed: of the start state and of the action noise.
        noise: standard deviation of the noise added to each action before clipping.
    """
    generator = np.random.default_rng(seed)
    observation, _ = environment.reset(seed=seed)
    observations, actions, rewards, done = [], [], [], False
    while not done:
        action = policy.act(observation) + noise * generator.standard_normal(ACTION_SIZE)
        action = np.clip(action, -1.0, 1.0).astype(np.float32)
        observations.append(observation)
        actions.append(action)
        observation, reward, terminated, truncated, _ = environment.step(action)
        rewards.append(reward)
        done = terminated or truncated
    return Trajectory(
        np.asarray(observations, np.float32), np.asarray(actions), np.asarray(rewards, np.float32)
    )


def fitness(trajectory: Trajectory, pace: float) -> float:
    """Return what a search maximizes: distance, or steps at the wanted mean speed.

    The reward of 1 for each step upright is left out, as Mania et al. do: with it the search stops
    at a policy that stands still.
    """
    if not np.isfinite(pace):
        return trajectory.total_return - len(trajectory.rewards)
    # Observation 5 is the forward speed of the torso in m/s.
    speed = float(trajectory.observations[:, 5].mean())
    return len(trajectory.rewards) * (pace - abs(speed - pace))


class ObservationStatistics:
    """Running mean and variance (Chan et al.) of all observations of a search."""

    def __init__(self) -> None:
        self.count = 0.0
        self.mean = np.zeros(OBSERVATION_SIZE)
        self.squares = np.zeros(OBSERVATION_SIZE)

    def update(self, observations: np.ndarray) -> None:
        """Take in float (T, 11)."""
        count = len(observations)
        mean = observations.mean(0, dtype=np.float64)
        squares = ((observations - mean) ** 2).sum(0)
        total = self.count + count
        self.squares += squares + (mean - self.mean) ** 2 * self.count * count / total
        self.mean = self.mean + (mean - self.mean) * count / total
        self.count = total

    def policy(self, weights: np.ndarray) -> Policy:
        """Return the linear policy of `weights` under the present normalization."""
        if self.count == 0:
            return Policy(weights, np.zeros(OBSERVATION_SIZE), np.ones(OBSERVATION_SIZE))
        std = np.sqrt(self.squares / self.count)
        return Policy(weights, self.mean.copy(), np.where(std < 1e-7, 1.0, std))


def save_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write an ``.npz`` in one step: a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".partial")
    with temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
    temporary.replace(path)


def search(path: Path, pace: float, settings: SearchSettings) -> Iterator[float]:
    """Search for a policy of one pace; save all policies to `path` after each iteration.

    Yields the fitness of each new policy; resumes from `path`. The file holds ``weights`` (n, 3,
    11), ``means`` and ``stds`` (n, 11), ``fitness`` (n,) and the running statistics.
    """
    environment = make_environment()
    statistics = ObservationStatistics()
    weights = np.zeros((ACTION_SIZE, OBSERVATION_SIZE))
    history: dict[str, list[np.ndarray]] = {"weights": [], "means": [], "stds": [], "fitness": []}
    if path.exists():
        with np.load(path) as stored:
            history = {key: list(stored[key]) for key in history}
            statistics.count = float(stored["count"])
            statistics.mean, statistics.squares = stored["running_mean"], stored["running_squares"]
        weights = history["weights"][-1]
    for iteration in range(len(history["fitness"]), settings.iterations):
        weights = improve(
            environment, weights, statistics, pace=pace, settings=settings, iteration=iteration
        )
        policy = statistics.policy(weights)
        trial = roll_out(environment, policy, seed=settings.seed)
        values = (weights, policy.mean, policy.std, np.asarray(fitness(trial, pace)))
        for key, value in zip(history, values, strict=True):
            history[key].append(value)
        stacked = {key: np.stack(value) for key, value in history.items()}
        running = {
            "count": np.asarray(statistics.count),
            "running_mean": statistics.mean,
            "running_squares": statistics.squares,
        }
        save_arrays(path, stacked | running)
        yield float(history["fitness"][-1])


def improve(
    environment: gymnasium.Env,
    weights: np.ndarray,
    statistics: ObservationStatistics,
    *,
    pace: float,
    settings: SearchSettings,
    iteration: int,
) -> np.ndarray:
    """Return the weights after one iteration; `statistics` takes in what was seen."""
    generator = np.random.default_rng([settings.seed, iteration])
    deltas = generator.standard_normal((settings.directions, *weights.shape))
    gains = np.zeros((settings.directions, 2))
    seen = []
    for direction, delta in enumerate(deltas):
        for side, sign in enumerate((1.0, -1.0)):
            policy = statistics.policy(weights + sign * settings.noise * delta)
            trajectory = roll_out(environment, policy, seed=int(generator.integers(2**31)))
            gains[direction, side] = fitness(trajectory, pace)
            seen.append(trajectory.observations)
    for observations in seen:
        statistics.update(observations)
    best = np.argsort(-gains.max(1))[: settings.top_directions]
    spread = gains[best].std() + 1e-6
    step = np.einsum("d,dao->ao", gains[best, 0] - gains[best, 1], deltas[best])
    return weights + settings.step_size / (settings.top_directions * spread) * step


def reroll(path: Path, search_file: Path) -> Iterator[None]:
    """Re-roll the policies of one search with action noise and save them; yield after each policy.

    The file holds ``observations`` (N, 11), ``actions`` (N, 3), ``rewards`` (N,), ``offsets``
    (E + 1,) of E episodes, and for each episode ``iterations``, ``noises`` and ``seeds`` (E,).
    """
    environment = make_environment()
    with np.load(search_file) as stored:
        arrays = (stored[key] for key in ("weights", "means", "stds"))
        policies = [Policy(*row) for row in zip(*arrays, strict=True)]
    trajectories, labels = [], []
    for iteration, policy in enumerate(policies[FIRST_ITERATION:], FIRST_ITERATION):
        for number, noise in enumerate(REROLL_NOISES):
            # From 10,000 up: apart from the seeds on which a policy is chosen or judged.
            seed = 10_000 + iteration * len(REROLL_NOISES) + number
            trajectories.append(roll_out(environment, policy, seed=seed, noise=noise))
            labels.append((iteration, noise, seed))
        yield
    iterations, noises, seeds = zip(*labels, strict=True)
    more = {
        "iterations": np.array(iterations),
        "noises": np.array(noises),
        "seeds": np.array(seeds),
    }
    save_arrays(path, pack_trajectories(trajectories) | more)


def pack_trajectories(trajectories: list[Trajectory]) -> dict[str, np.ndarray]:
    """Return E trajectories as one table of N steps with offsets int64 (E + 1,)."""
    lengths = [len(trajectory.rewards) for trajectory in trajectories]
    return {
        "observations": np.concatenate([trajectory.observations for trajectory in trajectories]),
        "actions": np.concatenate([trajectory.actions for trajectory in trajectories]),
        "rewards": np.concatenate([trajectory.rewards for trajectory in trajectories]),
        "offsets": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
    }


def load_trajectories(path: Path) -> list[Trajectory]:
    """Read the trajectories of a file that `pack_trajectories` laid out."""
    with np.load(path) as stored:
        table = {key: stored[key] for key in ("observations", "actions", "rewards", "offsets")}
    offsets = table.pop("offsets")
    return [
        Trajectory(*(table[key][start:end] for key in ("observations", "actions", "rewards")))
        for start, end in pairwise(offsets)
    ]


def write_example(path: Path, work: Path) -> None:
    """Save the trajectories nearest to `EXAMPLE_RETURNS`: real input for calibration and tests."""
    trajectories = [t for name in SEARCHES for t in load_trajectories(behaviour_file(work, name))]
    returns = np.array([trajectory.total_return for trajectory in trajectories])
    nearest = [int(np.abs(returns - wanted).argmin()) for wanted in EXAMPLE_RETURNS]
    save_arrays(path, pack_trajectories([trajectories[index] for index in nearest]))


def behaviour_file(work: Path, name: str) -> Path:
    """Return where the re-rolls of a search lie."""
    return work / f"behaviour-{name}.npz"


def best_policy(work: Path) -> Policy:
    """Return the policy of the ordinary search that went farthest on the search's own seed."""
    with np.load(work / "search-free.npz") as stored:
        best = int(stored["fitness"].argmax())
        return Policy(stored["weights"][best], stored["means"][best], stored["stds"][best])


def make_behaviour(work: Path, settings: SearchSettings) -> None:
    """Run what is missing of the searches and re-rolls, with a progress bar on standard error."""
    with Progress(console=Console(stderr=True)) as progress:
        for name, pace in SEARCHES.items():
            search_file = work / f"search-{name}.npz"
            task = progress.add_task(f"search {name}", total=settings.iterations)
            for value in search(search_file, pace, settings):
                progress.update(task, advance=1, description=f"search {name} {value:.0f}")
            progress.update(task, completed=settings.iterations)
            if not behaviour_file(work, name).exists():
                rolls = settings.iterations - FIRST_ITERATION
                task = progress.add_task(f"re-roll {name}", total=rolls)
                for _ in reroll(behaviour_file(work, name), search_file):
                    progress.advance(task)


def main(arguments: list[str] | None = None) -> int:
    """Make the behaviour data and, if asked, the small example file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path("build/training/hopper"))
    parser.add_argument("--iterations", type=int, default=SearchSettings().iterations)
    parser.add_argument("--example", type=Path, help="also write a few trajectories to this .npz")
    options = parser.parse_args(arguments)
    make_behaviour(options.work, SearchSettings(iterations=options.iterations))
    if options.example:
        write_example(options.example, options.work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
