"""`tokenizer.json`, `vocab.json` and `lexicon.txt` of recognizers: read, checked, as ids."""

from collections.abc import Mapping
from typing import Any

from tokenizers import Tokenizer

from edgewright.errors import CheckpointError, UnsupportedCheckpointError
from edgewright.lines import split_lines
from edgewright.transcript import PREFIX, SEPARATOR
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.recipes.conformer_recognizer import TokenTable

PIECES, CHARACTERS, LEXICON = "tokenizer.json", "vocab.json", "lexicon.txt"
_SETTINGS = "tokenizer_config.json"
_SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
"""Defaults of `Wav2Vec2CTCTokenizer`."""


def read_pieces(checkpoint: Checkpoint, vocab_size: int, blank_id: int) -> TokenTable:
    """Return the pieces of `tokenizer.json`, in which U+2581 begins a word.

    Args:
        checkpoint: Has the file.
        vocab_size: Tokens of the model, the blank included.
        blank_id: The blank; the file need not name it.

    Raises:
        CheckpointError: The file is missing, damaged, or does not fit the model.
        UnsupportedCheckpointError: Its pieces make words in another way.
    """
    data = checkpoint.read_bytes(PIECES)
    try:
        tokenizer = Tokenizer.from_str(data.decode())
    except Exception as error:  # tokenizers raises nothing narrower
        raise CheckpointError(
            f"{PIECES}: got a file that cannot be read ({error}), expected that of the tokenizers "
            "library; download it again"
        ) from error
    vocabulary = {index: token for token, index in tokenizer.get_vocab().items()}
    added = tokenizer.get_added_tokens_decoder()
    special = {index for index, token in added.items() if token.special}
    settings = _read_settings(checkpoint)
    names = {_content(settings[key]) for key in _SPECIAL if key in settings}
    special.update(index for index, token in vocabulary.items() if token in names)
    if blank_id in vocabulary and blank_id not in special:
        raise CheckpointError(
            f"{PIECES}: got the piece {vocabulary[blank_id]!r} at the blank {blank_id} of "
            "config.json, expected a special token; use the files of one checkpoint"
        )
    vocabulary.setdefault(blank_id, "<blank>")
    special.add(blank_id)
    tokens = _by_id(vocabulary, vocab_size, PIECES)
    _check_joining(tokenizer, tokens, special)
    return TokenTable(tokens, "prefix", blank_id, tuple(sorted(special)))


def read_characters(checkpoint: Checkpoint, vocab_size: int, blank_id: int) -> TokenTable:
    """Return the characters of `vocab.json`, with "|" between words.

    Raises:
        CheckpointError: A file is missing, or does not fit the model.
        UnsupportedCheckpointError: Something else stands between words, or there are several
            languages.
    """
    raw, settings = checkpoint.read_json(CHARACTERS), _read_settings(checkpoint)
    if any(isinstance(value, Mapping) for value in raw.values()):
        raise UnsupportedCheckpointError(
            f"{CHARACTERS}: got a vocabulary for each of {sorted(raw)[:5]}, expected one; keep that"
            " of one language"
        )
    if settings.get("word_delimiter_token", SEPARATOR) != SEPARATOR or SEPARATOR not in raw:
        raise UnsupportedCheckpointError(
            f"{CHARACTERS}: got no '{SEPARATOR}' between words, expected it; export another "
            "checkpoint"
        )
    names = {_content(settings.get(key, default)) for key, default in _SPECIAL.items()}
    pad = _content(settings.get("pad_token", _SPECIAL["pad_token"]))
    if pad is None or raw.get(pad) != blank_id:
        raise CheckpointError(
            f"{CHARACTERS}: got another pad token than the blank {blank_id} in config.json, "
            "expected the same; use the files of one checkpoint"
        )
    tokens = _by_id({index: token for token, index in raw.items()}, vocab_size, CHARACTERS)
    special = tuple(index for index, token in enumerate(tokens) if token in names)
    if settings.get("do_lower_case"):
        tokens = tuple(token.lower() for token in tokens)
    return TokenTable(tokens, "separator", blank_id, special)


def spell_lexicon(data: bytes, table: TokenTable) -> bytes:
    """Turn lines of a word, a tab and its tokens with spaces between into the bundle's form.

    Args:
        data: UTF-8; several lines may spell one word.
        table: Gives the ids, which stand in the bundle in place of the tokens.

    Raises:
        CheckpointError: It is no UTF-8, has no lines, or a line has another form.
    """
    ids = {token: i for i, token in enumerate(table.tokens) if i not in table.special_ids}
    try:
        lines = split_lines(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise CheckpointError(
            f"{LEXICON}: got bytes that are no UTF-8 ({error}), expected text; convert the file"
        ) from error
    if not lines:
        raise CheckpointError(f"{LEXICON}: got no words, expected at least one; write the lexicon")
    return "".join(_spell(number, line, ids) for number, line in enumerate(lines, 1)).encode()


def _spell(number: int, line: str, ids: Mapping[str, int]) -> str:
    word, _, spelling = line.partition("\t")
    tokens = spelling.split(" ")
    unknown = [token for token in tokens if token not in ids]
    if not word or unknown:
        raise CheckpointError(
            f"{LEXICON}, line {number}: got '{line[:60]}', expected a word, a tab and tokens of the"
            f" vocabulary with spaces between (unknown: {unknown[:3]}); correct the line"
        )
    return f"{word}\t{' '.join(str(ids[token]) for token in tokens)}\n"


def _by_id(vocabulary: Mapping[Any, str], vocab_size: int, name: str) -> tuple[str, ...]:
    if set(vocabulary) != set(range(vocab_size)):
        raise CheckpointError(
            f"{name}: got {len(vocabulary)} tokens, expected the ids 0 to {vocab_size - 1} as "
            "config.json says; use the file that the checkpoint was trained with"
        )
    if broken := [token for token in vocabulary.values() if "\n" in token]:
        raise UnsupportedCheckpointError(
            f"{name}: got the token {broken[0]!r}, expected none with a line end; export another "
            "checkpoint"
        )
    return tuple(vocabulary[index] for index in range(vocab_size))


def _check_joining(tokenizer: Tokenizer, tokens: tuple[str, ...], special: set[int]) -> None:
    """Ask the original decoder about each piece behind a word: is the text what we make of it?"""
    pieces = [index for index in range(len(tokens)) if index not in special]
    first = next((index for index in pieces if tokens[index].startswith(PREFIX)), -1)
    for index in pieces:
        made = f"{tokens[first]}{tokens[index]}".replace(PREFIX, " ").split()
        if first < 0 or tokenizer.decode([first, index], skip_special_tokens=False).split() != made:
            raise UnsupportedCheckpointError(
                f"{PIECES}: got the piece {tokens[index]!r}, which makes text in another way, "
                "expected pieces where U+2581 begins a word (SentencePiece); export another "
                "checkpoint"
            )


def _read_settings(checkpoint: Checkpoint) -> dict[str, Any]:
    return checkpoint.read_json(_SETTINGS) if checkpoint.has(_SETTINGS) else {}


def _content(token: Any) -> str | None:
    """Return the text of a special token, which may be stored as an object or be absent."""
    content = token.get("content") if isinstance(token, Mapping) else token
    return content if isinstance(content, str) else None
