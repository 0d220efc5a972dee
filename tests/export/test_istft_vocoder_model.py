"""The vocoder of the project's own voice: sizes, context, bad checkpoints."""

import copy
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from edgewright.errors import CheckpointError
from edgewright_export.models.istft_vocoder import (
    LARGEST_LOG_MAGNITUDE,
    IstftVocoder,
    IstftVocoderConfig,
    load_checkpoint,
    save_checkpoint,
)

CONFIG = IstftVocoderConfig(
    num_mel_bins=5, n_fft=16, hop_length=4, hidden_size=12, ffn_size=24, num_blocks=2, kernel=3
)


@pytest.fixture(scope="module")
def model() -> IstftVocoder:
    torch.manual_seed(0)
    return IstftVocoder(CONFIG).eval()


@pytest.fixture
def folder(model: IstftVocoder, tmp_path: Path) -> Path:
    save_checkpoint(model, tmp_path)
    return tmp_path


def test_a_spectrum_has_the_magnitude_and_direction_of_its_heads(model: IstftVocoder) -> None:
    mel = torch.randn(2, 7, 5)
    with torch.no_grad():
        spectrum = torch.view_as_complex(model(mel))
        log_magnitude, real, imaginary = model.heads(mel)
    assert spectrum.shape == (2, 7, 9)
    torch.testing.assert_close(spectrum.abs(), log_magnitude.exp(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(spectrum.angle(), torch.atan2(imaginary, real))


def test_loud_bins_are_held(model: IstftVocoder) -> None:
    loud = copy.deepcopy(model)
    loud.log_magnitude.bias.data.fill_(50.0)
    with torch.no_grad():
        assert loud.heads(torch.randn(1, 3, 5))[0].max() == LARGEST_LOG_MAGNITUDE
        assert loud(torch.randn(1, 3, 5)).isfinite().all()


def test_a_frame_sees_its_context_and_no_more(model: IstftVocoder) -> None:
    exact, mel = copy.deepcopy(model).double(), torch.randn(1, 40, 5).double()
    changed = mel.clone()
    changed[0, 20, 0] += 1.0
    with torch.no_grad():
        moved = (exact.heads(mel)[1] - exact.heads(changed)[1])[0].abs().amax(1)
    reach = CONFIG.context
    assert reach == 3
    assert torch.equal(moved.nonzero()[[0, -1], 0], torch.tensor([20 - reach, 20 + reach]))


def test_samples_depend_on_their_context_and_no_more(model: IstftVocoder) -> None:
    exact, hop, context = copy.deepcopy(model).double(), CONFIG.hop_length, CONFIG.sample_context
    mel = torch.randn(1, 40, 5).double()
    changed = mel.clone()
    changed[0, 20, 0] += 1.0

    def waveform(frames: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            spectrum = torch.view_as_complex(exact(frames)[0]).T
        window = torch.hann_window(CONFIG.n_fft, dtype=torch.float64)
        return torch.istft(spectrum, CONFIG.n_fft, hop, CONFIG.n_fft, window)

    moved = (waveform(mel) - waveform(changed)).abs().nonzero()[:, 0] // hop
    assert context == CONFIG.context + 2
    assert 20 - context <= moved[0] <= 20 - context + 1
    assert 20 + context - 1 <= moved[-1] <= 20 + context


def test_a_checkpoint_comes_back_in_half_precision(model: IstftVocoder, folder: Path) -> None:
    again = load_checkpoint(folder)
    assert again.config == CONFIG
    for mine, theirs in zip(model.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(mine.half().float(), theirs)


@pytest.mark.parametrize(
    "change",
    [
        {"architectures": ["HifiGan"]},
        {"n_fft": 15},
        {"kernel": 4},
        {"hop_length": 16},
        {"num_blocks": "2"},
        {"hidden_size": 0},
        {"ffn_size": None},
    ],
)
def test_the_configuration_must_fit(folder: Path, change: dict[str, object]) -> None:
    config = json.loads((folder / "config.json").read_text()) | change
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=next(iter(change))):
        load_checkpoint(folder)


def test_weights_must_fit(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    save_file({name: one for name, one in weights.items() if name != "real.bias"}, path)
    with pytest.raises(CheckpointError, match=r"real\.bias"):
        load_checkpoint(folder)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(folder)
