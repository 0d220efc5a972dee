"""The metrics of recognizers: word error rate, or agreement of greedy tokens with PyTorch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edgewright.bench.statistics import bootstrap_interval
from edgewright.ctc import BeamSearch, greedy_decode
from edgewright.tasks.metrics import edit_distance, word_error_rate
from edgewright.transcript import FrameClock, Vocabulary, found_words
from edgewright_export.evaluation import Evaluation, Floats, Measured
from edgewright_export.quantization.cache import digest_of
from edgewright_export.recipes.speech_samples import Clips, Utterance
from edgewright_export.subject import Advance, Subject

KEPT_POINTS = dict.fromkeys(("int8", "int8-trt", "int8w"), 0.005)
"""By precision: how much the error rate may rise above PyTorch's; others have `DEFAULT_POINTS`."""
DEFAULT_POINTS = 0.001


@dataclass(frozen=True)
class TextDecoder:
    """Logits to text, as the runtime decodes by default."""

    vocabulary: Vocabulary
    blank_id: int
    search: BeamSearch | None
    """None for greedy decoding."""

    def __call__(self, logits: Floats) -> str:
        """Return the words of logits (frames, tokens), with spaces between."""
        search = self.search
        found = greedy_decode(logits, self.blank_id) if search is None else search(logits)[0]
        words = found_words(found, self.vocabulary, FrameClock(0.0))
        return " ".join(word.text for word in words)


@dataclass(frozen=True)
class WordErrorEvaluation(Evaluation):
    """Word errors per word of the transcripts, case aside; smaller is better."""

    utterances: tuple[Utterance, ...]
    clips: Clips
    """How the recordings are read; one by one, so that memory does not grow with their number."""
    decode: Callable[[Floats], str]
    """Logits to text."""

    @property
    def samples(self) -> int:
        """Number of recordings."""
        return len(self.utterances)

    def measure(self, subject: Subject, advance: Advance) -> Measured:
        """Return the word error rate of `subject`."""
        heard = []
        for utterance in self.utterances:
            pieces = self.clips.read(utterance.path)
            answers = (subject.infer({"waveform": piece})["logits"] for piece in pieces)
            heard.append(" ".join(self.decode(np.asarray(one, np.float32)) for one in answers))
            advance(1)
        texts = [utterance.text.lower() for utterance in self.utterances]
        said = [text.lower() for text in heard]
        return Measured(word_error_rate(texts, said), interval=lambda: _interval(texts, said))

    def sha256(self) -> str:
        """Return the hash of transcripts and recordings."""
        return digest_of([[one.text, one.path.read_bytes()] for one in self.utterances])

    def minimum(self, reference: Measured, precision: str) -> float:
        """Return the largest rate that a variant of `precision` may have."""
        return reference.value + KEPT_POINTS.get(precision, DEFAULT_POINTS)


def _interval(texts: Sequence[str], heard: Sequence[str]) -> tuple[float, float]:
    """Return the interval of the word error rate over the recordings."""
    words = np.array([len(text.split()) for text in texts], np.float64)
    pairs = zip(texts, heard, strict=True)
    errors = np.array([edit_distance(one.split(), other.split()) for one, other in pairs])
    return bootstrap_interval(
        lambda draws: errors[draws].sum(axis=1) / words[draws].sum(axis=1), words.size
    )


def token_agreement(blank_id: int) -> Callable[[Floats, Floats], float]:
    """Return the agreement of two answers: 1 - edits / tokens of the longer, decoded greedily."""

    def agree(answer: Floats, expected: Floats) -> float:
        first, second = (_tokens(logits, blank_id) for logits in (answer, expected))
        longest = max(len(first), len(second))
        return 1.0 - edit_distance(first, second) / longest if longest else 1.0

    return agree


def _tokens(logits: Floats, blank_id: int) -> list[int]:
    return [token.token_id for token in greedy_decode(logits, blank_id)]
