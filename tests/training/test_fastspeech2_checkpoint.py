import json

import numpy as np
import pytest
import torch

from edgewright.features import LogMelConfig
from edgewright_export.models.fastspeech2 import load_checkpoint

pytest.importorskip("pyworld")

from fastspeech2_data import log_pitch
from fastspeech2_evaluate import griffin_lim

SENTENCE = "pau _hh ax0 l ow1 pau, _w er1 l d pau."


@pytest.fixture(scope="module")
def folder(checkpoints):
    return checkpoints / "fastspeech2-en"


@pytest.fixture(scope="module")
def model(folder):
    return load_checkpoint(folder)


@pytest.fixture(scope="module")
def token_ids(folder):
    vocabulary = json.loads((folder / "vocab.json").read_text())
    return torch.tensor([vocabulary[token] for token in SENTENCE.split()])


def test_vowels_are_louder_than_pauses(model, token_ids):
    mel, durations = model(token_ids)
    loudness = torch.stack([part.mean() for part in mel.split(durations.tolist()) if len(part)])
    tokens = [token for token, frames in zip(SENTENCE.split(), durations, strict=True) if frames]
    by_token = dict(zip(tokens, loudness.tolist(), strict=True))
    assert min(by_token["ow1"], by_token["er1"]) > by_token["pau."] + 2.0


def test_hello_world_lasts_about_a_second(model, token_ids):
    _, durations = model(token_ids)
    _, fast = model(token_ids, speaking_rate=2.0)
    assert 60 < int(durations.sum()) < 160  # frames of 12.5 ms
    assert int(fast.sum()) == pytest.approx(int(durations.sum()) / 2, abs=len(token_ids))


def test_a_higher_pitch_is_heard(model, token_ids):
    mels = [model(token_ids, pitch_scale=scale)[0].numpy() for scale in (1.0, 1.3)]
    plain, high = (np.median(log_pitch(griffin_lim(mel), len(mel))) for mel in mels)
    assert 1.1 < np.exp(high - plain) < 1.5


def test_the_mel_convention_is_one_of_the_runtime(folder):
    config = json.loads((folder / "config.json").read_text())
    assert LogMelConfig(**config["features"]).num_mel_bins == config["num_mel_bins"]


def test_the_weights_are_small(folder):
    assert (folder / "model.safetensors").stat().st_size < 10_000_000
