"""Shipped bundles from a user's input to the answer, beside the usual ways to run the checkpoint.

After `make bundles`. Ours is the int8 variant, as `load` takes it; the graph by hand is the same
one, the other peers are PyTorch. All on one thread.
"""

from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from peers import BUNDLES, DISTRIBUTIONS, HAND, KINDS, PEERS, ROOT, Elsewhere
from peers.fasta import STRIDE, WINDOW

import edgewright as ew

DATA = ROOT / "examples" / "data"
FASTA = str(DATA / "lambda_virus.fa")
IMAGE = str(DATA / "fashion-mnist" / "Sneaker" / "00012.png")
AUDIO = str(DATA / "speech" / "conf-hasjoin.flac")
SENTENCE = "Please hold the line while we look for someone who can answer your question."
ENGLISH = "i need an interpreter for italian"
VARIANT = "int8"
ROUNDS = 130  # carry a p95


@dataclass(frozen=True)
class Pipeline:
    """What is asked of both sides."""

    unit: str
    """What one call answers."""
    ours: Callable[[], Any]
    theirs: Callable[[Callable[..., Any]], Any]
    """Asks the peer that it is given."""


def image_labels(_: Path) -> Pipeline:
    vit = ew.load(BUNDLES / "vit-fashion-mnist.edge", precision=VARIANT, threads=1)
    return Pipeline(
        "picture", lambda: [one.name for one in vit(IMAGE).labels], lambda ask: ask(IMAGE)
    )


def window_labels(_: Path) -> Pipeline:
    dna = ew.load(BUNDLES / "dnabert-splice.edge", precision=VARIANT, threads=1)

    def ours() -> list[str]:
        windows = dna.scan(FASTA, window=WINDOW, stride=STRIDE, both_strands=False)
        return [max(one.scores, key=one.scores.get) for one in windows]

    return Pipeline("FASTA file", ours, lambda ask: ask(FASTA))


def text_of_audio(_: Path) -> Pipeline:
    asr = ew.load(BUNDLES / "conformer-ctc-en.edge", precision=VARIANT, threads=1)
    return Pipeline("clip", lambda: asr(AUDIO, decoding="greedy").text, lambda ask: ask(AUDIO))


def wav_of_text(folder: Path) -> Pipeline:
    voice = ew.load(BUNDLES / "fastspeech2-en.edge", precision=VARIANT, threads=1)
    files = folder / "ours.wav", folder / "theirs.wav"

    def ours() -> Path:
        voice(SENTENCE).save(files[0])
        return files[0]

    def theirs(ask: Callable[[str, Path], None]) -> Path:
        ask(SENTENCE, files[1])
        return files[1]

    return Pipeline("sentence", ours, theirs)


def translated_text(_: Path) -> Pipeline:
    translator = ew.load(BUNDLES / "marian-en-es.edge", precision=VARIANT, threads=1)
    return Pipeline("sentence", lambda: translator(ENGLISH).text, lambda ask: ask(ENGLISH))


def action(_: Path) -> Pipeline:
    policy = ew.load(BUNDLES / "decision-transformer-hopper.edge", precision=VARIANT, threads=1)
    policy.reset(2500.0)
    observation = np.linspace(-0.5, 1.2, 11).astype(np.float32)
    rewards = chain([None], repeat(0.0))

    def ours() -> np.ndarray:
        return policy.step(observation, next(rewards)).action

    return Pipeline("step", ours, lambda ask: ask(observation))


PIPELINES = {
    "image": (image_labels, "images"), "fasta": (window_labels, "sequences"),
    "audio": (text_of_audio, "speech"), "wav": (wav_of_text, "voice"),
    "text": (translated_text, "translation"), "step": (action, "policy"),
}  # fmt: skip
CASES = [
    pytest.param(make, peer, kind, id=f"{name}-{kind}")
    for name, (make, peer) in PIPELINES.items()
    for kind in KINDS[peer]
]


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # in torch.compile itself
@pytest.mark.filterwarnings("ignore:Recommended:UserWarning")  # of MarianTokenizer
@pytest.mark.parametrize(("make", "peer", "kind"), CASES)
def test_pipeline(
    versus, tmp_path: Path, make: Callable[[Path], Pipeline], peer: str, kind: str
) -> None:
    pipeline, ask = make(tmp_path), PEERS[peer](kind, VARIANT)
    elsewhere = ask if isinstance(ask, Elsewhere) else None
    with closing(elsewhere) if elsewhere else nullcontext():
        _check(pipeline.ours(), pipeline.theirs(ask), exact=kind == HAND)
        versus(
            DISTRIBUTIONS[kind], pipeline.ours, lambda: pipeline.theirs(ask), bar=1.0, work=1,
            unit=pipeline.unit, block_seconds=0.02, rounds=ROUNDS, elsewhere=elsewhere,
        )  # fmt: skip


def _check(ours: Any, theirs: Any, *, exact: bool) -> None:
    """Check that both sides answer the same thing; int8 and PyTorch may differ in what is close."""
    if isinstance(ours, np.ndarray):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 if exact else 0.1)
    elif isinstance(ours, Path):
        _check_sound(*(soundfile.read(path, dtype="int16")[0] for path in (ours, theirs)), exact)
    elif isinstance(ours, str):
        assert ours
        assert ours == theirs or (not exact and SequenceMatcher(None, ours, theirs).ratio() > 0.9)
    else:
        agreed = np.mean([a == b for a, b in zip(ours, theirs, strict=True)])
        assert agreed == 1.0 if exact else agreed >= 0.4


def _check_sound(ours: np.ndarray, theirs: np.ndarray, exact: bool) -> None:
    """Check sample by sample, or where durations were rounded otherwise, that spectra are alike."""
    if exact:
        np.testing.assert_allclose(ours, theirs, atol=1)  # the last of 16 bits
        return
    assert abs(ours.size - theirs.size) < 0.03 * ours.size
    spectra = [
        np.log(np.abs(np.fft.rfft(one[: one.size // 800 * 800].reshape(-1, 800))).mean(axis=0))
        for one in (ours.astype(float), theirs.astype(float))
    ]
    assert np.abs(spectra[0] - spectra[1]).mean() < 0.2
