"""The recipes by family, with the same keys as the runtime's `FAMILIES`."""

from edgewright_export.recipes.base import Recipe
from edgewright_export.recipes.conformer_ctc import ConformerCTCRecipe
from edgewright_export.recipes.decision_transformer import DecisionTransformerRecipe
from edgewright_export.recipes.dnabert import DNABERTRecipe
from edgewright_export.recipes.fastspeech2 import FastSpeech2Recipe
from edgewright_export.recipes.marian import MarianRecipe
from edgewright_export.recipes.vit import ViTRecipe

RECIPES: dict[str, type[Recipe]] = {
    "vit": ViTRecipe,
    "decision_transformer": DecisionTransformerRecipe,
    "dnabert": DNABERTRecipe,
    "conformer_ctc": ConformerCTCRecipe,
    "fastspeech2": FastSpeech2Recipe,
    "marian": MarianRecipe,
}

__all__ = ["RECIPES", "Recipe"]
