"""English text to phones: normalization, a lexicon, and a model for unknown words.

Spanish has a front end of its own in `edgewright.text.spanish`.
"""

from edgewright.text.phonemizer import Phonemizer, Sentence
from edgewright.text.phones import Phone

__all__ = ["Phone", "Phonemizer", "Sentence"]
