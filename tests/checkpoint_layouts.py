"""Random-weight checkpoints in the layouts that users bring, saved by transformers itself.

Weights are drawn wider than transformers does, so that answers differ from one another.
"""

import itertools
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import onnx
import torch
from onnx import numpy_helper
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

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
    FastSpeech2ConformerConfig,
    FastSpeech2ConformerHifiGan,
    FastSpeech2ConformerHifiGanConfig,
    FastSpeech2ConformerModel,
    FastSpeech2ConformerWithHifiGan,
    FastSpeech2ConformerWithHifiGanConfig,
    ParakeetCTCConfig,
    ParakeetForCTC,
    PreTrainedModel,
    ViTConfig,
    ViTForImageClassification,
    Wav2Vec2ConformerConfig,
    Wav2Vec2ConformerForCTC,
)
from transformers.utils import logging as transformers_logging  # noqa: E402

from edgewright_export.models.conformer import (  # noqa: E402
    StreamingConformerConfig,
    StreamingConformerForCTC,
    save_checkpoint,
)

logging.disable(logging.NOTSET)
transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()

_M = TypeVar("_M", bound=torch.nn.Module)

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


ARPABET = ("<blank>", "<unk>", "AH0", "N", "T", "D", "S", "R", "L", "K", "IY1", "M", "EH1", "AE1",
           "OW1", "Z", ",", ".", "<sos/eos>")  # fmt: skip
VOICE_FILES = {
    "vocab.json": {token: i for i, token in enumerate(ARPABET)},
    "edgewright.json": {"sample_rate": 22050},
}
LJSPEECH_MEL = {
    "sample_rate": 22050, "num_mel_bins": 80, "n_fft": 1024, "win_length": 1024,
    "hop_length": 256, "window": "hann", "periodic": True, "padding": "reflect",
    "preemphasis": 0.0, "preemphasis_scope": "frame", "remove_dc": False, "power": 1.0,
    "low_frequency": 80.0, "high_frequency": 7600.0, "mel_scale": "slaney", "triangles": "hertz",
    "mel_norm": "slaney", "input_scale": 1.0, "floor": 1e-10, "floor_mode": "max",
    "normalization": "none",
}  # fmt: skip
"""Of ESPnet's recipe for LJSpeech, whose logarithm has the base 10."""
_VOICE = {"encoder_layers": 1, "decoder_layers": 1}
_HIFI_GAN = {"upsample_initial_channel": 64}

VOICES = {
    "alone": Layout(
        lambda: FastSpeech2ConformerModel(FastSpeech2ConformerConfig(**_VOICE)),
        {
            **VOICE_FILES,
            "edgewright.json": {
                "sample_rate": 22050, "features": LJSPEECH_MEL, "log_base": 10.0,
                "pitch_std": 0.25, "energy_mean": 10.0, "energy_std": 5.0,
            },
        },
    ),
    "slow": Layout(
        lambda: FastSpeech2ConformerModel(
            FastSpeech2ConformerConfig(**_VOICE, speaking_speed=1.5, encoder_normalize_before=True)
        ),
        VOICE_FILES,
    ),
    "with_hifigan": Layout(
        lambda: FastSpeech2ConformerWithHifiGan(
            FastSpeech2ConformerWithHifiGanConfig(model_config=_VOICE, vocoder_config=_HIFI_GAN)
        ),
        VOICE_FILES,
    ),
}  # fmt: skip
"""FastSpeech 2 of true width, reduced depth, and narrow vocoders (a wide one takes minutes)."""

_NARROW = dict.fromkeys(
    ("duration_predictor_channels", "energy_predictor_channels", "pitch_predictor_channels",
     "speech_decoder_postnet_units", "encoder_linear_units", "decoder_linear_units"), 32
)  # fmt: skip
_NARROW |= {"hidden_size": 32, "encoder_num_attention_heads": 2, "decoder_num_attention_heads": 2}
_FEW_BLOCKS = {
    "upsample_initial_channel": 32, "upsample_rates": [16, 16], "upsample_kernel_sizes": [32, 32],
    "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1, 3]],
}  # fmt: skip
TINY_VOICE = Layout(
    lambda: FastSpeech2ConformerWithHifiGan(
        FastSpeech2ConformerWithHifiGanConfig(
            model_config={**_VOICE, **_NARROW}, vocoder_config=_FEW_BLOCKS
        )
    ),
    VOICE_FILES,
)
"""`with_hifigan`, narrow, and with a vocoder of few layers."""

HIFI_GAN = Layout(
    lambda: FastSpeech2ConformerHifiGan(FastSpeech2ConformerHifiGanConfig(**_HIFI_GAN)), {}
)
"""The vocoder of `slow`, in a folder of its own."""

PARAKEET_EXTRACTOR = {
    "feature_extractor_type": "ParakeetFeatureExtractor", "feature_size": 80, "hop_length": 160,
    "n_fft": 512, "win_length": 400, "preemphasis": 0.97, "sampling_rate": 16000,
    "padding_side": "right", "padding_value": 0.0, "return_attention_mask": True,
    "processor_class": "ParakeetProcessor",
}  # fmt: skip
WAV2VEC2_EXTRACTOR = {
    "feature_extractor_type": "Wav2Vec2FeatureExtractor", "feature_size": 1, "do_normalize": True,
    "padding_side": "right", "padding_value": 0, "return_attention_mask": True,
    "sampling_rate": 16000,
}  # fmt: skip
CHARACTERS = ("<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ")
"""The 32 of `facebook/wav2vec2-conformer-*-960h-ft`."""


def pieces(count: int, blank: str, *, blank_first: bool = False) -> str:
    """Return a `tokenizer.json` of `count` pieces like SentencePiece's, the blank among them."""
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    made = [f"{start}{end}" for end in ("", *letters) for start in letters]
    words = [piece for end in made for piece in (f"\u2581{end}", end)][: count - 2]
    special = ["<unk>", blank]
    names = [blank, "<unk>", *words] if blank_first else ["<unk>", *words, blank]
    tokenizer = Tokenizer(models.Unigram([(name, -1.0 - i) for i, name in enumerate(names)], 0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in special])
    return tokenizer.to_str()


def parakeet(layers: int, **sizes: Any) -> Layout:
    """`nvidia/parakeet-ctc-*`."""
    encoder = {"num_hidden_layers": layers, **sizes}
    return Layout(
        lambda: ParakeetForCTC(ParakeetCTCConfig(encoder_config=encoder)),
        {"preprocessor_config.json": PARAKEET_EXTRACTOR, "tokenizer.json": pieces(1025, "<pad>")},
    )


def wav2vec2(positions: str, layers: int, *, as_bin: bool = False, **sizes: Any) -> Layout:
    """`facebook/wav2vec2-conformer-{rel-pos,rope}-large-960h-ft`."""
    config = {
        "vocab_size": 32, "hidden_size": 1024, "num_attention_heads": 16, "conv_bias": True,
        "intermediate_size": 4096, "num_hidden_layers": layers, "feat_extract_norm": "layer",
        "position_embeddings_type": positions, "hidden_act": "swish", **sizes,
    }  # fmt: skip

    def build() -> PreTrainedModel:
        model = Wav2Vec2ConformerForCTC(Wav2Vec2ConformerConfig(**config))
        model.lm_head.bias.data[1:4] = -10  # no trained model writes down <s>, </s> or <unk>
        return model

    return Layout(
        build,
        {
            "preprocessor_config.json": WAV2VEC2_EXTRACTOR,
            "vocab.json": {token: index for index, token in enumerate(CHARACTERS)},
            "tokenizer_config.json": {"word_delimiter_token": "|", "do_lower_case": False},
        },
        as_bin=as_bin,
    )


RECOGNIZERS = {
    "parakeet": parakeet(1),
    "wav2vec2_relative": wav2vec2("relative", 1),
    "wav2vec2_rotary": wav2vec2("rotary", 1, as_bin=True, conv_dim=[128] * 7),
}
"""Conformers of true widths, reduced depth (and, once, narrow convolutions: they take seconds)."""

TINY_RECOGNIZERS = {
    "parakeet": parakeet(
        1, hidden_size=16, num_attention_heads=2, intermediate_size=32, subsampling_conv_channels=8
    ),
    "wav2vec2": wav2vec2(
        "relative", 1, hidden_size=32, num_attention_heads=2, intermediate_size=32,
        conv_dim=[8] * 7, num_conv_pos_embedding_groups=2,
    ),
}  # fmt: skip
"""Small enough for a test of something else."""

KALDI_MEL = {
    "sample_rate": 16000, "num_mel_bins": 80, "n_fft": 512, "win_length": 400, "hop_length": 160,
    "window": "povey", "periodic": False, "padding": "none", "preemphasis": 0.97,
    "preemphasis_scope": "frame", "remove_dc": True, "power": 2.0, "low_frequency": 20.0,
    "high_frequency": 7600.0, "mel_scale": "htk", "triangles": "mel", "mel_norm": "none",
    "input_scale": 32768.0, "floor": 1.0, "floor_mode": "max", "normalization": "none",
}  # fmt: skip
_ARPA = """\\data\\
ngram 1=5

\\1-grams:
-99 <s>
-1 </s>
-1 the
-1 tea
-2 nose

\\end\\
"""


def save_streaming(folder: Path, **sizes: int) -> Path:
    """Write a random `StreamingConformerForCTC` with lexicon and word unigrams.

    Args:
        folder: To write.
        sizes: Of the network, which has two blocks and the default width unless told otherwise.
    """
    torch.manual_seed(0)
    config = StreamingConformerConfig(193, 0, **{"num_layers": 2, **sizes})
    model = StreamingConformerForCTC(config)
    model.feature_mean.fill_(12.0)
    model.feature_std.fill_(4.0)
    folder.mkdir()
    save_checkpoint(randomized(model), folder)
    lines = ("the\t\u2581t h e", "tea\t\u2581t e a", "nose\t\u2581n o s e")
    files = {
        "tokenizer.json": pieces(193, "<blank>", blank_first=True),
        "preprocessor_config.json": json.dumps(KALDI_MEL),
        "edgewright.json": json.dumps({"search": {"beam_width": 8, "token_threshold": -20.0}}),
        "lexicon.txt": "\n".join(lines) + "\n",
        "lm.arpa": _ARPA,
    }
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder


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
    "parakeet_110m": parakeet(
        17, hidden_size=512, intermediate_size=2048, subsampling_conv_channels=256
    ),
    "parakeet_0.6b": parakeet(24),
    "wav2vec2_relative": wav2vec2("relative", 24),
    "wav2vec2_rotary": wav2vec2("rotary", 24),
    "fastspeech2_hifigan": Layout(
        lambda: FastSpeech2ConformerWithHifiGan(FastSpeech2ConformerWithHifiGanConfig()),
        VOICE_FILES,
    ),
    "vit": vit_base(12),
    "hopper": hopper(),
    "dna6_masked_lm": dna_masked_lm(6, 12),
    "dna6_sequence": dna_head(BertForSequenceClassification, 6, 12),
}
"""Public sizes; the weights of `parakeet_0.6b` are beyond 2 GB."""

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


def randomized(model: _M, seed: int = 0) -> _M:
    """Return `model` with matrices drawn so that signals keep their size from layer to layer."""
    generator = torch.Generator().manual_seed(seed)
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
