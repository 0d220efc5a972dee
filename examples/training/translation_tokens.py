"""The translator's tokens: two SentencePiece models and one vocabulary, as MarianTokenizer has."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import sentencepiece as spm
from transformers import MarianTokenizer

END, UNKNOWN, PAD = "</s>", "<unk>", "<pad>"
SOURCE_MODEL, TARGET_MODEL, VOCABULARY = "source.spm", "target.spm", "vocab.json"
SOURCE_RULE, TARGET_RULE = "nmt_nfkc_cf", "nmt_nfkc"
"""English is folded to lower case inside its model: a recognizer writes nothing else."""
BEST_SEGMENTATIONS = 8
LONGEST = 96
"""Tokens of a training sentence; longer ones are cut."""


class TranslationTokens:
    """Encodes and decodes with the files that a checkpoint holds."""

    def __init__(self, source_model: bytes, target_model: bytes) -> None:
        self.source_model, self.target_model = source_model, target_model
        self._source = spm.SentencePieceProcessor(model_proto=source_model)
        self._target = spm.SentencePieceProcessor(model_proto=target_model)
        pieces = [*_pieces(self._source), *_pieces(self._target)]
        # In the order of the public checkpoints: end first, padding last.
        names = list(dict.fromkeys((END, UNKNOWN, *pieces, PAD)))
        self.vocabulary = {name: number for number, name in enumerate(names)}
        self._names = names
        self.end_id, self.unknown_id = self.vocabulary[END], self.vocabulary[UNKNOWN]
        self.pad_id = self.vocabulary[PAD]

    def encode(self, text: str) -> list[int]:
        """Return the ids of an English text and of the end."""
        return self._ids(self._source.encode(text, out_type=str))

    def encode_varied(self, text: str, share: float, rng: np.random.Generator) -> list[int]:
        """Return `encode` or, in a share of the calls, another of the best segmentations."""
        if rng.random() >= share:
            return self.encode(text)
        choices = self._source.nbest_encode(text, out_type=str, nbest_size=BEST_SEGMENTATIONS)
        return self._ids(choices[rng.integers(len(choices))])

    def encode_target(self, text: str) -> list[int]:
        """Return the ids of a Spanish text and of the end."""
        return self._ids(self._target.encode(text, out_type=str))

    def decode(self, token_ids: Sequence[int]) -> str:
        """Return the Spanish text of ids."""
        names = [self._names[number] for number in token_ids]
        pieces = [name for name in names if name not in (END, UNKNOWN, PAD)]
        text: str = self._target.decode_pieces(pieces)
        return text.strip()

    def save(self, folder: Path) -> None:
        """Write `source.spm`, `target.spm`, `vocab.json` and `tokenizer_config.json`."""
        (folder / SOURCE_MODEL).write_bytes(self.source_model)
        (folder / TARGET_MODEL).write_bytes(self.target_model)
        vocabulary = json.dumps(self.vocabulary, ensure_ascii=False, indent=0)
        (folder / VOCABULARY).write_text(vocabulary + "\n", "utf-8")
        options = {
            "source_lang": "en", "target_lang": "es", "model_max_length": 512,
            "separate_vocabs": False, "tokenizer_class": MarianTokenizer.__name__,
        }  # fmt: skip
        (folder / "tokenizer_config.json").write_text(json.dumps(options, indent=2) + "\n")

    def _ids(self, pieces: Sequence[str]) -> list[int]:
        known = [self.vocabulary.get(piece, self.unknown_id) for piece in pieces[: LONGEST - 1]]
        return [*known, self.end_id]


def read_tokens(folder: Path) -> TranslationTokens:
    """Return what `TranslationTokens.save` wrote."""
    return TranslationTokens(
        (folder / SOURCE_MODEL).read_bytes(), (folder / TARGET_MODEL).read_bytes()
    )


def train_tokens(
    source: Sequence[str], target: Sequence[str], source_size: int, target_size: int
) -> TranslationTokens:
    """Return the tokens learned from English and Spanish texts."""
    return TranslationTokens(
        _train(source, source_size, SOURCE_RULE), _train(target, target_size, TARGET_RULE)
    )


def _train(texts: Sequence[str], size: int, rule: str) -> bytes:
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=size, model_type="unigram",
        normalization_rule_name=rule, character_coverage=1.0, hard_vocab_limit=False,
        bos_id=-1, eos_id=-1, unk_id=0, num_threads=1, minloglevel=2,
    )  # fmt: skip
    return model.getvalue()


def _pieces(model: spm.SentencePieceProcessor) -> list[str]:
    numbers = range(model.get_piece_size())
    return [model.id_to_piece(number) for number in numbers if not model.is_unknown(number)]
