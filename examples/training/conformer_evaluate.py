"""Word error rates of a Conformer checkpoint, greedy and with its lexicon and trigram.

    python examples/training/conformer_evaluate.py --checkpoint FOLDER --material WORK/material.npz

`--tune` chooses width, trigram weight, word bonus and blank penalty on development clips and writes
them to `edgewright.json`; without it the test clips are scored and the table goes into the card.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import conformer_data
import numpy as np
import torch
from conformer_card import UNMEASURED
from conformer_data import Utterances
from speech_clips import pad_to_chunk
from speech_scoring import greedy_words
from tokenizers import Tokenizer

from edgewright.ctc import BeamSearch, Lexicon, NgramModel
from edgewright.tasks.metrics import word_error_rate
from edgewright_export.models.conformer import load_checkpoint
from edgewright_export.recipes.conformer_search import LANGUAGE_MODELS

BEAM_WIDTHS = (200, 400)  # with 800 the real-time factor is .0095
TOLERANCE = 0.002  # of the mean word error rate, for a narrower search
LM_WEIGHTS = (0.6, 0.75, 0.9)
WORD_BONUSES = (-0.8, 0.0, 0.8)
BLANK_PENALTIES = (2.0, 3.0, 4.0)
THRESHOLDS = {"token_threshold": -12.0, "beam_threshold": 25.0}
"""Of the search; with the narrower ones of `BeamSearch` words are lost that are well heard."""


@dataclass(frozen=True)
class Decoding:
    """What turns logits into words."""

    tokenizer: Tokenizer
    """Pieces."""
    blank_id: int
    """Of the model."""
    lexicon: Lexicon
    """Words."""
    trigram: NgramModel
    """Of the same words."""

    def search(self, **options: Any) -> BeamSearch:
        """Return the lexicon search with this width, thresholds and weights."""
        return BeamSearch(
            self.blank_id, lexicon=self.lexicon, language_model=self.trigram, **options
        )


def read_decoding(folder: Path) -> Decoding:
    """Read tokenizer, lexicon and trigram of a checkpoint folder."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    rows = [line.split("\t") for line in (folder / "lexicon.txt").read_text().splitlines()]
    spellings = [[tokenizer.token_to_id(piece) for piece in row[1].split()] for row in rows]
    blank_id = json.loads((folder / "config.json").read_text())["blank_id"]
    [trigram_file] = (folder / name for name in LANGUAGE_MODELS if (folder / name).exists())
    trigram = NgramModel.from_arpa(trigram_file.read_bytes())
    return Decoding(tokenizer, blank_id, Lexicon([row[0] for row in rows], spellings), trigram)


@torch.inference_mode()
def infer(folder: Path, utterances: Utterances) -> list[np.ndarray]:
    """Return the logits of every clip."""
    model = load_checkpoint(folder)
    found = []
    for item in utterances.features:
        features = pad_to_chunk(item.astype(np.float32), model.config.chunk_frames)
        found.append(model(torch.from_numpy(features)[None])[0].numpy())
    return found


def beam_words(logits: list[np.ndarray], search: BeamSearch) -> list[str]:
    """Return the best words of every clip."""
    return [" ".join(search(item)[0].words or ()) for item in logits]


def tune(decoding: Decoding, dev: Utterances, logits: list[np.ndarray]) -> dict[str, float]:
    """Return width and weights with the least mean word error rate over the development sources.

    Asterisk, whose prompts the model is made for, counts twice. The weights are chosen in the
    narrowest search; then the narrowest one follows that is as good as any but for `TOLERANCE`.
    """

    def mean_rate(options: Mapping[str, float]) -> float:
        rates = by_source(dev, beam_words(logits, decoding.search(**THRESHOLDS, **options)))
        told = {name: round(rate, 3) for name, rate in rates.items()}
        print(*options.values(), told, flush=True)
        return float(np.mean([*rates.values(), rates["asterisk"]]))

    weights = [
        {"lm_weight": lm_weight, "word_bonus": word_bonus, "blank_penalty": blank_penalty}
        for lm_weight in LM_WEIGHTS
        for word_bonus in WORD_BONUSES
        for blank_penalty in BLANK_PENALTIES
    ]
    chosen = min(weights, key=lambda options: mean_rate({"beam_width": BEAM_WIDTHS[0], **options}))
    rates = {width: mean_rate({"beam_width": width, **chosen}) for width in BEAM_WIDTHS}
    width = next(width for width in BEAM_WIDTHS if rates[width] <= min(rates.values()) + TOLERANCE)
    return {"beam_width": width, **chosen}


def by_source(utterances: Utterances, heard: list[str]) -> dict[str, float]:
    """Return the word error rate of each source."""
    names = np.array(utterances.sources)
    return {
        source: word_error_rate(
            [utterances.texts[i] for i in np.flatnonzero(names == source)],
            [heard[i] for i in np.flatnonzero(names == source)],
        )
        for source in dict.fromkeys(utterances.sources)
    }


def table(utterances: Utterances, greedy: list[str], beam: list[str]) -> str:
    """Return a Markdown table of word error rates."""
    first, second = by_source(utterances, greedy), by_source(utterances, beam)
    lines = ["| test clips | clips | words | WER greedy | WER lexicon + trigram |"]
    lines.append("|---|---|---|---|---|")
    for source in first:
        texts = [
            text
            for name, text in zip(utterances.sources, utterances.texts, strict=True)
            if name == source
        ]
        words = sum(len(text.split()) for text in texts)
        rates = f"{first[source]:.3f} | {second[source]:.3f}"
        lines.append(f"| {source} | {len(texts)} | {words} | {rates} |")
    return "\n".join(lines)


def main() -> None:
    """Tune on the development clips, or report on the test clips."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--material", type=Path, required=True)
    parser.add_argument("--tune", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    decoding = read_decoding(options.checkpoint)
    settings_file = options.checkpoint / "edgewright.json"
    settings = json.loads(settings_file.read_text())
    if options.tune:
        dev = conformer_data.load_part(options.material, "dev")
        chosen = tune(decoding, dev, infer(options.checkpoint, dev))
        settings["search"] = {**THRESHOLDS, **chosen}
        settings_file.write_text(json.dumps(settings, indent=2) + "\n")
        return
    test = conformer_data.load_part(options.material, "test")
    print(report(options.checkpoint, test, decoding, settings["search"]))


def report(folder: Path, test: Utterances, decoding: Decoding, search: Mapping[str, Any]) -> str:
    """Score the test clips, put the table into the card, and return it.

    Raises:
        ValueError: the card has a table already.
    """
    card = folder / "README.md"
    if UNMEASURED not in card.read_text():
        raise ValueError(
            f"card '{card}': got figures, expected '{UNMEASURED}'; test clips are scored once"
        )
    logits = infer(folder, test)
    greedy = [greedy_words(item, decoding.tokenizer, decoding.blank_id) for item in logits]
    beam = beam_words(logits, decoding.search(**search))
    found = table(test, greedy, beam)
    card.write_text(card.read_text().replace(UNMEASURED, found))
    return found


if __name__ == "__main__":
    main()
