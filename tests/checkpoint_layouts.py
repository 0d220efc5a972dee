"""Random-weight checkpoints in the layouts that users bring, saved by transformers itself.

Weights are drawn wider than transformers does, so that answers differ from one another.
"""

import itertools
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import numpy_helper

logging.disable(logging.WARNING)  # transformers tells of each optional package that is missing
from transformers import (  # noqa: E402
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertForTokenClassification,
    DecisionTransformerConfig,
    DecisionTransformerModel,
    DeiTConfig,
    DeiTForImageClassification,
    DeiTForImageClassificationWithTeacher,
    PreTrainedModel,
    ViTConfig,
    ViTForImageClassification,
)
from transformers.utils import logging as transformers_logging  # noqa: E402

logging.disable(logging.NOTSET)
transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()

HOPPER_OPTIONS = {
    "state_mean": [1.3, -0.1, -0.5, -0.1, 0.2, 2.2, 0.0, 0.0, -0.1, -0.1, 0.1],
    "state_std": [0.2, 0.1, 0.2, 0.2, 0.6, 0.8, 1.6, 1.4, 2.0, 3.1, 5.8],
    "context_length": 20,
    "return_scale": 1000.0,
}
"""As the model card has them, rounded."""


@dataclass(frozen=True)
class Layout:
    """A public checkpoint, or a small stand-in."""

    build: Callable[[], PreTrainedModel]
    files: dict[str, Any]
    """JSON objects, or text, to be written beside the weights."""
    as_bin: bool = False
    """Whether the weights are a pickle, as published."""
    config: dict[str, Any] | None = None
    """What is changed in `config.json`."""
    extra: dict[str, tuple[int, ...]] | None = None
    """Buffers that old versions stored with the weights, by shape."""


def vocabulary(k: int) -> str:
    """Return a `vocab.txt` in the order of DNABERT: A, T, C, G."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return "\n".join([*special, *map("".join, itertools.product("ATCG", repeat=k))]) + "\n"


def bert(cls: type[PreTrainedModel], k: int, **sizes: Any) -> Callable[[], PreTrainedModel]:
    return lambda: cls(BertConfig(vocab_size=4**k + 5, **sizes))


VIT_PROCESSOR = {"do_normalize": True, "do_resize": True, "image_mean": [0.5] * 3,
                 "image_std": [0.5] * 3, "size": 224}  # fmt: skip
DEIT_PROCESSOR = {"feature_extractor_type": "DeiTFeatureExtractor", "do_center_crop": True,
                  "crop_size": 224, "size": 256, "resample": 3, "do_resize": True,
                  "do_normalize": True, "image_mean": [0.485, 0.456, 0.406],
                  "image_std": [0.229, 0.224, 0.225]}  # fmt: skip
TINY_BERT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
             "intermediate_size": 32, "max_position_embeddings": 64}  # fmt: skip


def vit_base(layers: int) -> Layout:
    """`google/vit-base-patch16-224`."""
    return Layout(
        lambda: ViTForImageClassification(ViTConfig(num_hidden_layers=layers, num_labels=1000)),
        {"preprocessor_config.json": VIT_PROCESSOR},
    )


def deit_tiny(cls: type[PreTrainedModel], layers: int) -> Layout:
    """`facebook/deit-tiny-patch16-224` and `facebook/deit-tiny-distilled-patch16-224`."""
    config = {"hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768}
    return Layout(
        lambda: cls(DeiTConfig(num_hidden_layers=layers, num_labels=1000, **config)),
        {"preprocessor_config.json": DEIT_PROCESSOR},
    )


def hopper(layers: int = 3) -> Layout:
    """`edbeeching/decision-transformer-gym-hopper-*`: a pickle, with a stale `n_embd`."""
    return Layout(
        lambda: DecisionTransformerModel(
            DecisionTransformerConfig(
                state_dim=11, act_dim=3, hidden_size=128, n_layer=layers, n_head=1,
                action_tanh=True, max_ep_len=1000,
            )
        ),
        {"edgewright.json": HOPPER_OPTIONS},
        as_bin=True,
        config={"n_embd": 768},
        extra={"encoder.h.0.attn.bias": (1, 1, 4, 4), "encoder.h.0.attn.masked_bias": ()},
    )  # fmt: skip


def dna_masked_lm(k: int, layers: int, **sizes: Any) -> Layout:
    """`zhihan1996/DNA_bert_*`: masked language models with a pooler and code of their own."""
    width = sizes.get("hidden_size", 768)
    return Layout(
        bert(BertForMaskedLM, k, num_hidden_layers=layers, **sizes),
        {"vocab.txt": vocabulary(k)},
        as_bin=True,
        config={"auto_map": {"AutoModel": "dnabert_layer.DNABertModel"}},
        extra={
            "bert.embeddings.position_ids": (1, 512),
            "bert.pooler.dense.weight": (width, width),
            "bert.pooler.dense.bias": (width,),
        },
    )


def dna_head(cls: type[PreTrainedModel], k: int, layers: int) -> Layout:
    """A fine-tuned DNABERT of the full width."""
    build = bert(cls, k, num_hidden_layers=layers, num_labels=3)
    return Layout(build, {"vocab.txt": vocabulary(k)})


REDUCED = {
    "vit": vit_base(1),
    "deit": deit_tiny(DeiTForImageClassification, 1),
    "deit_distilled": deit_tiny(DeiTForImageClassificationWithTeacher, 2),
    "hopper": hopper(),
    "dna4_masked_lm": dna_masked_lm(4, 1),
    "dna5_masked_lm": dna_masked_lm(5, 1),
    "dna6_masked_lm": dna_masked_lm(6, 2),
    "dna3_sequence": dna_head(BertForSequenceClassification, 3, 1),
    "dna3_token": dna_head(BertForTokenClassification, 3, 1),
}
"""True widths, reduced depth."""

FULL = {
    "vit": vit_base(12),
    "hopper": hopper(),
    "dna6_masked_lm": dna_masked_lm(6, 12),
    "dna6_sequence": dna_head(BertForSequenceClassification, 6, 12),
}
"""Public sizes."""

TINY = {
    "vit": Layout(
        lambda: ViTForImageClassification(
            ViTConfig(
                hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
                image_size=16, patch_size=8, num_labels=3,
            )
        ),
        {"preprocessor_config.json": {**VIT_PROCESSOR, "size": 16}},
    ),
    "hopper": Layout(
        lambda: DecisionTransformerModel(
            DecisionTransformerConfig(
                state_dim=11, act_dim=3, hidden_size=16, n_layer=1, n_head=1, max_ep_len=50
            )
        ),
        {"edgewright.json": {**HOPPER_OPTIONS, "context_length": 4}},
    ),
    "dna": Layout(
        bert(BertForSequenceClassification, 3, num_labels=2, **TINY_BERT),
        {"vocab.txt": vocabulary(3)},
    ),
}  # fmt: skip
"""Small enough for a test of something else."""


def save(layout: Layout, folder: Path) -> Path:
    """Write the checkpoint to the new folder `folder` and return it."""
    torch.manual_seed(0)  # of what `randomized` leaves alone, such as convolutions
    model = randomized(layout.build())
    model.save_pretrained(folder)
    if layout.as_bin:
        (folder / "model.safetensors").unlink()
        extra = {name: torch.zeros(shape) for name, shape in (layout.extra or {}).items()}
        torch.save({**model.state_dict(), **extra}, folder / "pytorch_model.bin")
    for name, content in layout.files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text)
    if layout.config:
        edit_json(folder / "config.json", **layout.config)
    return folder


def randomized(model: PreTrainedModel) -> PreTrainedModel:
    """Return `model` with matrices drawn so that signals keep their size from layer to layer."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                scale = parameter.shape[1] ** -0.5
                parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def edit_json(path: Path, **changes: Any) -> None:
    """Set entries of the JSON object in `path`; None removes one."""
    content = {**json.loads(path.read_text()), **changes}
    kept = {name: value for name, value in content.items() if value is not None}
    path.write_text(json.dumps(kept))


def tamper(graph: Path, name: str, change: float = 0.01) -> None:
    """Add `change` to the first number of the initializer `name`."""
    model = onnx.load(graph)
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    values = numpy_helper.to_array(weight).copy()
    values.flat[0] += change
    weight.CopyFrom(numpy_helper.from_array(values, name))
    onnx.save(model, graph)
