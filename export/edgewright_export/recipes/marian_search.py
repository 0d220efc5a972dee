"""The generation settings of a checkpoint as those of the runtime's search."""

from typing import Any

from edgewright.beam_search import SearchConfig
from edgewright.errors import CheckpointError
from edgewright.families.marian import MOST_BEAMS
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.recipes.marian_reference import EARLY_STOPPING

SETTINGS = "generation_config.json"
NEUTRAL: dict[str, Any] = {
    "do_sample": False, "num_beam_groups": 1, "diversity_penalty": 0.0, "repetition_penalty": 1.0,
    "encoder_repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "encoder_no_repeat_ngram_size": 0,
    "min_length": 0, "min_new_tokens": 0, "forced_bos_token_id": None, "suppress_tokens": None,
    "begin_suppress_tokens": None, "sequence_bias": None, "exponential_decay_length_penalty": None,
    "constraints": None, "force_words_ids": None,
}  # fmt: skip
"""Settings that the search does not have, with the values that ask for nothing."""


def read_search(
    checkpoint: Checkpoint, config: Any, num_beams: int | None, max_target_length: int | None
) -> SearchConfig:
    """Return how `generate()` searches by default.

    Args:
        checkpoint: With `generation_config.json`; old ones have its entries in `config.json`.
        config: A `MarianConfig` of transformers.
        num_beams: Wins over the checkpoint's.
        max_target_length: Longest translation in tokens; wins over the checkpoint's.

    Raises:
        CheckpointError: The settings ask for more than the search has, or contradict each other.
    """
    has_file = checkpoint.has(SETTINGS)
    raw = checkpoint.read_json(SETTINGS) if has_file else checkpoint.config
    where = SETTINGS if has_file else "config.json"
    for name, neutral in NEUTRAL.items():
        if raw.get(name) not in (None, neutral):
            raise _refusal(where, f"{name} {raw[name]}", f"{neutral}, as the search has no such")
    eos_id = _only(where, "eos_token_id", raw.get("eos_token_id", config.eos_token_id))
    forced = raw.get("forced_eos_token_id")
    if forced is not None and _only(where, "forced_eos_token_id", forced) != eos_id:
        raise _refusal(where, f"forced_eos_token_id {forced}", f"eos_token_id {eos_id}")
    early = {value: key for key, value in EARLY_STOPPING.items()}
    stopping = raw.get("early_stopping") or False
    penalty, start = raw.get("length_penalty"), raw.get("decoder_start_token_id")
    beams = num_beams or raw.get("num_beams") or 1
    most = config.max_position_embeddings
    longest = max_target_length or raw.get("max_new_tokens") or raw.get("max_length", most + 1) - 1
    if stopping not in early or not 1 <= beams <= MOST_BEAMS or longest < 1:
        raise _refusal(
            where,
            f"early_stopping {stopping}, {beams} beams and a length of {longest}",
            f"true, false or 'never', 1 to {MOST_BEAMS} beams and 1 to {most} tokens",
        )
    return SearchConfig(
        num_beams=beams,
        max_new_tokens=min(longest, most),
        length_penalty=1.0 if penalty is None else float(penalty),
        early_stopping=early[stopping],  # type: ignore[arg-type]
        start_id=config.decoder_start_token_id if start is None else start,
        eos_id=eos_id,
        banned_ids=_banned(where, raw.get("bad_words_ids") or [], eos_id),
        forced_eos=forced is not None,
        renormalize=bool(raw.get("renormalize_logits")),
    )


def _banned(where: str, words: list[list[int]], eos_id: int) -> tuple[int, ...]:
    """Return `bad_words_ids`, of which transformers leaves out the end of sentence."""
    if any(len(word) != 1 for word in words):
        raise _refusal(where, f"bad_words_ids {words}", "single tokens")
    return tuple(sorted({word[0] for word in words} - {eos_id}))


def _only(where: str, name: str, value: Any) -> int:
    ids = value if isinstance(value, list) else [value]
    if len(ids) != 1 or type(ids[0]) is not int:
        raise _refusal(where, f"{name} {value}", "one token")
    return int(ids[0])


def _refusal(where: str, got: str, expected: str) -> CheckpointError:
    return CheckpointError(f"{where}: got {got}, expected {expected}; correct the file")
