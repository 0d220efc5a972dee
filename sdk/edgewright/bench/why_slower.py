"""Why a variant is slower than another, or no faster: its operators beside those of the other."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from edgewright.bench.operators import GRAPH, OperatorTime
from edgewright.bench.statistics import SMALLEST_EFFECT
from edgewright.probe import Probe

Kind = Literal["unfused pair", "conversion", "left in fp32", "slower here", "missing CPU feature"]

WORTH_NAMING = 0.005
"""A finding below half a percent of the variant's time is left out."""

NAMED_NODES = 3
"""Nodes of a finding that a line of text names."""

_TO_INTEGER = ("QuantizeLinear", "DynamicQuantizeLinear")
_CONVERSIONS = (*_TO_INTEGER, "DequantizeLinear")
_FLOAT_PRODUCTS = (
    "MatMul", "FusedMatMul", "Gemm", "FusedGemm", "FusedMatMulActivation", "Conv", "FusedConv",
    "ConvTranspose", "Attention", "MultiHeadAttention", "LSTM", "GRU", "RNN",
)  # fmt: skip
_INTEGER_PRODUCTS = (
    "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "ConvInteger",
    "QLinearMatMul", "QLinearConv", "QGemm", "QAttention", "DynamicQuantizeLSTM", "MatMulNBits",
)  # fmt: skip
_OF_TENSOR = re.compile(r"_(?:DequantizeLinear|QuantizeLinear|dq|q)(?:/duplicated)?(?:_\d+)?$")
_BY_QUANTIZER = re.compile(r"(?:_MatMul|_quant|_token_\d+)+$")


@dataclass(frozen=True)
class SideBySide:
    """What one kind of operator, or one module, takes in two variants."""

    name: str
    baseline_seconds: float
    """For one answer of the variant that is compared with."""
    seconds: float
    """For one answer of the variant in question."""

    @property
    def loss(self) -> float:
        """Seconds that the variant in question takes more."""
        return self.seconds - self.baseline_seconds


@dataclass(frozen=True)
class Finding:
    """One reason, and the nodes that it is about."""

    kind: Kind
    nodes: tuple[str, ...]
    """Names in the optimized graph of the variant in question, those that take longest first."""
    why: str
    """What is the matter, and what to do."""
    seconds: float
    """Of an answer. `unfused pair`, `conversion`: what the nodes take; `slower here`: what they
    take more than in the other variant; `left in fp32`, `missing CPU feature`: what they take,
    which is more than could be gained."""

    @property
    def longest(self) -> str:
        """The `NAMED_NODES` that take longest, and how many there are beside them."""
        more = len(self.nodes) - NAMED_NODES
        return ", ".join(self.nodes[:NAMED_NODES]) + (f" and {more} more" if more > 0 else "")


def compare_operators(
    baseline: Sequence[OperatorTime], variant: Sequence[OperatorTime]
) -> tuple[SideBySide, ...]:
    """Return the times by type of operator, the longest first; they add up to the nodes'."""
    return _side_by_side([(t.operator, t) for t in baseline], [(t.operator, t) for t in variant])


def compare_modules(
    baseline: Sequence[OperatorTime], variant: Sequence[OperatorTime]
) -> tuple[SideBySide, ...]:
    """Return the times by PyTorch module, the longest first; they add up to the nodes'.

    Only modules that both variants name are told apart, because fusions join neighbours and name
    them after one. Any other node counts for the module that ran before it, and a conversion to
    integers for the one that runs after it; where there is none, for a module named ''.
    """
    return _side_by_side(*_by_module(baseline, variant))


def why_slower(
    baseline: Sequence[OperatorTime],
    variant: Sequence[OperatorTime],
    probe: Probe,
    *,
    needs: Collection[str] = (),
    kept: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Return what keeps a variant from being faster, by the seconds that it costs.

    Args:
        baseline: Times of the fp32 variant.
        variant: Times of the variant in question, measured beside it.
        probe: Of this machine.
        needs: CPU features that the variant wants (`Target.compatibility`).
        kept: Names of the nodes that the export kept in fp32 (`Receipt.kept_in_higher_precision`).
    """
    found = [
        *_conversions(variant),
        *_left_in_fp32(variant, kept),
        *_slower_modules(baseline, variant),
        *_missing_features(variant, probe, needs),
    ]
    least = WORTH_NAMING * sum(time.seconds for time in variant)
    named = (f for f in found if f.kind == "missing CPU feature" or f.seconds >= least)
    return tuple(sorted(named, key=lambda finding: -finding.seconds))


def _side_by_side(
    baseline: Sequence[tuple[str, OperatorTime]], variant: Sequence[tuple[str, OperatorTime]]
) -> tuple[SideBySide, ...]:
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for column, times in enumerate((baseline, variant)):
        for name, time in times:
            sums[name][column] += time.seconds
    rows = (SideBySide(name, *seconds) for name, seconds in sums.items())
    return tuple(sorted(rows, key=lambda row: -max(row.baseline_seconds, row.seconds)))


Attributed = list[tuple[str, OperatorTime]]
"""Nodes with the names of their modules."""


def _by_module(
    baseline: Sequence[OperatorTime], variant: Sequence[OperatorTime]
) -> tuple[Attributed, Attributed]:
    """Return the nodes of both variants with their modules, in order of execution."""
    several = len({time.component for time in (*baseline, *variant)}) > 1
    shared = {_place(time) for time in baseline} & {_place(time) for time in variant}
    before = _modules(baseline, shared)
    # What fusions made alike in both variants may run at another place.
    first = dict(zip(map(_identity, baseline), before, strict=True))
    alike = _alike(baseline, variant, shared)
    after = [
        first[_identity(time)] if _identity(time) in alike else module
        for time, module in zip(variant, _modules(variant, shared), strict=True)
    ]
    return _attributed(baseline, before, several), _attributed(variant, after, several)


def _attributed(times: Sequence[OperatorTime], modules: list[str], several: bool) -> Attributed:
    return [
        (f"{time.component}: {module}" if several else module, time)
        for time, module in zip(times, modules, strict=True)
    ]


def _place(time: OperatorTime) -> tuple[str, str | None]:
    return time.component, time.module


def _identity(time: OperatorTime) -> tuple[str, str, str]:
    return time.component, time.operator, time.node


def _alike(
    baseline: Sequence[OperatorTime],
    variant: Sequence[OperatorTime],
    shared: set[tuple[str, str | None]],
) -> set[tuple[str, str, str]]:
    """Return the nodes without a module of those operators that have the same ones in both."""
    unnamed = [
        {_identity(t) for t in times if t.module is None or _place(t) not in shared}
        for times in (baseline, variant)
    ]
    differing = {identity[:2] for identity in unnamed[0] ^ unnamed[1]}
    return {identity for identity in unnamed[0] if identity[:2] not in differing}


def _modules(times: Sequence[OperatorTime], shared: set[tuple[str, str | None]]) -> list[str]:
    """Return the module of every node: its own if that is shared, or a neighbour's."""
    rows: dict[int, str] = {}
    for component in dict.fromkeys(time.component for time in times):
        own = [place for place, time in enumerate(times) if time.component == component]
        names = [times[i].module if _place(times[i]) in shared else None for i in own]
        before = _last_known(names)
        after = _last_known(names[::-1])[::-1]
        paired = _paired_tensors([times[i] for i in own])
        for i, name, earlier, later in zip(own, names, before, after, strict=True):
            forward = times[i].operator in _TO_INTEGER or _tensor(times[i]) in paired
            rows[i] = name or (later if forward else earlier) or earlier or later or ""
    return [rows[i] for i in range(len(times))]


def _last_known(names: Sequence[str | None]) -> list[str | None]:
    """Return the module at or before each place; `GRAPH` is no place."""
    known, rows = None, []
    for name in names:
        known = known if name in (None, GRAPH) else name
        rows.append(known)
    return rows


def _tensor(time: OperatorTime) -> str:
    """Return the tensor that a conversion is named after, with its component."""
    if time.operator not in _CONVERSIONS:
        return ""
    return f"{time.component}/{_OF_TENSOR.sub('', time.node)}"


def _paired_tensors(times: Sequence[OperatorTime]) -> set[str]:
    """Return the tensors that are made integers and made floats again, both by own kernels."""
    to_integer = {_tensor(time) for time in times if time.operator in _TO_INTEGER}
    return to_integer & {_tensor(time) for time in times if time.operator == "DequantizeLinear"}


def _finding(kind: Kind, times: Sequence[OperatorTime], why: str) -> Iterator[Finding]:
    if times:
        yield Finding(kind, _slowest(times), why, sum(time.seconds for time in times))


def _slowest(times: Sequence[OperatorTime]) -> tuple[str, ...]:
    return tuple(time.node for time in sorted(times, key=lambda time: -time.seconds))


def _conversions(variant: Sequence[OperatorTime]) -> Iterator[Finding]:
    paired = _paired_tensors(variant)
    yield from _finding(
        "unfused pair",
        [time for time in variant if _tensor(time) in paired],
        "made integers and floats again: what reads them did not fuse with the pair and computes "
        "in fp32; leave it in fp32 (QuantizationPlan.keep)",
    )
    reasons = {
        "DynamicQuantizeLinear": "finds the scale of its input anew in each run; static scales "
        "(QuantizationPlan.static) save that",
        "QuantizeLinear": "makes the floats of an fp32 neighbour integers; long chains of int8 "
        "need fewer of these",
        "DequantizeLinear": "makes integers floats for an fp32 neighbour; long chains of int8 need "
        "fewer of these",
    }
    for operator, why in reasons.items():
        single = [t for t in variant if t.operator == operator and _tensor(t) not in paired]
        yield from _finding("conversion", single, why)


def _left_in_fp32(variant: Sequence[OperatorTime], kept: Collection[str]) -> Iterator[Finding]:
    products = [t for t in variant if t.operator in _FLOAT_PRODUCTS and t.dtype == "float"]
    weighted = [time for time in products if time.weighted]
    asked = [time for time in weighted if _is_kept(time, kept)]
    yield from _finding(
        "left in fp32",
        asked,
        "kept in fp32 by the export for the sake of accuracy or speed (QuantizationPlan.keep)",
    )
    yield from _finding(
        "left in fp32",
        [time for time in weighted if time not in asked],
        "has weights and computes in fp32: its operator is not in QuantizationPlan.operators, or "
        "the pairs around it did not fuse",
    )
    yield from _finding(
        "left in fp32",
        [time for time in products if not time.weighted],
        "multiplies two activations, which stays in fp32: there are no weights to quantize",
    )


def _is_kept(time: OperatorTime, kept: Collection[str]) -> bool:
    node = source_node(time.node)
    return not {f"{time.component}/*", f"{time.component}/{node}", node}.isdisjoint(kept)


def source_node(node: str) -> str:
    """Return the name in the ONNX file of a node of an optimized graph, where it can be known."""
    return _BY_QUANTIZER.sub("", _without_fusions(node))


def _without_fusions(node: str) -> str:
    module, slash, rest = node.partition("/")
    return f"{module}{slash}{rest.partition('/')[0]}"


def _slower_modules(
    baseline: Sequence[OperatorTime], variant: Sequence[OperatorTime]
) -> Iterator[Finding]:
    before, after = _by_module(baseline, variant)
    for row in _side_by_side(before, after):
        replaced = [time for name, time in before if name == row.name]
        times = [time for name, time in after if name == row.name]
        if row.loss <= SMALLEST_EFFECT * row.baseline_seconds or _same_operators(replaced, times):
            continue
        why = f"'{row.name or GRAPH}' takes {_beside(row)}; {_advice(times)}"
        yield Finding("slower here", _slowest(times), why, row.loss)


def _same_operators(baseline: Sequence[OperatorTime], variant: Sequence[OperatorTime]) -> bool:
    """Return whether a module is made of the same: then noise and caches make the difference."""
    return Counter(t.operator for t in baseline) == Counter(t.operator for t in variant)


def _beside(row: SideBySide) -> str:
    return f"{1e3 * row.seconds:.3f} ms rather than {1e3 * row.baseline_seconds:.3f}"


def _advice(times: Sequence[OperatorTime]) -> str:
    converting = sum(time.seconds for time in times if time.operator in _CONVERSIONS)
    if any(time.operator in _INTEGER_PRODUCTS for time in times) or converting:
        return (
            f"{1e3 * converting:.3f} of them are conversions; leave it in fp32 "
            "(QuantizationPlan.keep)"
        )
    return "it has no int8: other fusions than in the other variant"


def _missing_features(
    variant: Sequence[OperatorTime], probe: Probe, needs: Collection[str]
) -> Iterator[Finding]:
    products = [time for time in variant if time.operator in _INTEGER_PRODUCTS]
    seconds = sum(time.seconds for time in products)
    for feature in needs:
        if not probe.has(feature):
            why = (
                f"'{probe.machine}' has no {feature}, which these products want to be exact and "
                "fast; take a variant that needs none (int8-reduced), or fp32"
            )
            yield Finding("missing CPU feature", _slowest(products), why, seconds)
