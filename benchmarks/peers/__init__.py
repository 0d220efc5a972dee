"""How users run the shipped checkpoints without Edgewright: from a file or observation to answers.

Every peer is written the short way. `HAND` is onnxruntime by hand on the graph of our own bundle:
what it takes less than us is the price of the SDK. What is not comparable, and why, stands in
docs/performance.md.
"""

from peers.elsewhere import Elsewhere
from peers.images import images
from peers.opened import BF16, BUNDLES, COMPILED, FP32, HAND, OPTIMUM, PIPELINE, ROOT, SHERPA
from peers.policy import Policy
from peers.sequences import sequences
from peers.speech import speech
from peers.translation import translation
from peers.voice import voice

__all__ = ["BUNDLES", "DISTRIBUTIONS", "HAND", "KINDS", "PEERS", "ROOT", "SHERPA", "Elsewhere"]

PEERS = {
    "images": images, "sequences": sequences, "speech": speech, "voice": voice,
    "translation": translation, "policy": Policy,
}  # fmt: skip
"""From a kind and the name of a variant to what answers."""
_EVERYWHERE = (HAND, FP32, BF16, COMPILED)
KINDS = {
    "images": (*_EVERYWHERE, PIPELINE, OPTIMUM), "sequences": (*_EVERYWHERE, PIPELINE, OPTIMUM),
    "speech": (*_EVERYWHERE, SHERPA), "voice": _EVERYWHERE,
    "translation": (*_EVERYWHERE, PIPELINE, OPTIMUM), "policy": _EVERYWHERE,
}  # fmt: skip
"""The usual ways to run each of them."""
DISTRIBUTIONS = {
    HAND: "onnxruntime", FP32: "torch", BF16: "torch", COMPILED: "torch",
    PIPELINE: "transformers", SHERPA: "sherpa-onnx", OPTIMUM: "optimum-onnx",
}  # fmt: skip
"""Whose version is told beside a time."""
