"""An audio file to its text, decoded greedily."""

from collections.abc import Callable, Sequence
from typing import Any

import kaldi_native_fbank
import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from edgewright_export.models.conformer import load_checkpoint
from peers.opened import CHECKPOINTS, HAND, SHERPA, Bundle, in_torch
from peers.sherpa import sherpa

NAME = "conformer-ctc-en"


def kaldi_features(samples: NDArray[np.float32], config: dict[str, Any]) -> NDArray[np.float32]:
    """Return log-mel features by kaldi-native-fbank."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0.0
    options.frame_opts.samp_freq = config["sample_rate"]
    options.frame_opts.frame_shift_ms = 1000.0 * config["hop_length"] / config["sample_rate"]
    options.mel_opts.num_bins = config["num_mel_bins"]
    options.mel_opts.low_freq = config["low_frequency"]
    options.mel_opts.high_freq = config["high_frequency"]
    fbank = kaldi_native_fbank.OnlineFbank(options)
    fbank.accept_waveform(config["sample_rate"], samples * config["input_scale"])
    fbank.input_finished()
    return np.stack([fbank.get_frame(index) for index in range(fbank.num_frames_ready)])


def greedy(best: Sequence[int], pieces: Sequence[str]) -> str:
    """Join the likeliest piece of every frame: repeats and blanks (0) go."""
    kept = [b for i, b in enumerate(best) if b and (i == 0 or b != best[i - 1])]
    return "".join(pieces[index] for index in kept).replace("▁", " ").strip()


def speech(kind: str, variant: str) -> Callable[[str], str]:
    """Return from the path of an audio file to its text."""
    bundle = Bundle.of(NAME)
    if kind == SHERPA:
        return sherpa(bundle, variant)
    config, pieces = bundle.config, bundle.lines(bundle.config["vocabulary"])
    logits_of = (_by_hand if kind == HAND else _in_torch)(kind, variant)

    def transcribe(path: str) -> str:
        samples, rate = soundfile.read(path, dtype="float32")
        assert rate == config["sample_rate"]
        features = kaldi_features(samples, config["features"])
        flush = config["flush_frames"]  # the model is a chunk behind
        silence = flush + -(len(features) + flush) % config["chunk_frames"]
        features = np.pad(features, ((0, silence), (0, 0)), constant_values=config["pad_value"])
        return greedy(logits_of(features).argmax(-1).tolist(), pieces)

    return transcribe


Logits = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def _by_hand(_: str, variant: str) -> Logits:
    session = Bundle.of(NAME).session(variant)
    states = {
        one.name: np.zeros([size if isinstance(size, int) else 1 for size in one.shape],
                           np.int64 if one.type == "tensor(int64)" else np.float32)
        for one in session.get_inputs() if one.name != "features"
    }  # fmt: skip
    return lambda features: session.run(["logits"], {"features": features[None], **states})[0][0]


def _in_torch(kind: str, _: str) -> Logits:
    model = in_torch(kind, load_checkpoint(CHECKPOINTS / NAME))
    dtype = next(model.parameters()).dtype

    def logits_of(features: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            return model(torch.from_numpy(features)[None].to(dtype))[0].float().numpy()

    return logits_of
