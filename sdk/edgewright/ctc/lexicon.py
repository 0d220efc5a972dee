"""The words that a search may keep to."""

from collections.abc import Sequence

import numpy as np

from edgewright import _core
from edgewright.ctc.checks import MAX_TOKEN_ID
from edgewright.errors import UsageError


class Lexicon:
    """The words that a beam search may find, and the tokens that spell them.

    Args:
        words: At least one; a word may come several times, with several spellings.
        spellings: For each word the token ids, at least one.

    Raises:
        UsageError: No words, another number of spellings, an empty spelling or a token id below 0.
    """

    def __init__(self, words: Sequence[str], spellings: Sequence[Sequence[int]]) -> None:
        if not words or len(words) != len(spellings):
            raise UsageError(
                f"lexicon: got {len(words)} words and {len(spellings)} spellings, expected as many "
                "of both and at least one; give each word its token ids"
            )
        tokens = [token for spelling in spellings for token in spelling]
        for word, spelling in zip(words, spellings, strict=True):
            if not spelling or min(spelling) < 0 or max(spelling) > MAX_TOKEN_ID:
                raise UsageError(
                    f"lexicon: got the spelling {list(spelling)} of {word!r}, expected token ids "
                    "of 0 or more, at least one; leave the word out or spell it"
                )
        ids: dict[str, int] = {}
        word_ids = [ids.setdefault(word, len(ids)) for word in words]
        self.words: tuple[str, ...] = tuple(ids)
        """Each word once."""
        self.token_ids: frozenset[int] = frozenset(tokens)
        """Every token of a spelling."""
        self._trie = _core.LexiconTrie(
            np.asarray(tokens, np.int32),
            np.cumsum([0, *map(len, spellings)], dtype=np.int64),
            np.asarray(word_ids, np.int32),
        )
