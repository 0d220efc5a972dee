"""What the translator's card tells: scores beside baselines, and what its confidence flags."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import MarianMTModel
from translation_baselines import NearestPhrase, WordDictionary
from translation_corpus import CORPUS, Pair, Split, transcript
from translation_data import Material, evaluation_pairs, misheard
from translation_scoring import (
    Answer,
    Score,
    Threshold,
    choose_threshold,
    judge,
    score,
    separation,
    translate,
)
from translation_tokens import TranslationTokens

NUM_BEAMS = 4
ALIGNED = 4
"""Sentences of a row that the dictionary is made from; fillers alone all count."""
SLIPS_SEED = 7
OUT_OF_DOMAIN = CORPUS.with_name("out_of_domain.tsv")
"""Sentences of other subjects, code, other languages, nonsense: `kind`, `english`."""
FORMS: dict[str, Callable[[str], str]] = {
    "as written": lambda english: english,
    "transcript": transcript,
    "transcript with slips": lambda english: misheard(
        transcript(english), np.random.default_rng((SLIPS_SEED, len(english)))
    ),
}
"""What the translator is given of a sentence."""
JUDGED_FORM = "transcript"
"""What it is for."""


@dataclass(frozen=True)
class Row:
    """Scores of one way to translate."""

    method: str
    """What translated."""
    form: str
    """What it was given."""
    dev: Score
    """On the development sentences."""
    test: Score
    """On the test sentences."""


@dataclass(frozen=True)
class Confidence:
    """What a threshold, chosen on the development sentences, does."""

    dev: Threshold
    """On those and every other out-of-domain sentence."""
    test: Threshold
    """On the test sentences and the other half."""
    dev_separation: float
    """Share of pairs in which the in-domain sentence is more certain."""
    test_separation: float
    """The same of the test sentences."""
    dev_counts: tuple[int, int]
    """Sentences inside and outside."""
    test_counts: tuple[int, int]
    """The same of the test."""
    exact_when_kept: tuple[int, int]
    """Test transcripts over the threshold: how many, how many of them equal their references."""
    missed: tuple[str, ...]
    """Out-of-domain test sentences that are not flagged."""


@dataclass(frozen=True)
class Findings:
    """All that the card tells of a model."""

    rows: tuple[Row, ...]
    """Baselines first."""
    test_sentences: int
    """Number of them."""
    test_rows: int
    """Rows of the corpus that they come from."""
    dev_sentences: int
    """Number of them."""
    confidence: Confidence
    """What it flags."""
    samples: tuple[tuple[str, str, str, float], ...]
    """Test transcript, translation, reference, confidence; every so many."""


def evaluate_all(model: MarianMTModel, tokens: TranslationTokens, material: Material) -> Findings:
    """Score the model and the baselines; choose the threshold on the development sentences."""
    held: dict[Split, list[Pair]] = {split: evaluation_pairs(split) for split in ("dev", "test")}
    known = list(material.pairs)
    few = [pair for row in material.rows for pair in row[: len(row) if _alone(row) else ALIGNED]]
    rows = []
    for method, baseline in (
        ("dictionary, word by word", WordDictionary(few)),
        ("nearest training phrase", NearestPhrase(known)),
    ):
        scores = (
            _score(baseline([one.english for one in held[split]]), held[split]) for split in held
        )
        rows.append(Row(method, JUDGED_FORM, *scores))
    beamed: dict[tuple[str, str], list[Answer]] = {}
    for num_beams, method in (
        (1, "this model, greedy"),
        (NUM_BEAMS, f"this model, {NUM_BEAMS} beams"),
    ):
        for form, change in FORMS.items():
            answers = {
                split: translate(model, tokens, [change(one.english) for one in pairs], num_beams)
                for split, pairs in held.items()
            }
            texts = {split: [one.text for one in found] for split, found in answers.items()}
            rows.append(Row(method, form, *(_score(texts[split], held[split]) for split in held)))
            beamed |= {(split, form): found for split, found in answers.items()}
    outside = [transcript(text) for text in out_of_domain()]
    foreign = translate(model, tokens, outside, NUM_BEAMS)
    return Findings(
        tuple(rows),
        len(held["test"]),
        len({pair.template for pair in held["test"]}),
        len(held["dev"]),
        _confidence(beamed, foreign, outside, held["test"]),
        _samples(held["test"], beamed["test", JUDGED_FORM]),
    )


def _alone(row: Sequence[Pair]) -> bool:
    return row[0].domain == "words"


def _score(texts: Sequence[str], pairs: Sequence[Pair]) -> Score:
    return score(texts, [pair.spanish for pair in pairs])


def _confidence(
    beamed: dict[tuple[str, str], list[Answer]],
    foreign: Sequence[Answer],
    outside: Sequence[str],
    test: Sequence[Pair],
) -> Confidence:
    inside = {
        split: [one.confidence for form in FORMS for one in beamed[split, form]]
        for split in ("dev", "test")
    }
    values = [one.confidence for one in foreign]
    chosen = choose_threshold(inside["dev"], values[0::2])
    kept = [
        answer.text == pair.spanish
        for answer, pair in zip(beamed["test", JUDGED_FORM], test, strict=True)
        if answer.confidence >= chosen.value
    ]
    return Confidence(
        chosen,
        judge(chosen.value, inside["test"], values[1::2]),
        separation(inside["dev"], values[0::2]),
        separation(inside["test"], values[1::2]),
        (len(inside["dev"]), len(values[0::2])),
        (len(inside["test"]), len(values[1::2])),
        (len(kept), sum(kept)),
        tuple(
            text
            for text, value in zip(outside[1::2], values[1::2], strict=True)
            if value >= chosen.value
        ),
    )


def _samples(
    pairs: Sequence[Pair], answers: Sequence[Answer], every: int = 37
) -> tuple[tuple[str, str, str, float], ...]:
    rows = list(zip(pairs, answers, strict=True))[::every]
    return tuple(
        (transcript(pair.english), answer.text, pair.spanish, answer.confidence)
        for pair, answer in rows
    )


def out_of_domain(path: Path = OUT_OF_DOMAIN) -> list[str]:
    """Return the out-of-domain sentences; every other one is for development."""
    return [line.split("\t")[1] for line in path.read_text("utf-8").splitlines()[1:]]
