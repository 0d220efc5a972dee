"""A Spanish voice of the project's own: exported without English data, calibrated in Spanish."""

import json
from pathlib import Path

import pytest
import torch

import edgewright as ew
from checkpoint_layouts import edit_json
from edgewright.errors import CheckpointError
from edgewright.text.spanish.phones import NAMES
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.export import export
from edgewright_export.models.fastspeech2 import FastSpeech2, FastSpeech2Config, save_checkpoint
from edgewright_export.recipes.fastspeech2 import FastSpeech2Recipe
from edgewright_export.recipes.fastspeech2_texts import DEFAULT

OWN = Path(__file__).parents[2] / "examples/checkpoints/fastspeech2-en"


@pytest.fixture
def spanish(tmp_path: Path) -> Path:
    """Return a checkpoint of the project's own model, small, untrained and Spanish."""
    tokens = ["pau", *(f"pau{mark}" for mark in ",.?!"), *NAMES, *(f"_{name}" for name in NAMES)]
    vocabulary = {token: index for index, token in enumerate(["<pad>", *tokens])}
    torch.manual_seed(3)
    sizes = FastSpeech2Config(
        len(vocabulary), 5.0, 0.1, 3.0, 1.0, hidden_size=16, encoder_layers=1, encoder_ffn_size=16,
        predictor_size=8, decoder_dilations=(1,), decoder_ffn_size=16, language="es",
    )  # fmt: skip
    model = FastSpeech2(sizes)
    torch.nn.init.constant_(model.encoder.duration.output.bias, 1.8)
    features = json.loads((OWN / "config.json").read_text())["features"]
    folder = tmp_path / "spanish"
    folder.mkdir()
    save_checkpoint(model, folder, vocabulary, features)
    return folder


def test_a_spanish_voice_is_exported_without_english_data(spanish: Path, tmp_path: Path) -> None:
    manifest = export(spanish, tmp_path / "spanish.edge", variants=["fp32"])
    assert manifest.config["language"] == "es"
    assert "MIT-Festival" not in manifest.licenses.data
    assert "Festival" not in (tmp_path / "spanish.edge/NOTICE").read_text("utf-8")
    assert set(manifest.files) & {"assets/lexicon.xz", "assets/letter_to_sound.xz"} == set()
    with ew.load(tmp_path / "spanish.edge", threads=1) as model:
        speech = model("Son las 3:45.")
    words = dict.fromkeys(one.word for one in speech.phonemes if one.symbol[:3] != "pau")
    assert list(words) == ["son", "las", "tres", "cuarenta", "y", "cinco"]


def test_built_in_sentences_are_in_the_language_of_the_voice(spanish: Path) -> None:
    calibration = FastSpeech2Recipe.load(Checkpoint(spanish)).calibration(None, 0)
    assert len(calibration.samples) == len(DEFAULT["es"])


def test_a_voice_in_an_unknown_language_is_refused(spanish: Path) -> None:
    edit_json(spanish / "config.json", language="fr")
    with pytest.raises(CheckpointError, match="'language': got 'fr'"):
        FastSpeech2Recipe.load(Checkpoint(spanish))
