"""SentencePiece models and vocabularies of a checkpoint, checked against its `config.json`."""

from dataclasses import dataclass
from typing import Any

from edgewright.errors import BundleError, CheckpointError
from edgewright.families.marian_tokens import END, PAD, MarianTokens, load_pieces, read_vocabulary
from edgewright_export.checkpoint import Checkpoint

SOURCE_PIECES, TARGET_PIECES, VOCABULARY = "source.spm", "target.spm", "vocab.json"
TARGET_VOCABULARY = "target_vocab.json"
"""Of checkpoints whose two languages have a vocabulary each."""
ASSETS = "assets"


@dataclass(frozen=True)
class VocabularyFiles:
    """What texts become tokens with."""

    data: dict[str, bytes]
    """By bundle path."""
    target_vocabulary: str
    """Bundle path of the vocabulary of translations."""
    tokens: MarianTokens
    """Made of them."""


def read_vocabulary_files(checkpoint: Checkpoint, config: Any) -> VocabularyFiles:
    """Return the files of `checkpoint`.

    Args:
        checkpoint: In the layout of `Helsinki-NLP/opus-mt-*`.
        config: A `MarianConfig` of transformers.

    Raises:
        CheckpointError: A file is missing, is no such file, or does not belong to the weights.
    """
    target = VOCABULARY if config.share_encoder_decoder_embeddings else TARGET_VOCABULARY
    names = dict.fromkeys((SOURCE_PIECES, TARGET_PIECES, VOCABULARY, target))
    data = {name: checkpoint.read_bytes(name) for name in names}
    try:
        for name in (SOURCE_PIECES, TARGET_PIECES):
            load_pieces(data[name])
        tokens = MarianTokens(*(data[name] for name in (*list(names)[:3], target)))
        sizes = {VOCABULARY: config.vocab_size, target: config.decoder_vocab_size}
        vocabularies = {name: read_vocabulary(data[name]) for name in sizes}
    except BundleError as error:
        raise CheckpointError(
            f"checkpoint {checkpoint.folder}: {str(error).rpartition(';')[0]}; download it again"
        ) from error
    for name, vocabulary in vocabularies.items():
        _check(name, vocabulary, sizes[name], config)
    paths = {f"{ASSETS}/{name}": content for name, content in data.items()}
    return VocabularyFiles(paths, f"{ASSETS}/{target}", tokens)


def _check(name: str, vocabulary: dict[str, int], size: int, config: Any) -> None:
    """Raise a CheckpointError unless `vocabulary` can be that of the weights."""
    largest = max(vocabulary.values())
    special = {END: config.eos_token_id, PAD: config.pad_token_id}
    wrong = {token: vocabulary[token] for token in special
             if vocabulary.get(token, special[token]) != special[token]}  # fmt: skip
    if largest >= size or wrong:
        raise CheckpointError(
            f"{name}: got ids up to {largest} and {wrong or 'no contradiction'}, expected ids below"
            f" {size} and {special} as in config.json; use the file of the same checkpoint"
        )
