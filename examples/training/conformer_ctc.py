"""Train the streaming Conformer-CTC for English and write a checkpoint folder.

    python examples/training/conformer_ctc.py      # --minutes, --threads, --output, --work

The learning rate follows the clock, not the step: the run ends after `--minutes`, whatever else the
machine does. The same command goes on from the last save.
"""

from __future__ import annotations

import argparse
import math
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
from torch import Tensor
from torch.nn import functional

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
        "synthetic": 0.3,
        "espeak": 0.2,
        "adapted": 0.18,
        "queen": 0.14,
        "asterisk": 0.1,
        "drascula": 0.05,
        "noise": 0.03,
    },
    64.0,
    joined=0.3,
)
SCARCE = ("asterisk",)  # learned by heart unless it is masked in full
VARIATIONS = {"adapted": 0.5, "synthetic": 0.5, "espeak": 0.5}
"""Of the others 1: these voices are varied as they speak."""
START_LOSS = 3.0  # the start ends below it
SAVE_EVERY, JUDGE_EVERY = 120.0, 300.0  # seconds
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


class Trainer:
    """Model, optimizer and clock of one run."""

    def __init__(self, options: Options, material: Material, tokenizer: Tokenizer) -> None:
        torch.manual_seed(options.seed)
        self.options, self.material, self.tokenizer = options, material, tokenizer
        self.rng = np.random.default_rng(options.seed)
        config = StreamingConformerConfig(
            tokenizer.get_vocab_size(),
            BLANK_ID,
            num_layers=options.layers,
            ffn_size=options.ffn_size,
            dropout=0.05,
        )
        self.model = StreamingConformerForCTC(config)
        mean, std = conformer_data.statistics(material.train)
        self.model.feature_mean.copy_(torch.from_numpy(mean))
        self.model.feature_std.copy_(torch.from_numpy(std))
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), weight_decay=0.01, betas=(0.9, 0.98), fused=True
        )
        self.targets = [encoding.ids for encoding in tokenizer.encode_batch(material.train.texts)]
        self.seconds, self.step = 0.0, 0
        self.level, self.starting = 8.0, True  # smoothed loss
        if options.start_from is not None:
            before = load_checkpoint(options.start_from).state_dict()
            self.model.load_state_dict(widened(before, self.model.state_dict()))
            self.level, self.starting = START_LOSS, False
        self.curve: list[tuple[float, ...]] = []

    @property
    def progress(self) -> float:
        """Share of the time that is spent, 0 to 1."""
        return min(1.0, self.seconds / (60.0 * self.options.minutes))

    def advance(self, items: Sequence[Item]) -> float:
        """Train on one batch and return its loss."""
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
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        with torch.autocast("cpu", torch.bfloat16):
            logits, middle = self.model.training_logits(torch.from_numpy(features))
        loss = self._loss(logits, items) + 0.3 * self._loss(middle, items)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        value = float(loss.detach()) / 1.3
        self.level += 0.02 * (value - self.level)
        self.starting &= self.level > START_LOSS
        return value

    def _augmentation(self, index: int) -> Augmentation:
        """Disturb little at first: disturbed speech keeps the model on the plateau of CTC."""
        first, last = MASK_LOSSES
        strength = min(1.0, max(0.0, (first - self.level) / (first - last)))
        source = self.material.train.sources[index]
        if source in SCARCE and not self.starting:
            strength = 1.0
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
        """Train until the time is up; saves and judges now and then."""
        saved = judged = time.monotonic()
        losses: list[float] = []
        self.model.train()
        while self.progress < 1.0:
            mixture = START if self.starting else REST
            for items in conformer_data.draw_batches(self.material.train, mixture, self.rng):
                started = time.monotonic()
                losses.append(self.advance(items))
                self.seconds += time.monotonic() - started
                if self.progress >= 1.0 or time.monotonic() - judged > JUDGE_EVERY:
                    self._judge(float(np.mean(losses)))
                    losses, judged = [], time.monotonic()
                if self.progress >= 1.0 or time.monotonic() - saved > SAVE_EVERY:
                    self.save(work_file)
                    saved = time.monotonic()
                if self.progress >= 1.0:
                    break

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
        """Write everything that a later run goes on from."""
        temporary = path.with_suffix(".tmp")
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "clock": [self.seconds, self.step, self.level, self.starting],
            "curve": self.curve,
            "numpy_rng": self.rng.bit_generator.state,
            "torch_rng": torch.get_rng_state(),
        }
        torch.save(state, temporary)
        temporary.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a saved state when there is one."""
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.seconds, self.step, self.level, self.starting = state["clock"]
        self.curve = [tuple(row) for row in state["curve"]]
        self.rng.bit_generator.state = state["numpy_rng"]
        torch.set_rng_state(state["torch_rng"])


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
    torch.set_num_threads(options.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    cache = options.work / "material.npz"
    if not cache.exists():
        conformer_data.save(conformer_data.prepare(options.sources, _packages()), cache)
    material = conformer_data.load(cache)
    if options.start_from is None:
        tokenizer = train_tokenizer(sorted(material.train.texts))
    else:
        tokenizer = Tokenizer.from_file(str(options.start_from / "tokenizer.json"))
    trainer = Trainer(options, material, tokenizer)
    work_file = options.work / "run.pt"
    trainer.resume(work_file)
    trainer.run(work_file)
    facts = TrainingFacts(trainer.step, trainer.seconds, trainer.curve, options.seed)
    model, definitions = trainer.model.eval(), conformer_data.definitions(_packages(), material)
    publish_checkpoint(
        model, tokenizer, material.train, definitions, facts=facts, output=options.output
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
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--learning-rate", type=float, default=1.2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--start-from", type=Path, help="checkpoint folder whose weights come first"
    )
    return Options(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
