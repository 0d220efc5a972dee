"""Model cards, and the last step of a training script: a checkpoint folder, whole or not at all."""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from training_loop import HistoryRow


@dataclass(frozen=True)
class Licenses:
    """SPDX identifiers."""

    data: tuple[str, ...]
    """Of the training data."""
    code: tuple[str, ...] = ("Apache-2.0",)
    """Of the training script."""
    weights: tuple[str, ...] = ("Apache-2.0",)
    """Of the trained weights."""


@dataclass(frozen=True)
class ModelCard:
    """What a reader needs to judge a checkpoint."""

    name: str
    """Name of the checkpoint, as in the bundle made of it."""
    task: str
    """Task tag of the model hub, for example "image-classification"."""
    summary: str
    """One or two sentences: what goes in, what comes out."""
    licenses: Licenses
    """Of code, weights and data."""
    notice: str
    """Whose data it was made from, one sentence."""
    data: str
    """Source of the data and the exact split, Markdown."""
    metric_name: str
    """For example "accuracy"."""
    dev_metric: float
    """Of the published weights on the development split."""
    test_metric: float
    """Of the published weights on the test split."""
    test_samples: int
    """Number of test samples."""
    baseline_name: str
    """The simple method beside it."""
    baseline_metric: float
    """Test metric of the simple method."""
    training: str
    """How it was trained, Markdown."""
    curves: Mapping[str, Sequence[HistoryRow]]
    """Training curve of every stage."""
    parameters: int
    """Number of weights."""
    seed: int
    """Seed of weights, batches and dropout."""
    seconds: float
    """Wall time of the training."""
    command: str
    """What reproduces it."""
    limits: str
    """What it cannot do, Markdown."""
    details: str = ""
    """More results, Markdown."""


def describe_machine() -> str:
    """Return processor, threads and versions in one phrase."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return (
        f"{torch.get_num_threads()} thread(s) of an {model}, PyTorch {torch.__version__}, "
        f"transformers {transformers.__version__}, Python {platform.python_version()}"
    )


def render(card: ModelCard) -> str:
    """Return the card as Markdown with a YAML head."""
    head = {
        "license": card.licenses.weights[0].lower(),
        "library_name": "transformers",
        "pipeline_tag": card.task,
        "licenses": json.dumps(_license_table(card.licenses)),
        "seed": card.seed,
    }
    samples = f"{card.test_samples:,}"
    lines = ["---", *(f"{key}: {value}" for key, value in head.items()), "---", ""]
    lines += [f"# {card.name}", "", card.summary, "", "## Result", ""]
    lines += [f"| {card.metric_name} | split | samples |", "|---|---|---|"]
    lines += [
        f"| **{card.test_metric:.4f}** | test | {samples} |",
        f"| {card.baseline_metric:.4f} | the same, {card.baseline_name} | {samples} |",
        f"| {card.dev_metric:.4f} | development | |",
        "",
        *([card.details, ""] if card.details else []),
    ]
    lines += ["## Data", "", card.data, "", "## Training", "", card.training, ""]
    lines += [
        f"- parameters: {card.parameters:,}",
        f"- seed: {card.seed}",
        f"- time: {card.seconds / 60:.0f} minutes of wall time on {describe_machine()}; "
        "other jobs shared the machine",
        f"- reproduce: `{card.command}`; another processor or thread count rounds differently, so "
        "the last digits move",
        "",
    ]
    for stage, history in card.curves.items():
        lines += [
            f"### Curve: {stage}",
            "",
            "| step | training loss | development |",
            "|---|---|---|",
        ]
        lines += [
            f"| {row.step} | {row.train_loss:.4f} | {row.dev_metric:.4f} |" for row in history
        ]
        lines.append("")
    lines += ["## Limits", "", card.limits, "", "## Licences", ""]
    lines += [
        f"- {what}: {', '.join(names)}" for what, names in _license_table(card.licenses).items()
    ]
    return "\n".join([*lines, "", card.notice, ""])


def publish(
    card: ModelCard, output: Path, write_model: Callable[[Path], None], extra: Mapping[str, object]
) -> None:
    """Write model, card and `edgewright.json` to a temporary folder, then move it to `output`.

    Args:
        card: the model card.
        output: the checkpoint folder; replaced when it exists.
        write_model: saves weights, configuration and vocabulary into the folder it is given.
        extra: further entries of `edgewright.json`.
    """
    options = {
        "name": card.name,
        "version": "1.0.0",
        "licenses": _license_table(card.licenses),
        "notice": card.notice,
        "seed": card.seed,
        **extra,
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        fresh = Path(folder) / output.name
        fresh.mkdir()
        write_model(fresh)
        (fresh / "README.md").write_text(render(card))
        (fresh / "edgewright.json").write_text(json.dumps(options, indent=2) + "\n")
        if output.exists():
            shutil.move(output, Path(folder) / "before")
        fresh.replace(output)


def _license_table(licenses: Licenses) -> dict[str, list[str]]:
    return {
        "code": list(licenses.code),
        "weights": list(licenses.weights),
        "data": list(licenses.data),
    }
