"""Translate, score, and tell by the confidence what the translator was not made for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sacrebleu.metrics import CHRF
from torch.nn import functional
from transformers import MarianMTModel
from translation_data import padded
from translation_tokens import TranslationTokens

BATCH_SIZE = 64
LONGEST = 96
"""Tokens of a translation, the start included, as `max_length` of `generation_config.json`."""


@dataclass(frozen=True)
class Answer:
    """A translation."""

    text: str
    """Spanish."""
    confidence: float
    """Geometric mean of the probabilities of its tokens, 0 to 1."""


@dataclass(frozen=True)
class Score:
    """How translations agree with their references."""

    chrf: float
    """chrF2 over all sentences, 0 to 100."""
    exact: float
    """Share of the sentences that are equal, capitals and marks included."""
    words: float
    """Share that are equal but for capitals and marks."""


def translate(
    model: MarianMTModel, tokens: TranslationTokens, texts: Sequence[str], num_beams: int
) -> list[Answer]:
    """Return the translations of English texts, in their order."""
    rows = [tokens.encode(text) for text in texts]
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    answers: list[Answer] = [Answer("", 0.0)] * len(rows)
    for start in range(0, len(order), BATCH_SIZE):
        chosen = order[start : start + BATCH_SIZE]
        found = _translate_batch(model, tokens, [rows[index] for index in chosen], num_beams)
        for index, answer in zip(chosen, found, strict=True):
            answers[index] = answer
    return answers


@torch.inference_mode()
def _translate_batch(
    model: MarianMTModel, tokens: TranslationTokens, rows: Sequence[list[int]], num_beams: int
) -> list[Answer]:
    source = torch.from_numpy(padded(rows, tokens.pad_id))
    mask = (source != tokens.pad_id).long()
    written = model.generate(
        input_ids=source, attention_mask=mask, num_beams=num_beams, max_length=LONGEST
    )
    given, target = written[:, :-1], written[:, 1:]
    logits = model(input_ids=source, attention_mask=mask, decoder_input_ids=given).logits
    log_probs = functional.log_softmax(logits.float(), -1).gather(2, target[:, :, None])[:, :, 0]
    # Padding behind the end does not count.
    real = (target != tokens.pad_id).float()
    confidences = ((log_probs * real).sum(1) / real.sum(1)).exp().tolist()
    texts = [tokens.decode(row) for row in target.tolist()]
    return [Answer(text, value) for text, value in zip(texts, confidences, strict=True)]


def score(texts: Sequence[str], references: Sequence[str]) -> Score:
    """Compare translations with their references."""
    pairs = list(zip(texts, references, strict=True))
    return Score(
        CHRF().corpus_score(list(texts), [list(references)]).score,
        float(np.mean([text == reference for text, reference in pairs])),
        float(np.mean([bare(text) == bare(reference) for text, reference in pairs])),
    )


def bare(text: str) -> list[str]:
    """Return the words in lower case."""
    return re.findall(r"\w+", text.lower())


@dataclass(frozen=True)
class Threshold:
    """A confidence below which a translation is flagged."""

    value: float
    """The confidence."""
    flagged_inside: float
    """Share of in-domain sentences below it."""
    flagged_outside: float
    """Share of other sentences below it."""


def choose_threshold(inside: Sequence[float], outside: Sequence[float]) -> Threshold:
    """Return the hundredth with the largest difference of the two shares, the lowest of them."""
    candidates = [judge(number / 100, inside, outside) for number in range(1, 100)]
    return max(
        candidates, key=lambda one: (round(one.flagged_outside - one.flagged_inside, 9), -one.value)
    )


def judge(value: float, inside: Sequence[float], outside: Sequence[float]) -> Threshold:
    """Return what a threshold flags."""
    shares = (float(np.mean(np.array(one) < value)) for one in (inside, outside))
    return Threshold(value, *shares)


def separation(inside: Sequence[float], outside: Sequence[float]) -> float:
    """Return the share of pairs in which the in-domain sentence is the more certain one."""
    higher = np.array(inside)[:, None] - np.array(outside)[None]
    return float((higher > 0).mean() + 0.5 * (higher == 0).mean())
