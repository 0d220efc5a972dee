"""FastSpeech 2 in every layout: the split model answers as PyTorch's own, unsplit."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import edgewright as ew
from checkpoint_layouts import HIFI_GAN, VOICES, edit_json, save
from edgewright.errors import CheckpointError, InputError, UnsupportedCheckpointError
from edgewright_export.calibrate import Calibration
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.export import export
from edgewright_export.models.fastspeech2 import load_checkpoint
from edgewright_export.recipes.fastspeech2 import FastSpeech2Recipe
from edgewright_export.recipes.fastspeech2_conformer import relative_positions
from edgewright_export.recipes.fastspeech2_texts import DEFAULT, read_texts

OWN = Path(__file__).parents[2] / "examples/checkpoints/fastspeech2-en"
TOLERANCE = 1e-4


def tokens(recipe: FastSpeech2Recipe, count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(1, len(recipe._vocabulary), count)


def test_the_documented_mel_is_that_of_the_layout_without_a_vocoder() -> None:
    page = (Path(__file__).parents[2] / "docs/fastspeech2.md").read_text("utf-8")
    examples = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL)]
    (options,) = (one for one in examples if "features" in one)
    used = VOICES["alone"].files["edgewright.json"]
    assert options == {key: used[key] for key in ("sample_rate", "features", "log_base")}


def some_tokens(self: FastSpeech2Recipe, path: Path | None, seed: int) -> Calibration:
    """Calibrate on random tokens: the layouts are tested without texts."""
    ids = [tokens(self, count) for count in (2, 9, 31)]
    reference = self.reference()
    return Calibration(
        [{"token_ids": one, "durations": reference.durations(one)} for one in ids], "tokens"
    )


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], tuple[Path, Path]]]:
    """Return a function from the name of a layout to checkpoint folder and fp32 bundle."""
    root, made = tmp_path_factory.mktemp("voices"), {}

    def get(name: str) -> tuple[Path, Path]:
        if name not in made:
            folder = save(VOICES[name], root / name)
            if name == "slow":
                save(HIFI_GAN, folder / "vocoder")
            made[name] = folder, root / f"{name}.edge"
            export(*made[name], variants=["fp32"])
        return made[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FastSpeech2Recipe, "calibration", some_tokens)
        patch.setattr("edgewright_export.recipes.fastspeech2._text_data", str.encode)
        yield get


def pytorch(folder: Path, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Answer as a user of transformers gets it."""
    name = transformers.AutoConfig.from_pretrained(folder).architectures[0]
    model = getattr(transformers, name).from_pretrained(folder).eval()
    with torch.no_grad():
        answer = model(torch.from_numpy(ids)[None], return_dict=True)
        found = {"mel": answer.spectrogram[0].numpy(), "durations": answer.duration_outputs[0]}
        if (folder / "vocoder").is_dir():
            vocoder = transformers.FastSpeech2ConformerHifiGan.from_pretrained(folder / "vocoder")
            found["waveform"] = vocoder(answer.spectrogram)[0].numpy()
        elif "WithHifiGan" in name:
            found["waveform"] = answer.waveform[0].numpy()
    speed = getattr(model.config, "speaking_speed", 1.0)
    durations = torch.round(found["durations"] * speed).long().numpy()
    # Where all round to 0, the length regulator of transformers gives every token one frame.
    found["durations"] = durations if durations.any() else np.ones_like(durations)
    return found


@pytest.mark.parametrize("name", VOICES)
@pytest.mark.parametrize("count", [1, 5, 77])
def test_every_layout_equals_the_unsplit_model(name: str, count: int, voice: Any) -> None:
    folder, bundle = voice(name)
    ids = np.random.default_rng(count).integers(1, 19, count)
    expected = pytorch(folder, ids)
    with ew.load(bundle, threads=1) as model:
        answer = model.infer({"token_ids": ids, "durations": expected["durations"]})
    assert set(answer) == set(expected)
    for key, array in expected.items():
        assert answer[key].shape == array.shape
        assert np.abs(answer[key] - array).max() <= TOLERANCE * np.abs(array).max()


def test_the_scales_act_each_on_its_own(voice: Any) -> None:
    """One tensor as example for all scales would be traced as one input."""
    _, bundle = voice("alone")
    ids = np.arange(1, 19)
    with ew.load(bundle, threads=1) as model:
        one = np.ones(1, np.float32)
        scales = dict.fromkeys(("speaking_rate", "pitch_scale", "energy_scale"), one)
        run = lambda **s: model.runners["encoder"].run({"token_ids": ids[None], **scales, **s})  # noqa: E731
        plain = run()
        fast, high, loud = (run(**{name: 2 * one}) for name in scales)
    assert 0 < fast["durations"].sum() < plain["durations"].sum()
    np.testing.assert_array_equal(fast["hidden"], plain["hidden"])
    for changed in (high, loud):
        np.testing.assert_array_equal(changed["durations"], plain["durations"])
        assert np.abs(changed["hidden"] - plain["hidden"]).max() > 0.01
    assert np.abs(high["hidden"] - loud["hidden"]).max() > 0.01


def test_the_bundle_says_what_was_proven(voice: Any) -> None:
    folder, bundle = voice("slow")
    with ew.Bundle.open(bundle) as opened:
        manifest = opened.manifest
    assert set(manifest.variants[0].components) == {"encoder", "decoder", "vocoder"}
    assert "vocoder/model.safetensors" in manifest.source.files
    assert manifest.config["hop_length"] == 256
    assert manifest.licenses.data[-2:] == ("MIT-Festival", "BSD-2-Clause")  # of the pronunciations
    assert ew.verify(bundle, checkpoint=folder, threads=1).ok


def test_positions_equal_those_of_transformers() -> None:
    module = transformers.models.fastspeech2_conformer.modeling_fastspeech2_conformer
    config = transformers.FastSpeech2ConformerConfig()
    theirs = module.FastSpeech2ConformerRelPositionalEncoding(config, config.encoder_config).eval()
    for time in (1, 2, 700):
        expected = theirs(torch.zeros(1, time, config.hidden_size))[1]
        torch.testing.assert_close(relative_positions(time, config.hidden_size), expected)


def test_our_own_voice_is_split_without_a_difference() -> None:
    recipe = FastSpeech2Recipe.load(Checkpoint(OWN))
    ids = torch.from_numpy(tokens(recipe, 25))
    mel, durations = load_checkpoint(OWN)(ids)
    with torch.no_grad():
        hidden, predicted = recipe._voice.encoder(ids[None], *torch.ones(3, 1))
        again = recipe._voice.decoder(hidden.repeat_interleave(durations, dim=1))[0]
    assert torch.equal(predicted[0], durations)
    torch.testing.assert_close(again, mel)
    assert recipe.config.griffin_lim is None
    assert recipe.config.istft is not None
    assert recipe.config.istft.hop_length == recipe.config.hop_length == 200
    assert recipe.config.context == 7 * 3 + 2


def test_one_frame_is_silence_as_in_the_runtime() -> None:
    voice = FastSpeech2Recipe.load(Checkpoint(OWN))._voice
    with torch.inference_mode():
        one, two = (voice.vocode(torch.zeros(frames, 80)) for frames in (1, 2))
    assert one is not None
    assert torch.equal(one, torch.zeros(200))
    assert two is not None
    assert two.shape == (400,)
    assert two[:200].any()
    assert not two[200:].any()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return shutil.copytree(OWN, tmp_path / "own")


def test_our_own_voice_without_its_vocoder_takes_griffin_lim(own: Path) -> None:
    shutil.rmtree(own / "vocoder")
    recipe = FastSpeech2Recipe.load(Checkpoint(own))
    assert set(recipe.components()) == {"encoder", "decoder"}
    assert recipe.config.istft is None
    assert recipe.config.context is None
    assert recipe.config.griffin_lim is not None
    assert recipe.config.griffin_lim.mel.hop_length == recipe.config.hop_length == 200


def test_our_own_vocoder_speaks_as_pytorch_does(tmp_path: Path) -> None:
    manifest = export(OWN, tmp_path / "own.edge", variants=["fp32"])
    assert set(manifest.variants[0].components) == {"encoder", "decoder", "vocoder"}
    assert "vocoder/model.safetensors" in manifest.source.files
    recipe = FastSpeech2Recipe.load(Checkpoint(OWN))
    sentences = list(recipe.calibration(None, 0).samples)[:3]
    short = [{"token_ids": tokens(recipe, count)} for count in (1, 2)]
    with ew.load(tmp_path / "own.edge", threads=1) as model:
        for sample in (*sentences, *short):
            expected = recipe.reference().infer(sample)
            answer = model.infer({**sample, "durations": expected["durations"]})
            assert answer["waveform"].shape == (len(answer["mel"]) * 200,)
            error = np.abs(answer["waveform"] - expected["waveform"]).max()
            assert error <= TOLERANCE * np.abs(expected["waveform"]).max()
    assert set(manifest.variants[0].receipt.parity.outputs_sqnr_db) == {
        "durations", "mel", "waveform", "stream_waveform",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architectures": ["HifiGan"]}, "expected IstftVocoder"),
        ({"hop_length": 100}, "every 100 samples, expected 80 every 200"),
        ({"n_fft": 801}, "even n_fft"),
        ({"hidden_size": 96}, "names or shapes that differ"),
    ],
)
def test_a_vocoder_of_another_voice_is_refused(
    own: Path, changes: dict[str, Any], message: str
) -> None:
    edit_json(own / "vocoder/config.json", **changes)
    with pytest.raises(CheckpointError, match=message):
        FastSpeech2Recipe.load(Checkpoint(own))


def test_our_own_voice_with_a_broken_file_is_refused(own: Path) -> None:
    edit_json(own / "config.json", hidden_size="wide")
    with pytest.raises(CheckpointError, match="does not take"):
        FastSpeech2Recipe.load(Checkpoint(own))
    shutil.copyfile(OWN / "config.json", own / "config.json")
    (own / "model.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="got a damaged file"):
        FastSpeech2Recipe.load(Checkpoint(own))


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("edgewright.json", {"sample_rate": None}, "no sample_rate"),
        ("edgewright.json", {"features": None}, "neither a vocoder nor features"),
        ("edgewright.json", {"energy_std": None}, "expected all or none"),
        ("edgewright.json", {"pitch_std": 0.0}, "above 0"),
        ("edgewright.json", {"mel_std": [1.0, 2.0]}, "2 values of mel_std"),
        ("edgewright.json", {"sample_rate": 16000}, "expected 80 bins at 16000"),
        ("edgewright.json", {"log_base": 1.0}, "more than 1"),
        ("edgewright.json", {"voice": "low"}, "unknown options"),
        ("config.json", {"num_speakers": 4}, "missing"),
        ("config.json", {"reduction_factor": 2}, "another shape"),
        ("vocab.json", {"EXTRA": 900}, "ids up to 900"),
        ("vocab.json", {"EXTRA": "x"}, "expected an object"),
    ],
)
def test_what_is_missing_or_wrong_is_said(
    voice: Any, tmp_path: Path, file: str, changes: dict[str, Any], message: str
) -> None:
    folder = tmp_path / "changed"
    folder.mkdir()
    for path in voice("alone")[0].iterdir():
        (folder / path.name).symlink_to(path)
    text = (folder / file).read_text()
    (folder / file).unlink()
    (folder / file).write_text(text)
    edit_json(folder / file, **changes)
    with pytest.raises(CheckpointError, match=message):
        FastSpeech2Recipe.load(Checkpoint(folder))


def test_another_vocoder_is_refused(voice: Any, tmp_path: Path) -> None:
    folder, _ = voice("alone")
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "vocoder").symlink_to(folder)
    with pytest.raises(UnsupportedCheckpointError, match="expected FastSpeech2ConformerHifiGan"):
        FastSpeech2Recipe.load(Checkpoint(tmp_path))


def test_texts_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("one\n\n two \nthree\n", encoding="utf-8")
    assert read_texts(path, 2) == ["one", " two "]
    for content in (b"", b"\n\n", b"\xff\xfe\x00"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="texts"):
            read_texts(path, 2)
    with pytest.raises(InputError, match="no file"):
        read_texts(tmp_path, 2)
    for sentences in DEFAULT.values():
        assert len(sentences) == len(set(sentences)) >= 16
