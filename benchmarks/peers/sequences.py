"""A FASTA file to the label of every window."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import BertForSequenceClassification, BertTokenizer

from peers.opened import CHECKPOINTS, HAND, PIPELINE, Bundle, in_torch, softmax

NAME = "dnabert-splice"


def windows_of(path: str, window: int, stride: int) -> list[str]:
    """Read a FASTA file of one record by hand and cut it; the last window ends with it."""
    bases = "".join(line.strip() for line in Path(path).read_text().splitlines()[1:]).upper()
    starts = sorted({*range(0, len(bases) - window + 1, stride), len(bases) - window})
    return [bases[start : start + window] for start in starts]


def sequences(
    kind: str, variant: str, *, window: int = 60, stride: int = 1000
) -> Callable[[str], list[str]]:
    """Return from the path of a FASTA file to the label of every window, one after the other."""
    folder, k = CHECKPOINTS / NAME, 3
    tokenizer = BertTokenizer.from_pretrained(folder, do_lower_case=False)

    def words(bases: str) -> str:
        return " ".join(bases[i : i + k] for i in range(len(bases) - k + 1))

    if kind == HAND:
        bundle = Bundle.of(NAME)
        session, labels = bundle.session(variant), bundle.config["labels"]

        def score(bases: str) -> str:
            encoded = tokenizer(words(bases), return_tensors="np")
            inputs = {
                "token_ids": encoded["input_ids"],
                "attention_mask": encoded["attention_mask"],
            }
            named = {one.name: inputs[one.name].astype(np.int64) for one in session.get_inputs()}
            return labels[int(softmax(session.run(None, named)[0][0]).argmax())]

    elif kind == PIPELINE:
        model = BertForSequenceClassification.from_pretrained(folder)
        classify = transformers.pipeline("text-classification", model, tokenizer=tokenizer)

        def score(bases: str) -> str:
            return classify(words(bases))[0]["label"]

    else:
        model = in_torch(kind, BertForSequenceClassification.from_pretrained(folder))
        labels = model.config.id2label

        def score(bases: str) -> str:
            encoded = tokenizer(words(bases), return_tensors="pt")
            with torch.inference_mode():
                return labels[model(**encoded).logits[0].softmax(-1).argmax().item()]

    return lambda path: [score(bases) for bases in windows_of(path, window, stride)]
