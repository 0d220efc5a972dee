"""The project's own `StreamingConformerForCTC`: Kaldi's log-mel to pieces."""

import dataclasses
import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

from edgewright import records
from edgewright.errors import BundleError, CheckpointError, UnsupportedCheckpointError
from edgewright.features import LogMelConfig
from edgewright_export.checkpoint import Checkpoint, built_by_config
from edgewright_export.models.conformer import ARCHITECTURE, SUBSAMPLING, load_checkpoint
from edgewright_export.models.conformer_chunks import ConformerChunks
from edgewright_export.recipes.conformer_recognizer import FrontEnd, Recognizer
from edgewright_export.recipes.conformer_tokens import read_pieces
from edgewright_export.recipes.feature_extractor import FILE, checked

__all__ = ["ARCHITECTURE", "load_streaming"]

_KALDI = {
    "window": "povey", "periodic": False, "padding": "none", "preemphasis_scope": "frame",
    "remove_dc": True, "power": 2.0, "mel_scale": "htk", "triangles": "mel", "mel_norm": "none",
    "input_scale": 32768.0, "floor_mode": "max", "normalization": "none",
}  # fmt: skip
"""What of a front end is convention; sizes and frequencies are free."""


def load_streaming(checkpoint: Checkpoint) -> Recognizer:
    """Read weights, front end and pieces.

    Raises:
        CheckpointError: Something is missing or cannot be used.
    """
    checkpoint.read_bytes("model.safetensors")  # notes its hash
    with built_by_config(checkpoint.folder, ARCHITECTURE):
        model = load_checkpoint(checkpoint.folder)
    chunks = ConformerChunks(model)
    features = _read_features(checkpoint, model.config.num_mel_bins)
    front = FrontEnd(
        sample_rate=features.sample_rate,
        features=features,
        # Padded in front only, so n steps become ceil(n / stride) frames.
        subsampling=tuple((1, stride, 0) for _, stride in SUBSAMPLING),
        masked=False,
        chunk_frames=model.config.chunk_frames,
        # A frame at the end of its chunk has heard nothing of what follows, and says a piece late.
        flush_frames=model.config.chunk_frames,
        pad_value=math.log(features.floor),
    )
    return Recognizer(
        graph=chunks,
        front=front,
        states=chunks.first_states,
        table=read_pieces(checkpoint, model.config.vocab_size, model.config.blank_id),
        answer=_Answer(model, front),
        # One scale for all channels of their input costs words, and they hold 0.4 % of the weights.
        sensitive=("*.depthwise/*",),
    )


class _Answer:
    """The whole utterance at once, behind the log-mel of transformers in NumPy."""

    def __init__(self, model: Any, front: FrontEnd):
        self._model, self._front = model, front

    def __call__(self, waveform: Tensor) -> Tensor:
        """Return the logits, those of the silence at the end included."""
        assert self._front.features is not None
        features = torch.from_numpy(_kaldi(waveform.numpy(), self._front.features))
        flush = self._front.flush_frames
        flush += -(len(features) + flush) % self._front.chunk_frames
        padded = functional.pad(features, (0, 0, 0, flush), value=self._front.pad_value)
        logits: Tensor = self._model(padded[None])[0]
        return logits


def _kaldi(waveform: NDArray[np.float32], config: LogMelConfig) -> NDArray[np.float32]:
    """Return log-mel features float32 (frames, bins), slowly."""
    filters = mel_filter_bank(
        num_frequency_bins=config.n_fft // 2 + 1,
        num_mel_filters=config.num_mel_bins,
        min_frequency=config.low_frequency,
        max_frequency=config.high_frequency,
        sampling_rate=config.sample_rate,
        norm=None,
        mel_scale="kaldi",
        triangularize_in_mel_space=True,
    )
    features: NDArray[np.float32] = spectrogram(
        waveform * np.float32(config.input_scale),
        window_function(config.win_length, config.window, periodic=config.periodic),
        frame_length=config.win_length,
        hop_length=config.hop_length,
        fft_length=config.n_fft,
        power=config.power,
        center=False,
        preemphasis=config.preemphasis,
        mel_filters=filters,
        mel_floor=config.floor,
        log_mel="log",
        remove_dc_offset=config.remove_dc,
    ).T
    return np.ascontiguousarray(features)


def _read_features(checkpoint: Checkpoint, bins: int) -> LogMelConfig:
    try:
        config = records.read(LogMelConfig, checkpoint.read_json(FILE), FILE)
    except BundleError as error:
        message = str(error).rpartition(";")[0]
        raise CheckpointError(f"{message}; copy the checkpoint again") from error
    if config.num_mel_bins != bins:
        raise CheckpointError(
            f"{FILE}: got {config.num_mel_bins} bins, expected {bins} as config.json says; use the "
            "files of one checkpoint"
        )
    given = dataclasses.asdict(config)
    if other := {name: given[name] for name in _KALDI if given[name] != _KALDI[name]}:
        raise UnsupportedCheckpointError(
            f"{FILE}: got {other}, expected the conventions of Kaldi "
            f"{ {name: _KALDI[name] for name in other} }; train with these"
        )
    return checked(config)
