"""The front end that turns text into phones, by the language of a voice."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from edgewright.text import Sentence

Language = Literal["en", "es"]
"""English, with a lexicon and a letter-to-sound model; Spanish, by rules alone."""
FrontEnd = Callable[[str], "Sequence[Sentence]"]
"""A text to its sentences as phones."""


def make_front_end(language: Language, *data: bytes) -> FrontEnd:
    """Return the front end of a language.

    Args:
        language: Which one.
        data: Content of `lexicon.xz` and `letter_to_sound.xz` for English, nothing for Spanish.

    Raises:
        BundleError: The data are damaged.
    """
    # Imported late: verifying and `infer` need no text.
    if language == "es":
        from edgewright.text.spanish import SpanishPhonemizer

        return SpanishPhonemizer()
    from edgewright.text import Phonemizer

    return Phonemizer(*data)
