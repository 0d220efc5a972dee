"""The return of a policy in its environment."""

from dataclasses import dataclass
from itertools import product
from typing import cast

import numpy as np

from edgewright.errors import UsageError
from edgewright.families.decision_transformer import DecisionTransformerConfig
from edgewright.tasks.control import check_sizes, make_environment, rollout
from edgewright_export.evaluation import Evaluation, Measured, mean_of
from edgewright_export.quantization.cache import digest_of
from edgewright_export.subject import Advance, Policy, Subject

EPISODES = 10
FIRST_SEED = 7000
"""Far from the small numbers that trainings begin at."""
CHANCE = {"fp32": 0.001}
"""By precision: how rarely chance alone may fail a policy as good as PyTorch. fp32 has shown that
it computes the same numbers, so only a gross difference is to be caught."""
DEFAULT_CHANCE = 0.025
_RESAMPLES = 10_000


@dataclass(frozen=True)
class ClosedLoopEvaluation(Evaluation):
    """Mean return over seeded episodes.

    Two runs of the same policy differ as soon as one number is rounded another way, so a variant
    may be as far below PyTorch as chance explains: by the bootstrap interval of the difference
    between two means, drawn from PyTorch's returns.
    """

    target_return: float
    seed: int
    cached: bool = False
    """Whether half of the episodes are the same with the cached step."""

    @classmethod
    def create(
        cls, environment: str, config: DecisionTransformerConfig, seed: int, *, cached: bool = False
    ) -> "ClosedLoopEvaluation":
        """Return the evaluation in `environment`, a Gymnasium id.

        Raises:
            UsageError: The checkpoint's options have no `target_return`, or there is no such
                environment, or it is not the policy's.
            MissingDependencyError: Gymnasium is not installed.
        """
        if config.target_return is None:
            raise UsageError(
                f"evaluation: got {environment} and no target_return in the options, expected the "
                "return to ask for; add it to edgewright.json"
            )
        made = make_environment(environment)
        try:
            check_sizes(made, config)
        finally:
            made.close()
        return cls("mean_return", environment, config.target_return, seed, cached)

    @property
    def samples(self) -> int:
        """Number of episodes."""
        return EPISODES * len(self._resets())

    def _resets(self) -> tuple[dict[str, bool], ...]:
        """Return the arguments of `reset` for each way to act; a policy may know only one."""
        return ({}, {"cached": True}) if self.cached else ({},)

    def measure(self, subject: Subject, advance: Advance) -> Measured:
        """Return the mean return of `subject`, which must be a `Policy`."""
        policy = cast(Policy, subject)
        environment = make_environment(self.data)
        returns = []
        try:
            for arguments, episode in product(self._resets(), range(EPISODES)):
                seed = FIRST_SEED + EPISODES * self.seed + episode
                policy.reset(self.target_return, **arguments)
                returns.append(rollout(policy, environment, seed).return_)
                advance(1)
        finally:
            environment.close()
        return mean_of(returns, tuple(returns))

    def sha256(self) -> str:
        """Return the hash of environment, return to ask for and seed."""
        judged = [self.data, self.target_return, self.seed, EPISODES]
        return digest_of([*judged, "cached"] if self.cached else judged)

    def minimum(self, reference: Measured, precision: str) -> float:
        """Return the least mean that chance explains."""
        generator = np.random.default_rng(self.seed)
        drawn = generator.choice(reference.episodes, (2, _RESAMPLES, len(reference.episodes)))
        one, other = drawn.mean(axis=2)
        chance = CHANCE.get(precision, DEFAULT_CHANCE)
        return reference.value + float(np.quantile(one - other, chance))
