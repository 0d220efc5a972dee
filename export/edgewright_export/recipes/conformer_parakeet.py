"""`ParakeetForCTC`: log-mel of NeMo, normalized over the utterance, to pieces every 80 ms."""

import math
from typing import Any

import transformers
from torch import Tensor, nn

from edgewright.errors import CheckpointError
from edgewright.features import LogMelConfig
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.recipes.conformer_recognizer import FrontEnd, Recognizer
from edgewright_export.recipes.conformer_tokens import read_pieces
from edgewright_export.recipes.feature_extractor import FILE, checked, read_extractor

ARCHITECTURE = "ParakeetForCTC"
_FLOOR = 2.0**-24  # LOG_ZERO_GUARD_VALUE of ParakeetFeatureExtractor


def load_parakeet(checkpoint: Checkpoint) -> Recognizer:
    """Read weights, feature extractor and tokenizer.

    Raises:
        CheckpointError: Something is missing or cannot be used.
    """
    extractor = read_extractor(checkpoint, transformers.ParakeetFeatureExtractor)
    model = checkpoint.load(transformers.ParakeetForCTC)
    encoder = model.config.encoder_config
    if extractor.feature_size != encoder.num_mel_bins:
        raise CheckpointError(
            f"{FILE}: got {extractor.feature_size} features, expected {encoder.num_mel_bins} as "
            "config.json says; use the files of one checkpoint"
        )
    return Recognizer(
        graph=_Graph(model),
        front=_front_end(extractor, encoder),
        table=read_pieces(checkpoint, model.config.vocab_size, model.config.pad_token_id),
        answer=_Answer(model, extractor),
        # With one input channel, the integer kernel takes twice as long as that of fp32.
        sensitive=("*.subsampling.layers.0/*",),
    )


class _Graph(nn.Module):
    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, features: Tensor, attention_mask: Tensor) -> Tensor:
        answer = self.model(input_features=features, attention_mask=attention_mask != 0)
        logits: Tensor = answer.logits
        return logits


class _Answer:
    def __init__(self, model: Any, extractor: Any):
        self._model, self._extractor = model, extractor

    def __call__(self, waveform: Tensor) -> Tensor:
        """Return the logits, cut as `generate` does: the extractor adds a masked frame."""
        rate = self._extractor.sampling_rate
        inputs = self._extractor(waveform.numpy(), sampling_rate=rate, return_tensors="pt")
        logits: Tensor = self._model(**inputs).logits
        real = self._model._get_output_attention_mask(
            inputs["attention_mask"], target_length=logits.shape[1]
        )
        return logits[real]


def _front_end(extractor: Any, encoder: Any) -> FrontEnd:
    kernel, stride = encoder.subsampling_conv_kernel_size, encoder.subsampling_conv_stride
    layers = int(math.log2(encoder.subsampling_factor))
    features = LogMelConfig(
        sample_rate=extractor.sampling_rate,
        num_mel_bins=extractor.feature_size,
        n_fft=extractor.n_fft,
        win_length=extractor.win_length,
        hop_length=extractor.hop_length,
        window="hann",
        periodic=False,
        padding="zeros",
        preemphasis=float(extractor.preemphasis or 0.0),
        preemphasis_scope="signal",
        remove_dc=False,
        power=2.0,
        low_frequency=0.0,
        high_frequency=extractor.sampling_rate / 2,
        mel_scale="slaney",
        triangles="hertz",
        mel_norm="slaney",
        input_scale=1.0,
        floor=_FLOOR,
        floor_mode="add",
        normalization="per_feature",
    )
    return FrontEnd(
        sample_rate=extractor.sampling_rate,
        features=checked(features),
        subsampling=((kernel, stride, (kernel - 1) // 2),) * layers,
        masked=True,
    )
