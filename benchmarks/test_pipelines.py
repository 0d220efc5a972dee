"""Shipped bundles from a user's input to the answer, beside the usual ways to run the checkpoint.

After `make bundles`. Ours is the int8 variant, as `load` takes it; the graph by hand is the same
one, the other peers are PyTorch. All on one thread.
"""

from collections.abc import Callable
from itertools import chain, repeat
from typing import Any

import numpy as np
import pytest
from peers import BUNDLES, HAND, KINDS, PEERS, ROOT, UNFIT

import edgewright as ew

DATA = ROOT / "examples" / "data"
FASTA = str(DATA / "lambda_virus.fa")
IMAGE = str(DATA / "fashion-mnist" / "Sneaker" / "00012.png")
AUDIO = str(DATA / "speech" / "conf-hasjoin.flac")
WINDOW, STRIDE = 60, 1000
VARIANT = "int8"
ROUNDS = 130  # carry a p95


def image_labels() -> tuple[Callable[[], Any], Callable[[Any], Any], str, str]:
    vit = ew.load(BUNDLES / "vit-fashion-mnist.edge", precision=VARIANT, threads=1)
    return (
        lambda: [one.name for one in vit(IMAGE).labels],
        lambda ask: ask(IMAGE),
        "image",
        "images",
    )


def window_labels() -> tuple[Callable[[], Any], Callable[[Any], Any], str, str]:
    dna = ew.load(BUNDLES / "dnabert-splice.edge", precision=VARIANT, threads=1)

    def ours() -> list[str]:
        windows = dna.scan(FASTA, window=WINDOW, stride=STRIDE, both_strands=False)
        return [max(one.scores, key=one.scores.get) for one in windows]

    return ours, lambda ask: ask(FASTA), "FASTA file", "sequences"


def text_of_audio() -> tuple[Callable[[], Any], Callable[[Any], Any], str, str]:
    asr = ew.load(BUNDLES / "conformer-ctc-en.edge", precision=VARIANT, threads=1)
    return lambda: asr(AUDIO, decoding="greedy").text, lambda ask: ask(AUDIO), "clip", "speech"


def action() -> tuple[Callable[[], Any], Callable[[Any], Any], str, str]:
    policy = ew.load(BUNDLES / "decision-transformer-hopper.edge", precision=VARIANT, threads=1)
    policy.reset(2500.0)
    observation = np.linspace(-0.5, 1.2, 11).astype(np.float32)
    rewards = chain([None], repeat(0.0))

    def ours() -> np.ndarray:
        return policy.step(observation, next(rewards)).action

    return ours, lambda ask: ask(observation), "step", "policy"


PIPELINES = {"image": image_labels, "fasta": window_labels, "audio": text_of_audio, "step": action}


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # in torch.compile itself
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PIPELINES)
def test_pipeline(versus, name: str, kind: str) -> None:
    ours, asked, unit, peer = PIPELINES[name]()
    if reason := UNFIT.get((peer, kind)):
        pytest.skip(reason)
    theirs = PEERS[peer](kind, VARIANT)
    _check(ours(), asked(theirs), exact=kind == HAND)
    versus(
        {HAND: "onnxruntime", "transformers pipeline": "transformers"}.get(kind, "torch"),
        ours, lambda: asked(theirs), bar=1.0, work=1, unit=unit, block_seconds=0.02, rounds=ROUNDS,
    )  # fmt: skip


def _check(ours: Any, theirs: Any, *, exact: bool) -> None:
    """Check that both sides answer the same thing; int8 and PyTorch may differ in what is close."""
    if isinstance(ours, np.ndarray):
        np.testing.assert_allclose(ours, theirs, atol=1e-5 if exact else 0.1)
    elif isinstance(ours, str):
        assert ours
        assert ours == theirs or not exact
    else:
        agreed = np.mean([a == b for a, b in zip(ours, theirs, strict=True)])
        assert agreed == 1.0 if exact else agreed >= 0.4
