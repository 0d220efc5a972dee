"""CTC decoding and the largest classes."""

import ctc_beam_decoder
import fast_ctc_decode
import numpy as np
import pyctcdecode
import pytest
import torch

from edgewright import _core
from edgewright.ctc import BeamSearch
from edgewright.decoding import softmax_top_k

LETTERS = [*"abcdefghijklmnopqrstuvwxyz' "]
FRAMES = 300


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


def make_search(width: int) -> BeamSearch:
    return BeamSearch(len(LETTERS), beam_width=width, token_threshold=-5.0, beam_threshold=10.0)


def text_of(search: BeamSearch, logits: np.ndarray) -> str:
    return "".join(LETTERS[token.token_id] for token in search(logits)[0].tokens)


@BEAMS
def test_ctc_beam(versus, kind, width):
    logits, search = make_log_probs(kind, 29), make_search(width)
    theirs = ctc_beam_decoder.build_ctcdecoder([*LETTERS, ""])
    if kind == "peaky":
        # Peers write one space where two are found.
        words = pyctcdecode.build_ctcdecoder([*LETTERS, ""]).decode(logits, beam_width=width)
        assert text_of(search, logits).split() == words.split()
    versus(
        "ctc-beam-decoder", lambda: search(logits),
        lambda: theirs.decode(logits, beam_width=width), bar=0.4, work=FRAMES, unit="frame",
    )  # fmt: skip


@BEAMS
def test_ctc_beam_against_fast_ctc_decode(versus, kind, width):
    """The peer wants probabilities with the blank first, and has no words, model or hotwords."""
    logits, search = make_log_probs(kind, 29), make_search(width)
    probabilities = np.exp(np.roll(logits, 1, axis=1))
    alphabet = "_" + "".join(LETTERS)

    def theirs() -> tuple[str, list[int]]:
        return fast_ctc_decode.beam_search(probabilities, alphabet, width, 0.0067)

    if kind == "peaky":
        assert theirs()[0] == text_of(search, logits)
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
