"""Marian as PyTorch computes it: a whole forward, and `generate()` of transformers."""

from typing import Any

import numpy as np
import torch
from transformers import GenerationConfig

from edgewright.beam_search import SearchConfig
from edgewright.specs import Array
from edgewright_export.quiet import quiet_libraries
from edgewright_export.subject import Sample

EARLY_STOPPING: dict[str, Any] = {"no": False, "yes": True, "never": "never"}


class MarianReference:
    """PyTorch on one sentence at a time."""

    def __init__(self, model: Any, search: SearchConfig):
        """Keep the model.

        Args:
            model: A `MarianMTModel`.
            search: How `generate` searches.
        """
        self._model, self._search = model, search

    def infer(self, sample: Sample) -> dict[str, Array]:
        """Return the logits of every token of a given translation, without a cache."""
        given = np.concatenate(([self._search.start_id], sample["target_ids"][:-1]))
        with torch.inference_mode():
            answer = self._model(
                **_source(sample["token_ids"]), decoder_input_ids=torch.tensor(given[None])
            )
        return {"logits": answer.logits[0].numpy()}

    def generate(self, token_ids: Array) -> Array:
        """Return the ids of the translation of one source, int64 `(tokens,)`."""
        search = self._search
        return self._generate(token_ids, search.num_beams, search.max_new_tokens)

    def greedy(self, token_ids: Array, most: int) -> Array:
        """Return up to `most` ids of a translation found by greedy search."""
        return self._generate(token_ids, 1, min(most, self._search.max_new_tokens))

    def _generate(self, token_ids: Array, num_beams: int, max_new_tokens: int) -> Array:
        config = generation_config(self._search, num_beams, max_new_tokens)
        with torch.inference_mode(), quiet_libraries():
            found = self._model.generate(**_source(token_ids), generation_config=config)
        answer: Array = found[0, 1:].numpy()
        return answer


def generation_config(
    search: SearchConfig, num_beams: int, max_new_tokens: int
) -> GenerationConfig:
    """Return what makes transformers search as `search` says, with other beams and length."""
    return GenerationConfig(  # type: ignore[no-untyped-call]
        num_beams=num_beams,
        max_length=1 + max_new_tokens,
        length_penalty=search.length_penalty,
        early_stopping=EARLY_STOPPING[search.early_stopping],
        decoder_start_token_id=search.start_id,
        pad_token_id=search.start_id,
        eos_token_id=search.eos_id,
        forced_eos_token_id=search.eos_id if search.forced_eos else None,
        bad_words_ids=[[one] for one in search.banned_ids] or None,
        renormalize_logits=search.renormalize,
    )


def _source(token_ids: Array) -> dict[str, torch.Tensor]:
    ids = torch.tensor(token_ids[None])
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
