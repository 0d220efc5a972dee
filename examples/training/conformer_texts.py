"""Texts for the Conformer: what synthetic voices say, and those of lexicon and trigram."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from conformer_data import Material
from debian_data import fetch_package
from fastspeech2_data import wordnet_sentences
from speech_clips import Clip, Split
from speech_text import OBSCENE, plain_words, prompt_texts, shuffled, wordnet_definitions
from translation_corpus import PROMPTS, pairs, spoken_forms

GAMES = ("queen", "drascula", "steel sky")
PARTS = {"asterisk": "asterisk parts", **dict.fromkeys(GAMES, "game parts")}
"""Sources of recordings, and of the parts that they are cut into."""
_SAID, _HELD_BACK = range(3, 13), range(13, 17)
"""Words of a sentence of WordNet that voices say in training, and of one that is held back: no run
ever heard one of these, whatever other texts it had."""
_TEMPLATES = 6000  # sentences from them in the trigram
_TEST, _DEV = slice(100), slice(100, 160)  # of the held-back examples


@dataclass(frozen=True)
class TextCounts:
    """How many texts the synthetic voices say."""

    examples: int = 8000
    """Examples of WordNet that eSpeak NG says; flite says twice, the adapted voice a third as many
    others."""
    definitions: int = 8000
    """Definitions of WordNet, shared out alike."""
    prompts: int = 2400
    """Telephone sentences that each of the three says."""


class SpokenTexts:
    """What the synthetic voices say, drawn anew with each seed; what is held back stays the same.

    No sentence of theirs is one that a held-back clip says; the texts of training clips are said as
    they are, and some equal those of development clips.
    """

    def __init__(self, clips: Sequence[Clip], cache: Path, counts: TextCounts, seed: int) -> None:
        held = {clip.text for clip in clips if clip.split != "train"}
        examples = _examples(cache)
        unsaid = _drawn(examples, _HELD_BACK, 1)
        self.test, self.dev = unsaid[_TEST], unsaid[_DEV]
        recorded = [c.text for c in clips if c.source == "asterisk" and c.split == "train"] * 3
        voices = (self.espeak, self.flite, self.adapted) = list(recorded), list(recorded), recorded
        sentences = _drawn(examples - held, _SAID, seed)
        definitions = _drawn(_definitions(cache) - examples - held, _SAID, seed)
        for texts, count in ((sentences, counts.examples), (definitions, counts.definitions)):
            ends = (0, count, 3 * count, 3 * count + count // 3)
            for voice, (start, end) in zip(voices, itertools.pairwise(ends), strict=True):
                voice.extend(texts[start:end])
        for number, voice in enumerate(voices, len(voices) * seed):
            said = prompt_texts(counts.prompts, number)
            voice.extend(text for text in said if text not in held)

    def split(self, text: str) -> Split:
        """Return which part a synthetic sentence belongs to."""
        return "test" if text in self.test else "dev" if text in self.dev else "train"


def _drawn(texts: set[str], lengths: range, seed: int) -> list[str]:
    """Return the texts of so many words that are fit to be said, in an order drawn by the seed."""
    kept = sorted(t for t in texts if len(t.split()) in lengths and not OBSCENE.search(t))
    return shuffled(kept, seed)


def _examples(cache: Path) -> set[str]:
    """Return the plain words of WordNet's examples."""
    root = fetch_package("wordnet-base", cache).root
    written = wordnet_sentences(root, min_words=_SAID.start, max_words=_HELD_BACK[-1])
    return {plain_words(text) for text in written}


def _definitions(cache: Path) -> set[str]:
    return set(wordnet_definitions(fetch_package("wordnet-base", cache).root))


def written_texts(cache: Path, material: Material) -> dict[str, list[str]]:
    """Return plain texts for lexicon and trigram by kind; nothing that a held-back clip says.

    prompts: recorded. templates: sentences of them. phrases: the English of the
    translation corpus, without its prompts, some of which are held back in other words. games:
    recorded. examples and definitions: those of WordNet, said or not, but no long examples.
    """
    held = {*material.dev.texts, *material.test.texts}
    said = list(zip(material.train.sources, material.train.texts, strict=True))
    texts = {"prompts": {text for source, text in said if source == "asterisk"}}
    texts["templates"] = set(prompt_texts(_TEMPLATES, 2))
    texts["games"] = {text for source, text in said if source in GAMES}
    phrases = [pair.english for pair in pairs("train") if pair.domain != PROMPTS]
    texts["phrases"] = {form for english in phrases for form in spoken_forms(english)}
    texts["examples"] = {t for t in _examples(cache) if len(t.split()) < _HELD_BACK.start}
    texts["definitions"] = _definitions(cache)
    return {kind: sorted(found - held - {""}) for kind, found in texts.items()}


def dictionary(cache: Path) -> set[str]:
    """Return the words of Debian's `wamerican` (SCOWL) of three or more letters a to z.

    Names, possessives and most abbreviations are left out.
    """
    root = fetch_package("wamerican", cache).root
    words = (root / "usr/share/dict/american-english").read_text("utf-8").split()
    return {word for word in words if re.fullmatch("[a-z]{3,}", word)}
