"""The smallest and fastest form of a variant within its bounds, found greedily.

What is quantized is judged by groups. Each is measured alone, all others in fp32; then those stay
in fp32 that do most damage for their size, as few as the bounds allow; then each of these, the
largest first, is given back where the rest has room for it. Measured time has the last word: what
is slower than fp32 goes back to it where that makes the whole measurably faster. The same figures
lead to the same choice.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from edgewright_export.search.form import Allowed, Bench, Figures, Form, Group
from edgewright_export.subject import Advance

LEAST_SHARE = 0.01
"""Of all weights: what a group counts for at least, since some have none."""

Stage = Callable[[str, int | None], None]
"""Told what begins, and how many measurements it takes at most."""


@dataclass(frozen=True)
class Found:
    """What a search chose."""

    form: Form
    figures: Figures
    why: dict[str, str]
    """By node of `form.exact`: why it stays in fp32."""
    summary: str
    """What was tried, for the receipt."""


class Search:
    """One search; the bench's figures decide everything."""

    def __init__(
        self, bench: Bench, allowed: Allowed, reference: float, stage: Stage, advance: Advance
    ) -> None:
        """Keep what the search needs.

        Args:
            bench: Makes and measures forms.
            allowed: The bounds.
            reference: PyTorch's metric.
            stage: Told what begins.
            advance: Told of every measurement.
        """
        self._bench, self._allowed, self._reference = bench, allowed, reference
        self._stage, self._advance = stage, advance
        self._figures: dict[Form, Figures] = {}
        self._alone: dict[str, Figures] = {}
        self._fast: set[str] = set()

    def run(self) -> Found | None:
        """Return the best form, none where no part of the model may leave fp32."""
        start = self._start()
        form = start if self._holds(start) else self._least_exact(start)
        if form is None:
            return None
        form = self._without_slow(form)
        return Found(form, self._measure(form), self._reasons(form), self._summary(form))

    def _start(self) -> Form:
        """Return the form that keeps nothing in fp32, outliers moved where that helps."""
        self._stage("Searching: everything at once", 1)
        plain, moved = Form(), Form(migrated=True)
        if self._holds(plain) or not self._bench.can_migrate():
            return plain
        self._stage("Searching: outlier channels moved", 1)
        if self._holds(moved):
            return moved
        return min(plain, moved, key=self._harm_of)

    def _harm_of(self, form: Form) -> tuple[float, float]:
        figures = self._measure(form)
        return self._allowed.noise(figures), self._allowed.loss(figures, self._reference)

    def _least_exact(self, start: Form) -> Form | None:
        order = self._most_harmful_first(start)
        groups = [self._bench.groups[name] for name in order]
        self._stage("Searching: what stays in fp32", None)
        kept = groups[: self._shortest_prefix(start, groups)]
        form = self._give_back(start.keeping(node for one in kept for node in one.nodes), kept)
        return None if form.exact.issuperset(self._nodes()) else form

    def _nodes(self) -> set[str]:
        return {node for group in self._bench.groups.values() for node in group.nodes}

    def _most_harmful_first(self, start: Form) -> list[str]:
        """Return the groups by damage for each byte: shares of the start's noise and loss."""
        groups = self._bench.groups
        self._stage("Searching: each group alone", len(groups))
        everything = start.keeping(self._nodes())
        least = LEAST_SHARE * sum(group.bytes for group in groups.values())
        noise, loss = self._harm_of(start)
        harm = {}
        for name, group in groups.items():
            form = everything.giving_back(group.nodes)
            self._alone[name] = self._measure(form)
            noise_alone, loss_alone = self._harm_of(form)
            shares = _share(noise_alone, noise) + _share(loss_alone, loss)
            harm[name] = shares / max(1.0, least, group.bytes)
        return sorted(groups, key=lambda name: -harm[name])

    def _shortest_prefix(self, start: Form, groups: list[Group]) -> int:
        """Return how many of the first `groups` have to stay in fp32, by bisection."""
        too_few, enough = 0, len(groups)
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            kept = start.keeping(node for group in groups[:middle] for node in group.nodes)
            too_few, enough = (too_few, middle) if self._holds(kept) else (middle, enough)
        return enough

    def _give_back(self, form: Form, kept: list[Group]) -> Form:
        """Return `form` with only what the bounds need of the groups `kept` in fp32."""
        for group in sorted(kept, key=lambda group: -group.bytes):
            parts = [group.nodes]
            if len(group.nodes) > 1:
                by_size = sorted(
                    zip(group.sizes, group.nodes, strict=True), key=lambda pair: -pair[0]
                )
                parts += [(node,) for size, node in by_size if size]
            for part in parts:
                if form.exact.issuperset(part) and self._holds(form.giving_back(part)):
                    form = form.giving_back(part)
        return form

    def _without_slow(self, form: Form) -> Form:
        self._stage("Searching: what is slower than fp32", None)
        slow = self._bench.slow_groups(form)
        nodes = {node for name in slow for node in self._bench.groups[name].nodes}
        trial = form.keeping(nodes)
        if trial in (form, form.keeping(self._nodes())) or not self._holds(trial):
            return form
        if not self._bench.is_faster(trial, form):
            return form
        self._fast = nodes - form.exact
        return trial

    def _holds(self, form: Form) -> bool:
        return self._allowed.holds(self._measure(form))

    def _measure(self, form: Form) -> Figures:
        if form not in self._figures:
            self._figures[form] = self._bench.measure(form)
            self._advance(1)
        return self._figures[form]

    def _reasons(self, form: Form) -> dict[str, str]:
        return {
            node: "faster in fp32 here" if node in self._fast else self._damage(name)
            for name, group in self._bench.groups.items()
            for node in group.nodes
            if node in form.exact
        }

    def _damage(self, name: str) -> str:
        return f"{name} alone in lower precision: {_shown(self._alone[name])}"

    def _summary(self, form: Form) -> str:
        first = self._figures[Form()]
        parts = [f"plain {_shown(first)}"]
        if Form(migrated=True) in self._figures:
            parts.append(f"outlier channels moved {_shown(self._figures[Form(migrated=True)])}")
        chosen = "with" if form.migrated else "without"
        parts.append(
            f"{len(self._figures)} forms measured, chosen {chosen} moved channels and "
            f"{len(form.exact)} nodes in fp32"
        )
        return "; ".join(parts)


def _shown(figures: Figures) -> str:
    ratios = [
        f"{name} {'identical' if ratio == math.inf else f'{ratio:.1f} dB'}"
        for name, ratio in figures.sqnr_db.items()
    ]
    return ", ".join([f"metric {figures.metric:.4g}", *ratios])


def _share(part: float, whole: float) -> float:
    """Return `part` of `whole`; what is infinite by itself stays so."""
    return part if math.isinf(part) else part / whole if 0 < whole < math.inf else 0.0
