import dataclasses
from types import SimpleNamespace

import conformer_speech
import numpy as np
from conformer_data import read_part
from conformer_speech import noises


def test_what_was_spoken_is_not_spoken_again(tmp_path, monkeypatch):
    spoken = []

    def varied_speech(voices, texts, seed, *, disturbed):
        spoken.append(seed)
        yield from ((text, np.zeros(8000 + seed, np.float32)) for text in texts)

    monkeypatch.setattr(conformer_speech, "varied_speech", varied_speech)
    monkeypatch.setattr(conformer_speech, "FliteVoices", lambda libraries: None)
    monkeypatch.setattr(
        conformer_speech, "fetch_package", lambda name, cache: SimpleNamespace(root="")
    )
    first = conformer_speech._Speech(tmp_path, tmp_path, "synthetic", ["press one", "press two"], 7)
    path = conformer_speech._speak(first)
    assert conformer_speech._speak(first) == path
    assert spoken == [7]
    other = dataclasses.replace(first, texts=["press one", "press ten"])
    assert conformer_speech._speak(other) != path
    with np.load(path) as arrays:
        found = read_part(arrays, "spoken")
    assert found.sources == ["synthetic", "synthetic"]
    assert found.texts == ["press one", "press two"]
    assert [features.shape for features in found.features] == [(60, 80)] * 2
    assert {file.name for file in tmp_path.iterdir()} == {path.name, other.path.name}


def test_noises_have_every_level_and_length():
    found = list(noises(40, 1))
    seconds = [len(noise) / 16000 for noise in found]
    levels = [float(noise.std()) for noise in found]
    assert 1.0 <= min(seconds) < 1.5
    assert 3.5 < max(seconds) <= 4.0
    assert 3e-4 < min(levels) < 1e-3
    assert 0.1 < max(levels) <= 0.2
