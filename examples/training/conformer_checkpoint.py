"""The checkpoint folder of the Conformer: weights, front end, pieces, lexicon, trigram, card."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import conformer_card
from conformer_card import TrainingFacts
from conformer_data import Utterances
from speech_clips import HIGH_FREQUENCY, NUM_MEL_BINS, SAMPLE_RATE
from speech_text import OBSCENE
from tokenizers import Tokenizer
from word_trigram import Weighted, write_arpa

from edgewright_export.models.conformer import StreamingConformerForCTC, save_checkpoint

FRONT_END = {
    "sample_rate": SAMPLE_RATE,
    "num_mel_bins": NUM_MEL_BINS,
    "n_fft": 512,
    "win_length": 400,
    "hop_length": 160,
    "window": "povey",
    "periodic": False,
    "padding": "none",
    "preemphasis": 0.97,
    "preemphasis_scope": "frame",
    "remove_dc": True,
    "power": 2.0,
    "low_frequency": 20.0,
    "high_frequency": HIGH_FREQUENCY,
    "mel_scale": "htk",
    "triangles": "mel",
    "mel_norm": "none",
    "input_scale": 32768.0,
    "floor": 1.0,
    "floor_mode": "max",
    "normalization": "none",
}
"""`preprocessor_config.json`, in the words of `edgewright.features.LogMelConfig`."""
RECORDED = ("asterisk", "queen", "drascula")
WEIGHTS_OF_TEXT = {"asterisk": 4, "queen": 2, "drascula": 2}  # of others 1
SMALLEST_COUNTS = {2: 1, 3: 2}


def publish_checkpoint(
    model: StreamingConformerForCTC,
    tokenizer: Tokenizer,
    train: Utterances,
    definitions: Sequence[str],
    *,
    facts: TrainingFacts,
    output: Path,
) -> None:
    """Write the whole folder, or leave what was there."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent) as temporary:
        folder = Path(temporary) / output.name
        folder.mkdir()
        save_checkpoint(model, folder)
        tokenizer.save(str(folder / "tokenizer.json"))
        _write_json(folder / "preprocessor_config.json", FRONT_END)
        _write_json(folder / "edgewright.json", conformer_card.OPTIONS | {"seed": facts.seed})
        words = lexicon_words(train, definitions)
        (folder / "lexicon.txt").write_text(lexicon_lines(words, tokenizer))
        (folder / "lm.arpa").write_text(_trigram(train, frozenset(words)))
        parameters = sum(parameter.numel() for parameter in model.parameters())
        card = conformer_card.render(parameters, facts, conformer_card.UNMEASURED)
        (folder / "README.md").write_text(card)
        if output.exists():
            shutil.move(output, Path(temporary) / "before")
        folder.replace(output)


def lexicon_words(train: Utterances, definitions: Sequence[str]) -> list[str]:
    """Return the sorted words of recorded texts, and of two others; obscene ones left out.

    Args:
        train: what is spoken.
        definitions: texts that lend their words only: nobody speaks in such sentences.
    """
    others = {*train.texts, *definitions}
    counts = Counter(word for text in others for word in set(text.split()))
    rows = zip(train.sources, train.texts, strict=True)
    recorded = {word for source, text in rows if source in RECORDED for word in text.split()}
    words = [word for word, count in counts.items() if count > 1 or word in recorded]
    return sorted(word for word in words if not OBSCENE.fullmatch(word))


def lexicon_lines(words: Sequence[str], tokenizer: Tokenizer) -> str:
    """Return one line a word: the word, a tab, its pieces with spaces between."""
    lines = [f"{word}\t{' '.join(tokenizer.encode(word).tokens)}" for word in words]
    return "\n".join(lines) + "\n"


def _trigram(train: Utterances, words: frozenset[str]) -> str:
    """Return the trigram of the different texts, however often each is spoken."""
    weights: dict[str, int] = {}
    for text, source in zip(train.texts, train.sources, strict=True):
        weights[text] = max(weights.get(text, 0), WEIGHTS_OF_TEXT.get(source, 1))
    sentences = [Weighted(text, weight) for text, weight in weights.items() if text]
    return write_arpa(sentences, words, SMALLEST_COUNTS)


def _write_json(path: Path, record: object) -> None:
    path.write_text(json.dumps(record, indent=2) + "\n")
