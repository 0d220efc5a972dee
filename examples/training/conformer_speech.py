"""Speech for the Conformer: decoded recordings, and what synthetic voices are given to say."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import adapted_voice
import numpy as np
import torch
from adapted_voice import AdaptedVoice
from conformer_data import Material, Utterances, load_part, part_arrays, write
from conformer_texts import SpokenTexts, TextCounts
from debian_data import fetch_package
from fastspeech2_data import make_vocabulary
from fastspeech2_training import FEATURES
from rich.progress import track
from speech_clips import HOP_LENGTH, SAMPLE_RATE, Clip, log_mel, recorded_clips
from synthetic_speech import EspeakVoices, FliteVoices, varied_speech

from edgewright_export.models.fastspeech2 import load_checkpoint, save_checkpoint

SHIPPED_VOICE = Path(__file__).resolve().parents[1] / "checkpoints" / "fastspeech2-en"
UNSEEN = ("unseen flite", "unseen espeak")
SPOKEN = "spoken"  # folder of sentences that are ready while others are not
DISTURBED = 0.2  # share of synthetic sentences from a room, and over a telephone


def prepare(sources: Path, cache: Path, work: Path, seed: int) -> Material:
    """Decode, synthesize and compute features; about half an hour on two cores.

    What was spoken is kept in the folder `SPOKEN` of `work`, so that a later call goes on; delete
    it after a change of the voices.

    Args:
        sources: folder of the transcripts and of `test_split.json`.
        cache: where packages are unpacked and the adapted voice is kept.
        work: where spoken sentences are kept.
        seed: of what the voices say, and how; what is held back is always the same.
    """
    clips = recorded_clips(sources, cache)
    texts = SpokenTexts(clips, cache, TextCounts(), seed)
    _adapt_voice(cache, [c for c in clips if c.source == "asterisk" and c.split == "train"])
    folder = work / SPOKEN
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        _Speech(cache, folder, source, part, 1000 * seed + first + index)
        for source, said, count, first in (
            ("adapted", texts.adapted, 16, 100),
            ("synthetic", texts.flite, 32, 10),
            ("espeak", texts.espeak, 8, 200),
        )
        for index, part in enumerate(_parts(said, count))
    ]
    for unseen, number in ((texts.test, 9), (texts.dev, 8)):
        jobs += [_Speech(cache, folder, source, unseen, number) for source in UNSEEN]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        recorded = pool.map_async(_features, [clip.waveform for clip in clips], 50)
        paths = list(track(pool.imap(_speak, jobs, 1), "speech", total=len(jobs)))
        features = recorded.get()
    rows = [(c.split, c.source, c.text, f) for c, f in zip(clips, features, strict=True)]
    for path in paths:
        spoken = load_part(path, "spoken")
        said = zip(spoken.sources, spoken.texts, spoken.features, strict=True)
        rows += [(texts.split(text), source, text, f) for source, text, f in said]
    rows += [("train", "noise", "", _features(waveform)) for waveform in noises(200, 3)]
    return Material(*(_select(rows, split) for split in ("train", "dev", "test")))


@dataclass(frozen=True)
class _Speech:
    """Sentences that a process makes a voice say."""

    cache: Path
    folder: Path
    source: str
    texts: list[str]
    seed: int

    @property
    def path(self) -> Path:
        """Where it is kept, under a name that changes with the sentences and the hop."""
        digest = hashlib.sha256("\n".join((str(HOP_LENGTH), *self.texts)).encode()).hexdigest()[:12]
        return self.folder / f"{self.source}-{self.seed}-{digest}.npz"


def _speak(speech: _Speech) -> Path:
    """Write what the voice says, unless it is there; return where."""
    path = speech.path
    if path.exists():
        return path
    libraries = fetch_package("libflite1", speech.cache).root
    if speech.source == "adapted":
        torch.set_num_threads(1)
        voice = AdaptedVoice(load_checkpoint(speech.cache / "adapted_voice"), libraries)
        spoken = adapted_voice.varied_speech(voice, speech.texts, speech.seed)
    else:
        voices = EspeakVoices() if speech.source.endswith("espeak") else FliteVoices(libraries)
        disturbed = 0.0 if speech.source.startswith("unseen") else DISTURBED
        spoken = varied_speech(voices, speech.texts, speech.seed, disturbed=disturbed)
    rows = [(text, _features(waveform)) for text, waveform in spoken]
    texts, features = ([row[column] for row in rows] for column in (0, 1))
    write(path, part_arrays("spoken", Utterances([speech.source] * len(rows), texts, features)))
    return path


def _adapt_voice(cache: Path, clips: Sequence[Clip]) -> None:
    folder = cache / "adapted_voice"
    libraries = fetch_package("libflite1", cache).root
    if not (folder / "model.safetensors").exists():
        folder.mkdir(parents=True, exist_ok=True)
        model = adapted_voice.adapt(SHIPPED_VOICE, clips, libraries, folder)
        save_checkpoint(model, folder, make_vocabulary(), FEATURES)


def _parts(texts: Sequence[str], count: int) -> list[list[str]]:
    return [list(texts[index::count]) for index in range(count)]


def _features(waveform: np.ndarray) -> np.ndarray:
    return log_mel(waveform).astype(np.float16)


def _select(rows: list[tuple[str, str, str, np.ndarray]], split: str) -> Utterances:
    chosen = [row for row in rows if row[0] == split and len(row[3]) >= 20]
    sources, texts, features = ([row[column] for row in chosen] for column in (1, 2, 3))
    return Utterances(sources, texts, features)


def noises(count: int, seed: int) -> Iterator[np.ndarray]:
    """Yield float32 noise of 1 to 4 s, from white to brown, in which nothing is said."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        spectrum = np.fft.rfft(rng.standard_normal(int(rng.uniform(1.0, 4.0) * SAMPLE_RATE)))
        spectrum *= np.arange(1, len(spectrum) + 1) ** -rng.uniform(0.0, 1.0)
        noise = np.fft.irfft(spectrum)
        loudness = 10.0 ** rng.uniform(-3.5, -0.7)
        yield np.clip(noise * (loudness / noise.std()), -1.0, 1.0).astype(np.float32)
