"""Train the small FastSpeech 2 of this repository on WordNet's examples, as flite speaks them.

    python examples/training/fastspeech2_english.py --judge judge/bin/python

The data (4.2 hours of speech, made in a few minutes) and the training state stay in the work
folder; the same command goes on after an interruption. At the end a speech recognizer listens to
the result; `whisper_judge.py` says how its environment is made.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import torch
from debian_data import UnpackedPackage, fetch_package
from fastspeech2_data import Corpus, make_vocabulary
from fastspeech2_evaluate import HEARD, evaluate
from fastspeech2_training import (
    FEATURES,
    NUM_DEV,
    NUM_STEPS,
    NUM_TEST,
    SEED,
    make_model,
    read_corpus,
    train_model,
)
from model_card import Licenses, ModelCard, publish
from training_loop import TrainingResult

from edgewright_export.models.fastspeech2 import (
    FastSpeech2,
    load_checkpoint,
    save_checkpoint,
    with_duration_scale,
)

WORD_ERRORS = "word error rate, "
DURATION_SCALE = 1.25
"""Flite reads fast (about 165 words a minute); chosen on the development sentences."""


def write_model(model: FastSpeech2, folder: Path) -> None:
    """Save weights, configuration and vocabulary."""
    save_checkpoint(model, folder, make_vocabulary(), FEATURES)


def make_card(
    model: FastSpeech2,
    corpus: Corpus,
    result: TrainingResult,
    found: dict[str, dict[str, float]],
    packages: tuple[UnpackedPackage, UnpackedPackage],
) -> ModelCard:
    """Return the card; `found` holds what `evaluate` says of the splits "dev" and "test"."""
    flite, wordnet = packages
    test, dev = found["test"], found["dev"]
    hours = len(corpus.mel) * FEATURES["hop_length"] / FEATURES["sample_rate"] / 3600
    return ModelCard(
        name="fastspeech2-en",
        task="text-to-speech",
        summary=SUMMARY,
        licenses=Licenses(data=("LicenseRef-WordNet-3.0", "MIT-Festival")),
        notice=NOTICE,
        data=DATA.format(
            wordnet=wordnet.version, flite=flite.version, hours=hours, sentences=len(corpus),
            test=NUM_TEST, dev=NUM_DEV, train=len(corpus) - NUM_TEST - NUM_DEV,
        ),
        metric_name="word error rate of Whisper tiny.en (lower is better)",
        dev_metric=dev[WORD_ERRORS + "model"],
        test_metric=test[WORD_ERRORS + "model"],
        test_samples=HEARD,
        baseline_name="spoken by the teacher flite",
        baseline_metric=test[WORD_ERRORS + "teacher"],
        training=TRAINING.format(
            mel=test["mel"], frames=test["duration_frames"],
            milliseconds=12.5 * test["duration_frames"],
            resynthesis=test[WORD_ERRORS + "teacher's mel"],
            context=model.config.decoder_context,
        ),
        curves={"development column: minus the mel error": result.history},
        parameters=sum(weight.numel() for weight in model.parameters()),
        seed=SEED,
        seconds=result.seconds,
        command="python examples/training/fastspeech2_english.py --judge judge/bin/python",
        limits=LIMITS,
    )  # fmt: skip


def main() -> None:
    """Make the data, train, judge, write the checkpoint with its card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = Path(__file__).resolve().parents[2]
    parser.add_argument("--output", type=Path, default=root / "examples/checkpoints/fastspeech2-en")
    parser.add_argument("--work", type=Path, default=root / "build/training/fastspeech2")
    parser.add_argument("--judge", type=Path, required=True, help="Python with faster-whisper")
    parser.add_argument("--steps", type=int, default=NUM_STEPS)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    packages = fetch_package("libflite1"), fetch_package("wordnet-base")
    corpus = read_corpus(options.work, *packages)
    model = make_model(corpus)
    result = train_model(model, corpus, options.work, options.steps)
    stored = options.work / "stored"
    stored.mkdir(exist_ok=True)
    write_model(with_duration_scale(model, DURATION_SCALE), stored)
    # What is judged has gone through float16, as what is published.
    judged = load_checkpoint(stored)
    found = {
        split: evaluate(judged, corpus, packages[0].root, options.judge, split)
        for split in ("dev", "test")
    }
    card = make_card(judged, corpus, result, found, packages)

    def write(folder: Path) -> None:
        write_model(judged, folder)
        if (vocoder := options.output / "vocoder").is_dir():
            shutil.copytree(vocoder, folder / "vocoder")

    publish(card, options.output, write, extra={})


SUMMARY = """
A small FastSpeech 2 that turns English phones (of flite's cmulex, with stress, syllable beginnings
and pauses) into log-mel frames, with rate, pitch and energy under control. One female voice.
""".strip()

NOTICE = (
    "Trained on example sentences of WordNet 3.0, copyright 2006 by Princeton University, all "
    "rights reserved, spoken by the voice cmu_us_slt of Flite, copyright Carnegie Mellon "
    "University and others; both licences permit use and distribution without fee."
)

DATA = """
{sentences:,} distinct example sentences of WordNet (Debian `wordnet-base` {wordnet}; 4 to 25 words)
in a fixed random order, spoken by the voice slt of flite (Debian `libflite1` {flite}): {hours:.1f}
hours at 16 kHz. Phone ends, stress and words are flite's own, pitch is DIO's.

- test: the first {test} sentences
- development: the next {dev}; the recognizer hears the first 50 of them
- train: the other {train:,}
""".strip()

TRAINING = """
L1 of the normalized mel + 0.5 log-duration + 0.1 pitch + 0.1 energy, the decoder fed with the
teacher's durations, pitch and energy. AdamW, warm-up and cosine, float32, moving average of the
weights; the last step's average is published, stored as float16. The decoder is convolutional and
sees {context} frames each way.

On the test split: mel error {mel:.4f} standard deviations (L1, teacher's durations), duration
error {frames:.2f} frames = {milliseconds:.0f} ms a phone, word error rate {resynthesis:.4f} of
the teacher's own mel after the same Griffin-Lim (60 iterations).
The recognizer hears the teacher's phones, so errors of a pronunciation lexicon are not in it.
""".strip()

LIMITS = """
It sounds like flite, a small voice of 2002. The prosody is read-aloud and flat; "!" and "?" are
hardly told from ".". The pitch
that is heard follows its scale by about two thirds (1.1: 1.07, 1.3: 1.22, 1.5: 1.26) and never
falls below 0.86: the data hold one voice in one register. English only.
""".strip()

if __name__ == "__main__":
    main()
