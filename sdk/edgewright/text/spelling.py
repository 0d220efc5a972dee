"""Which words are spelled letter by letter, and how names such as iPhone fall into words."""

import re

from edgewright.text.tables import word_set

_VOWELS = frozenset("aeiouy")
_SPELLED = word_set(
    "us uk eu un id ad bc tv pc ai ui ip hr pr dc os ac dj ok mp mc bbc cia fbi ibm dna usa cpu "
    "gpu usb pdf url faq diy atm ceo cfo cto nhs nba nfl mlb ufo led lcd sms gps api abc cbs nbc "
    "cnn phd mba www pm am la ny ma pa it ps er ed"
)
"""Capitals that are spelled although they could be read as words."""
_READ = word_set(
    "the and not you all for but no yes is in on to of my me we he she so do go be by or if as at "
    "an up now how who why can may off out new old one two any our your this that i a oh"
)
"""Short words that are words in capitals too."""
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z']+|[A-Z]+")
_HARD = re.compile(r"[bcdfghjklmnpqrstvwxz]{4}")


def is_spelled(word: str, *, is_known: bool) -> bool:
    """Tell whether a word is read by the names of its letters.

    Args:
        word: As written; lower-case letters make it an ordinary word.
        is_known: Whether the lexicon has it.
    """
    plain = word.replace("'", "")
    lower = plain.lower()
    capitals = plain[:-1] if plain.endswith("s") and len(plain) > 2 else plain
    if not capitals.isupper() or len(plain) < 2:
        return not is_known and _VOWELS.isdisjoint(lower) and lower not in _SOUNDS
    if capitals.lower() in _SPELLED:
        return True
    if is_known or lower in _READ:
        return False
    return len(capitals) <= 3 or _VOWELS.isdisjoint(lower) or bool(_HARD.search(lower))


_SOUNDS = word_set("hmm hm mmm shh pst psst brr tsk nth")
"""Interjections without a vowel letter that have a pronunciation."""


def camel_parts(word: str) -> list[str]:
    """Return the parts of a word with capitals inside, such as `i`, `Phone`; `Mc` stays."""
    if word.isupper() or word[1:].islower() or word.startswith(("Mc", "Mac", "O'")):
        return [word]
    return _CAMEL.findall(word)
