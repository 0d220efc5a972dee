"""Training material of the Conformer: features and texts, and the batches drawn from them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from speech_clips import HOP_LENGTH, SAMPLE_RATE, pad_to_chunk

FRAMES_PER_SECOND = SAMPLE_RATE / HOP_LENGTH


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

    def __add__(self, other: Utterances) -> Utterances:
        """Return those of both."""
        return Utterances(
            self.sources + other.sources,
            self.texts + other.texts,
            self.features + other.features,
        )

    def select(self, rows: Sequence[int]) -> Utterances:
        """Return those of these indices."""
        columns = (self.sources, self.texts, self.features)
        return Utterances(*([column[row] for row in rows] for column in columns))


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
class Mixture:
    """What batches are drawn from."""

    shares: Mapping[str, float]
    """Share of the utterances by source; without those of `spliced` where there are none."""
    seconds: float
    """Largest batch, padding included."""
    longest: int = 100_000
    """Longest utterance, frames."""
    joined: float = 0.0
    """Share of the utterances behind which a second one follows, as in continuous speech."""
    twice: frozenset[str] = frozenset()
    """Sources whose utterances stand in a batch twice, one behind the other, as two views; they
    count once in `shares`."""
    spliced: frozenset[str] = frozenset()
    """Sources of parts, two to `MOST_PARTS` of which stand behind one another."""


MOST_PARTS = 5
Item = tuple[int, ...]
"""Indices of the utterances that stand behind one another in a row of a batch."""


def save(material: Material, path: Path) -> None:
    """Write the material to one file."""
    arrays: dict[str, np.ndarray] = {}
    for name in ("train", "dev", "test"):
        arrays |= part_arrays(name, getattr(material, name))
    write(path, arrays)


def part_arrays(name: str, part: Utterances) -> dict[str, np.ndarray]:
    """Return one part of the material as arrays for a file."""
    return {
        f"{name}_sources": np.array(part.sources),
        f"{name}_texts": np.array(part.texts),
        f"{name}_lengths": np.array([len(f) for f in part.features]),
        f"{name}_features": np.concatenate(part.features),
    }


def write(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a file of arrays, or leave what was there."""
    temporary = path.with_suffix(".tmp.npz")
    np.savez(temporary, **arrays)
    temporary.replace(path)


def load(path: Path) -> Material:
    """Read what `save` wrote."""
    return Material(*(load_part(path, name) for name in ("train", "dev", "test")))


def load_part(path: Path, name: str) -> Utterances:
    """Read one part of a file, without the others."""
    with np.load(path) as arrays:
        return read_part(arrays, name)


def read_part(arrays: Mapping[str, np.ndarray], name: str) -> Utterances:
    """Return what `part_arrays` made arrays of."""
    ends = np.cumsum(arrays[f"{name}_lengths"])[:-1]
    features = np.split(arrays[f"{name}_features"], ends)
    return Utterances(
        arrays[f"{name}_sources"].tolist(), arrays[f"{name}_texts"].tolist(), features
    )


def statistics(utterances: Utterances) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation (at least 1) of each mel bin, float32 (80,)."""
    frames = np.concatenate([f[::7].astype(np.float32) for f in utterances.features])
    return frames.mean(0), np.maximum(frames.std(0), 1.0)


def draw_batches(
    utterances: Utterances, mixture: Mixture, rng: np.random.Generator
) -> Iterator[list[Item]]:
    """Yield some batches of items of similar lengths."""
    frames = np.array([len(features) for features in utterances.features])
    items = list(_draw_items(utterances, frames, mixture, rng))
    items.sort(key=lambda item: frames[list(item)].sum())
    largest = mixture.seconds * FRAMES_PER_SECOND
    batches: list[list[Item]] = [[]]
    for item in items:
        length = frames[list(item)].sum()
        twice = utterances.sources[item[0]] in mixture.twice and 2 * length <= largest
        views = [item, item] if twice else [item]
        if batches[-1] and length * (len(batches[-1]) + len(views)) > largest:
            batches.append([])
        batches[-1] += views
    for index in rng.permutation(len(batches)):
        yield batches[index]


def _draw_items(
    utterances: Utterances, frames: np.ndarray, mixture: Mixture, rng: np.random.Generator
) -> Iterator[Item]:
    names = np.array(utterances.sources)
    absent = mixture.spliced.difference(utterances.sources)
    sources = [source for source in mixture.shares if source not in absent]
    shares = np.array([mixture.shares[source] for source in sources])
    rows = {s: np.flatnonzero((names == s) & (frames <= mixture.longest)) for s in sources}
    for first, second in rng.choice(sources, size=(1200, 2), p=shares / shares.sum()):
        kinds = [first]
        if first in mixture.spliced:
            kinds *= int(rng.integers(2, MOST_PARTS + 1))
        elif second not in mixture.spliced and rng.random() < mixture.joined:
            kinds.append(second)
        yield tuple(int(rng.choice(rows[kind])) for kind in kinds)


def first_views(items: Sequence[Item]) -> list[int]:
    """Return the indices of the items behind which the same stands again, as a second view."""
    return [index for index, (item, other) in enumerate(itertools.pairwise(items)) if item == other]


def make_batch(rows: Sequence[np.ndarray], chunk_frames: int) -> np.ndarray:
    """Return float32 (batch, time, 80), padded with silence to whole chunks."""
    longest = max(len(row) for row in rows)
    padded = [np.pad(row, ((0, longest - len(row)), (0, 0))) for row in rows]
    return np.stack([pad_to_chunk(row, chunk_frames) for row in padded])
