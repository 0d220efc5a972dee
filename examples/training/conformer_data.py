"""Training material of the Conformer: features and texts, and the batches drawn from them."""

from __future__ import annotations

import hashlib
import multiprocessing
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import adapted_voice
import numpy as np
import torch
from adapted_voice import AdaptedVoice
from debian_data import fetch_package
from fastspeech2_data import make_vocabulary, wordnet_sentences
from fastspeech2_training import FEATURES
from rich.progress import track
from speech_clips import (
    NUM_MEL_BINS,
    SAMPLE_RATE,
    Clip,
    Split,
    log_mel,
    pad_to_chunk,
    recorded_clips,
)
from speech_text import OBSCENE, plain_words, prompt_texts, shuffled, wordnet_definitions
from synthetic_speech import EspeakVoices, FliteVoices, varied_speech
from translation_corpus import PROMPTS, pairs, spoken_forms

from edgewright_export.models.fastspeech2 import load_checkpoint, save_checkpoint

FRAMES_PER_SECOND = 100
SHIPPED_VOICE = Path(__file__).resolve().parents[1] / "checkpoints" / "fastspeech2-en"
GAMES = ("queen", "drascula", "steel sky")
UNSEEN = ("unseen flite", "unseen espeak")
SPOKEN = "spoken"  # folder of sentences that are ready while others are not
DISTURBED = 0.2  # share of synthetic sentences from a room, and over a telephone
_TEST, _DEV = slice(8000, 8100), slice(8100, 8160)
"""Of the shuffled examples of WordNet: what no training speech says."""
_CHUNK = 48  # frames


@dataclass(frozen=True)
class Utterances:
    """Features and texts, one entry each."""

    sources: list[str]
    """Corpus of each."""
    texts: list[str]
    """Plain words of each."""
    features: list[np.ndarray]
    """float16 (frames, 80) each."""

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Material:
    """What training reads, chooses by and reports on."""

    train: Utterances
    """Recorded and synthetic."""
    dev: Utterances
    """Recorded, out of the part that may be trained on and held back; and synthetic sentences."""
    test: Utterances
    """Reported on once; synthetic sentences that nothing else holds are among them."""


@dataclass(frozen=True)
class Augmentation:
    """How much an utterance is disturbed."""

    strength: float
    """0 (no masks) to 1 (full masks in time and frequency)."""
    variation: float = 1.0
    """0 (as recorded) to 1 (full changes of tempo, voice, channel and level)."""


@dataclass(frozen=True)
class Mixture:
    """What batches are drawn from."""

    shares: Mapping[str, float]
    """Share of the utterances by source."""
    seconds: float
    """Largest batch, padding included."""
    longest: int = 100_000
    """Longest utterance, frames."""
    joined: float = 0.0
    """Share of the utterances behind which a second one follows, as in continuous speech."""


@dataclass(frozen=True)
class TextCounts:
    """How many texts the synthetic voices say; flite says all examples of WordNet, too."""

    examples: int = 12_000
    """Examples of WordNet that eSpeak NG says; the adapted voice says a third as many."""
    definitions: int = 15_000
    """Definitions of WordNet that eSpeak NG says; flite says twice, the adapted voice a third as
    many others."""
    prompts: int = 6000
    """Telephone sentences that each of the three says."""


Item = tuple[int, ...]
"""Indices of the utterances that stand behind one another in a row of a batch."""


def prepare(sources: Path, cache: Path, work: Path, counts: TextCounts = TextCounts()) -> Material:
    """Decode, synthesize and compute features; about an hour on two cores.

    What was spoken is kept in the folder `SPOKEN` of `work`, so that a later call goes on.

    Args:
        sources: folder of the transcripts and of `test_split.json`.
        cache: where packages are unpacked and the adapted voice is kept.
        work: where spoken sentences are kept.
        counts: how much the synthetic voices say.
    """
    clips = recorded_clips(sources, cache)
    texts = _Texts(clips, cache, counts)
    _adapt_voice(cache, [c for c in clips if c.source == "asterisk" and c.split == "train"])
    folder = work / SPOKEN
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        _Speech(cache, folder, source, part, seed + index)
        for source, said, count, seed in (
            ("adapted", texts.adapted, 16, 100),
            ("synthetic", texts.flite, 32, 10),
            ("espeak", texts.espeak, 8, 200),
        )
        for index, part in enumerate(_parts(said, count))
    ]
    for unseen, seed in ((texts.test, 9), (texts.dev, 8)):
        jobs += [_Speech(cache, folder, source, unseen, seed) for source in UNSEEN]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        recorded = pool.map_async(_features, [clip.waveform for clip in clips], 50)
        paths = list(track(pool.imap(_speak, jobs, 1), "speech", total=len(jobs)))
        features = recorded.get()
    rows = [(c.split, c.source, c.text, f) for c, f in zip(clips, features, strict=True)]
    for path in paths:
        with np.load(path) as arrays:
            spoken = _load_part(arrays, "spoken")
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
        """Where it is kept, under a name that changes with the sentences."""
        digest = hashlib.sha256("\n".join(self.texts).encode()).hexdigest()[:12]
        return self.folder / f"{self.source}-{self.seed}-{digest}.npz"


class _Texts:
    """What the synthetic voices say; nothing that a held-back clip says."""

    def __init__(self, clips: Sequence[Clip], cache: Path, counts: TextCounts) -> None:
        held = {clip.text for clip in clips if clip.split != "train"}
        found = {plain_words(text) for text in _wordnet(cache)} - held
        sentences = _drawn(found, 1)
        self.test, self.dev = sentences[_TEST], sentences[_DEV]
        del sentences[_TEST.start : _DEV.stop]
        definitions = _drawn(_definitions(cache) - found - held, 2)
        recorded = [c.text for c in clips if c.source == "asterisk" and c.split == "train"] * 3

        def telephone(count: int, seed: int) -> list[str]:
            return [text for text in prompt_texts(count, seed) if text not in held]

        shared = 3 * counts.definitions  # by eSpeak NG and flite
        self.espeak = [*sentences[: counts.examples], *definitions[: counts.definitions]]
        self.espeak += [*recorded, *telephone(counts.prompts, 6)]
        self.flite = [*sentences, *definitions[counts.definitions : shared]]
        self.flite += [*recorded, *telephone(counts.prompts, 2)]
        self.adapted = sentences[-counts.examples // 3 :]
        self.adapted += definitions[shared : shared + counts.definitions // 3]
        self.adapted += [*recorded, *telephone(counts.prompts, 4)]

    def split(self, text: str) -> Split:
        """Return which part a synthetic sentence belongs to."""
        return "test" if text in self.test else "dev" if text in self.dev else "train"


def _drawn(texts: set[str], seed: int) -> list[str]:
    """Return the texts of 3 to 12 words that are fit to be said, in an order drawn by the seed."""
    kept = sorted(t for t in texts if 2 < len(t.split()) < 13 and not OBSCENE.search(t))
    return shuffled(kept, seed)


def _adapt_voice(cache: Path, clips: Sequence[Clip]) -> None:
    folder = cache / "adapted_voice"
    libraries = fetch_package("libflite1", cache).root
    if not (folder / "model.safetensors").exists():
        folder.mkdir(parents=True, exist_ok=True)
        model = adapted_voice.adapt(SHIPPED_VOICE, clips, libraries, folder)
        save_checkpoint(model, folder, make_vocabulary(), FEATURES)


def _wordnet(cache: Path) -> list[str]:
    return wordnet_sentences(fetch_package("wordnet-base", cache).root, min_words=3, max_words=12)


def _definitions(cache: Path) -> set[str]:
    return set(wordnet_definitions(fetch_package("wordnet-base", cache).root))


def written_texts(cache: Path, material: Material) -> dict[str, list[str]]:
    """Return plain texts for lexicon and trigram by kind; nothing that a held-back clip says.

    telephone: prompts, recorded and from templates. phrases: the English of the translation corpus,
    without its prompts, some of which are held back in other words. games: recorded. examples and
    definitions: those of WordNet.
    """
    held = {*material.dev.texts, *material.test.texts}
    examples = {plain_words(text) for text in _wordnet(cache)}
    definitions = _definitions(cache)
    texts: dict[str, set[str]] = {"telephone": set(), "games": set(), "examples": set()}
    for source, text in zip(material.train.sources, material.train.texts, strict=True):
        if source in GAMES:
            texts["games"].add(text)
        elif text in examples:
            texts["examples"].add(text)
        elif text not in definitions:
            texts["telephone"].add(text)
    phrases = [pair.english for pair in pairs("train") if pair.domain != PROMPTS]
    texts["phrases"] = {form for english in phrases for form in spoken_forms(english)}
    texts["definitions"] = definitions
    return {kind: sorted(found - held - {""}) for kind, found in texts.items()}


def dictionary(cache: Path) -> set[str]:
    """Return the words of Debian's `wamerican` (SCOWL) of three or more letters a to z.

    Names, possessives and most abbreviations are left out.
    """
    root = fetch_package("wamerican", cache).root
    words = (root / "usr/share/dict/american-english").read_text("utf-8").split()
    return {word for word in words if re.fullmatch("[a-z]{3,}", word)}


def _parts(texts: Sequence[str], count: int) -> list[list[str]]:
    return [list(texts[index::count]) for index in range(count)]


def _features(waveform: np.ndarray) -> np.ndarray:
    return log_mel(waveform).astype(np.float16)


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
    _write(path, _part_arrays("spoken", Utterances([speech.source] * len(rows), texts, features)))
    return path


def _select(rows: list[tuple[str, str, str, np.ndarray]], split: str) -> Utterances:
    chosen = [row for row in rows if row[0] == split and len(row[3]) >= 20]
    sources, texts, features = ([row[column] for row in chosen] for column in (1, 2, 3))
    return Utterances(sources, texts, features)


def save(material: Material, path: Path) -> None:
    """Write the material to one file."""
    arrays: dict[str, np.ndarray] = {}
    for name in ("train", "dev", "test"):
        arrays |= _part_arrays(name, getattr(material, name))
    _write(path, arrays)


def _part_arrays(name: str, part: Utterances) -> dict[str, np.ndarray]:
    return {
        f"{name}_sources": np.array(part.sources),
        f"{name}_texts": np.array(part.texts),
        f"{name}_lengths": np.array([len(f) for f in part.features]),
        f"{name}_features": np.concatenate(part.features),
    }


def _write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    temporary = path.with_suffix(".tmp.npz")
    np.savez(temporary, **arrays)
    temporary.replace(path)


def load(path: Path) -> Material:
    """Read what `save` wrote."""
    with np.load(path) as arrays:
        return Material(*(_load_part(arrays, name) for name in ("train", "dev", "test")))


def _load_part(arrays: Mapping[str, np.ndarray], name: str) -> Utterances:
    ends = np.cumsum(arrays[f"{name}_lengths"])[:-1]
    features = np.split(arrays[f"{name}_features"], ends)
    return Utterances(
        arrays[f"{name}_sources"].tolist(), arrays[f"{name}_texts"].tolist(), features
    )


def noises(count: int, seed: int) -> Iterator[np.ndarray]:
    """Yield float32 noise of 1 to 4 s, from white to brown, in which nothing is said."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        spectrum = np.fft.rfft(rng.standard_normal(int(rng.uniform(1.0, 4.0) * SAMPLE_RATE)))
        spectrum *= np.arange(1, len(spectrum) + 1) ** -rng.uniform(0.0, 1.0)
        noise = np.fft.irfft(spectrum)
        loudness = 10.0 ** rng.uniform(-3.5, -0.7)
        yield np.clip(noise * (loudness / noise.std()), -1.0, 1.0).astype(np.float32)


def statistics(utterances: Utterances) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation (at least 1) of each mel bin, float32 (80,)."""
    frames = np.concatenate([f[::7].astype(np.float32) for f in utterances.features])
    return frames.mean(0), np.maximum(frames.std(0), 1.0)


def draw_batches(
    utterances: Utterances, mixture: Mixture, rng: np.random.Generator
) -> Iterator[list[Item]]:
    """Yield some batches of items of similar lengths."""
    names = np.array(utterances.sources)
    frames = np.array([len(features) for features in utterances.features])
    rows = [np.flatnonzero((names == s) & (frames <= mixture.longest)) for s in mixture.shares]
    kinds = rng.choice(len(rows), size=(1200, 2), p=np.array(list(mixture.shares.values())))
    pairs = [tuple(int(rng.choice(rows[kind])) for kind in pair) for pair in kinds]
    items = [pair if rng.random() < mixture.joined else pair[:1] for pair in pairs]
    items.sort(key=lambda item: frames[list(item)].sum())
    batches: list[list[Item]] = [[]]
    for item in items:
        padded = frames[list(item)].sum() * (len(batches[-1]) + 1)
        if batches[-1] and padded > mixture.seconds * FRAMES_PER_SECOND:
            batches.append([])
        batches[-1].append(item)
    for index in rng.permutation(len(batches)):
        yield batches[index]


def make_batch(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Return float32 (batch, time, 80), padded with silence to whole chunks."""
    longest = max(len(row) for row in rows)
    padded = [np.pad(row, ((0, longest - len(row)), (0, 0))) for row in rows]
    return np.stack([pad_to_chunk(row, _CHUNK) for row in padded])


def disturb(
    features: np.ndarray, augmentation: Augmentation, rng: np.random.Generator
) -> np.ndarray:
    """Return an utterance with another tempo, voice, channel and level, and with masks.

    Voices change by stretching the mel axis, as in vocal tract length perturbation (Jaitly and
    Hinton 2013); masks are those of SpecAugment (Park et al. 2019).
    """
    amount = augmentation.variation
    item = _stretch(features.astype(np.float32), 1.0 + amount * rng.uniform(-0.12, 0.12))
    item = _stretch(item.T, 1.0 + amount * rng.uniform(-0.1, 0.1), NUM_MEL_BINS).T
    channel = np.linspace(-1.0, 1.0, NUM_MEL_BINS) * rng.uniform(-1.0, 1.0)
    shift = amount * (channel + rng.uniform(-2.0, 1.0))
    item = _mask(np.maximum(item + shift.astype(np.float32), 0.0), augmentation.strength, rng)
    return np.pad(item, ((int(rng.integers(0, 12)), 0), (0, 0)))


def _stretch(item: np.ndarray, step: float, length: int | None = None) -> np.ndarray:
    """Read the rows of `item` every `step`, between rows linearly, beyond the end the last."""
    count = int((len(item) - 1) / step) if length is None else length
    positions = np.minimum(np.arange(count, dtype=np.float32) * np.float32(step), len(item) - 1.001)
    left = positions.astype(np.int64)
    weight = (positions - left).astype(np.float32)[:, None]
    return item[left] * (1.0 - weight) + item[left + 1] * weight


def _mask(item: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    mean = item.mean(0)
    for _ in range(2):
        width = int(rng.integers(0, 1 + round(14 * strength)))
        start = int(rng.integers(0, NUM_MEL_BINS + 1 - width))
        item[:, start : start + width] = mean[start : start + width]
    for _ in range(1 + len(item) // 150):
        width = int(rng.integers(0, 1 + round(20 * strength)))
        start = int(rng.integers(0, max(1, len(item) - width)))
        item[start : start + width] = mean
    return item
