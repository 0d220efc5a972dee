"""Train the streaming Conformer-CTC for English and write a checkpoint folder.

    python examples/training/conformer_ctc.py      # --minutes, --processes, --output, --work

The learning rate follows the clock, not the step: the run ends after `--minutes`, whatever else the
machine does. The same command goes on from the last save. Each process has batches of its own, and
their gradients are averaged.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import conformer_data
import conformer_texts
import torch
from conformer_card import TrainingFacts
from conformer_checkpoint import publish_checkpoint
from conformer_data import Material
from conformer_speech import SPOKEN, prepare
from conformer_splices import splice_parts
from conformer_trainer import Options, Trainer
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from tokenizers.decoders import Metaspace as MetaspaceDecoder
from torch import distributed, multiprocessing

from edgewright_export.models.conformer import FRAMES_PER_LOGITS

NUM_PIECES = 192
PARTS_FILE = "parts.npz"


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


def main() -> None:
    """Prepare, train, publish."""
    options = _options()
    _prepare(options)
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{folder}/meeting"
        multiprocessing.spawn(_train, (options, meeting), options.processes)


def _prepare(options: Options) -> None:
    options.work.mkdir(parents=True, exist_ok=True)
    path, parts = options.work / "material.npz", options.work / PARTS_FILE
    if not path.exists():
        parts.unlink(missing_ok=True)
        material = prepare(options.sources, _packages(), options.work, options.seed)
        conformer_data.save(material, path)
    shutil.rmtree(options.work / SPOKEN, ignore_errors=True)
    if options.start_from is not None and not parts.exists():
        torch.set_num_threads(options.processes * options.threads)
        material = conformer_data.load(path)
        held = {*material.dev.texts, *material.test.texts}
        found = splice_parts(options.start_from, material.train, held)
        if len(found):
            conformer_data.write(parts, conformer_data.part_arrays("train", found))


def _material(options: Options) -> Material:
    """Return the material, with the parts of recordings where a run begins with other weights."""
    material = conformer_data.load(options.work / "material.npz")
    parts = options.work / PARTS_FILE
    if options.start_from is None or not parts.exists():
        return material
    return replace(material, train=material.train + conformer_data.load_part(parts, "train"))


def _train(rank: int, options: Options, meeting: str) -> None:
    """Be one of the processes, which find one another by a file."""
    if sys.platform == "linux":  # else gloo looks for the host's name, which may have no address
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(options.threads)
    distributed.init_process_group(
        "gloo", init_method=meeting, rank=rank, world_size=options.processes
    )
    material = _material(options)
    pieces = options.work / "tokenizer.json"
    if rank == 0 and not pieces.exists():
        _tokenizer(options, material).save(str(pieces))
    distributed.barrier()
    trainer = Trainer(options, material, Tokenizer.from_file(str(pieces)))
    trainer.resume(options.work / "run.pt")
    trainer.run(options.work / "run.pt")
    if rank == 0:
        _publish(trainer)
    distributed.barrier()  # nobody leaves while another still listens
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
        conformer_texts.written_texts(_packages(), material),
        conformer_texts.dictionary(_packages()),
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
    parser.add_argument("--chunk-frames", type=int, default=72, help="features heard at once")
    parser.add_argument("--left-context", type=int, default=48, help="logits heard before them")
    parser.add_argument("--processes", type=int, default=1, help="as many as there are cores")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--learning-rate", type=float, default=1.2e-3)
    parser.add_argument("--seed", type=int, default=1, help="of texts, speech and training")
    parser.add_argument(
        "--bfloat16",
        action=argparse.BooleanOptionalAction,
        help="products in it; by default where this machine is faster at them",
    )
    parser.add_argument(
        "--start-from", type=Path, help="checkpoint folder whose weights come first"
    )
    options = Options(**vars(parser.parse_args()))
    if options.chunk_frames < 1 or options.chunk_frames % FRAMES_PER_LOGITS:
        expected = f"a multiple of {FRAMES_PER_LOGITS}"
        parser.error(f"--chunk-frames: got {options.chunk_frames}, expected {expected}")
    return options


if __name__ == "__main__":
    main()
