"""A FASTA file to the label of every window."""

from collections.abc import Callable

import numpy as np
import torch
import transformers
from transformers import BertForSequenceClassification, BertTokenizer

from peers.elsewhere import Elsewhere
from peers.fasta import windows_of, words
from peers.opened import CHECKPOINTS, HAND, OPTIMUM, PIPELINE, Bundle, in_torch, softmax

NAME = "dnabert-splice"


def sequences(
    kind: str, variant: str, *, window: int = 60, stride: int = 1000
) -> Callable[[str], list[str]]:
    """Return from the path of a FASTA file to the label of every window, one after the other."""
    folder = CHECKPOINTS / NAME
    if kind == OPTIMUM:
        return Elsewhere("text-classification", folder, optimum=True)
    tokenizer = BertTokenizer.from_pretrained(folder, do_lower_case=False)

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

    return lambda path: [score(bases) for bases in windows_of(path)]
