"""Observations to actions, and the closed loop with an environment."""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgewright.bench.statistics import latency_percentiles
from edgewright.errors import MissingDependencyError, UsageError
from edgewright.progress import Progress
from edgewright.runtime import Runtime, Timings
from edgewright.specs import Array
from edgewright.tasks.base import Query, Task


@dataclass(frozen=True, eq=False)
class Action:
    """What the policy does next."""

    action: NDArray[np.float32]
    """float32 (action size,), clipped to the limits of the checkpoint."""
    return_to_go: float
    """Return that was still asked for when the action was chosen."""
    timings: Timings
    runtime: Runtime

    def __str__(self) -> str:
        values = ", ".join(f"{value:.4f}" for value in self.action)
        return f"[{values}] at return-to-go {self.return_to_go:.1f}"


@dataclass(frozen=True)
class Episode:
    """One closed-loop episode."""

    environment: str
    seed: int
    target_return: float
    return_: float
    """Sum of the rewards; the key is `return` in JSON."""
    steps: int
    terminated: bool
    """Whether the environment ended it, rather than its time limit."""
    latency_ms: dict[str, float]
    """Of `policy.step`, by percentile; only those that the number of steps allows."""
    period_ms: float
    """Control period: the environment's time step, or that of `--rate`."""
    deadline_misses: int
    """Steps that took longer than the period."""
    runtime: Runtime

    def __str__(self) -> str:
        latency = ", ".join(f"{name} {value:.2f}" for name, value in self.latency_ms.items())
        return (
            f"{self.environment} seed {self.seed}: return {self.return_:.1f} of "
            f"{self.target_return:.0f} in {self.steps} steps; latency ms {latency}; "
            f"{self.deadline_misses} steps over {self.period_ms:.1f} ms"
        )


class Policy(Protocol):
    """A model that this task's command can run."""

    runtime: Runtime
    config: Any

    def reset(self, target_return: float | None = None, *, cached: bool = False) -> float:
        """Begin an episode, of cached steps or of full windows; return the target."""

    def step(self, observation: Any, reward: float | None = None) -> Action:
        """Choose an action."""


class Control(Task):
    """`edgewright control BUNDLE`."""

    key = "control"
    help = "run a policy in a Gymnasium environment"
    one_caller = True

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the environment and the episodes."""
        parser.add_argument(
            "--environment", metavar="ID", help="Gymnasium id (default: the bundle's)"
        )
        parser.add_argument(
            "--target-return",
            type=float,
            metavar="R",
            help="return to ask for (default: the bundle's)",
        )
        parser.add_argument(
            "--seed", type=int, default=0, metavar="S", help="of the first episode (default: 0)"
        )
        parser.add_argument(
            "--episodes", type=int, default=1, metavar="N", help="seeds S, S + 1, … (default: 1)"
        )
        parser.add_argument(
            "--cached",
            action="store_true",
            help="compute only the newest step, where the bundle has the graph for it",
        )
        parser.add_argument(
            "--rate", type=float, metavar="HZ", help="control rate (default: the environment's)"
        )

    @classmethod
    def run(cls, model: Policy, args: argparse.Namespace) -> Iterator[Any]:
        """Run the episodes, one record each."""
        if args.episodes < 1 or args.seed < 0:
            raise UsageError(
                f"--episodes, --seed: got {args.episodes}, {args.seed}, expected at least 1 "
                "episode and a seed of at least 0; change them"
            )
        name = args.environment
        if name is None:
            name = _recorded(model.config.environment)
        environment = make_environment(name)
        try:
            check_sizes(environment, model.config)
            period = _period(environment, args.rate)
            with Progress() as progress:
                progress.start(f"running {environment.spec.id}", args.episodes, unit="episodes")
                for seed in range(args.seed, args.seed + args.episodes):
                    yield run_episode(
                        model,
                        environment,
                        seed,
                        target_return=args.target_return,
                        period=period,
                        cached=args.cached,
                    )
                    progress.advance()
        finally:
            environment.close()

    @classmethod
    def queries(
        cls, model: Any, samples: Mapping[str, Mapping[str, Array]], inputs: Sequence[str]
    ) -> list[Query]:
        """Replay the steps of recorded episodes, one after the other."""
        if inputs:
            raise UsageError(
                f"inputs: got {', '.join(inputs)}, expected none: a policy is asked about the "
                "episodes of its golden samples; leave them out"
            )
        return [Query(", ".join(samples), _Replay(model, list(samples.values())))]


class _Replay:
    """The next step of recorded episodes with every call."""

    def __init__(self, model: Any, episodes: Sequence[Mapping[str, Array]]) -> None:
        self._model = model
        self._steps = cycle(
            (index, episode) for episode in episodes for index in range(len(episode["states"]))
        )

    def __call__(self) -> Action:
        index, episode = next(self._steps)
        if index == 0:
            self._model.reset(float(episode["target_return"]))
        reward = float(episode["rewards"][index - 1]) if index else None
        action: Action = self._model.step(episode["states"][index], reward)
        return action


def _recorded(name: str | None) -> str | None:
    """Return the id that a bundle names, unless it would import code that the bundle chooses."""
    if name is not None and ":" in name:  # `module:id`: Gymnasium would import `module`
        raise UsageError(
            f"manifest.config.environment: got '{name}', which names a module to import, expected "
            "a plain Gymnasium id; if you trust it, pass it by --environment"
        )
    return name


def make_environment(name: str | None) -> Any:
    """Return the Gymnasium environment `name`.

    Raises:
        UsageError: There is none of that name.
        MissingDependencyError: Gymnasium, or what the environment needs, is not installed.
    """
    if name is None:
        raise UsageError(
            "--environment: got none, and the bundle names none, expected a Gymnasium id such as "
            "Hopper-v5; pass --environment ID"
        )
    try:
        import gymnasium
    except ImportError as error:
        raise _not_installed(name, error) from error
    try:
        return gymnasium.make(name)
    except gymnasium.error.DependencyNotInstalled as error:
        raise _not_installed(name, error) from error
    # ImportError: the module of `module:id` is not there, or the environment has left Gymnasium.
    except (gymnasium.error.Error, ImportError) as error:
        raise UsageError(
            f"--environment: got '{name}' ({error}), expected the id of an installed Gymnasium "
            "environment; check its spelling and version"
        ) from error


def _not_installed(name: str, error: Exception) -> MissingDependencyError:
    return MissingDependencyError(
        f"environment '{name}': got '{error}', expected Gymnasium with MuJoCo; "
        "pip install '.[control]' in a checkout"
    )


def check_sizes(environment: Any, config: Any) -> None:
    """Compare what the environment exchanges with what the policy does.

    Args:
        environment: A Gymnasium environment.
        config: Has `state_dim` and `action_dim`.

    Raises:
        UsageError: The shapes of observations or actions differ.
    """
    got = environment.observation_space.shape, environment.action_space.shape
    expected = (config.state_dim,), (config.action_dim,)
    if got != expected:
        raise UsageError(
            f"environment '{environment.spec.id}': got observations and actions of shapes {got}, "
            f"expected {expected} as the policy has; choose the environment that it was trained for"
        )


def _period(environment: Any, rate: float | None) -> float:
    """Return the control period in seconds: 1 / rate, or the environment's own time step."""
    if rate is not None:
        if not 0 < rate < float("inf"):
            raise UsageError(f"--rate: got {rate}, expected a positive rate in Hz; change it")
        return 1 / rate
    period = getattr(environment.unwrapped, "dt", None)
    if period is None:
        raise UsageError(
            "--rate: got none, and the environment has no time step, expected one of them; "
            "pass --rate HZ"
        )
    return float(period)


def run_episode(
    policy: Policy,
    environment: Any,
    seed: int,
    *,
    target_return: float | None,
    period: float,
    cached: bool = False,
) -> Episode:
    """Run one episode to its end. The same seed gives the same episode.

    Args:
        policy: The model.
        environment: A Gymnasium environment.
        seed: Of its reset.
        target_return: Return to ask for; none takes the policy's default.
        period: Control period in seconds, to count the steps that took longer.
        cached: Whether the policy computes only the newest step of each call.
    """
    target = policy.reset(target_return, cached=cached)
    played = rollout(policy, environment, seed)
    return Episode(
        environment=environment.spec.id,
        seed=seed,
        target_return=target,
        return_=played.return_,
        steps=len(played.seconds),
        terminated=played.terminated,
        latency_ms=latency_percentiles(played.seconds),
        period_ms=1e3 * period,
        deadline_misses=int(np.count_nonzero(played.seconds > period)),
        runtime=policy.runtime,
    )


@dataclass(frozen=True, eq=False)
class Rollout:
    """One episode as it was played."""

    return_: float
    """Sum of the rewards."""
    seconds: NDArray[np.float64]
    """float64 (steps,): how long the policy took for each action."""
    terminated: bool
    """The environment ended it; false where it ran out of steps."""


def rollout(policy: Any, environment: Any, seed: int) -> Rollout:
    """Play one episode to its end.

    Args:
        policy: Was reset; `step(observation, reward)` gives an object with an `action`.
        environment: A Gymnasium environment.
        seed: Of its reset.
    """
    observation, _ = environment.reset(seed=seed)
    reward: float | None = None
    total, seconds = 0.0, []
    terminated = truncated = False
    while not (terminated or truncated):
        start = time.perf_counter()
        action = policy.step(observation, reward)
        seconds.append(time.perf_counter() - start)
        observation, gained, terminated, truncated, _ = environment.step(action.action)
        reward = float(gained)
        total += reward
    return Rollout(total, np.array(seconds), bool(terminated))
