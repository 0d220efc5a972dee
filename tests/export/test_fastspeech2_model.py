import copy
import dataclasses
import json
import math

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file

from edgewright.errors import CheckpointError
from edgewright_export.models.fastspeech2 import (
    FastSpeech2,
    FastSpeech2Config,
    load_checkpoint,
    parse_config,
    save_checkpoint,
    with_duration_scale,
)

CONFIG = FastSpeech2Config(
    vocab_size=11, pitch_mean=5.0, pitch_std=0.1, energy_mean=3.0, energy_std=1.5, hidden_size=16,
    encoder_layers=2, encoder_ffn_size=24, predictor_size=8, decoder_ffn_size=24, num_mel_bins=5,
)  # fmt: skip
FEATURES = {"sample_rate": 16000}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = FastSpeech2(CONFIG).eval()
    model.encoder.duration.output.bias.data.fill_(2.5)
    return model


@pytest.fixture
def folder(model, tmp_path):
    save_checkpoint(model, tmp_path, {"<pad>": 0}, FEATURES)
    return tmp_path


def tokens(*shape):
    ids = np.random.default_rng(3).integers(1, CONFIG.vocab_size, shape)
    return torch.from_numpy(ids)


def encode(model, ids, rate=1.0, pitch=1.0, energy=1.0):
    scales = (torch.full((len(ids),), scale) for scale in (rate, pitch, energy))
    with torch.inference_mode():
        return model.encoder(ids, *scales)


def test_padding_changes_nothing(model):
    ids = tokens(2, 9)
    ids[1, 6:] = 0
    batch, single = encode(model, ids), encode(model, ids[1:, :6])
    for padded, alone in zip(batch, single, strict=True):
        torch.testing.assert_close(padded[1:, :6], alone)
    assert not batch[0][1, 6:].any()
    assert not batch[1][1, 6:].any()


def test_rate_two_halves_the_durations(model):
    slow, fast = (encode(model, tokens(3, 20), rate=rate)[1] for rate in (1.0, 2.0))
    assert slow.dtype == torch.int64
    assert slow.sum() > 100
    # Both are rounded from one real number.
    assert (slow - 2 * fast).abs().max() <= 1


def test_the_scale_of_the_durations_is_a_tempo(model):
    ids = tokens(3, 20)
    slow = with_duration_scale(model, 1.25)
    assert torch.equal(encode(slow, ids, rate=1.25)[1], encode(model, ids)[1])
    assert torch.equal(encode(slow, ids)[1], encode(model, ids, rate=0.8)[1])


def test_scales_out_of_range_are_refused():
    config = {"architectures": ["FastSpeech2"], **dataclasses.asdict(CONFIG)}
    for scale in (0, -1.0, math.nan, "1", True, 5):
        with pytest.raises(CheckpointError, match=r"'duration_scale': got .* from 0.25 to 4"):
            parse_config({**config, "duration_scale": scale})
    del config["duration_scale"]
    assert parse_config(config).duration_scale == 1.0


def test_scales_move_the_logarithms(model):
    plain, scaled = (encode(model, tokens(1, 8), pitch=p, energy=e) for p, e in ((1, 1), (1.2, 3)))
    torch.testing.assert_close(scaled[2] - plain[2], torch.full((1, 8), np.log(1.2) / 0.1))
    torch.testing.assert_close(scaled[3] - plain[3], torch.full((1, 8), np.log(3.0) / 1.5))
    assert not torch.equal(scaled[0], plain[0])


def test_a_frame_sees_its_context_and_no_more(model):
    decoder = copy.deepcopy(model.decoder).double()  # the outermost frames move by little
    reach, frames = CONFIG.decoder_context, torch.randn(1, 80, CONFIG.hidden_size).double()
    changed = frames.clone()
    changed[0, 40, 0] += 1.0
    with torch.inference_mode():
        moved = (decoder(frames) - decoder(changed))[0].abs().amax(1)
    assert torch.equal(moved.nonzero()[[0, -1], 0], torch.tensor([40 - reach, 40 + reach]))


def test_one_sentence_goes_through_both_halves(model):
    ids = tokens(1, 7)
    mel, durations = model(ids[0])
    assert mel.shape == (int(durations.sum()), CONFIG.num_mel_bins)
    assert torch.equal(durations, encode(model, ids)[1][0])


@pytest.mark.filterwarnings("ignore::FutureWarning")  # inside torch.onnx
@pytest.mark.filterwarnings("ignore:# The axis name")  # one batch of all inputs
def test_the_halves_export_with_dynamic_shapes(model, tmp_path):
    batch, time = torch.export.Dim("batch"), torch.export.Dim("time")
    names = ("token_ids", "speaking_rate", "pitch_scale", "energy_scale")
    encoder = torch.onnx.export(
        model.encoder, (tokens(2, 6), *(torch.ones(2),) * 3), dynamo=True, input_names=names,
        dynamic_shapes=({0: batch, 1: time}, *({0: batch},) * 3), verbose=False,
    )  # fmt: skip
    decoder = torch.onnx.export(
        model.decoder, (torch.randn(2, 9, CONFIG.hidden_size),), dynamo=True,
        input_names=("frames",), dynamic_shapes=({0: batch, 1: time},), verbose=False,
    )  # fmt: skip
    ids, frames = tokens(3, 31), torch.randn(1, 50, CONFIG.hidden_size)
    ids[1, 20:] = 0
    given = dict(zip(names, (ids.numpy(), *(np.full(3, 1.3, np.float32),) * 3), strict=True))
    wanted = [*encode(model, ids, 1.3, 1.3, 1.3), model.decoder(frames).detach()]
    found = run(encoder, tmp_path / "encoder.onnx", given)
    found += run(decoder, tmp_path / "decoder.onnx", {"frames": frames.numpy()})
    for mine, theirs in zip(wanted, found, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs, atol=1e-5)


def run(program, path, inputs):
    program.save(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def test_a_checkpoint_comes_back_in_half_precision(model, folder):
    again = load_checkpoint(folder)
    assert again.config == CONFIG
    for mine, theirs in zip(model.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(mine.half().float(), theirs)


@pytest.mark.parametrize("change", ["missing", "unexpected", "shape"])
def test_weights_must_fit(folder, change):
    weights = load_file(folder / "model.safetensors")
    moved = weights.pop("decoder.output.bias")
    extra = {"missing": {}, "unexpected": {"decoder.output.bias": moved, "more": moved.clone()}}
    shape = {"decoder.output.bias": moved[:-1].contiguous()}
    save_file({**weights, **extra.get(change, shape)}, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"decoder\.output\.bias|more"):
        load_checkpoint(folder)


@pytest.mark.parametrize("change", [{"architectures": ["Tacotron2"]}, {"pitch_std": None}])
def test_the_configuration_must_fit(folder, change):
    config = json.loads((folder / "config.json").read_text()) | change
    kept = {name: value for name, value in config.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(kept))
    with pytest.raises(CheckpointError, match=next(iter(change))):
        load_checkpoint(folder)


def test_every_size_is_in_the_configuration(folder):
    config = json.loads((folder / "config.json").read_text())
    assert {field.name for field in dataclasses.fields(CONFIG)} < set(config)
    assert config["sample_rate"] == config["features"]["sample_rate"]
