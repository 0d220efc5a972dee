"""The checkpoint folder of the Conformer: weights, front end, pieces, lexicon, trigram, card."""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import conformer_card
from conformer_card import TrainingFacts
from speech_clips import HIGH_FREQUENCY, HOP_LENGTH, NUM_MEL_BINS, SAMPLE_RATE
from speech_text import OBSCENE
from tokenizers import Tokenizer
from word_trigram import write_arpa

from edgewright_export.models.conformer import StreamingConformerForCTC, save_checkpoint

FRONT_END = {
    "sample_rate": SAMPLE_RATE,
    "num_mel_bins": NUM_MEL_BINS,
    "n_fft": 512,
    "win_length": 400,
    "hop_length": HOP_LENGTH,
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
TEXT_SHARES = {
    "prompts": 0.15,
    "templates": 0.17,
    "phrases": 0.05,
    "games": 0.25,
    "examples": 0.24,
    "definitions": 0.14,
}
"""Of the trigram's mixture; chosen for the likelihood of the development texts."""
LEAST_CHANGE = 1.1e-7  # of the perplexity, by an n-gram that is kept


def publish_checkpoint(
    model: StreamingConformerForCTC,
    tokenizer: Tokenizer,
    texts: Mapping[str, Sequence[str]],
    dictionary: Iterable[str],
    *,
    facts: TrainingFacts,
    output: Path,
) -> None:
    """Write the whole folder, or leave what was there.

    Args:
        model: network.
        tokenizer: its pieces.
        texts: plain texts of each kind in `TEXT_SHARES`.
        dictionary: words that can be heard though no text has them.
        facts: of the training run.
        output: folder.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent) as temporary:
        folder = Path(temporary) / output.name
        folder.mkdir()
        save_checkpoint(model, folder)
        tokenizer.save(str(folder / "tokenizer.json"))
        _write_json(folder / "preprocessor_config.json", FRONT_END)
        _write_json(folder / "edgewright.json", conformer_card.options(facts.seed))
        (folder / "NOTICE").write_text(conformer_card.notices())
        words = lexicon_words(texts.values(), dictionary)
        (folder / "lexicon.txt").write_text(lexicon_lines(words, tokenizer))
        trigram = write_arpa(texts, TEXT_SHARES, frozenset(words), LEAST_CHANGE)
        (folder / "lm.arpa.gz").write_bytes(gzip.compress(trigram.encode(), mtime=0))
        parameters = sum(parameter.numel() for parameter in model.parameters())
        card = conformer_card.render(model.config, parameters, facts, conformer_card.UNMEASURED)
        (folder / "README.md").write_text(card)
        if output.exists():
            shutil.move(output, Path(temporary) / "before")
        folder.replace(output)


def lexicon_words(texts: Iterable[Iterable[str]], dictionary: Iterable[str]) -> list[str]:
    """Return the sorted words of all texts of all kinds and of a dictionary, but obscene ones."""
    words = {word for kind in texts for text in kind for word in text.split()}
    return sorted(word for word in words.union(dictionary) if not OBSCENE.fullmatch(word))


def lexicon_lines(words: Sequence[str], tokenizer: Tokenizer) -> str:
    """Return one line a word: the word, a tab, its pieces with spaces between."""
    lines = [f"{word}\t{' '.join(tokenizer.encode(word).tokens)}" for word in words]
    return "\n".join(lines) + "\n"


def _write_json(path: Path, record: object) -> None:
    path.write_text(json.dumps(record, indent=2) + "\n")
