"""What the user allows a variant to lose: `top1>=99%, mel>=30dB`."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from edgewright.bundle.manifest import less_is_better
from edgewright.errors import UsageError

SHORT_NAMES = {"wer": "word_error_rate", "return": "mean_return", "durations": "duration"}
"""Names that everybody uses."""
GRAMMAR = "such as 'top1>=99%', 'wer<=+0.005', 'auc>=0.82' or 'mel>=30dB', joined by commas"
_LIMIT = re.compile(
    r"(?P<name>\w+)\s*(?P<relation><=|>=)\s*(?P<number>[+-]?(\d+(\.\d*)?|\.\d+))\s*(?P<unit>%|dB)?"
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
            "value": f"{self.number:g}",
            "dB": f"{self.number:g}dB",
        }[self.kind]
        return f"{self.name}{self.relation}{number}"

    def of(self, reference: float) -> float:
        """Return the bound on a metric that is `reference` in PyTorch."""
        return {
            "share": self.number * reference,
            "difference": reference + self.number,
            "value": self.number,
        }[self.kind]


@dataclass(frozen=True)
class Budget:
    """Bounds that replace those of the gates where they name the same."""

    limits: tuple[Limit, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Return the budget in `text`.

        A number with `%` is a share of PyTorch's metric, one with a sign the difference from it,
        one with `dB` the signal to quantization noise of an output on the golden samples; any other
        is the metric itself.

        Raises:
            UsageError: It is not of this form.
        """
        return cls(tuple(_limit(part.strip()) for part in text.split(",")))

    def __str__(self) -> str:
        return ", ".join(map(str, self.limits))

    def check_names(self, metric: str, outputs: Collection[str]) -> None:
        """Check that the budget names what the family has.

        Raises:
            UsageError: It names another metric or output, or bounds it from the wrong side.
        """
        for limit in self.limits:
            known = outputs if limit.kind == "dB" else [metric]
            if not any(_same(limit.name, name) for name in known):
                raise UsageError(
                    f"budget: got '{limit.name}', expected the metric '{metric}', or with dB one "
                    f"of the outputs {', '.join(sorted(outputs))}; name one of these"
                )
            wanted = "<=" if limit.kind != "dB" and less_is_better(metric) else ">="
            if limit.relation != wanted:
                raise UsageError(
                    f"budget: got '{limit.name}{limit.relation}…', expected '{wanted}', since "
                    f"{'less' if wanted == '<=' else 'more'} of it is better; turn it round"
                )

    def minimum(self, metric: str, reference: float, otherwise: float) -> float:
        """Return the bound on `metric`, or `otherwise`, the gate's, where the budget has none."""
        named = [one for one in self.limits if one.kind != "dB" and _same(one.name, metric)]
        return named[-1].of(reference) if named else otherwise

    def least_sqnr_db(self, gates: dict[str, float]) -> dict[str, float]:
        """Return by output the least signal to quantization noise, dB: the gates', or its own."""
        return gates | {one.name: one.number for one in self.limits if one.kind == "dB"}


NO_BUDGET = Budget()
"""Leaves all bounds to the gates."""


def _limit(text: str) -> Limit:
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise UsageError(f"budget: got {text!r}, expected {GRAMMAR}; correct it")
    number, unit = float(found["number"]), found["unit"]
    if unit == "%":
        return Limit(found["name"], found["relation"], number / 100, "share")
    kind = "dB" if unit else "difference" if found["number"][0] in "+-" else "value"
    return Limit(found["name"], found["relation"], number, kind)


def _same(given: str, name: str) -> bool:
    """Whether `given` names the metric or output `name`, agreement with PyTorch for the metric."""
    given = SHORT_NAMES.get(given.lower(), given)
    return given in (name, name.removesuffix("_agreement"))
