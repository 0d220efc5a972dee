"""Plain words of transcripts, and texts for synthetic speech."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import tomllib

from edgewright.text.numbers import cardinal, ordinal

PROMPTS = Path(__file__).with_name("telephone_prompts.toml")
OBSCENE = re.compile(
    r"\b(\w*fuck\w*|\w*shit\w*|cunt\w*|nigg\w*|bitch\w*|whore\w*|slut\w*|bastard\w*|penis\w*"
    r"|vagina\w*|rape\w*|raping|rapist\w*|faggot\w*|fags?|dick|cock|cocksuck\w*|piss\w*|arse\w*"
    r"|asshole\w*|porn\w*|masturbat\w*|wank\w*|cunnilingus|fellatio|orgasm\w*|puss(y|ies)|tits"
    r"|turds?|twats?|dildos?|gooks?|wetbacks?|kikes?|spics?|coons?)\b"
)
"""Words that no lexicon and no language model of ours offers."""


def spell_number(number: int) -> str:
    """Return the English words of a number, 0 or more."""
    return " ".join(cardinal(str(number)))


def spell_ordinal(number: int) -> str:
    """Return the English words of an ordinal, such as 22nd."""
    return " ".join(ordinal(str(number)))


def plain_words(text: str) -> str:
    """Return lower-case words of a-z and ', single spaces between; digits are spelled."""
    text = text.lower().replace("\u2019", "'")
    text = re.sub(r"\b(\d{1,4})(?:st|nd|rd|th)\b", lambda m: spell_ordinal(int(m[1])), text)
    text = re.sub(r"\d{1,4}", lambda m: f" {spell_number(int(m[0]))} ", text)
    words = re.sub(r"[^a-z']+", " ", text).split()
    return " ".join(filter(None, (word.strip("'") for word in words)))


def prompt_texts(count: int, seed: int) -> list[str]:
    """Return that many different sentences, going round those of `telephone_prompts.toml`."""
    grammar = tomllib.loads(PROMPTS.read_text("utf-8"))
    rng = np.random.default_rng(seed)

    def phrase(slot: re.Match[str]) -> str:
        phrases = grammar["slots"][slot[1]]
        return filled(phrases[rng.integers(len(phrases))])

    def filled(template: str) -> str:
        return re.sub(r"\{(\w+)\}", phrase, template)

    found: dict[str, None] = {}
    templates = itertools.cycle(grammar["sentences"])
    while len(found) < count:
        found[filled(next(templates))] = None
    return list(found)


def wordnet_definitions(root: Path) -> list[str]:
    """Return the different definitions of Debian's `wordnet-base`, without their examples.

    Parts between semicolons count as texts of their own; what stands in quotes or parentheses is
    left out.
    """
    found: dict[str, None] = {}
    for name in ("noun", "verb", "adj", "adv"):
        for line in (root / f"usr/share/wordnet/data.{name}").read_text("ascii").splitlines():
            gloss = re.sub(r'"[^"]*("|$)|\([^)]*\)?', " ", line.partition("|")[2])
            for part in gloss.split(";"):
                text = plain_words(part)
                if len(text.split()) > 1 and not OBSCENE.search(text):
                    found[text] = None
    return list(found)


def shuffled(texts: list[str], seed: int) -> list[str]:
    """Return the texts in an order decided by the seed."""
    return [texts[index] for index in np.random.default_rng(seed).permutation(len(texts))]
