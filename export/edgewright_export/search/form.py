"""What the search chooses between, and what it asks of whoever makes and measures a form."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Form:
    """One way to make a variant."""

    exact: frozenset[str] = frozenset()
    """Nodes that stay in fp32, each as `<component>/<node>`."""
    migrated: bool = False
    """Whether outlier channels were moved into the weights before."""

    def keeping(self, nodes: Iterable[str]) -> "Form":
        """Return the form with `nodes` in fp32 too."""
        return Form(self.exact.union(nodes), self.migrated)

    def giving_back(self, nodes: Iterable[str]) -> "Form":
        """Return the form without fp32 for `nodes`."""
        return Form(self.exact.difference(nodes), self.migrated)


@dataclass(frozen=True)
class Figures:
    """How accurate a form is."""

    metric: float
    """The family's metric; NaN where the form could not be made or run."""
    sqnr_db: Mapping[str, float] = field(default_factory=dict)
    """By output: signal to quantization noise on the golden samples, dB; infinite if identical."""


@dataclass(frozen=True)
class Allowed:
    """The bounds of one variant."""

    metric: float
    """The least that the metric may be, or the most where less of it is better."""
    less_is_better: bool = False
    least_sqnr_db: Mapping[str, float] = field(default_factory=dict)
    """By output, dB."""

    def holds(self, figures: Figures) -> bool:
        """Whether `figures` are within the bounds; NaN never is."""
        sign = -1 if self.less_is_better else 1
        return sign * figures.metric >= sign * self.metric and all(
            figures.sqnr_db[output] >= least
            for output, least in self.least_sqnr_db.items()
            if output in figures.sqnr_db
        )

    def noise(self, figures: Figures) -> float:
        """Return the noise of the bounded outputs (of all, if none is), relative to their signal.

        Infinite where something is no number.
        """
        ratios = figures.sqnr_db
        judged = [ratios[name] for name in self.least_sqnr_db if name in ratios]
        noise = sum(10 ** (-ratio / 10) for ratio in judged or ratios.values())
        return math.inf if math.isnan(noise + figures.metric) else noise

    def loss(self, figures: Figures, reference: float) -> float:
        """Return how much worse than `reference`, PyTorch's, the metric is; 0 if it is better.

        Infinite for NaN.
        """
        loss = figures.metric - reference
        return math.inf if math.isnan(loss) else max(0.0, loss if self.less_is_better else -loss)


@dataclass(frozen=True)
class Group:
    """Nodes that are tried together."""

    nodes: tuple[str, ...]
    """Each as `<component>/<node>`."""
    sizes: tuple[int, ...]
    """Of each node: bytes of its weights in fp32."""

    @property
    def bytes(self) -> int:
        """Of all its nodes."""
        return sum(self.sizes)


class Bench(Protocol):
    """Makes and measures the forms of one variant."""

    groups: Mapping[str, Group]
    """All nodes that may leave fp32, by the module around them, in the order of the graphs."""

    def can_migrate(self) -> bool:
        """Whether there are channels worth moving."""

    def measure(self, form: Form) -> Figures:
        """Make `form` and measure it."""

    def slow_groups(self, form: Form) -> list[str]:
        """Return the groups that take longer in `form` than in fp32, measured here."""

    def is_faster(self, form: Form, than: Form) -> bool:
        """Whether `form` is measurably faster here than the form `than`."""
