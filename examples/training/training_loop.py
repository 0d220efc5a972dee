"""A small resumable training loop shared by the scripts of this folder.

One step draws its batch from a NumPy generator whose state is saved together with the weights, the
optimizer and PyTorch's own generator, so an interrupted run ends with the same bits as an
undisturbed one. The learning rate is a function of the step and needs no state.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from training_progress import stop_signals, training_progress

LossFunction = Callable[[nn.Module, np.random.Generator, int], torch.Tensor]
"""(model, generator for this batch, step) -> scalar loss."""

Evaluation = Callable[[nn.Module], float]
"""Model in evaluation mode -> development metric, higher is better."""


class TrainingInterrupted(SystemExit):
    """Ctrl-C or SIGTERM arrived; the state is saved, and the same command goes on from there."""


@dataclass(frozen=True)
class TrainingPlan:
    """Everything that decides the result of a run, besides the data and the loss."""

    num_steps: int
    """Optimizer steps in all."""
    learning_rate: float
    """Peak rate, reached after the warm-up; a cosine then takes it to zero."""
    warmup_steps: int
    """Steps of linear warm-up."""
    seed: int
    """Seed of the batches and of dropout. Seed the weights before building the model."""
    weight_decay: float = 0.05
    """AdamW decay of matrices; biases and norms are not decayed."""
    betas: tuple[float, float] = (0.9, 0.98)
    """AdamW moment decays."""
    clip_norm: float = 1.0
    """Largest gradient norm."""
    average_decay: float | None = None
    """Decay of the moving average of the weights; None judges and returns the raw weights."""
    bfloat16: bool = False
    """Run the forward pass under bfloat16 autocast."""
    evaluate_every: int = 500
    """Steps between two development evaluations."""
    keep: str = "best"
    """"best": return the weights of the best evaluation; "last": of the last one."""


@dataclass(frozen=True)
class HistoryRow:
    """One line of the training curve."""

    step: int
    """Steps done."""
    train_loss: float
    """Mean loss since the line before."""
    dev_metric: float
    """Development metric at this step."""


@dataclass
class TrainingState:
    """What the work file holds besides tensors; changes from step to step."""

    step: int = 0
    seconds: float = 0.0
    best_metric: float = -math.inf
    loss_sum: float = 0.0
    loss_count: int = 0
    history: list[HistoryRow] = field(default_factory=list)


@dataclass(frozen=True)
class TrainingResult:
    """A finished run."""

    history: tuple[HistoryRow, ...]
    """Training curve."""
    best_metric: float
    """Best development metric."""
    seconds: float
    """Wall time in this loop, added up over resumed runs."""


def learning_rate_at(plan: TrainingPlan, step: int) -> float:
    """Return the rate of a 0-based step: linear warm-up, then a cosine to zero."""
    if step < plan.warmup_steps:
        return plan.learning_rate * (step + 1) / plan.warmup_steps
    progress = (step - plan.warmup_steps) / max(1, plan.num_steps - plan.warmup_steps)
    return plan.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))


def epoch_indices(num_examples: int, batch_size: int, step: int, seed: int) -> np.ndarray:
    """Return int64 indices of a step's batch when every epoch is a fresh permutation.

    The last incomplete batch of an epoch is left out. Depends on the arguments only.
    """
    batches = num_examples // batch_size
    if batches == 0:
        raise ValueError(
            f"batch_size: got {batch_size}, expected at most {num_examples} examples; lower it"
        )
    epoch, position = divmod(step, batches)
    order = np.random.default_rng((seed, epoch)).permutation(num_examples)
    return order[position * batch_size : (position + 1) * batch_size]


def train(
    model: nn.Module,
    loss_function: LossFunction,
    plan: TrainingPlan,
    work_file: Path,
    *,
    evaluate: Evaluation,
    save_every_seconds: float = 60.0,
) -> TrainingResult:
    """Train `model` in place, going on from `work_file` when it exists.

    On return `model` holds the weights that `plan.keep` asks for, in evaluation mode.

    Raises:
        TrainingInterrupted: on SIGINT or SIGTERM, after the state was saved.
        ValueError: the work file belongs to another plan.
    """
    run = _Run(model, plan, work_file)
    run.resume()
    saved_at = time.monotonic()
    with stop_signals() as stopped, training_progress(work_file.stem, plan.num_steps) as show:
        show(run.state.step, run.state.seconds, run.state.history)
        while run.state.step < plan.num_steps:
            started = time.monotonic()
            run.advance(loss_function)
            if run.state.step % plan.evaluate_every == 0 or run.state.step == plan.num_steps:
                run.judge(evaluate)
            run.state.seconds += time.monotonic() - started
            show(run.state.step, run.state.seconds, run.state.history)
            if stopped or time.monotonic() - saved_at > save_every_seconds:
                run.save()
                saved_at = time.monotonic()
            if stopped:
                raise TrainingInterrupted(
                    f"stopped at step {run.state.step}; run the same command to go on"
                )
    run.save()
    model.load_state_dict(run.kept)
    model.eval()
    return TrainingResult(tuple(run.state.history), run.state.best_metric, run.state.seconds)


class _Run:
    """Model, average, optimizer, generators and counters of one run."""

    def __init__(self, model: nn.Module, plan: TrainingPlan, work_file: Path) -> None:
        self.model, self.plan, self.work_file = model, plan, work_file
        self.average = copy.deepcopy(model).eval()
        self.optimizer = _adamw(model, plan)
        self.rng = np.random.default_rng(plan.seed)
        self.state = TrainingState()
        self.kept: dict[str, torch.Tensor] = {}
        torch.manual_seed(plan.seed)

    def advance(self, loss_function: LossFunction) -> None:
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(self.plan, self.state.step)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.plan.bfloat16):
            loss = loss_function(self.model, self.rng, self.state.step)
        if not math.isfinite(loss.item()):
            raise FloatingPointError(
                f"loss: got {loss.item()} at step {self.state.step}; lower the learning rate"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.clip_norm)
        self.optimizer.step()
        self.state.step += 1
        self.state.loss_sum += loss.item()
        self.state.loss_count += 1
        self._follow()

    @torch.no_grad()
    def _follow(self) -> None:
        # (1 + t) / (10 + t) lets the average forget the random start quickly.
        limit = (1 + self.state.step) / (10 + self.state.step)
        decay = 0.0 if self.plan.average_decay is None else min(self.plan.average_decay, limit)
        torch._foreach_lerp_(
            list(self.average.parameters()), list(self.model.parameters()), 1.0 - decay
        )
        for mine, current in zip(self.average.buffers(), self.model.buffers(), strict=True):
            mine.copy_(current)

    def judge(self, evaluate: Evaluation) -> None:
        # Evaluation must not move the generators, or its frequency would change the weights.
        torch_state = torch.get_rng_state()
        with torch.inference_mode():
            metric = evaluate(self.average)
        torch.set_rng_state(torch_state)
        state = self.state
        state.history.append(
            HistoryRow(state.step, state.loss_sum / max(1, state.loss_count), metric)
        )
        state.loss_sum, state.loss_count = 0.0, 0
        if self.plan.keep == "last" or metric > state.best_metric:
            self.kept = {name: tensor.clone() for name, tensor in self.average.state_dict().items()}
        state.best_metric = max(state.best_metric, metric)

    def save(self) -> None:
        self.work_file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.work_file.with_suffix(".tmp")
        torch.save(
            {
                "plan": asdict(self.plan),
                "state": asdict(self.state),
                "model": self.model.state_dict(),
                "average": self.average.state_dict(),
                "kept": self.kept,
                "optimizer": self.optimizer.state_dict(),
                "numpy_rng": self.rng.bit_generator.state,
                "torch_rng": torch.get_rng_state(),
            },
            temporary,
        )
        temporary.replace(self.work_file)

    def resume(self) -> None:
        if not self.work_file.exists():
            return
        saved: dict[str, Any] = torch.load(self.work_file, weights_only=True)
        if saved["plan"] != asdict(self.plan):
            raise ValueError(
                f"work file {self.work_file}: made with another plan; "
                "delete it or choose another --work"
            )
        self.model.load_state_dict(saved["model"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.kept = saved["kept"]
        self.rng.bit_generator.state = saved["numpy_rng"]
        torch.set_rng_state(saved["torch_rng"])
        history = [HistoryRow(**row) for row in saved["state"].pop("history")]
        self.state = TrainingState(**saved["state"], history=history)


def _adamw(model: nn.Module, plan: TrainingPlan) -> torch.optim.AdamW:
    matrices = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": plan.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=plan.learning_rate, betas=plan.betas, fused=True)
