"""Text to phones: normalization, a lexicon, and a model for unknown words. English only."""

from edgewright.text.phonemizer import Phonemizer, Sentence
from edgewright.text.phones import Phone

__all__ = ["Phone", "Phonemizer", "Sentence"]
