"""Write the checkpoint folder of the Hopper Decision Transformer: weights, options, model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from model_card import describe_machine
from training_loop import TrainingPlan, TrainingResult
from transformers import DecisionTransformerModel

TEMPLATE = Path(__file__).with_name("hopper_card.md")
"""The model card with `{placeholders}` for what a run measured."""


@dataclass(frozen=True)
class Measurement:
    """What a run measured on the unseen seeds, and on what it was trained."""

    targets: Sequence[float]
    """Target returns."""
    returns: np.ndarray
    """float64 (targets, seeds) of the model."""
    dev_returns: np.ndarray
    """float64 (targets, seeds) of the model on the seeds that chose it."""
    seeds: Sequence[int]
    """The unseen seeds."""
    dev_seeds: Sequence[int]
    """The seeds on which the weights were chosen."""
    baselines: Mapping[str, np.ndarray]
    """Name -> float64 (seeds,) on the same unseen seeds."""
    num_trajectories: int
    """Episodes trained on."""
    num_steps: int
    """Steps of those episodes."""


def write_checkpoint(
    output: Path,
    model: DecisionTransformerModel,
    options: Mapping[str, Any],
    card: str,
) -> None:
    """Write the folder beside `output` and rename it: there is an old checkpoint or a new one."""
    partial, old = (output.with_name(f"{output.name}.{end}") for end in ("partial", "old"))
    for leftover in (partial, old):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(parents=True)
    model.save_pretrained(partial)
    (partial / "edgewright.json").write_text(json.dumps(options, indent=2) + "\n", encoding="utf-8")
    (partial / "README.md").write_text(card, encoding="utf-8")
    if output.exists():
        output.replace(old)
    partial.replace(output)
    shutil.rmtree(old, ignore_errors=True)


def render_card(
    measurement: Measurement,
    model: DecisionTransformerModel,
    plan: TrainingPlan,
    result: TrainingResult,
    options: Mapping[str, Any],
) -> str:
    """Return the model card."""
    return TEMPLATE.read_text(encoding="utf-8").format(
        context_length=options["context_length"],
        return_scale=f"{options['return_scale']:g}",
        max_ep_len=options["max_ep_len"],
        parameters=f"{sum(p.numel() for p in model.parameters()):,}",
        seed=plan.seed,
        optimizer_steps=f"{plan.num_steps:,}",
        machine=describe_machine(),
        minutes=f"{result.seconds / 60:.0f}",
        num_trajectories=f"{measurement.num_trajectories:,}",
        num_steps=f"{measurement.num_steps:,}",
        seeds=f"{measurement.seeds[0]}–{measurement.seeds[-1]}",
        dev_seeds=f"{measurement.dev_seeds[0]}–{measurement.dev_seeds[-1]}",
        results="\n".join(_result_rows(measurement)),
        curve="\n".join(
            f"| {row.step:,} | {row.train_loss:.4f} | {-row.dev_metric:.0f} |"
            for row in result.history
        ),
    )


def _result_rows(measurement: Measurement) -> list[str]:
    rows = [
        f"| this model, target {target:,.0f} | {_spread(unseen)} | {_spread(dev)} |"
        for target, unseen, dev in zip(
            measurement.targets, measurement.returns, measurement.dev_returns, strict=True
        )
    ]
    return rows + [
        f"| {name} | {_spread(returns)} | – |" for name, returns in measurement.baselines.items()
    ]


def _spread(returns: np.ndarray) -> str:
    mean, deviation = returns.mean(), returns.std()
    return f"{mean:,.0f} ± {deviation:,.0f} ({returns.min():,.0f}–{returns.max():,.0f})"
