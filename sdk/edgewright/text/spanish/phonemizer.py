"""Spanish sentences as phones."""

from collections.abc import Sequence
from itertools import takewhile

from edgewright.text.phonemizer import Sentence
from edgewright.text.phones import Phone, pause
from edgewright.text.reading import Item
from edgewright.text.spanish.allophones import allophones
from edgewright.text.spanish.normalize import read
from edgewright.text.spanish.phones import word_phones
from edgewright.text.spanish.pronounce import Pronouncer
from edgewright.text.spanish.sentences import split
from edgewright.text.spanish.words import UNSTRESSED

_SHOUTED = 0.8  # share of words in capitals that makes a sentence shouted


class SpanishPhonemizer:
    """Turns any Spanish text into phones, by rules alone. Safe for concurrent calls.

    Args:
        distincion: Whether z, and c before e and i, are θ as in most of Spain; by default they are
            s (seseo), as in America.
    """

    def __init__(self, *, distincion: bool = False) -> None:
        self._pronounce = Pronouncer(distincion=distincion)

    def __call__(self, text: str) -> Sequence[Sentence]:
        """Return the sentences of a text that have something to say; none for `"?!"`."""
        sentences = []
        for written in split(text):
            tokens = self._tokens(read(_lowered_if_shouted(written)))
            if tokens:
                sentences.append(Sentence(written, tokens))
        return sentences

    def _tokens(self, items: Sequence[Item]) -> tuple[Phone, ...]:
        phones: list[Phone] = []
        for index, item in enumerate(items):
            if item.kind == "pause":
                phones.append(pause(item.text))
                continue
            word = item.text.lower()
            if item.kind == "letter":
                sounds = self._pronounce.letter(word)
            else:
                sounds = self._pronounce(word, is_stressed=_needs_stress(items, index))
            phones += word_phones(word, sounds)
        return allophones(phones)


def _needs_stress(items: Sequence[Item], index: int) -> bool:
    """Tell whether a word is the last before a pause and no other one there has a stress."""
    if index + 1 < len(items) and items[index + 1].kind != "pause":
        return False
    before = takewhile(lambda item: item.kind != "pause", reversed(items[:index]))
    return all(item.kind == "word" and item.text.lower() in UNSTRESSED for item in before)


def _lowered_if_shouted(sentence: str) -> str:
    """Return a sentence in capitals in lower case, so that its words are no acronyms."""
    long = [word for word in sentence.split() if sum(map(str.isalpha, word)) > 1]
    shouted = [word for word in long if word.isupper()]
    if len(shouted) < 2 or len(shouted) < _SHOUTED * len(long):
        return sentence
    return sentence.lower()
