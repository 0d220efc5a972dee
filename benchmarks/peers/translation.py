"""A text to its translation, by beam search."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import MarianMTModel, MarianTokenizer

from peers.elsewhere import Elsewhere
from peers.opened import BF16, CHECKPOINTS, COMPILED, HAND, OPTIMUM, PIPELINE, Bundle

NAME = "marian-en-es"
FIRST_ROOM = 16
"""Tokens that the decoder's states have room for at first."""
Step = Callable[[Sequence[int], Sequence[int]], NDArray[np.float32]]
"""From the last token and the parent of every hypothesis to logits (hypotheses, vocabulary)."""


def translation(kind: str, variant: str) -> Callable[[str], str]:
    """Return from a text to its translation.

    transformers 5 has no pipeline for translation any more; that of 4 runs elsewhere.
    """
    if kind in {OPTIMUM, PIPELINE}:
        return Elsewhere("translation", CHECKPOINTS / NAME, optimum=kind == OPTIMUM)
    tokenizer = MarianTokenizer.from_pretrained(CHECKPOINTS / NAME)
    if kind == HAND:
        return _by_hand(tokenizer, variant)
    model = MarianMTModel.from_pretrained(CHECKPOINTS / NAME, dtype=torch.float32).eval()
    if kind == BF16:
        model = model.bfloat16()
    if kind == COMPILED:  # the cache is longer with every token
        model.forward = torch.compile(model.forward, dynamic=True)

    def generate(text: str) -> str:
        with torch.inference_mode():
            found = model.generate(**tokenizer(text, return_tensors="pt"))
        return tokenizer.decode(found[0], skip_special_tokens=True)

    return generate


def _by_hand(tokenizer: MarianTokenizer, variant: str) -> Callable[[str], str]:
    bundle = Bundle.of(NAME)
    encoder, decoder = (bundle.session(variant, name) for name in ("encoder", "decoder"))
    options = bundle.config["search"]

    def translate(text: str) -> str:
        encoded = tokenizer(text, return_tensors="np")
        mask = encoded["attention_mask"].astype(np.int64)
        inputs = {"token_ids": encoded["input_ids"].astype(np.int64), "attention_mask": mask}
        names = [one.name for one in encoder.get_outputs()]
        memory = dict(zip(names, encoder.run(None, inputs), strict=True))
        step = _decoder_step(decoder, {"attention_mask": mask, **memory}, options["num_beams"])
        return tokenizer.decode(beam_search(step, options), skip_special_tokens=True)

    return translate


def _decoder_step(session: Any, memory: dict[str, NDArray[Any]], beams: int) -> Step:
    """Return a step that keeps the states of the hypotheses, with more room as it is needed."""
    sizes = {"batch": 1, "beams": beams, "time": FIRST_ROOM}
    states = {
        one.name: np.zeros([sizes.get(size, size) for size in one.shape],
                           np.int64 if one.type == "tensor(int64)" else np.float32)
        for one in session.get_inputs() if one.name.startswith("state_")
    }  # fmt: skip
    names = [one.name.removeprefix("next_") for one in session.get_outputs()]
    steps = 0

    def step(token_ids: Sequence[int], parents: Sequence[int]) -> NDArray[np.float32]:
        nonlocal states, steps
        room = max(array.shape[-2] for array in states.values() if array.ndim == 5)
        if steps == room:
            wider = ((0, 0), (0, 0), (0, 0), (0, room), (0, 0))
            states = {n: np.pad(a, wider) if a.ndim == 5 else a for n, a in states.items()}
        inputs = {"token_ids": np.array([token_ids]), "parents": np.array([parents])}
        states = dict(zip(names, session.run(None, {**inputs, **memory, **states}), strict=True))
        steps += 1
        return states.pop("logits")[0]

    return step


def beam_search(step: Step, options: dict[str, Any]) -> list[int]:
    """Return the best hypothesis, as `generate()` finds it with `early_stopping=False`."""
    beams, tokens, parents = (
        options["num_beams"],
        [options["start_id"]] * options["num_beams"],
        None,
    )
    sums = np.array([0.0] + [-1e9] * (beams - 1))
    chosen: list[list[int]] = [[] for _ in range(beams)]
    finished: list[tuple[float, list[int]]] = []
    for length in range(1, options["max_new_tokens"] + 1):
        logits = step(tokens, parents or range(beams))
        logits[:, options["banned_ids"]] = -np.inf
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        with np.errstate(divide="ignore"):
            log_probs = np.log(powers / powers.sum(axis=-1, keepdims=True))
        totals = (sums[:, None] + log_probs).ravel()
        best = np.argpartition(-totals, 2 * beams)[: 2 * beams]
        going = []
        for rank, index in enumerate(best[np.argsort(-totals[best])].tolist()):
            parent, token = divmod(index, logits.shape[1])
            if token != options["eos_id"]:
                going.append((parent, token, totals[index]))
            elif rank < beams:
                finished.append((totals[index] / length, chosen[parent]))
        parents, tokens, sums = (list(column) for column in zip(*going[:beams], strict=True))
        sums = np.array(sums)
        chosen = [[*chosen[parent], token] for parent, token in zip(parents, tokens, strict=True)]
        finished = sorted(finished, reverse=True)[:beams]
        if len(finished) == beams and sums[0] / length <= finished[-1][0]:
            break
    return finished[0][1]
