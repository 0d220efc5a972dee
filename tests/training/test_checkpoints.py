import json
import re

import numpy as np
import pytest
import torch
from dna_model import base_codes, token_ids, vocabulary
from dnabert_splice import LABELS, read_dev
from PIL import Image
from transformers import AutoImageProcessor, BertForSequenceClassification
from transformers import ViTForImageClassification as ViT


def load(model_class, folder):
    model, report = model_class.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    return model.eval()


def card_metric(folder, split):
    pattern = rf"^\| \**([0-9.]+)\** \| {split}"
    return float(re.search(pattern, (folder / "README.md").read_text(), re.MULTILINE)[1])


def test_the_splice_card_is_reproduced_on_the_dev_rows(checkpoints, data_folder):
    folder = checkpoints / "dnabert-splice"
    dev = read_dev(data_folder / "splice.tsv")
    model = load(BertForSequenceClassification, folder)
    with torch.inference_mode():
        answers = model(input_ids=token_ids(base_codes(dev.sequences), 3)).logits.argmax(-1)
    assert tuple(model.config.id2label.values()) == LABELS
    accuracy = float((answers.numpy() == dev.labels).mean())
    assert accuracy == pytest.approx(card_metric(folder, "development"), abs=5e-5)


def test_the_promoter_checkpoint_ranks_promoters_higher(checkpoints, data_folder):
    lines = (data_folder / "promoters.tsv").read_text().splitlines()[1:]
    sequences, labels = zip(*(line.split("\t") for line in lines), strict=True)
    model = load(BertForSequenceClassification, checkpoints / "dnabert-promoters")
    with torch.inference_mode():
        logits = model(input_ids=token_ids(base_codes(sequences), 6)).logits
    score = (logits[:, model.config.label2id["promoter"]] - logits[:, 0]).numpy()
    promoter = np.array(labels) == "promoter"
    # The area under the ROC curve is the share of pairs in the right order.
    assert (score[promoter][:, None] > score[~promoter]).mean() > 0.77


def test_the_vit_names_real_images(checkpoints, data_folder):
    folder = checkpoints / "vit-fashion-mnist"
    model, processor = load(ViT, folder), AutoImageProcessor.from_pretrained(folder, backend="pil")
    paths = sorted((data_folder / "fashion-mnist").glob("*/*.png"))
    images = [Image.open(path).convert("RGB") for path in paths]
    with torch.inference_mode():
        answers = model(**processor(images, return_tensors="pt")).logits.argmax(-1).tolist()
    names = [model.config.id2label[answer].replace("/", "-") for answer in answers]
    right = [name == path.parent.name for name, path in zip(names, paths, strict=True)]
    assert np.mean(right) > 0.88


@pytest.mark.parametrize(
    ("name", "k"), [("vit-fashion-mnist", None), ("dnabert-splice", 3), ("dnabert-promoters", 6)]
)
def test_the_export_options_and_the_vocabulary_are_complete(checkpoints, name, k):
    folder = checkpoints / name
    options = json.loads((folder / "edgewright.json").read_text())
    assert options["name"] == name
    assert set(options["licenses"]) == {"code", "weights", "data"}
    assert options.get("k") == k
    if k:
        assert (folder / "vocab.txt").read_text().split() == vocabulary(k)
