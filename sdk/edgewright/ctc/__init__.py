"""From CTC logits to tokens and words: greedy, and beam searches with lexicon, n-gram, hotwords."""

from edgewright.ctc.checks import MAX_BEAM_FRAMES, MAX_BEAM_WIDTH
from edgewright.ctc.greedy import CTCToken, greedy_decode, greedy_stream
from edgewright.ctc.lexicon import Lexicon
from edgewright.ctc.ngram import NgramModel
from edgewright.ctc.prefix_search import BeamSearch, Hypothesis
from edgewright.ctc.stream import CTCStream
from edgewright.ctc.word_search import CTCWord, Sentence, WordSearch

__all__ = [
    "MAX_BEAM_FRAMES",
    "MAX_BEAM_WIDTH",
    "BeamSearch",
    "CTCStream",
    "CTCToken",
    "CTCWord",
    "Hypothesis",
    "Lexicon",
    "NgramModel",
    "Sentence",
    "WordSearch",
    "greedy_decode",
    "greedy_stream",
]
