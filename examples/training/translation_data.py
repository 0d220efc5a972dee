"""What the translator is trained on: sentences, what a recognizer makes of them, batches.

Test and development sentences, and whatever a test clip of the speech corpora says, never come.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import translation_corpus as corpus
from speech_text import OBSCENE
from translation_corpus import Pair, contracted, spoken_forms, transcript
from translation_slots import read_slots
from translation_tokens import TranslationTokens

from edgewright.text.tables import word_set

FILLINGS = 160
"""Sentences that a training row is filled to at most."""
EVALUATED_FILLINGS = 3
"""Sentences of a held-out row that are scored at most."""
SHARES = {"game": 0.05, "words": 0.05}
"""Of the drawn sentences; the rest is the corpus."""
FILLINGS_WEIGH = 0.25
"""A row of n sentences is drawn n to this power times as often as a row of one."""
JOINED = 0.12
"""Share of the sentences that get a second one behind."""
WRITTEN = 0.3
"""Share of the English sentences with their marks; the others are as a recognizer writes them."""
NOISY = 0.3
"""Share of the transcripts with slips."""
SLIP = 0.1
"""Of a word of these that can be dropped or confused."""
RESEGMENTED = 0.3
"""Share of the English sentences cut into other pieces than the likeliest."""
TARGET_DROPOUT = 0.1
"""Of the words that the decoder has written: it must look at the source."""
BATCHES_AT_ONCE = 16
"""Drawn together and sorted by length, so that a batch has little padding."""

DROPPED = word_set("a an the of to is are it that and at on in for")
"""What a recognizer may miss."""
_SOUND_ALIKE = (
    "a the", "an and", "in and", "in on", "is as", "is it's", "for four", "to two too",
    "your you're", "their there they're", "our are hour", "by buy", "know no", "right write",
    "here hear", "won one", "eight ate", "i'll all", "than then", "of off", "this these", "has is",
    "was is", "were where", "wait weight", "mail male", "would wood", "meet meat", "weak week",
    "him them", "please pleas", "code cold", "pound town", "sun son", "new knew", "press stress",
    "line lines", "call called", "number numbers", "option options", "message messages",
    "minute minutes",
)  # fmt: skip


def _confused(groups: Sequence[str]) -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for group in map(str.split, groups):
        for word in group:
            table[word] = (*table.get(word, ()), *(other for other in group if other != word))
    return table


CONFUSED = _confused(_SOUND_ALIKE)
"""What a recognizer may write for a word."""

_ARTICLES = {"m": "el", "f": "la", "mp": "los", "fp": "las"}
_ACCENTED = re.compile("[áéíóúñ]")
_PLAIN = str.maketrans("áéíóúñ", "aeioun")


@dataclass(frozen=True)
class Material:
    """Training sentences by the row that they come from."""

    rows: tuple[tuple[Pair, ...], ...]
    """Sentences of a row, which differ in their fillers."""
    chances: np.ndarray
    """float64 (rows,), how often each row is drawn; their sum is 1."""

    @property
    def pairs(self) -> Iterator[Pair]:
        """All sentences."""
        return (pair for row in self.rows for pair in row)


def training_material(fillings: int = FILLINGS) -> Material:
    """Return the corpus, rows filled so many times, the lines of the game and the fillers alone."""
    held = held_out_forms()
    rows: dict[str, list[Pair]] = defaultdict(list)
    for pair in corpus.pairs("train", fillings):
        rows[pair.template].append(pair)
    spanish = {word for row in rows.values() for pair in row for word in _words(pair.spanish)}
    for pair in corpus.game_pairs():
        if pair.split == "train" and not OBSCENE.search(transcript(pair.english)):
            rows[pair.template].append(accents_restored(pair, spanish))
    for pair in words():
        rows[pair.template].append(pair)
    kept = [
        [pair for pair in row if held.isdisjoint(all_forms(pair.english))] for row in rows.values()
    ]
    return _weighed([tuple(row) for row in kept if row])


def _weighed(rows: Sequence[tuple[Pair, ...]]) -> Material:
    weights = np.array([len(row) ** FILLINGS_WEIGH for row in rows])
    sources = np.array([row[0].domain if row[0].domain in SHARES else "" for row in rows])
    shares = {**SHARES, "": 1.0 - sum(SHARES.values())}
    for source in set(sources):
        weights[sources == source] *= shares[source] / weights[sources == source].sum()
    return Material(tuple(rows), weights / weights.sum())


def held_out_forms() -> frozenset[str]:
    """Return transcripts of held-out sentences, filled more and less, and of the test clips."""
    pairs = [
        pair
        for split in ("dev", "test")
        for fillings in (EVALUATED_FILLINGS, corpus.PER_TEMPLATE, FILLINGS)
        for pair in corpus.pairs(split, fillings)
    ]
    forms = {form for pair in pairs for form in all_forms(pair.english)}
    return corpus.held_out_texts() | forms


def evaluation_pairs(split: corpus.Split) -> list[Pair]:
    """Return the sentences that a split is scored on."""
    return corpus.pairs(split, EVALUATED_FILLINGS)


def all_forms(english: str) -> set[str]:
    """Return the transcripts of a sentence, in full and contracted."""
    return {transcript(english), transcript(contracted(english))}


def words() -> Iterator[Pair]:
    """Yield what fills the slots, alone and with its article."""
    for name, fillers in read_slots(corpus.CORPUS).items():
        for filler in fillers:
            if filler.spanish[""] and filler.english:
                english, spanish = filler.english, filler.spanish[""]
                yield _phrase(name, english, spanish)
                if filler.gender and not spanish.startswith(("a", "ha")):  # el agua
                    yield _phrase(name, f"the {english}", f"{_ARTICLES[filler.gender]} {spanish}")


def _phrase(slot: str, english: str, spanish: str) -> Pair:
    english, spanish = (text[0].upper() + text[1:] for text in (english, spanish))
    return Pair("words", f"words-{slot}", "train", english, spanish)


def accents_restored(pair: Pair, spanish: Collection[str]) -> Pair:
    """Return a line of the game with the accents and opening marks that it lacks.

    A word gets its accents back where `spanish` has it with them only.
    """
    accented = {word.translate(_PLAIN): word for word in sorted(spanish) if _ACCENTED.search(word)}

    def restore(found: re.Match[str]) -> str:
        word = found[0].lower()
        short = len(word) < 3  # te, tu and si are words of their own, which the corpus lacks
        fuller = word if short or word in spanish else accented.get(word, word)
        if fuller == word and word.endswith("cion"):
            fuller = word[:-2] + "ón"
        return fuller.capitalize() if found[0][0].isupper() else fuller

    text = re.sub(r"\w+", restore, pair.spanish)
    for opening, closing in ("¿?", "¡!"):
        if text.endswith(closing) and opening not in text:
            text = opening + text
    return replace(pair, spanish=text)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def misheard(text: str, rng: np.random.Generator) -> str:
    """Drop and confuse short words of a transcript, as a recognizer does."""
    kept = []
    for word in text.split():
        slips = rng.random() < SLIP
        if slips and word in CONFUSED and rng.random() < 0.5:
            kept.append(str(rng.choice(CONFUSED[word])))
        elif not (slips and word in DROPPED):
            kept.append(word)
    return " ".join(kept) or text


def draw(material: Material, rng: np.random.Generator) -> tuple[str, str]:
    """Return an English text, in one of its forms, and its translation."""
    english, spanish = _drawn(material, rng)
    if rng.random() < JOINED and english[-1] in ".!?":
        second = _drawn(material, rng)
        english, spanish = f"{english} {second[0]}", f"{spanish} {second[1]}"
    return source_form(english, rng), spanish


def _drawn(material: Material, rng: np.random.Generator) -> tuple[str, str]:
    row = material.rows[rng.choice(len(material.rows), p=material.chances)]
    pair = row[rng.integers(len(row))]
    return pair.english, pair.spanish


def source_form(english: str, rng: np.random.Generator) -> str:
    """Return a sentence as written or as a recognizer writes it, contracted or not."""
    if rng.random() < WRITTEN:
        short = contracted(english)
        return (
            short if rng.random() < 0.5 and transcript(short) in spoken_forms(english) else english
        )
    forms = spoken_forms(english) or [transcript(english)]
    form = forms[rng.integers(len(forms))] or english
    return misheard(form, rng) if rng.random() < NOISY else form


@dataclass(frozen=True)
class Batch:
    """Padded sentences."""

    source: torch.Tensor
    """int64 (sentences, source tokens)."""
    mask: torch.Tensor
    """int64 (sentences, source tokens), 1 where there is a token."""
    given: torch.Tensor
    """int64 (sentences, target tokens), what the decoder has written, with gaps."""
    target: torch.Tensor
    """int64 (sentences, target tokens), what comes next; -100 at padding."""


class Batches:
    """The batch of every step, drawn from the seed and the number of the step alone."""

    def __init__(
        self, material: Material, tokens: TranslationTokens, *, batch_size: int, seed: int
    ) -> None:
        self._material, self._tokens = material, tokens
        self._batch_size, self._seed = batch_size, seed
        self._number, self._drawn = -1, [Batch(*[torch.empty(0)] * 4)]

    def __call__(self, step: int) -> Batch:
        """Return the batch of a step."""
        number, place = divmod(step, BATCHES_AT_ONCE)
        if number != self._number:
            self._drawn = self._draw(np.random.default_rng((self._seed, number)))
            self._number = number
        return self._drawn[place]

    def _draw(self, rng: np.random.Generator) -> list[Batch]:
        size = self._batch_size
        texts = [draw(self._material, rng) for _ in range(BATCHES_AT_ONCE * size)]
        rows = [
            (
                self._tokens.encode_varied(source, RESEGMENTED, rng),
                self._tokens.encode_target(target),
            )
            for source, target in texts
        ]
        rows.sort(key=lambda row: (len(row[1]), len(row[0])))
        order = rng.permutation(BATCHES_AT_ONCE) * size
        return [self.collated(rows[start : start + size], rng) for start in order]

    def collated(
        self, rows: Sequence[tuple[list[int], list[int]]], rng: np.random.Generator
    ) -> Batch:
        """Return sentences as a batch, with gaps in what the decoder has written."""
        tokens = self._tokens
        source = padded([row[0] for row in rows], tokens.pad_id)
        target = padded([row[1] for row in rows], -100)
        start = np.full((len(rows), 1), tokens.pad_id)
        given = np.concatenate((start, np.where(target < 0, tokens.pad_id, target)[:, :-1]), 1)
        gaps = rng.random(given.shape) < TARGET_DROPOUT
        gaps[:, 0] = False
        given[gaps] = tokens.unknown_id
        mask = (source != tokens.pad_id).astype(np.int64)
        return Batch(*map(torch.from_numpy, (source, mask, given, target)))


def padded(rows: Sequence[Sequence[int]], filler: int) -> np.ndarray:
    """Return rows of ids as int64 (rows, longest)."""
    ids = np.full((len(rows), max(map(len, rows))), filler, np.int64)
    for line, row in zip(ids, rows, strict=True):
        line[: len(row)] = row
    return ids
