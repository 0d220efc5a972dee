"""Words of one spelling and two pronunciations: is it a noun, a verb or an adjective here?"""

from collections.abc import Sequence

from edgewright.text.tables import word_set

_VERB_AFTER = word_set(
    "to will would shall should can could may might must cannot can't won't don't doesn't didn't "
    "couldn't wouldn't shouldn't do does did i you we they who let's lets please i'll you'll we'll "
    "they'll he'll she'll it'll i'd you'd we'd they'd he'd she'd help"
)
_NOUN_AFTER = word_set(
    "the a an this that these those my your his her its our their no some any each every another "
    "of in on at by for with from into under world first last new old good great whose what which "
    "own one two three four five many few several more most all both much such"
)
_ADVERBS = word_set("not never also always just still really only often then now")
_OBJECTS = word_set(
    "the a an this that these those my your his her its our their it them him me us all"
)
_SINGULAR = word_set("he she it who that which everyone nobody somebody")
_PERFECT = word_set(
    "have has had having was were been be is are am being i've we've you've they've he's she's "
    "it's he it she well widely"
)
_PAST = word_set("yesterday ago last already once")
_BE = word_set("is are was were be been being go goes went going am")


def guess_tag(words: Sequence[str], index: int) -> str:
    """Return `n`, `v`, `j`, or an empty string where nothing is sure.

    Args:
        words: Words in lower case; pauses are empty strings.
        index: Of the word in question.
    """
    word, before = words[index], _before(words, index)
    following = words[index + 1] if index + 1 < len(words) else ""
    if word == "a":
        return ""
    if word == "read":
        return _tag_of_read(words, index, before)
    if word == "live":
        is_adjective = before in _BE or (before in _NOUN_AFTER and bool(following))
        return "j" if is_adjective or following in {"music", "show", "broadcast"} else "v"
    if before in _NOUN_AFTER or before.endswith("'s"):
        return "n"
    is_told = not before and following in _OBJECTS
    is_done = word.endswith("s") and before in _SINGULAR
    return "v" if before in _VERB_AFTER or is_told or is_done else ""


def _before(words: Sequence[str], index: int) -> str:
    """Return the word before, adverbs passed over; empty behind a pause."""
    for word in reversed(words[max(0, index - 3) : index]):
        if word not in _ADVERBS and not (word.endswith("ly") and len(word) > 4):
            return word
    return ""


def _tag_of_read(words: Sequence[str], index: int, before: str) -> str:
    """Tell `I read it every day` from `I read it yesterday`: only the past sounds like `red`."""
    near = words[max(0, index - 20) : index + 20]
    if before in _PERFECT or not _PAST.isdisjoint(near):
        return ""
    if before in _VERB_AFTER or not before or before in {"and", "or"}:
        return "v"
    return "v" if before in _NOUN_AFTER else ""
