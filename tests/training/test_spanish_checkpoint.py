import json

import pytest
import torch

from edgewright.text.spanish import SpanishPhonemizer
from edgewright.text.spanish.phones import NAMES
from edgewright_export.models.fastspeech2 import load_checkpoint

pytest.importorskip("pyworld")

from fastspeech2_data import vocabulary_of


@pytest.fixture(scope="module")
def folder(checkpoints):
    return checkpoints / "fastspeech2-es"


@pytest.fixture(scope="module")
def said(folder):
    """Return {token: frames} of a sentence."""
    (sentence,) = SpanishPhonemizer()("El perro ladró, y nadie abrió la puerta.")
    names = [
        ("_" if phone.syllable_start else "")
        + phone.symbol
        + (
            phone.word
            if phone.symbol == "pau"
            else ""
            if phone.stress is None
            else str(phone.stress)
        )
        for phone in sentence.tokens
    ]
    vocabulary = json.loads((folder / "vocab.json").read_text())
    mel, durations = load_checkpoint(folder)(torch.tensor([vocabulary[name] for name in names]))
    assert mel.shape == (int(durations.sum()), 80)
    return names, mel, durations


def test_the_vocabulary_is_that_of_the_front_end(folder):
    assert json.loads((folder / "vocab.json").read_text()) == vocabulary_of(NAMES)
    assert json.loads((folder / "config.json").read_text())["language"] == "es"


def test_vowels_are_louder_than_pauses(said):
    names, mel, durations = said
    parts = mel.split(durations.tolist())
    loudness = {
        name: float(part.mean()) for name, part in zip(names, parts, strict=True) if len(part)
    }
    assert loudness["o1"] > loudness["pau,"] + 2.0
    assert loudness["e1"] > loudness["pau."] + 2.0


def test_the_sentence_has_a_natural_tempo(said):
    names, _, durations = said
    seconds = float(durations.sum()) * 200 / 16000
    assert 8 < len(names) / seconds < 18


def test_the_voice_is_small(folder):
    assert sum(path.stat().st_size for path in folder.rglob("*.safetensors")) < 8_000_000
    for card in (folder, folder / "vocoder"):
        licenses = json.loads((card / "edgewright.json").read_text())["licenses"]
        assert licenses["weights"] == ["Apache-2.0"]
        assert "LicenseRef-WordNet-3.0" in licenses["data"]  # of what the vocoder began with
