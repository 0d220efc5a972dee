"""`edgewright profile BUNDLE`: why a variant is slow on this device."""

import argparse
from collections.abc import Sequence

from edgewright.bench.profile import NOTE, Profile, profile_bundle
from edgewright.bench.why_slower import Finding, SideBySide
from edgewright.commands.base import add_json_option
from edgewright.commands.output import emit, emit_table
from edgewright.placement import BASELINE
from edgewright.progress import Progress

_SHOWN_MODULES = 15


class ProfileCommand:
    """Prints the operators, the modules that differ most, and the findings."""

    help = "say which operators make a variant slow on this CPU, and why"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the bundle and the two variants."""
        parser.add_argument("bundle", metavar="BUNDLE", help="bundle folder or zip")
        parser.add_argument(
            "--variant", default="int8", metavar="NAME", help="the one in question (default: int8)"
        )
        parser.add_argument(
            "--beside",
            default=BASELINE,
            metavar="NAME",
            help=f"what it is compared with (default: {BASELINE})",
        )
        parser.add_argument(
            "--threads", type=int, default=1, metavar="N", help="of each model (default: 1)"
        )
        add_json_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Profile, print the report."""
        with Progress() as progress:
            found = profile_bundle(
                args.bundle,
                args.variant,
                beside=args.beside,
                threads=args.threads,
                progress=progress,
            )
        if args.json:
            emit(found, as_json=True)
        else:
            _print(found)
        return 0


def _print(found: Profile) -> None:
    """Print three tables; the first column keeps their lines apart in a pipe."""
    title = f"{found.bundle}: {found.variant} beside {found.baseline}, ms of an answer"
    header = (found.baseline, found.variant, "difference", "share")
    total = SideBySide(_total(found), found.baseline_seconds, found.seconds)
    operators = [_row("operator", row, found.seconds) for row in found.operators]
    operators.append(_row("total", total, found.seconds))
    emit_table(title, ("", "operator", *header), operators)
    modules = [_row("module", row, found.seconds) for row in _differing(found.modules)]
    emit_table("modules that differ most", ("", "module", *header), modules)
    findings = [_finding(one) for one in found.findings] or [
        ("finding", "none", "", "", "no operator stands out")
    ]
    emit_table("findings", ("", "kind", "ms", "nodes", "why"), findings)
    emit_table("note", ("", "note"), [("note", NOTE)])


def _total(found: Profile) -> str:
    counts = f"{len(found.baseline_nodes)} and {len(found.nodes)} operators"
    return counts if found.ratio is None else f"{counts}, ratio {found.ratio:.2f}"


def _row(kind: str, row: SideBySide, total: float) -> tuple[str, ...]:
    share = f"{row.seconds / total:.1%}" if total else ""
    before, after, loss = (
        f"{1e3 * seconds:{form}}"
        for seconds, form in (
            (row.baseline_seconds, ".3f"),
            (row.seconds, ".3f"),
            (row.loss, "+.3f"),
        )
    )
    return kind, row.name or "(unnamed)", before, after, loss, share


def _differing(modules: Sequence[SideBySide]) -> list[SideBySide]:
    """Return the modules that differ most, the slower first, and a line for all others."""
    ranked = sorted(modules, key=lambda row: -abs(row.loss))
    shown = sorted(ranked[:_SHOWN_MODULES], key=lambda row: -row.loss)
    others = ranked[_SHOWN_MODULES:]
    if others:
        before = sum(row.baseline_seconds for row in others)
        after = sum(row.seconds for row in others)
        shown.append(SideBySide(f"({len(others)} others)", before, after))
    return shown


def _finding(one: Finding) -> tuple[str, ...]:
    return "finding", one.kind, f"{1e3 * one.seconds:.3f}", one.longest, one.why
