"""The `lint` command: which backends accept the graphs of a bundle."""

import argparse
from dataclasses import dataclass

from edgewright.bundle import Bundle
from edgewright.commands.base import add_json_option
from edgewright.commands.output import emit, emit_table
from edgewright_export.lint import TARGETS, Finding, lint

CHECK_FAILED = 5
_SHOWN = 5


@dataclass(frozen=True)
class GraphFinding:
    """A finding with the graph that it is about."""

    variant: str
    """Its variant."""
    component: str
    """Its component."""
    finding: Finding
    """What was found."""


class LintCommand:
    """`edgewright lint BUNDLE`."""

    help = "say which backends accept the graphs of a bundle, and why not"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what the command takes."""
        parser.add_argument("bundle", metavar="BUNDLE", help="bundle folder or zip")
        parser.add_argument("--variant", metavar="NAME", help="(default: all)")
        parser.add_argument(
            "--backend",
            choices=TARGETS,
            help="(default: all); with one, exit 5 where it refuses a graph or is inexact",
        )
        add_json_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Print the findings by graph and backend."""
        with Bundle.open(args.bundle) as bundle:
            found = list(_findings(bundle, args.variant, args.backend))
            title = f"{args.bundle}: {bundle.manifest.name} {bundle.manifest.version}"
        if args.json:
            for one in found:
                emit(one, as_json=True)
        else:
            _print(title, found)
        failed = any(one.finding.severity in ("refused", "inexact") for one in found)
        return CHECK_FAILED if args.backend and failed else 0


def _findings(bundle: Bundle, name: str | None, backend: str | None) -> list[GraphFinding]:
    variants = bundle.manifest.variants if name is None else (bundle.variant(name),)
    return [
        GraphFinding(variant.name, component, finding)
        for variant in variants
        for component, record in variant.components.items()
        for finding in lint(bundle.file(record.files[0]), profiled=record.ranges)
        if backend in (None, finding.backend)
    ]


def _print(title: str, found: list[GraphFinding]) -> None:
    """Print at most `_SHOWN` nodes of one graph and reason."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for one in found:
        finding = one.finding
        key = (one.variant, one.component, finding.backend, finding.severity, finding.why)
        groups.setdefault(key, []).append(finding.node)
    rows = [(*key[:4], _shown(nodes), key[4]) for key, nodes in groups.items()]
    if not rows:
        rows = [("all", "all", "all", "accepted", "", "no finding")]
    emit_table(title, ("variant", "component", "backend", "severity", "nodes", "why"), rows)


def _shown(nodes: list[str]) -> str:
    more = f" and {len(nodes) - _SHOWN} more" if len(nodes) > _SHOWN else ""
    return ", ".join(nodes[:_SHOWN]) + more
