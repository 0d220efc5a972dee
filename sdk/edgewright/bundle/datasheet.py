"""The datasheet of a bundle: `README.md`, written from its manifest."""

from collections.abc import Iterable, Sequence

from edgewright.bundle.manifest import Licenses, Manifest, Parity, Source, Target, Variant
from edgewright.specs import TensorSpec

_LIMITS = """\
- The hashes show damage and mix-ups. They are no signature: whoever can change this bundle can
  change the hashes too. Pin the digest in `manifest.sha256` where that matters
  (`edgewright.load(..., expected_digest=...)`).
- The figures hold for the samples and the machine named beside them. `edgewright verify` repeats
  the golden samples on yours.
"""


def datasheet(manifest: Manifest) -> str:
    """Return the datasheet of `manifest` as Markdown."""
    sections = [
        f"# {_text(manifest.name)} {_text(manifest.version)}",
        _facts(manifest),
        "## Variants\n\n" + _table(_VARIANT_HEAD, map(_variant_row, manifest.variants)),
        "## Kept in higher precision\n\n" + _kept(manifest.variants),
        "## Speed\n\n" + _speed(manifest.variants),
        "## Graphs\n\n" + "\n".join(_graphs(manifest.variants)),
        "## Left out\n\n" + _rejected(manifest),
        "## Golden samples\n\n" + _golden(manifest),
        "## Licences\n\n" + _licenses(manifest.licenses),
        "## Source\n\n" + _source(manifest.source),
        "## Limits\n\n" + _LIMITS.rstrip(),
    ]
    return "\n\n".join(sections) + "\n"


def _facts(manifest: Manifest) -> str:
    return (
        f"Family `{manifest.family}`, task `{manifest.task}`, bundle format "
        f"{manifest.format_version}. Run it with "
        f"`edgewright {manifest.task} BUNDLE …` or `edgewright.load(BUNDLE)`."
    )


_VARIANT_HEAD = ("variant", "precision", "size", "metric", "value [95 %]", "PyTorch", "minimum",
                 "samples", "max abs / scale", "SQNR dB", "method", "calibration")  # fmt: skip


def _variant_row(variant: Variant) -> tuple[str, ...]:
    receipt, metric, parity = variant.receipt, variant.receipt.metric, variant.receipt.parity
    return (
        variant.name,
        variant.precision,
        _size(receipt.bytes),
        metric.name,
        f"{metric.value:.4g}{_range(metric.interval)}",
        f"{metric.reference:.4g}",
        f"{'≤ ' if metric.less_is_better else ''}{metric.minimum:.4g}",
        f"{metric.samples} ({_text(metric.data)})",
        f"{parity.max_abs:.2g} / {parity.scale:.3g}",
        _sqnr(parity),
        _text(receipt.method),
        "–" if receipt.calibration_sha256 is None else f"`{receipt.calibration_sha256[:16]}…`",
    )


def _range(interval: Sequence[float]) -> str:
    return f" [{interval[0]:.4g}, {interval[1]:.4g}]" if interval else ""


def _sqnr(parity: Parity) -> str:
    """Return the ratio of every output, or of all together where there is one."""
    if len(parity.outputs_sqnr_db) < 2:
        return _ratio(parity.sqnr_db)
    return ", ".join(
        f"{_text(name)} {_ratio(ratio)}" for name, ratio in parity.outputs_sqnr_db.items()
    )


def _ratio(sqnr_db: float | None) -> str:
    return "identical" if sqnr_db is None else f"{sqnr_db:.1f}"


def _kept(variants: Sequence[Variant]) -> str:
    """Return by variant and reason the nodes that stayed in higher precision."""
    lines = []
    for variant in variants:
        receipt = variant.receipt
        if receipt.search:
            lines.append(f"- {variant.name}, search: {_text(receipt.search)}.")
        nodes: dict[str, list[str]] = {}
        for node in receipt.kept_in_higher_precision:
            nodes.setdefault(receipt.why_kept.get(node, "by the export"), []).append(node)
        lines += [
            f"- {variant.name}, {_text(why)}: {', '.join(f'`{_text(node)}`' for node in names)}"
            for why, names in nodes.items()
        ]
    return "\n".join(lines) or "Nothing."


def _speed(variants: Sequence[Variant]) -> str:
    head = ("variant", "target", "verdict", "latency / fp32", "95 % interval", "machine")
    rows = [_target_row(variant, target) for variant in variants for target in variant.targets]
    slower = [
        f"- {variant.name} on {_text(target.device)}: {_text(why)}"
        for variant in variants
        for target in variant.targets
        for why in target.why_slower
    ]
    if not rows:
        return "Unmeasured."
    why = ["Where the time of a variant goes that is not faster:", "\n".join(slower)]
    return "\n\n".join([_table(head, rows), *(why if slower else [])])


def _target_row(variant: Variant, target: Target) -> tuple[str, ...]:
    needs = f", best with {', '.join(target.compatibility)}" if target.compatibility else ""
    ratio = "–" if target.latency_ratio is None else f"{target.latency_ratio:.3f}"
    interval = "–".join(f"{bound:.3f}" for bound in target.latency_interval) or "–"
    return (
        variant.name,
        f"{_text(target.ep)} on {_text(target.device)}{_text(needs)}",
        target.verdict,
        ratio,
        interval,
        _text(target.machine) or "–",
    )


def _graphs(variants: Sequence[Variant]) -> Iterable[str]:
    for variant in variants:
        for name, component in variant.components.items():
            inputs = ", ".join(map(_tensor, component.inputs))
            outputs = ", ".join(map(_tensor, component.outputs))
            yield f"- `{component.files[0]}` ({variant.name}, {name}): {inputs} → {outputs}"


def _tensor(spec: TensorSpec) -> str:
    return f"`{_text(str(spec))}`"


def _rejected(manifest: Manifest) -> str:
    rows = [f"- {_text(item.variant)}: {_text(item.why)}" for item in manifest.rejected]
    return "\n".join(rows) or "Nothing."


def _golden(manifest: Manifest) -> str:
    count = len(manifest.golden.samples)
    limits = ", ".join(f"{name} {value:.3g}" for name, value in manifest.golden.tolerance.items())
    return (
        f"{count} raw input{'s' if count > 1 else ''} with the fp32 answers of PyTorch. Largest "
        f"difference allowed, relative to the largest absolute value of the answer: {limits}."
    )


def _licenses(licenses: Licenses) -> str:
    rows = [("code", licenses.code), ("weights", licenses.weights), ("data", licenses.data)]
    lines = [f"- {name}: {_text(', '.join(terms))}" for name, terms in rows]
    return "\n".join(lines) + f"\n\nNotices: [{licenses.notice}]({licenses.notice})."


def _source(source: Source) -> str:
    tools = ", ".join(f"{_text(name)} {_text(value)}" for name, value in source.tools.items())
    files = [f"- `{_text(name)}`: `{sha256}`" for name, sha256 in source.files.items()]
    head = f"`{_text(source.architecture)}`, seed {source.seed}, exported with {tools}."
    return "\n".join([head, "", *files]).rstrip()


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def _text(text: str) -> str:
    """Return `text` on one line, so that it can neither leave its table cell nor open a tag."""
    line = " ".join(text.split())
    return line.replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
