"""Sentences as phones: what `edgewright.text` does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgewright.text.homographs import guess_tag
from edgewright.text.letter_to_sound import LetterToSound
from edgewright.text.lexicon import Lexicon
from edgewright.text.normalize import read
from edgewright.text.phones import SYMBOL_OF_CODE, VOWELS, Phone, encode, pause, word_phones
from edgewright.text.pronounce import Pronouncer, Spoken
from edgewright.text.reading import Item
from edgewright.text.sentences import split

_THEE = encode("dh iy0")
_SHOUTED = 0.8  # share of words in capitals that makes a sentence shouted


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and how it is spoken."""

    text: str
    """As written, with single spaces and without control characters."""
    tokens: tuple[Phone, ...]
    """Phones, with pauses where one reads a mark; the last one is the pause of . ? or !"""


class Phonemizer:
    """Turns any English text into phones. Safe for concurrent calls.

    Args:
        lexicon: Content of `lexicon.xz`.
        letter_to_sound: Content of `letter_to_sound.xz`.

    Raises:
        BundleError: The data are damaged.
    """

    def __init__(self, lexicon: bytes, letter_to_sound: bytes) -> None:
        self._lexicon = Lexicon(lexicon)
        self._pronounce = Pronouncer(self._lexicon, LetterToSound(letter_to_sound))

    def __call__(self, text: str) -> Sequence[Sentence]:
        """Return the sentences of a text that have something to say; none for `"?!"`."""
        sentences = []
        for written in split(text):
            tokens = self._tokens(read(written))
            if tokens:
                sentences.append(Sentence(written, tokens))
        return sentences

    def _tokens(self, items: Sequence[Item]) -> tuple[Phone, ...]:
        spoken = list(self._spoken(_lowered_if_shouted(items, self._lexicon)))
        phones: list[Phone] = []
        for index, one in enumerate(spoken):
            if isinstance(one, Item):
                phones.append(pause(one.text))
                continue
            word, codes = one
            if word == "the" and _begins_with_vowel(spoken, index + 1):
                codes = _THEE
            phones += word_phones(word, codes)
        return tuple(phones)

    def _spoken(self, items: Sequence[Item]) -> Iterator[Spoken | Item]:
        """Yield the words as they are spoken; pauses stay items."""
        words = ["" if item.kind == "pause" else item.text.lower() for item in items]
        for index, item in enumerate(items):
            if item.kind == "pause":
                yield item
            elif item.kind == "letter":
                yield self._pronounce.letter(item.text)
            else:
                yield from self._pronounce(item.text, guess_tag(words, index))


def _begins_with_vowel(spoken: Sequence[Spoken | Item], index: int) -> bool:
    following = spoken[index] if index < len(spoken) else None
    return isinstance(following, Spoken) and SYMBOL_OF_CODE[following.codes[0]] in VOWELS


def _lowered_if_shouted(items: Sequence[Item], lexicon: Lexicon) -> Sequence[Item]:
    """Return a sentence in capitals in lower case, so that its words are no acronyms."""
    long = [item.text for item in items if item.kind == "word" and len(item.text) > 1]
    shouted = [word.lower() for word in long if word.isupper()]
    if len(shouted) < 2 or len(shouted) < _SHOUTED * len(long):
        return items
    if not any(len(word) > 3 and word in lexicon for word in shouted):
        return items
    return [
        Item("a") if item == ("a", "letter") else item._replace(text=item.text.lower())
        for item in items
    ]
