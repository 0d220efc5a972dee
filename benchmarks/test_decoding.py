"""CTC decoding and the largest classes."""

from pathlib import Path

import ctc_beam_decoder
import fast_ctc_decode
import numpy as np
import pyctcdecode
import pytest
import torch

from edgewright import _core
from edgewright.ctc import NgramModel, WordSearch
from edgewright.decoding import softmax_top_k

LETTERS = [*"abcdefghijklmnopqrstuvwxyz' "]
FRAMES = 300
TRIGRAM = Path(__file__).parents[1] / "examples/checkpoints/conformer-ctc-en/lm.arpa.gz"


def make_log_probs(kind: str, vocabulary: int, frames: int = FRAMES) -> np.ndarray:
    """Return float32 (frames, vocabulary) with the blank last; seven frames of ten are blank."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1 if kind == "peaky" else 2, (frames, vocabulary)).astype(np.float32)
    if kind == "peaky":
        blank = rng.random(frames) < 0.7
        best = np.where(blank, vocabulary - 1, rng.integers(0, vocabulary - 1, frames))
        logits[np.arange(frames), best] += 9
    return torch.from_numpy(logits).log_softmax(-1).numpy()


def greedy_by_numpy(logits: np.ndarray, blank_id: int) -> np.ndarray:
    best = logits.argmax(1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    return best[starts][best[starts] != blank_id]


@pytest.mark.parametrize(
    ("vocabulary", "bar"), [(29, 0.5), (1000, 1.0), (5000, 1.0)], ids=["29", "1000", "5000"]
)
def test_ctc_greedy(versus, vocabulary, bar):
    """Ours also finds times and confidences."""
    logits = make_log_probs("peaky", vocabulary)
    blank_id = vocabulary - 1
    token_ids, *_ = _core.ctc_greedy_decode(logits, blank_id)
    np.testing.assert_array_equal(token_ids, greedy_by_numpy(logits, blank_id))
    versus(
        "numpy", lambda: _core.ctc_greedy_decode(logits, blank_id),
        lambda: greedy_by_numpy(logits, blank_id), bar=bar, work=FRAMES, unit="frame",
    )  # fmt: skip


BEAMS = pytest.mark.parametrize(("kind", "width"), [
    ("peaky", 10), ("peaky", 50), ("flat", 10), ("flat", 50),
])  # fmt: skip


def make_search(width: int, **options: object) -> WordSearch:
    return WordSearch([*LETTERS, ""], len(LETTERS), separator_id=27, beam_width=width, **options)


@BEAMS
def test_ctc_beam(versus, kind, width):
    logits, search = make_log_probs(kind, 29), make_search(width)
    theirs = ctc_beam_decoder.build_ctcdecoder([*LETTERS, ""])
    words = pyctcdecode.build_ctcdecoder([*LETTERS, ""])
    [text, *_] = words.decode_beams(logits.astype(float), beam_width=width)[0]
    assert search(logits)[0].text == text
    versus(
        "ctc-beam-decoder", lambda: search(logits),
        lambda: theirs.decode(logits, beam_width=width), bar=0.4, work=FRAMES, unit="frame",
    )  # fmt: skip


@BEAMS
def test_ctc_beam_with_trigram_and_hotwords(versus, kind, width):
    logits, hotwords = make_log_probs(kind, 29), {"password": 6.0, "ski": 6.0}
    model = NgramModel.from_arpa(TRIGRAM.read_bytes())
    search = make_search(width, language_model=model, hotwords=hotwords)
    theirs = pyctcdecode.build_ctcdecoder([*LETTERS, ""], str(TRIGRAM))

    def decode() -> str:
        found = theirs.decode_beams(
            logits.astype(float), beam_width=width, hotwords=list(hotwords), hotword_weight=6.0
        )
        return found[0][0]

    if kind == "peaky":  # on flat ones a space at the end decides, the exception of docs/kernels.md
        assert search(logits)[0].text == decode()
    versus("pyctcdecode", lambda: search(logits), decode, bar=None, work=FRAMES, unit="frame")


@BEAMS
def test_ctc_beam_against_fast_ctc_decode(versus, kind, width):
    """The peer wants probabilities with the blank first, and has no words, model or hotwords."""
    logits, search = make_log_probs(kind, 29), make_search(width)
    probabilities = np.exp(np.roll(logits, 1, axis=1))
    alphabet = "_" + "".join(LETTERS)

    def theirs() -> tuple[str, list[int]]:
        return fast_ctc_decode.beam_search(probabilities, alphabet, width, 0.0067)

    if kind == "peaky":
        assert theirs()[0].split() == search(logits)[0].text.split()
    versus("fast-ctc-decode", lambda: search(logits), theirs, bar=None, work=FRAMES, unit="frame")


def test_softmax_top_5_of_1000(versus):
    logits = np.random.default_rng(0).normal(size=(1, 1000)).astype(np.float32)
    tensor = torch.from_numpy(logits)

    def theirs() -> tuple[torch.Tensor, torch.Tensor]:
        return torch.topk(torch.softmax(tensor, -1), 5)

    indices, probabilities = softmax_top_k(logits, 5)
    values, classes = theirs()
    np.testing.assert_array_equal(indices, classes.numpy())
    np.testing.assert_allclose(probabilities, values.numpy(), rtol=1e-5)
    versus("torch", lambda: _core.softmax_top_k(logits, 5), theirs, bar=0.3, work=1, unit="row")
