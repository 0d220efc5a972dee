"""Spanish text to phones by rules: normalization, syllables, stress and allophones."""

from edgewright.text.spanish.phonemizer import SpanishPhonemizer

__all__ = ["SpanishPhonemizer"]
