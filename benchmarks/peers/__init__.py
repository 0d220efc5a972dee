"""How users run the shipped checkpoints without Edgewright: from a file or observation to answers.

Every peer is written the short way. `HAND` is onnxruntime by hand on the graph of our own bundle:
what it takes less than us is the price of the SDK.
"""

from peers.images import images
from peers.opened import BF16, BUNDLES, CHECKPOINTS, COMPILED, FP32, HAND, PIPELINE, ROOT
from peers.policy import Policy
from peers.sequences import sequences
from peers.speech import speech
from peers.translation import translation
from peers.voice import voice

__all__ = ["BUNDLES", "CHECKPOINTS", "HAND", "KINDS", "PEERS", "PIPELINE", "ROOT", "UNFIT"]

PEERS = {
    "images": images, "sequences": sequences, "speech": speech, "voice": voice,
    "translation": translation, "policy": Policy,
}  # fmt: skip
KINDS = (HAND, FP32, BF16, COMPILED, PIPELINE)
UNFIT = {
    ("speech", PIPELINE): "no pipeline knows the project's own Conformer",
    ("voice", PIPELINE): "no pipeline knows the project's own FastSpeech 2",
    ("policy", PIPELINE): "there is no pipeline for policies",
    ("translation", PIPELINE): "transformers 5 has no pipeline for translation any more: "
    "generate() is the usual way, and the rows in torch call it",
}
"""What is not comparable, and why."""
