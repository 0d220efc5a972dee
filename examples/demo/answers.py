"""Runs the bundles on real input and keeps the answers for the picture."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from shipped import DATA

import edgewright as ew
from edgewright.tasks.control import Episode, make_environment, run_episode
from edgewright.tasks.speak import Speech
from edgewright.tasks.transcription import Transcription
from edgewright.translation import SpeechTranslation, SpeechTranslator

TARGETS = (500.0, 1000.0, 1800.0, 2500.0)
UNSEEN_SEED = 1000
SPLICE_SEQUENCES = 9
SCAN_STRIDE = 300
PROMPTS = (
    "confbridge-only-one",
    "dictate-record_help",
    "queue-quantity2",
    "simul-call-limit-reached",
    "vm-next",
)
SENTENCE = "Hello! It is 7:45 pm, the water has 21 °C, and nothing here needs a network."


@dataclass(frozen=True)
class Answers:
    """What the bundles said."""

    images: list[tuple[Path, Any]]
    """A picture of each class, and its `Classification`."""
    episodes: list[Episode]
    """One per target return."""
    splice: list[tuple[str, str, Any]]
    """Sequence, true label and `Scores`."""
    promoters: dict[str, list[float]]
    """Probability of `promoter` by true label."""
    scan: list[Any]
    """`WindowScore`s of the lambda phage genome."""
    heard: list[tuple[str, Transcription]]
    """What was said in real prompts, and what the recognizer heard."""
    spoken: Speech
    """A new sentence."""
    translated: list[tuple[str, SpeechTranslation]]
    """Real prompts by name, as Spanish speech."""


def answer(bundles: Path, started: Callable[[str], None]) -> Answers:
    """Run every bundle; `started` is told what is being done."""
    started("Classifying images")
    images = classify(bundles / "vit-fashion-mnist.edge")
    started("Running the Hopper policy")
    episodes = control(bundles / "decision-transformer-hopper.edge")
    started("Scoring splice junctions")
    splice = score_splice(bundles / "dnabert-splice.edge")
    started("Scoring promoters and scanning the lambda phage")
    promoters, scan = score_promoters(bundles / "dnabert-promoters.edge")
    started("Transcribing prompts")
    heard = transcribe(bundles / "conformer-ctc-en.edge")
    started("Speaking a sentence")
    with ew.load(bundles / "fastspeech2-en.edge", threads=1) as voice:
        spoken = voice(SENTENCE)
    started("Translating prompts")
    translated = translate(bundles)
    return Answers(images, episodes, splice, promoters, scan, heard, spoken, translated)


def classify(bundle: Path) -> list[tuple[Path, Any]]:
    """Classify the first image of every class."""
    files = [min(folder.iterdir()) for folder in sorted((DATA / "fashion-mnist").iterdir())]
    with ew.load(bundle, threads=1) as vit:
        return list(zip(files, vit(files, top_k=3), strict=True))


def control(bundle: Path) -> list[Episode]:
    """Run one episode per target return on a seed that the training never saw."""
    environment = make_environment("Hopper-v5")
    period = environment.unwrapped.dt
    with ew.load(bundle, threads=1) as policy:
        return [
            run_episode(policy, environment, UNSEEN_SEED, target_return=target, period=period)
            for target in TARGETS
        ]


def score_splice(bundle: Path) -> list[tuple[str, str, Any]]:
    """Score junctions spread over the labelled file."""
    rows = _labelled(DATA / "splice.tsv")
    picked = [rows[i] for i in np.linspace(0, len(rows) - 1, SPLICE_SEQUENCES).astype(int)]
    with ew.load(bundle, threads=1) as dna:
        scores = dna([sequence for sequence, _ in picked])
    return [(*row, score) for row, score in zip(picked, scores, strict=True)]


def score_promoters(bundle: Path) -> tuple[dict[str, list[float]], list[Any]]:
    """Score the labelled sequences, then scan a genome."""
    by_label: dict[str, list[float]] = {}
    rows = _labelled(DATA / "promoters.tsv")
    with ew.load(bundle, threads=1) as dna:
        for (_, label), scores in zip(rows, dna([sequence for sequence, _ in rows]), strict=True):
            by_label.setdefault(label, []).append(scores.scores["promoter"])
        return by_label, list(dna.scan(DATA / "lambda_virus.fa", stride=SCAN_STRIDE))


def transcribe(bundle: Path) -> list[tuple[str, Transcription]]:
    """Transcribe prompts that the training never heard."""
    rows = [line.split("\t") for line in (DATA / "speech/transcripts.tsv").read_text().splitlines()]
    texts = {Path(name).stem: (DATA / "speech" / name, text) for name, text in rows[1:]}
    with ew.load(bundle, threads=1) as recognizer:
        return [(texts[name][1], recognizer(texts[name][0])) for name in PROMPTS]


def translate(bundles: Path) -> list[tuple[str, SpeechTranslation]]:
    """Translate prompts into Spanish speech, at the pace that they are spoken at."""
    with (
        ew.load(bundles / "conformer-ctc-en.edge", threads=1) as recognizer,
        ew.load(bundles / "marian-en-es.edge", threads=1) as translator,
        ew.load(bundles / "fastspeech2-es.edge", threads=1) as voice,
    ):
        whole = SpeechTranslator(recognizer.stream, translator, voice.stream)
        files = {name: DATA / "speech" / f"{name}.flac" for name in PROMPTS}
        return [(name, whole(file, real_time=True)) for name, file in files.items()]


def _labelled(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text("ascii").splitlines()[1:]
    return [(line.split("\t")[0], line.split("\t")[1]) for line in lines]
