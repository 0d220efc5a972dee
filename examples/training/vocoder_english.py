"""Train the vocoder of `fastspeech2-en`: log-mel to spectra, for the voice slt of flite.

    python examples/training/vocoder_english.py --judge judge/bin/python

It learns from the corpus of `fastspeech2_english.py` and from the mels of the checkpoint, which it
joins as the folder `vocoder`; the same command goes on after an interruption. `whisper_judge.py`
and `pesq_judge.py` say how the judge's environment is made.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from debian_data import UnpackedPackage, fetch_package
from fastspeech2_data import Corpus
from fastspeech2_english import NOTICE
from fastspeech2_evaluate import (
    HEARD,
    SPLITS,
    checkpoint_speaker,
    griffin_lim,
    listen,
    word_error_rate,
)
from fastspeech2_training import FEATURES, NUM_DEV, NUM_TEST, read_corpus
from flite_teacher import FliteTeacher
from model_card import Licenses, ModelCard, publish
from training_loop import TrainingResult
from vocoder_data import VocoderCorpus, read_vocoder_corpus
from vocoder_evaluate import copy_speaker, pesq, vocode
from vocoder_training import NUM_STEPS, PREDICTED_SHARE, SEED, make_model, train_model

from edgewright_export.models.fastspeech2 import load_checkpoint as load_voice
from edgewright_export.models.istft_vocoder import IstftVocoder, load_checkpoint, save_checkpoint


def evaluate(
    model: IstftVocoder,
    corpus: Corpus,
    recorded: VocoderCorpus,
    *,
    voice: Path,
    judge: Path,
    split: str,
) -> dict[str, float]:
    """Return PESQ and word error rates, of this vocoder and of Griffin-Lim (60 iterations).

    "copy" begins with the teacher's mel, "voice" with that of FastSpeech 2 from the teacher's
    phones, with predicted durations.
    """
    heard = SPLITS[split][:HEARD]
    references = [str(corpus.texts[index]) for index in heard]
    found: dict[str, float] = {}
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "vocoder": lambda mel: vocode(model, mel), "Griffin-Lim": griffin_lim,
    }  # fmt: skip
    for name, way in ways.items():
        copy = copy_speaker(recorded, way)
        found[f"PESQ, copy, {name}"] = pesq(copy, recorded, heard, judge)
        speakers = {"copy": copy, "voice": checkpoint_speaker(load_voice(voice), corpus, way)}
        for kind, speaker in speakers.items():
            rate = word_error_rate(references, listen(speaker, heard, judge))
            found[f"word error rate, {kind}, {name}"] = rate
    return found


def make_card(
    model: IstftVocoder,
    corpus: Corpus,
    result: TrainingResult,
    found: dict[str, dict[str, float]],
    packages: tuple[UnpackedPackage, UnpackedPackage],
) -> ModelCard:
    """Return the card; `found` holds what `evaluate` says of the splits "dev" and "test"."""
    flite, wordnet = packages
    test, dev = found["test"], found["dev"]
    hours = len(corpus.mel) * FEATURES["hop_length"] / FEATURES["sample_rate"] / 3600
    prefix = "word error rate, "
    rates = {
        name.removeprefix(prefix): value for name, value in test.items() if name.startswith(prefix)
    }
    return ModelCard(
        name="istft-vocoder-en",
        task="text-to-speech",
        summary=SUMMARY.format(context=model.config.context),
        licenses=Licenses(data=("LicenseRef-WordNet-3.0", "MIT-Festival")),
        notice=NOTICE,
        data=DATA.format(
            wordnet=wordnet.version, flite=flite.version, hours=hours, sentences=len(corpus),
            test=NUM_TEST, dev=NUM_DEV, train=len(corpus) - NUM_TEST - NUM_DEV,
            share=round(100 * PREDICTED_SHARE),
        ),
        metric_name="PESQ (wide band) of the teacher's mel beside the teacher (higher is better)",
        dev_metric=dev["PESQ, copy, vocoder"],
        test_metric=test["PESQ, copy, vocoder"],
        test_samples=HEARD,
        baseline_name="by Griffin-Lim, 60 iterations",
        baseline_metric=test["PESQ, copy, Griffin-Lim"],
        training=TRAINING + "\n".join(f"| {name} | {rate:.4f} |" for name, rate in rates.items()),
        curves={"development column: minus the spectral losses": result.history},
        parameters=sum(weight.numel() for weight in model.parameters()),
        seed=SEED,
        seconds=result.seconds,
        command="python examples/training/vocoder_english.py --judge judge/bin/python",
        limits=LIMITS,
    )  # fmt: skip


def main() -> None:
    """Make the data, train, judge, write the vocoder with its card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = Path(__file__).resolve().parents[2]
    voice = root / "examples/checkpoints/fastspeech2-en"
    parser.add_argument("--voice", type=Path, default=voice, help="checkpoint of FastSpeech 2")
    parser.add_argument("--work", type=Path, default=root / "build/training/vocoder")
    parser.add_argument("--corpus", type=Path, default=root / "build/training/fastspeech2")
    parser.add_argument(
        "--judge", type=Path, required=True, help="Python with faster-whisper, pesq"
    )
    parser.add_argument("--steps", type=int, default=NUM_STEPS)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    packages = fetch_package("libflite1"), fetch_package("wordnet-base")
    corpus = read_corpus(options.corpus, *packages)
    options.work.mkdir(parents=True, exist_ok=True)
    recorded = read_vocoder_corpus(
        corpus, functools.partial(FliteTeacher, packages[0].root), options.voice, options.work
    )
    model = make_model(recorded)
    result = train_model(model, recorded, options.work, options.steps)
    stored = options.work / "stored"
    stored.mkdir(exist_ok=True)
    save_checkpoint(model, stored)
    # What is judged has gone through float16, as what is published.
    judged = load_checkpoint(stored)
    found = {
        split: evaluate(
            judged, corpus, recorded, voice=options.voice, judge=options.judge, split=split
        )
        for split in ("dev", "test")
    }
    card = make_card(judged, corpus, result, found, packages)
    output = options.voice / "vocoder"
    publish(card, output, lambda folder: save_checkpoint(judged, folder), extra={})


SUMMARY = """
Turns the log-mel of `fastspeech2-en` into short-time spectra (magnitude and phase), from which the
inverse STFT of the runtime makes the waveform. ConvNeXt blocks; a frame sees {context} frames each
way.
""".strip()

DATA = """
{sentences:,} distinct example sentences of WordNet (Debian `wordnet-base` {wordnet}) spoken by the
voice slt of flite (Debian `libflite1` {flite}): {hours:.1f} hours at 16 kHz, the corpus and the
splits of `fastspeech2-en`. {share} % of the training segments begin with the mel that
`fastspeech2-en` makes with the teacher's durations, pitch and energy.

- test: the first {test} sentences
- development: the next {dev}; judged are the first 50 of them
- train: the other {train:,}
""".strip()

TRAINING = """
Spectral convergence and log-magnitude error of the waveform at four resolutions, log-magnitude of
the predicted bins, and their phase differences along time and frequency; no discriminator. AdamW,
warm-up and cosine, bfloat16, moving average of the weights; the last step's average is published,
stored as float16.

Word error rates of Whisper tiny.en on the same test sentences; "copy" begins with the teacher's
mel, "voice" with that of `fastspeech2-en` from the teacher's phones:

| | test |
|---|---|
""".lstrip()

LIMITS = """
One voice at 16 kHz. Mels of other voices, and pitch far from this one's, were never heard in
training;
Griffin-Lim (remove the folder `vocoder`) takes them all alike.
""".strip()

if __name__ == "__main__":
    main()
