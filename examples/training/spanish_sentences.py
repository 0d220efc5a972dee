"""Spanish sentences for a voice: the project's own phrases, and made-up ones of their syllables.

The phrases repeat a few hundred patterns. Made-up sentences, whose words stand in random order and
half of which are put together of syllables, show the phones in other surroundings; a teacher that
speaks by rules does not mind.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

from translation_corpus import PROMPTS, Split, pairs

from edgewright.text.spanish.sentences import split as split_sentences

SEED = 1
NUM_PHRASES, NUM_MADE_UP = 5600, 1400
NUM_HELD = 150  # sentences of the test split, and of the development split
_WORD = re.compile(r"[a-záéíóúüñ]+", re.IGNORECASE)
_SYLLABLE = re.compile(
    r"(?:[^aeiouáéíóúü]*?)((?:ch|ll|rr|qu|gu|[bcdfgpt][lr]|[b-df-hj-np-tv-zñ])?"
    r"[iu]?[aeiouáéíóú](?:[iu](?![aeiouáéíóú]))?(?:[nslrmdz](?![aeiouáéíóúhlr]))?)"
)
_ACCENTS = re.compile("[áéíóú]")
_WITHOUT_ACCENTS = str.maketrans("áéíóú", "aeiou")
MOST_WORDS = 25


def phrases(split: Split) -> list[str]:
    """Return the distinct sentences of a split in a fixed random order.

    Prompts of Asterisk, whose licence is another, are left out, and so is every sentence that a
    split before it in test, dev, train has.
    """
    order: tuple[Split, ...] = ("test", "dev", "train")
    before = {one for part in order[: order.index(split)] for one in _sentences(part)}
    found = [one for one in _sentences(split) if one not in before]
    random.Random(SEED).shuffle(found)
    return found


def _sentences(split: Split) -> list[str]:
    written = (pair.spanish for pair in pairs(split) if pair.domain != PROMPTS)
    sentences = (one for text in written for one in split_sentences(text))
    return list(dict.fromkeys(one for one in sentences if len(one.split()) <= MOST_WORDS))


def made_up(sentences: Sequence[str], count: int) -> Iterator[str]:
    """Yield `count` sentences of words and syllables of `sentences`."""
    rng = random.Random(SEED)
    words = list(dict.fromkeys(word.lower() for one in sentences for word in _WORD.findall(one)))
    syllables = sorted({part for word in words for part in _SYLLABLE.findall(word)})
    for _ in range(count):
        chosen = [_word(rng, words, syllables) for _ in range(rng.randint(3, 10))]
        if len(chosen) > 5 and rng.random() < 0.5:
            chosen[len(chosen) // 2] += ","
        text, mark = " ".join(chosen), rng.choice("...?!")
        opening = {"?": "¿", "!": "¡", ".": ""}[mark]
        yield opening + text[0].upper() + text[1:] + mark


def _word(rng: random.Random, words: Sequence[str], syllables: Sequence[str]) -> str:
    if rng.random() < 0.5:
        return rng.choice(words)
    word = "".join(rng.choice(syllables) for _ in range(rng.randint(1, 4)))
    return word if len(_ACCENTS.findall(word)) < 2 else word.translate(_WITHOUT_ACCENTS)


def all_sentences() -> tuple[list[str], list[str], list[str]]:
    """Return the sentences for test, development and training."""
    training = phrases("train")
    made = made_up(training, NUM_MADE_UP)
    chosen = [*training[:NUM_PHRASES], *made]
    random.Random(SEED).shuffle(chosen)
    return phrases("test")[:NUM_HELD], phrases("dev")[:NUM_HELD], chosen
