"""One run of the streaming Conformer's training: what is drawn, how it is disturbed, the steps."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import conformer_data
import numpy as np
import torch
from conformer_card import JUDGED
from conformer_data import Item, Material, Mixture, Utterances, first_views
from conformer_losses import consistency_loss, ctc_loss
from conformer_texts import GAMES, PARTS
from cpu_precision import bfloat16_pays
from speech_augmentation import Augmentation, disturb, draw_timing
from speech_clips import pad_to_chunk
from speech_scoring import greedy_words
from tokenizers import Tokenizer
from torch import Tensor, distributed, nn
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from edgewright.tasks.metrics import word_error_rate
from edgewright_export.models.conformer import (
    StreamingConformerConfig,
    StreamingConformerForCTC,
    load_checkpoint,
)

START = Mixture({"synthetic": 0.75, "adapted": 0.25}, 51.0, longest=275)
"""Short and clear: what leaves the plateau where CTC says blanks only."""
REST = Mixture(
    {
        "synthetic": 0.41,
        "espeak": 0.2,
        "adapted": 0.12,
        "queen": 0.08,
        "steel sky": 0.03,
        "asterisk": 0.04,
        "asterisk parts": 0.06,
        "drascula": 0.03,
        "game parts": 0.02,
        "noise": 0.01,
    },
    80.0,
    joined=0.3,
    twice=frozenset(("asterisk", *GAMES, *PARTS.values())),
    spliced=frozenset(PARTS.values()),
)
SCARCE = ("asterisk", "asterisk parts")  # learned by heart unless it is masked in full
VARIATIONS = {"adapted": 0.5, "synthetic": 0.25, "espeak": 0.25}
"""Of the others 1: these voices are varied as they speak."""
MASKS = {
    "synthetic": 0.2,
    "espeak": 0.2,
    "adapted": 0.5,
    **dict.fromkeys((*GAMES, "game parts"), 2.0),
}
"""Largest strength of masks, of the others 1: little for what no run learns by heart."""
CONSISTENCY = 0.2  # weight of two views' distance
START_LOSS = 3.0  # the start ends below it
SAVE_EVERY, JUDGE_EVERY = 120.0, 300.0  # seconds of training
MASK_LOSSES = (1.8, 0.8)  # masks begin to grow below the first and are full at the second
BLANK_ID = 0


@dataclass(frozen=True)
class Options:
    """Command line."""

    sources: Path
    work: Path
    output: Path
    minutes: float
    layers: int
    ffn_size: int
    chunk_frames: int
    left_context: int
    processes: int
    threads: int
    learning_rate: float
    seed: int
    bfloat16: bool | None
    start_from: Path | None


class _TrainingLogits(nn.Module):
    """What every step calls, as the module that `DistributedDataParallel` asks for."""

    def __init__(self, model: StreamingConformerForCTC) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.training_logits(features)


class Trainer:
    """Model, optimizers and clock of one run; each process has one."""

    def __init__(self, options: Options, material: Material, tokenizer: Tokenizer) -> None:
        torch.manual_seed(options.seed)
        self.options, self.material, self.tokenizer = options, material, tokenizer
        self.first = distributed.get_rank() == 0
        config = StreamingConformerConfig(
            tokenizer.get_vocab_size(),
            BLANK_ID,
            num_layers=options.layers,
            ffn_size=options.ffn_size,
            chunk_frames=options.chunk_frames,
            left_context=options.left_context,
            dropout=0.0,
        )
        self.model = StreamingConformerForCTC(config)
        self.optimizers = optimizers(self.model)
        self.targets = [encoding.ids for encoding in tokenizer.encode_batch(material.train.texts)]
        self.bfloat16 = bfloat16_pays() if options.bfloat16 is None else options.bfloat16
        self.seconds, self.step = 0.0, 0
        self.level, self.starting = 8.0, True  # smoothed loss
        if options.start_from is None:
            mean, std = conformer_data.statistics(material.train)
            self.model.feature_mean.copy_(torch.from_numpy(mean))
            self.model.feature_std.copy_(torch.from_numpy(std))
        else:
            before = load_checkpoint(options.start_from).state_dict()
            self.model.load_state_dict(widened(before, self.model.state_dict()))
            self.level, self.starting = START_LOSS, False
        self.curve: list[tuple[float, ...]] = []
        self.parallel = DistributedDataParallel(_TrainingLogits(self.model))
        self._seed()

    def _seed(self) -> None:
        """Seed the random numbers of this process from its rank and step."""
        sequence = np.random.SeedSequence([self.options.seed, distributed.get_rank(), self.step])
        self.rng = np.random.default_rng(sequence)
        torch.manual_seed(int(sequence.generate_state(1)[0]))

    @property
    def progress(self) -> float:
        """Share of the time that is spent, 0 to 1."""
        return min(1.0, self.seconds / (60.0 * self.options.minutes))

    def advance(self, items: Sequence[Item]) -> float:
        """Train on one batch a process and return their mean loss."""
        features = conformer_data.make_batch(list(self._rows(items)), self.options.chunk_frames)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self._rate()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            logits, middle = self.parallel(torch.from_numpy(features))
        targets = [[token for index in item for token in self.targets[index]] for item in items]
        log_probs, below = (functional.log_softmax(part.float(), -1) for part in (logits, middle))
        words = ctc_loss(log_probs, targets, BLANK_ID) + 0.3 * ctc_loss(below, targets, BLANK_ID)
        views = consistency_loss(log_probs, targets, first_views(items))
        loss = words + CONSISTENCY * views
        self.model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        value = _mean(float(words.detach()) / 1.3)
        self.level += 0.02 * (value - self.level)
        self.starting &= self.level > START_LOSS
        return value

    def _rows(self, items: Sequence[Item]) -> Iterator[np.ndarray]:
        """Yield the items disturbed; the views of one that stands there twice keep their times."""
        train = self.material.train.features
        for item, views in itertools.groupby(items):
            ways = [self._augmentation(index) for index in item]
            times = [draw_timing(way.variation, self.rng) for way in ways]
            for _ in views:
                parts = zip(item, ways, times, strict=True)
                yield np.concatenate([disturb(train[i], w, t, self.rng) for i, w, t in parts])

    def _augmentation(self, index: int) -> Augmentation:
        """Disturb little at first: disturbed speech keeps the model on the plateau of CTC."""
        first, last = MASK_LOSSES
        source = self.material.train.sources[index]
        grown = min(1.0, max(0.0, (first - self.level) / (first - last)))
        known = source in SCARCE and not self.starting
        strength = MASKS.get(source, 1.0) * (1.0 if known else grown)
        return Augmentation(strength, 0.0 if self.starting else VARIATIONS.get(source, 1.0))

    def _rate(self) -> float:
        warm = min(1.0, (self.step + 1) / 200)
        cosine = 0.5 * (1.0 + math.cos(math.pi * self.progress))
        return self.options.learning_rate * warm * max(cosine, 1e-3)

    def run(self, work_file: Path) -> None:
        """Train until the time is up; the first process saves and judges now and then."""
        saved = judged = self.seconds
        losses: list[float] = []
        self.model.train()
        while self.progress < 1.0:
            mixture = START if self.starting else REST
            for items in conformer_data.draw_batches(self.material.train, mixture, self.rng):
                started = time.monotonic()
                losses.append(self.advance(items))
                self._tell_time(self.seconds + time.monotonic() - started)
                ended = self.progress >= 1.0
                if ended or self.seconds - judged > JUDGE_EVERY:
                    if self.first:
                        self._judge(float(np.mean(losses)))
                    losses, judged = [], self.seconds
                if ended or self.seconds - saved > SAVE_EVERY:
                    self.save(work_file)
                    saved = self.seconds
                if ended:
                    break

    def _tell_time(self, seconds: float) -> None:
        """Set the clock of every process to that of the first, so that all end at one step."""
        clock = torch.tensor([seconds], dtype=torch.float64)
        distributed.broadcast(clock, src=0)
        self.seconds = float(clock)

    def _judge(self, loss: float) -> None:
        self.model.eval()
        rates = {
            source: score(self.model, self.tokenizer, self.material.dev, source, 60)
            for source in JUDGED
        }
        self.model.train()
        self.curve.append((self.step, loss, *rates.values()))
        told = "  ".join(f"{source} {rate:.3f}" for source, rate in rates.items())
        print(
            f"step {self.step}  {self.seconds:.0f} s  loss {loss:.3f}  dev WER {told}", flush=True
        )

    def save(self, path: Path) -> None:
        """Write everything that a later run goes on from; to be called in every process."""
        self.optimizers[0].consolidate_state_dict()
        if not self.first:
            return
        temporary = path.with_suffix(".tmp")
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "clock": [self.seconds, self.step, self.level, self.starting],
            "curve": self.curve,
        }
        torch.save(state, temporary)
        temporary.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a saved state when there is one.

        Raises:
            ValueError: it was saved by another version of this script.
        """
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        if "optimizers" not in state:
            raise ValueError(
                f"work file {path}: made with another optimizer; delete it or choose another --work"
            )
        self.model.load_state_dict(state["model"])
        for optimizer, found in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(found)
        self.seconds, self.step, self.level, self.starting = state["clock"]
        self.curve = [tuple(row) for row in state["curve"]]
        self._seed()


def _mean(number: float) -> float:
    """Return the mean over the processes."""
    total = torch.tensor(number, dtype=torch.float64)
    distributed.all_reduce(total)
    return float(total) / distributed.get_world_size()


def optimizers(model: StreamingConformerForCTC) -> tuple[ZeroRedundancyOptimizer, Optimizer]:
    """Return Muon for the matrices of the blocks and AdamW for the rest.

    Muon: Jordan et al. 2024, with steps as large as those of AdamW (Liu et al. 2025,
    arXiv:2502.16982). It makes the momentum of each matrix nearly orthogonal at every step, which
    is dear; the processes share this work.
    """
    matrices = [weight for weight in model.blocks.parameters() if weight.ndim == 2]
    chosen = set(matrices)
    rest = [weight for weight in model.parameters() if weight not in chosen]
    muon = ZeroRedundancyOptimizer(
        matrices, torch.optim.Muon, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"
    )
    return muon, torch.optim.AdamW(rest, weight_decay=0.01, betas=(0.9, 0.98), fused=True)


def widened(before: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the state of a network whose feed-forward halves were narrower than those of `wanted`.

    It answers as before: the new inner units are those of `wanted`, and nothing listens to them yet
    (Chen, Goodfellow and Shlens 2016, arXiv:1511.05641, with zeros in place of halves).
    """
    state = {}
    for name, tensor in wanted.items():
        state[name] = torch.zeros_like(tensor) if name.endswith("narrow.weight") else tensor.clone()
        state[name][tuple(map(slice, before[name].shape))] = before[name]
    return state


@torch.inference_mode()
def score(
    model: StreamingConformerForCTC,
    tokenizer: Tokenizer,
    utterances: Utterances,
    source: str,
    limit: int | None = None,
) -> float:
    """Return the greedy word error rate on the clips of a source."""
    rows = [i for i, name in enumerate(utterances.sources) if name == source][:limit]
    chunk = model.config.chunk_frames
    heard = []
    for index in rows:
        features = pad_to_chunk(utterances.features[index].astype(np.float32), chunk)
        heard.append(greedy_words(model(torch.from_numpy(features)[None])[0].numpy(), tokenizer))
    return word_error_rate([utterances.texts[index] for index in rows], heard)
