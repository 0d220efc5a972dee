"""Train the Spanish voice and its vocoder: the project's phrases, as eSpeak NG speaks them.

    apt-get install libespeak-ng1                    # as root, once
    python examples/training/fastspeech2_spanish.py --judge judge/bin/python

The data (some hours of speech, made in a few minutes) and the training state stay in the work
folder; the same command goes on after an interruption. `pesq_judge.py` says how the judge's
environment is made.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from espeak_teacher import EspeakTeacher
from fastspeech2_data import (
    Corpus,
    Speaking,
    load_corpus,
    make_corpus,
    save_corpus,
    vocabulary_of,
)
from fastspeech2_evaluate import griffin_lim
from fastspeech2_training import (
    FEATURES,
    Splits,
    make_batch,
    make_model,
    mean_losses,
    train_model,
)
from model_card import publish
from spanish_cards import vocoder_card, voice_card
from spanish_sentences import all_sentences
from training_loop import TrainingResult
from vocoder_data import VocoderCorpus, record_corpus, save, with_predictions
from vocoder_evaluate import copy_speaker, pesq, vocode
from vocoder_training import train_model as train_vocoder

from edgewright.text.spanish.phones import NAMES
from edgewright_export.models import istft_vocoder
from edgewright_export.models.fastspeech2 import FastSpeech2, load_checkpoint, save_checkpoint
from edgewright_export.models.istft_vocoder import IstftVocoder

NUM_STEPS = 1000
SIZES = {
    "encoder_layers": 3, "encoder_ffn_size": 256, "encoder_kernel": 3,
    "decoder_ffn_size": 256, "decoder_dilations": (1, 2, 4, 2), "language": "es",
}  # fmt: skip
"""Half the weights of `fastspeech2-en`: this teacher speaks by rules and is easy to learn."""
VOCODER_STEPS, VOCODER_RATE, VOCODER_SENTENCES = 2400, 1e-3, 1000
HEARD = 50  # sentences of a split that PESQ judges


def make_spanish_vocabulary() -> dict[str, int]:
    """Return {token: id}."""
    return vocabulary_of(NAMES)


def read_spanish_corpus(work: Path) -> tuple[Corpus, Splits]:
    """Return the spoken sentences, those held out first; made on the first call."""
    path = work / "corpus.npz"
    if not path.exists():
        test, dev, training = all_sentences()
        speaking = Speaking(EspeakTeacher, make_spanish_vocabulary())
        save_corpus(make_corpus(speaking, [*test, *dev, *training]), path)
    corpus = load_corpus(path)
    return corpus, splits_of(corpus)


def splits_of(corpus: Corpus) -> Splits:
    """Return how many sentences of a corpus are held out."""
    test, dev, _ = all_sentences()
    spoken = corpus.texts.tolist()
    return Splits(*(sum(text in part for text in spoken) for part in (set(test), set(dev))))


def read_recorded(
    corpus: Corpus, splits: Splits, voice: Path, work: Path
) -> tuple[VocoderCorpus, Splits]:
    """Return waveforms with the mels of teacher and `voice`, made on the first call.

    eSpeak never says a sentence in the same way twice, so these are spoken anew.
    """
    path, samples = work / "recorded.npz", work / "recorded.npy"
    if not path.exists():
        texts = corpus.texts[: splits.start + VOCODER_SENTENCES].tolist()
        recorded, waveform = record_corpus(EspeakTeacher(), make_spanish_vocabulary(), texts)
        save(samples, waveform)
        save_corpus(recorded, path)
    recorded = load_corpus(path)
    return with_predictions(recorded, np.load(samples, "r"), voice, work), splits_of(recorded)


def token_means_error(model: FastSpeech2, corpus: Corpus, splits: Splits) -> dict[str, float]:
    """Return the errors of a baseline on the test split: every token is its mean of the training.

    "mel" and "duration_frames" as in `mean_losses`.
    """
    start = splits.start
    ids = corpus.token_ids[corpus.tokens(start).start :]
    durations = corpus.durations[corpus.tokens(start).start :]
    rows = np.repeat(ids, durations)
    mel = corpus.mel[corpus.frames(start).start :].astype(np.float32)
    size = model.config.vocab_size
    counts, frames = (np.maximum(np.bincount(one, minlength=size), 1) for one in (ids, rows))
    mean_duration = np.bincount(ids, durations, size) / counts
    mean_mel = np.stack([np.bincount(rows, column, size) / frames for column in mel.T], axis=1)
    found = {"mel": 0.0, "duration_frames": 0.0}
    for index in splits.test:
        batch = make_batch(corpus, np.array([index]), model)
        row = corpus.token_ids[corpus.tokens(index)]
        guess = torch.from_numpy(mean_mel[row].astype(np.float32))[batch.rows[0]]
        guess = (guess - model.decoder.mel_mean) / model.decoder.mel_std
        found["mel"] += float((guess - batch.mel[0]).abs().mean())
        error = np.abs(np.round(mean_duration[row]) - batch.durations[0].numpy())
        found["duration_frames"] += float(error.mean())
    return {name: value / len(splits.test) for name, value in found.items()}


def judge_vocoder(
    model: IstftVocoder, recorded: VocoderCorpus, part: range, judge: Path
) -> dict[str, float]:
    """Return PESQ of the teacher's mels, by this vocoder and by Griffin-Lim (60 iterations)."""
    ways = {"vocoder": lambda mel: vocode(model, mel), "Griffin-Lim": griffin_lim}
    return {
        name: pesq(copy_speaker(recorded, way), recorded, part[:HEARD], judge)
        for name, way in ways.items()
    }


def learn_voice(
    corpus: Corpus, splits: Splits, work: Path, steps: int
) -> tuple[FastSpeech2, TrainingResult]:
    """Train, and return what the folder `stored` of `work` then holds, through float16."""
    model = make_model(corpus, len(make_spanish_vocabulary()), **SIZES)
    result = train_model(model, corpus, work, steps, splits, bfloat16=True)
    stored = work / "stored"
    stored.mkdir(exist_ok=True)
    save_checkpoint(model, stored, make_spanish_vocabulary(), FEATURES)
    return load_checkpoint(stored), result


def learn_vocoder(
    recorded: VocoderCorpus, splits: Splits, work: Path, begin: Path, steps: int
) -> tuple[IstftVocoder, TrainingResult]:
    """Train the vocoder `begin` on, and return what is stored of it."""
    model = istft_vocoder.load_checkpoint(begin)
    result = train_vocoder(model, recorded, work, steps, splits, learning_rate=VOCODER_RATE)
    stored = work / "stored-vocoder"
    stored.mkdir(exist_ok=True)
    istft_vocoder.save_checkpoint(model, stored)
    return istft_vocoder.load_checkpoint(stored), result


def main() -> None:
    """Make the data, train, judge, write the checkpoint with its cards."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = Path(__file__).resolve().parents[2]
    checkpoints = root / "examples/checkpoints"
    parser.add_argument("--output", type=Path, default=checkpoints / "fastspeech2-es")
    parser.add_argument("--work", type=Path, default=root / "build/training/fastspeech2_spanish")
    parser.add_argument("--vocoder", type=Path, default=checkpoints / "fastspeech2-en/vocoder")
    parser.add_argument("--judge", type=Path, required=True, help="Python with pesq")
    parser.add_argument("--steps", type=int, default=NUM_STEPS)
    parser.add_argument("--vocoder-steps", type=int, default=VOCODER_STEPS)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    work = options.work
    corpus, splits = read_spanish_corpus(work)
    voice, voice_result = learn_voice(corpus, splits, work, options.steps)
    recorded, held = read_recorded(corpus, splits, work / "stored", work)
    vocoder, vocoder_result = learn_vocoder(
        recorded, held, work, options.vocoder, options.vocoder_steps
    )
    found = {
        "dev": mean_losses(voice, corpus, splits.dev),
        "test": mean_losses(voice, corpus, splits.test),
        "baseline": token_means_error(voice, corpus, splits),
    }
    heard = {
        "dev": judge_vocoder(vocoder, recorded, held.dev, options.judge),
        "test": judge_vocoder(vocoder, recorded, held.test, options.judge),
        "before": judge_vocoder(
            istft_vocoder.load_checkpoint(options.vocoder), recorded, held.test, options.judge
        ),
    }
    print(found, heard, sep="\n")
    version = EspeakTeacher().version
    card = voice_card(
        voice, corpus, splits=splits, result=voice_result, found=found, espeak=version
    )
    vocoder_page = vocoder_card(
        vocoder, recorded, splits=held, result=vocoder_result, heard=heard, espeak=version
    )

    def write(folder: Path) -> None:
        save_checkpoint(voice, folder, make_spanish_vocabulary(), FEATURES)
        publish(
            vocoder_page,
            folder / "vocoder",
            lambda inner: istft_vocoder.save_checkpoint(vocoder, inner),
            extra={},
        )

    publish(card, options.output, write, extra={})


if __name__ == "__main__":
    main()
