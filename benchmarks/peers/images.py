"""An image file to the names of its five likeliest classes."""

from collections.abc import Callable

import numpy as np
import torch
import transformers
from PIL import Image
from transformers import ViTForImageClassification, ViTImageProcessorPil

from peers.elsewhere import Elsewhere
from peers.opened import CHECKPOINTS, HAND, OPTIMUM, PIPELINE, Bundle, in_torch, softmax

NAME = "vit-fashion-mnist"


def images(kind: str, variant: str) -> Callable[[str], list[str]]:
    """Return from the path of an image to the names of its five likeliest classes."""
    folder = CHECKPOINTS / NAME
    if kind == OPTIMUM:
        return Elsewhere("image-classification", folder, optimum=True)
    if kind == HAND:
        bundle = Bundle.of(NAME)
        session = bundle.session(variant)
        image, labels = bundle.config["image"], bundle.config["labels"]
        mean, std = (np.array(image[key], np.float32)[:, None, None] for key in ("mean", "std"))

        def by_hand(path: str) -> list[str]:
            picture = Image.open(path).convert("RGB").resize((28, 28), Image.Resampling.BILINEAR)
            pixels = np.asarray(picture, np.float32).transpose(2, 0, 1) / 255
            logits = session.run(None, {"pixel_values": ((pixels - mean) / std)[None]})[0][0]
            best = np.argsort(-softmax(logits))[:5]
            return [labels[index] for index in best]

        return by_hand
    processor = ViTImageProcessorPil.from_pretrained(folder)
    if kind == PIPELINE:
        model = ViTForImageClassification.from_pretrained(folder)
        classify = transformers.pipeline("image-classification", model, image_processor=processor)
        return lambda path: [one["label"] for one in classify(path, top_k=5)]
    model = in_torch(kind, ViTForImageClassification.from_pretrained(folder))
    labels = model.config.id2label

    def eager(path: str) -> list[str]:
        inputs = processor(Image.open(path).convert("RGB"), return_tensors="pt")
        with torch.inference_mode():
            logits = model(inputs["pixel_values"].to(next(model.parameters()).dtype)).logits[0]
            return [labels[index.item()] for index in logits.softmax(-1).topk(5).indices]

    return eager
