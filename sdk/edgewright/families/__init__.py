"""The families, by key. Commands, documentation and tests read this table."""

from typing import Any

from edgewright.families.base import Model
from edgewright.families.conformer_ctc import ConformerCTC
from edgewright.families.decision_transformer import DecisionTransformer
from edgewright.families.dnabert import DNABERT
from edgewright.families.fastspeech2 import FastSpeech2
from edgewright.families.marian import Marian
from edgewright.families.vit import ViT

FAMILIES: dict[str, type[Model[Any]]] = {
    "vit": ViT,
    "dnabert": DNABERT,
    "decision_transformer": DecisionTransformer,
    "conformer_ctc": ConformerCTC,
    "fastspeech2": FastSpeech2,
    "marian": Marian,
}

__all__ = ["FAMILIES", "Model"]
