"""k-mer tokens as the original DNABERT makes them: a word for every position, looked up by name."""

from edgewright.errors import CheckpointError, UnsupportedCheckpointError
from edgewright.specs import Array

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def read_vocabulary(data: bytes) -> tuple[str, ...]:
    """Return the tokens of a `vocab.txt`, by id.

    Raises:
        CheckpointError: It does not begin with the special tokens, or is no text.
        UnsupportedCheckpointError: The rest is not every k-mer of one length, once.
    """
    try:
        vocabulary = tuple(data.decode("utf-8").split())
    except UnicodeDecodeError as error:
        raise CheckpointError(
            f"vocab.txt: got bytes that are no UTF-8 ({error}), expected one token a line; "
            "download it again"
        ) from error
    if vocabulary[:5] != SPECIAL_TOKENS:
        raise CheckpointError(
            f"vocab.txt: got the first tokens {vocabulary[:5]}, expected {SPECIAL_TOKENS}; use the "
            "file that the checkpoint was trained with"
        )
    kmers = vocabulary[5:]
    k = len(kmers[0]) if kmers else 0
    complete = len(kmers) == len(set(kmers)) == 4**k
    if not complete or any(len(kmer) != k or set(kmer) - set("ACGT") for kmer in kmers):
        raise UnsupportedCheckpointError(
            f"vocab.txt: got {len(kmers)} tokens such as {kmers[:3]}, expected every k-mer of "
            "A, C, G, T of one length once; other tokenizers (DNABERT-2) are not supported yet"
        )
    return vocabulary


def kmer_words(sequence: Array, k: int) -> list[str]:
    """Return the overlapping words of `k` letters of a sequence (uint8 ASCII, `(bases,)`)."""
    text = sequence.tobytes().decode("ascii").upper()
    return [text[start : start + k] for start in range(len(text) - k + 1)]


def token_ids(words: list[str], vocabulary: tuple[str, ...]) -> list[int]:
    """Return `[CLS] words [SEP]` as ids; a word with other letters than A, C, G, T is `[UNK]`."""
    ids = {token: index for index, token in enumerate(vocabulary)}
    inner = [ids.get(word, ids["[UNK]"]) for word in words]
    return [ids["[CLS]"], *inner, ids["[SEP]"]]
