"""Judge a FastSpeech 2: what Whisper understands of it, mel and duration errors.

    python examples/training/fastspeech2_evaluate.py --judge judge/bin/python --split test

`whisper_judge.py` says how the judge's environment is made. With `--bundle` the sentences go as
text through the bundle (its own pronunciations and Griffin-Lim); otherwise the teacher's phones go
through the checkpoint and the Griffin-Lim of this file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from debian_data import fetch_package
from fastspeech2_data import HOP_LENGTH, N_FFT, WIN_LENGTH, Corpus, mel_filters
from fastspeech2_training import ENGLISH, mean_losses, read_corpus
from flite_teacher import FliteTeacher
from scipy.signal import resample_poly
from spoken_phones import SAMPLE_RATE
from torch import Tensor
from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

import edgewright
from edgewright.tasks import metrics
from edgewright_export.models.fastspeech2 import FastSpeech2, load_checkpoint

ITERATIONS, MOMENTUM = 60, 0.99
SPLITS = {"test": ENGLISH.test, "dev": ENGLISH.dev}
HEARD = 50  # sentences of a split that the recognizer hears

Speaker = Callable[[int], np.ndarray]
"""Index of an utterance -> float32 (samples,) at 16 kHz."""


def griffin_lim(mel: np.ndarray) -> np.ndarray:
    """Turn a natural-log mel (frames, 80) into a waveform (Perraudin et al. 2013, fast variant)."""
    inverse = np.linalg.pinv(mel_filters())
    magnitude = torch.from_numpy(np.maximum(np.exp(mel) @ inverse.T, 0.0).T.astype(np.float32))
    generator = torch.Generator().manual_seed(0)
    angles = torch.rand(magnitude.shape, generator=generator) * 2 * torch.pi
    phase = torch.polar(torch.ones_like(magnitude), angles)
    before = torch.zeros_like(phase)
    window = torch.hann_window(WIN_LENGTH)

    def to_waveform(spectrum: Tensor) -> Tensor:
        return torch.istft(spectrum, N_FFT, HOP_LENGTH, WIN_LENGTH, window)

    for _ in range(ITERATIONS):
        rebuilt = torch.stft(
            to_waveform(magnitude * phase), N_FFT, HOP_LENGTH, WIN_LENGTH, window,
            return_complex=True,
        )  # fmt: skip
        moved = rebuilt + MOMENTUM * (rebuilt - before)
        phase, before = moved / moved.abs().clamp(min=1e-12), rebuilt
    return to_waveform(magnitude * phase).numpy()


def word_error_rate(references: Iterable[str], hypotheses: Iterable[str]) -> float:
    """Return errors per reference word, after Whisper's own normalization of English."""
    normalize = EnglishTextNormalizer({})
    return metrics.word_error_rate(
        [normalize(text) for text in references], [normalize(text) for text in hypotheses]
    )


def record(speaker: Speaker, indices: range, folder: Path) -> None:
    """Write what `speaker` says as WAV files, their peaks at 0.9."""
    for index in indices:
        waveform = speaker(index)
        loud = 0.9 * waveform / max(float(np.abs(waveform).max()), 1e-6)
        soundfile.write(folder / f"{index:05d}.wav", loud, SAMPLE_RATE)


def ask_judge(judge: Path, script: str, *folders: Path) -> list[Any]:
    """Return the JSON list that a script beside this one prints, run by the Python `judge`."""
    command = [str(judge), str(Path(__file__).with_name(script)), *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answers: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


def listen(speaker: Speaker, indices: range, judge: Path) -> list[str]:
    """Let the recognizer hear the utterances `indices` as `speaker` says them."""
    with tempfile.TemporaryDirectory() as folder:
        record(speaker, indices, Path(folder))
        return ask_judge(judge, "whisper_judge.py", Path(folder))


def checkpoint_speaker(
    model: FastSpeech2, corpus: Corpus, vocode: Callable[[np.ndarray], np.ndarray] = griffin_lim
) -> Speaker:
    """Return a speaker that reads the teacher's phones with predicted durations and pitch."""

    def speak(index: int) -> np.ndarray:
        mel, _ = model(torch.from_numpy(corpus.token_ids[corpus.tokens(index)]))
        return vocode(mel.numpy())

    return speak


def bundle_speaker(bundle: Path, corpus: Corpus) -> Speaker:
    """Return a speaker that gives the text to a bundle."""
    model = edgewright.load(bundle)

    def speak(index: int) -> np.ndarray:
        speech = model(str(corpus.texts[index]))
        return np.asarray(resample_poly(speech.waveform, SAMPLE_RATE, speech.sample_rate))

    return speak


def evaluate(
    model: FastSpeech2, corpus: Corpus, libraries: Path, judge: Path, split: str
) -> dict[str, float]:
    """Return word error rates of teacher, resynthesized teacher and model, and the model's errors.

    "mel" is the mean absolute error in standard deviations with the teacher's durations;
    "duration_frames" the mean absolute duration error of a phone, in frames of 12.5 ms.
    """
    part = SPLITS[split]
    teacher = FliteTeacher(libraries)
    speakers: dict[str, Speaker] = {
        "teacher": lambda index: teacher(str(corpus.texts[index])).waveform,
        "teacher's mel": lambda index: griffin_lim(corpus.mel[corpus.frames(index)].astype("f4")),
        "model": checkpoint_speaker(model, corpus),
    }
    found = mean_losses(model, corpus, part)
    heard = part[:HEARD]
    references = [str(corpus.texts[index]) for index in heard]
    for name, speaker in speakers.items():
        rate = word_error_rate(references, listen(speaker, heard, judge))
        found[f"word error rate, {name}"] = rate
    return found


def main() -> None:
    """Print the figures of one split as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = Path(__file__).resolve().parents[2]
    checkpoint = root / "examples/checkpoints/fastspeech2-en"
    parser.add_argument("--checkpoint", type=Path, default=checkpoint)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--work", type=Path, default=root / "build/training/fastspeech2")
    parser.add_argument("--judge", type=Path, required=True, help="Python with faster-whisper")
    parser.add_argument("--split", choices=tuple(SPLITS), default="dev")
    options = parser.parse_args()
    torch.set_num_threads(1)
    libraries = fetch_package("libflite1")
    corpus = read_corpus(options.work, libraries, fetch_package("wordnet-base"))
    if options.bundle is None:
        model = load_checkpoint(options.checkpoint)
        found = evaluate(model, corpus, libraries.root, options.judge, options.split)
    else:
        heard = SPLITS[options.split][:HEARD]
        texts = listen(bundle_speaker(options.bundle, corpus), heard, options.judge)
        references = [str(corpus.texts[index]) for index in heard]
        found = {"word error rate, bundle": word_error_rate(references, texts)}
    print(json.dumps({name: round(value, 4) for name, value in found.items()}, indent=2))


if __name__ == "__main__":
    main()
