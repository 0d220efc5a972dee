"""Train the streaming Conformer-CTC for English and write a checkpoint folder.

    python examples/training/conformer_ctc.py      # --minutes, --processes, --output, --work

The learning rate follows the clock, not the step: the run ends after `--minutes`, whatever else the
machine does. The same command goes on from the last save. Each process has batches of its own, and
their gradients are averaged.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import conformer_data
import numpy as np
import torch
from conformer_card import JUDGED, TrainingFacts
from conformer_checkpoint import publish_checkpoint
from conformer_data import Augmentation, Item, Material, Mixture, Utterances
from speech_clips import pad_to_chunk
from speech_scoring import greedy_words
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tokenizers.decoders import Metaspace as MetaspaceDecoder
from torch import Tensor, distributed, multiprocessing, nn
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

START = Mixture({"synthetic": 0.75, "adapted": 0.25}, 64.0, longest=220)
"""Short and clear: what leaves the plateau where CTC says blanks only."""
REST = Mixture(
    {
        "synthetic": 0.32,
        "espeak": 0.19,
        "adapted": 0.12,
        "queen": 0.16,
        "steel sky": 0.08,
        "asterisk": 0.07,
        "drascula": 0.04,
        "noise": 0.02,
    },
    96.0,
    joined=0.3,
)
SCARCE = ("asterisk",)  # learned by heart unless it is masked in full
VARIATIONS = {"adapted": 0.5, "synthetic": 0.25, "espeak": 0.25}
"""Of the others 1: these voices are varied as they speak."""
MASKS = {
    "adapted": 0.3,
    "synthetic": 0.0,
    "espeak": 0.0,
    "queen": 0.5,
    "steel sky": 0.5,
    "drascula": 0.5,
}
"""Largest strength of masks, of the others 1: little or none for what no run learns by heart."""
START_LOSS = 3.0  # the start ends below it
SAVE_EVERY, JUDGE_EVERY = 120.0, 300.0  # seconds of training
MASK_LOSSES = (1.8, 0.8)  # masks begin to grow below the first and are full at the second
NUM_PIECES = 192
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
    processes: int
    threads: int
    learning_rate: float
    seed: int
    start_from: Path | None


def train_tokenizer(texts: list[str]) -> Tokenizer:
    """Return a Unigram tokenizer of lower-case pieces; piece 0 is the blank."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = MetaspaceDecoder()
    trainer = trainers.UnigramTrainer(
        vocab_size=NUM_PIECES + 1,
        special_tokens=["<blank>"],
        unk_token="<blank>",
        initial_alphabet=list("abcdefghijklmnopqrstuvwxyz'\u2581"),
        max_piece_length=6,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


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
            dropout=0.0,
        )
        self.model = StreamingConformerForCTC(config)
        mean, std = conformer_data.statistics(material.train)
        self.model.feature_mean.copy_(torch.from_numpy(mean))
        self.model.feature_std.copy_(torch.from_numpy(std))
        self.optimizers = optimizers(self.model)
        self.targets = [encoding.ids for encoding in tokenizer.encode_batch(material.train.texts)]
        self.seconds, self.step = 0.0, 0
        self.level, self.starting = 8.0, True  # smoothed loss
        if options.start_from is not None:
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
        train = self.material.train.features
        rows = [
            np.concatenate(
                [
                    conformer_data.disturb(train[index], self._augmentation(index), self.rng)
                    for index in item
                ]
            )
            for item in items
        ]
        features = conformer_data.make_batch(rows)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self._rate()
        with torch.autocast("cpu", torch.bfloat16):
            logits, middle = self.parallel(torch.from_numpy(features))
        loss = self._loss(logits, items) + 0.3 * self._loss(middle, items)
        self.model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step += 1
        value = _mean(float(loss.detach()) / 1.3)
        self.level += 0.02 * (value - self.level)
        self.starting &= self.level > START_LOSS
        return value

    def _augmentation(self, index: int) -> Augmentation:
        """Disturb little at first: disturbed speech keeps the model on the plateau of CTC."""
        first, last = MASK_LOSSES
        source = self.material.train.sources[index]
        grown = min(1.0, max(0.0, (first - self.level) / (first - last)))
        known = source in SCARCE and not self.starting
        strength = 1.0 if known else min(grown, MASKS.get(source, 1.0))
        return Augmentation(strength, 0.0 if self.starting else VARIATIONS.get(source, 1.0))

    def _rate(self) -> float:
        warm = min(1.0, (self.step + 1) / 200)
        cosine = 0.5 * (1.0 + math.cos(math.pi * self.progress))
        return self.options.learning_rate * warm * max(cosine, 1e-3)

    def _loss(self, logits: Tensor, items: Sequence[Item]) -> Tensor:
        targets = [[token for index in item for token in self.targets[index]] for item in items]
        lengths = torch.tensor([len(target) for target in targets])
        frames = torch.full((len(targets),), logits.shape[1])
        flat = torch.tensor([token for target in targets for token in target])
        log_probs = functional.log_softmax(logits.float(), -1).transpose(0, 1)
        return functional.ctc_loss(
            log_probs, flat, frames, lengths, blank=BLANK_ID, zero_infinity=True
        )

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
    heard = []
    for index in rows:
        features = pad_to_chunk(utterances.features[index].astype(np.float32), 48)
        heard.append(greedy_words(model(torch.from_numpy(features)[None])[0].numpy(), tokenizer))
    return word_error_rate([utterances.texts[index] for index in rows], heard)


def main() -> None:
    """Prepare, train, publish."""
    options = _options()
    options.work.mkdir(parents=True, exist_ok=True)
    path = options.work / "material.npz"
    if not path.exists():
        material = conformer_data.prepare(options.sources, _packages(), options.work)
        conformer_data.save(material, path)
        shutil.rmtree(options.work / conformer_data.SPOKEN)
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{folder}/meeting"
        multiprocessing.spawn(_train, (options, meeting), options.processes)


def _train(rank: int, options: Options, meeting: str) -> None:
    """Be one of the processes, which find one another by a file."""
    if sys.platform == "linux":  # else gloo looks for the host's name, which may have no address
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(options.threads)
    distributed.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=options.processes
    )
    material = conformer_data.load(options.work / "material.npz")
    pieces = options.work / "tokenizer.json"
    if rank == 0 and not pieces.exists():
        _tokenizer(options, material).save(str(pieces))
    distributed.barrier()
    trainer = Trainer(options, material, Tokenizer.from_file(str(pieces)))
    trainer.resume(options.work / "run.pt")
    trainer.run(options.work / "run.pt")
    if rank == 0:
        _publish(trainer)
    distributed.destroy_process_group()


def _tokenizer(options: Options, material: Material) -> Tokenizer:
    if options.start_from is None:
        return train_tokenizer(sorted(material.train.texts))
    return Tokenizer.from_file(str(options.start_from / "tokenizer.json"))


def _publish(trainer: Trainer) -> None:
    options, material = trainer.options, trainer.material
    facts = TrainingFacts(trainer.step, trainer.seconds, trainer.curve, options.seed)
    publish_checkpoint(
        trainer.model.eval(),
        trainer.tokenizer,
        conformer_data.written_texts(_packages(), material),
        conformer_data.dictionary(_packages()),
        facts=facts,
        output=options.output,
    )


def _packages() -> Path:
    return Path(__file__).resolve().parents[2] / "build" / "data"


def _options() -> Options:
    parser = argparse.ArgumentParser(description=__doc__)
    sources = Path(__file__).with_name("transcripts")
    parser.add_argument("--sources", type=Path, default=sources, help="texts, test_split.json")
    parser.add_argument("--work", type=Path, default=_packages().parent / "conformer_ctc")
    parser.add_argument("--output", type=Path, default=Path("build/conformer-ctc-en"))
    parser.add_argument("--minutes", type=float, default=100.0)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--ffn-size", type=int, default=768)
    parser.add_argument("--processes", type=int, default=1, help="as many as there are cores")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--learning-rate", type=float, default=1.2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--start-from", type=Path, help="checkpoint folder whose weights come first"
    )
    return Options(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
