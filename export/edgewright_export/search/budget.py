"""What the user allows a variant to lose: `top1>=99%, mel>=30dB`."""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

from edgewright.bundle.manifest import less_is_better
from edgewright.errors import UsageError

SHORT_NAMES = {"wer": "word_error_rate", "return": "mean_return", "durations": "duration"}
"""Names that everybody uses for a metric."""
GRAMMAR = "such as 'top1>=99%', 'wer<=+0.005', 'auc>=0.82abs' or 'mel>=30dB', joined by commas"
KINDS = {"%": "share", "db": "dB", "abs": "value"}
"""By unit. Without one, a number with a sign is a difference, any other a value."""
_LIMIT = re.compile(
    r"(?P<name>\w+)\s*(?P<relation><=|>=)\s*(?P<number>[+-]?(\d+(\.\d*)?|\.\d+))\s*"
    r"(?P<unit>%|dB|abs)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Limit:
    """One bound."""

    name: str
    """A metric, or an output of the family for `dB`."""
    relation: str
    """`>=` or `<=`."""
    number: float
    kind: str
    """`share` of PyTorch's metric, `difference` from it, `value`, or `dB` of an output."""

    def __str__(self) -> str:
        number = {
            "share": f"{100 * self.number:g}%",
            "difference": f"{self.number:+g}",
            "value": f"{self.number:g}abs",
            "dB": f"{self.number:g}dB",
        }[self.kind]
        return f"{self.name}{self.relation}{number}"

    def of(self, reference: float) -> float:
        """Return the bound on a metric that is `reference` in PyTorch.

        A share allows as much less of a negative metric as of a positive one.
        """
        return {
            "share": reference + (self.number - 1) * abs(reference),
            "difference": reference + self.number,
            "value": self.number,
        }[self.kind]


@dataclass(frozen=True)
class Budget:
    """Bounds that replace those of the gates where they name the same."""

    limits: tuple[Limit, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Return the budget in `text`, case aside.

        A number with `%` is a share of PyTorch's metric, one with a sign the difference from it,
        one with `dB` the signal to quantization noise of an output on the golden samples; any
        other, and one with `abs`, is the metric itself.

        Raises:
            UsageError: It is not of this form.
        """
        return cls(tuple(_limit(part.strip()) for part in text.split(",")))

    def __str__(self) -> str:
        return ", ".join(map(str, self.limits))

    def named(self, metric: str, outputs: Collection[str]) -> "Budget":
        """Return the budget with the family's own names.

        Raises:
            UsageError: It names another metric or output, one twice, bounds it from the wrong
                side, or asks for more than PyTorch has.
        """
        limits = tuple(_named(limit, metric, outputs) for limit in self.limits)
        keys = [(limit.name, limit.kind == "dB") for limit in limits]
        if twice := [name for (name, _), count in Counter(keys).items() if count > 1]:
            raise UsageError(
                f"budget: got several bounds on '{twice[0]}', expected one; keep the tightest"
            )
        return Budget(limits)

    def minimum(self, metric: str, reference: float, otherwise: float) -> float:
        """Return the bound on `metric`, or `otherwise`, the gate's, where the budget has none."""
        own = [one for one in self.limits if one.kind != "dB" and one.name == metric]
        return own[0].of(reference) if own else otherwise

    def least_sqnr_db(self, gates: dict[str, float]) -> dict[str, float]:
        """Return by output the least signal to quantization noise, dB: the gates', or its own."""
        return gates | {one.name: one.number for one in self.limits if one.kind == "dB"}


NO_BUDGET = Budget()
"""Leaves all bounds to the gates."""


def _limit(text: str) -> Limit:
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise UsageError(f"budget: got {text!r}, expected {GRAMMAR}; correct it")
    number, unit = float(found["number"]), (found["unit"] or "").lower()
    kind = KINDS.get(unit, "difference" if found["number"][0] in "+-" else "value")
    number = number / 100 if kind == "share" else number
    return Limit(found["name"], found["relation"], number, kind)


def _named(limit: Limit, metric: str, outputs: Collection[str]) -> Limit:
    """Return `limit` with the family's own name, once it is known to make sense."""
    if limit.kind == "dB":
        found = [name for name in outputs if name.lower() == limit.name.lower()]
    else:
        given = SHORT_NAMES.get(limit.name.lower(), limit.name.lower())
        found = [metric] if given in (metric, metric.removesuffix("_agreement")) else []
    if not found:
        raise UsageError(
            f"budget: got '{limit.name}', expected the metric '{metric}', or with dB one of the "
            f"outputs {', '.join(sorted(outputs))}; name one of these"
        )
    less = limit.kind != "dB" and less_is_better(metric)
    if limit.relation != ("<=" if less else ">="):
        raise UsageError(
            f"budget: got '{limit.name}{limit.relation}…', expected '{'<=' if less else '>='}', "
            f"since {'less' if less else 'more'} of it is better; turn it round"
        )
    if limit.kind == "share" and (limit.number < 1 if less else limit.number > 1):
        raise UsageError(
            f"budget: got '{limit}', which asks for better than PyTorch, expected a share of "
            f"{'at least' if less else 'at most'} 100 %; for a difference write a sign"
        )
    return replace(limit, name=found[0])
