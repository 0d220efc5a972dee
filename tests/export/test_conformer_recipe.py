"""Recognizers in every layout: a bundle hears what the original library and PyTorch hear."""

import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import soundfile
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders

import edgewright as ew
from checkpoint_layouts import (
    RECOGNIZERS,
    TINY_RECOGNIZERS,
    edit_json,
    pieces,
    save,
    save_streaming,
)
from edgewright.errors import CheckpointError, CheckpointNotFoundError, UnsupportedCheckpointError
from edgewright.families.conformer_ctc import ConformerCTC
from edgewright_export.calibrate import spread
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.export import export
from edgewright_export.models.conformer import load_checkpoint
from edgewright_export.recipes.conformer_ctc import ConformerCTCRecipe
from edgewright_export.recipes.speech_evaluation import KEPT_POINTS
from edgewright_export.recipes.speech_samples import read_transcripts
from reference.log_mel import log_mel

SPEECH = Path(__file__).parents[2] / "examples" / "data" / "speech"
BY_SIZE = sorted(read_transcripts(SPEECH), key=lambda one: one.path.stat().st_size)
IN_ONE_PIECE = [one.path for one in BY_SIZE if soundfile.info(one.path).duration < 30]
CLIPS = spread(IN_ONE_PIECE, 8)
SHORT = BY_SIZE[:3]
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of three short clips, with their texts."""
    folder = tmp_path_factory.mktemp("short")
    for utterance in SHORT:
        (folder / utterance.path.name).symlink_to(utterance.path)
    rows = ["path\ttext", *(f"{one.path.name}\t{one.text}" for one in SHORT)]
    (folder / "transcripts.tsv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def recognizer(
    short: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], tuple[Path, Path]]]:
    """Return a function from the name of a layout to checkpoint folder and bundle."""
    root, made = tmp_path_factory.mktemp("recognizers"), {}

    def get(name: str) -> tuple[Path, Path]:
        if name not in made:
            folder = root / name
            if name == "streaming":
                save_streaming(folder)
                options = {"evaluation": short, "require": ["int8"]}
            else:
                save(RECOGNIZERS[name], folder)
                options = {"variants": ["fp32"]}
            export(folder, root / f"{name}.edge", calibration=short, **options)
            made[name] = folder, root / f"{name}.edge"
        return made[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edgewright_export.latency.BUDGET", 0.1)
        # Random weights: quantized, they hear something else.
        patch.setitem(KEPT_POINTS, "int8", 9.0)
        yield get


def of_parakeet(folder: Path) -> Callable[[np.ndarray], tuple[np.ndarray, str]]:
    """Return what a user of transformers does: waveform to logits of real frames, and text."""
    extractor = transformers.ParakeetFeatureExtractor.from_pretrained(folder)
    model = transformers.ParakeetForCTC.from_pretrained(folder, attn_implementation="eager").eval()
    tokenizer = transformers.ParakeetTokenizer(
        tokenizer_file=str(folder / "tokenizer.json"), pad_token="<pad>", unk_token="<unk>"
    )

    def hear(waveform: np.ndarray) -> tuple[np.ndarray, str]:
        inputs = extractor(waveform, sampling_rate=16000, return_tensors="pt")
        logits = model(**inputs).logits[0].numpy()
        text = tokenizer.batch_decode(model.generate(**inputs), skip_special_tokens=True)[0]
        frames = int(inputs.attention_mask.sum())
        return logits[: -(-frames // 8)], text

    return hear


def of_wav2vec2(folder: Path) -> Callable[[np.ndarray], tuple[np.ndarray, str]]:
    extractor = transformers.Wav2Vec2FeatureExtractor.from_pretrained(folder)
    model = transformers.Wav2Vec2ConformerForCTC.from_pretrained(folder).eval()
    tokenizer = transformers.Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))

    def hear(waveform: np.ndarray) -> tuple[np.ndarray, str]:
        logits = model(**extractor(waveform, sampling_rate=16000, return_tensors="pt")).logits[0]
        return logits.numpy(), " ".join(tokenizer.decode(logits.argmax(-1)).split())

    return hear


def of_streaming(folder: Path) -> Callable[[np.ndarray], tuple[np.ndarray, str]]:
    model, recipe = load_checkpoint(folder), ConformerCTCRecipe.load(Checkpoint(folder))
    tokens = recipe._recognizer.table.tokens

    def hear(waveform: np.ndarray) -> tuple[np.ndarray, str]:
        features = log_mel(recipe.config.features, waveform).astype(np.float32)
        padded = np.pad(features, ((0, 48 + -len(features) % 48), (0, 0)))
        logits = model(torch.from_numpy(padded)[None])[0].numpy()
        best = logits.argmax(-1)
        ids = best[np.append(True, best[1:] != best[:-1]) & (best > 1)]
        return logits, " ".join("".join(tokens[i] for i in ids).replace("\u2581", " ").split())

    return hear


ORIGINALS = {
    "parakeet": of_parakeet,
    "wav2vec2_relative": of_wav2vec2,
    "wav2vec2_rotary": of_wav2vec2,
    "streaming": of_streaming,
}


@pytest.mark.parametrize("name", ORIGINALS)
def test_every_layout_hears_what_the_original_hears(name: str, recognizer: Any) -> None:
    folder, bundle = recognizer(name)
    hear, heard = ORIGINALS[name](folder), []
    with ew.load(bundle, precision="fp32", threads=1) as model, torch.no_grad():
        for clip in CLIPS:
            waveform = soundfile.read(clip, dtype="float32")[0]
            expected, text = hear(waveform)
            assert model(clip, decoding="greedy").text == text
            heard.append(text)
            if len(waveform) < 2 * 16000:
                answer = model.infer({"waveform": waveform})["logits"]
                assert answer.shape == expected.shape
                assert np.abs(answer - expected).max() <= TOLERANCE * np.abs(expected).max()
    assert len({*heard}) > 2  # random weights, but not the same for every clip


@pytest.mark.parametrize("name", ["parakeet", "streaming"])
def test_what_stands_behind_an_utterance_changes_nothing(name: str, recognizer: Any) -> None:
    _, bundle = recognizer(name)
    features = np.random.default_rng(0).normal(size=(2, 480, 80)).astype(np.float32)
    with ew.load(bundle, precision="fp32", threads=1) as model:
        run = model.runners["model"].run
        mask = np.ones((2, 480), np.int64)
        mask[1, 240:] = 0
        masks = {"attention_mask": mask} if name == "parakeet" else {}
        for spec in model.runners["model"].inputs:
            if spec.name.startswith("state"):
                masks[spec.name] = np.repeat(spec.zeros(), 2, 0)
        both = run({"features": features, **masks})["logits"][1]
        alone = {
            key: array[1:] if key.startswith("state") else array[1:, :240]
            for key, array in {"features": features, **masks}.items()
        }
        short = run(alone)["logits"][0]
    np.testing.assert_allclose(both[: len(short)], short, atol=TOLERANCE * np.abs(short).max())


def test_the_search_of_a_checkpoint_is_the_default(recognizer: Any) -> None:
    folder, bundle = recognizer("streaming")
    words = {line.split("\t")[0] for line in (folder / "lexicon.txt").read_text().splitlines()}
    with ew.load(bundle, precision="fp32", threads=1) as model:
        assert isinstance(model, ConformerCTC)
        assert model.config.search is not None
        assert model.config.search.beam_width == 8
        results = [model(clip) for clip in CLIPS]
    heard = [word for result in results for word in result.words]
    assert heard
    assert {word.text for word in heard} <= words
    assert all(w.start <= w.end <= result.duration for result in results for w in result.words)


def test_int8_quantizes_dense_convolutions_and_products_only(recognizer: Any) -> None:
    _, bundle = recognizer("streaming")
    with ew.Bundle.open(bundle) as opened:
        fp32, int8 = opened.manifest.variants
        graph = onnx.load(bundle / int8.components["model"].files[0]).graph
    assert int8.receipt.bytes < 0.35 * fp32.receipt.bytes
    assert int8.receipt.calibration_sha256 is not None
    made = {output: node.op_type for node in graph.node for output in node.output}
    inputs = {(node.op_type, "depthwise" in node.name): set() for node in graph.node}
    for node in graph.node:
        inputs[node.op_type, "depthwise" in node.name].add(made.get(node.input[0]))
    assert inputs["Conv", False] == {"DequantizeLinear"}
    assert inputs["Conv", True] == {"Concat"}
    assert inputs["Softmax", False] == {"Add"}
    kept = int8.receipt.kept_in_higher_precision
    assert kept
    assert all(name.endswith(".depthwise/Conv") for name in kept)
    weights = {tensor.data_type for tensor in graph.initializer if len(tensor.dims) >= 2}
    assert onnx.TensorProto.INT8 in weights


def test_word_errors_are_the_metric_of_labelled_clips(recognizer: Any, short: Path) -> None:
    folder, bundle = recognizer("streaming")
    with ew.Bundle.open(bundle) as opened:
        manifest = opened.manifest
    metric = manifest.variants[0].receipt.metric
    assert (metric.name, metric.samples, metric.data) == ("word_error_rate", 3, short.name)
    assert metric.minimum == pytest.approx(metric.reference + 0.001)
    assert "≤ " in (bundle / "README.md").read_text()
    assert ew.verify(bundle, checkpoint=folder, threads=1).ok
    assert {"lexicon.txt", "lm.arpa", "tokenizer.json"} <= set(manifest.source.files)


@pytest.fixture(scope="module")
def tiny_masters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("tiny")
    saved = {name: save(layout, root / name) for name, layout in TINY_RECOGNIZERS.items()}
    return {**saved, "streaming": save_streaming(root / "streaming")}


@pytest.fixture
def tiny(tiny_masters: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Return a function from the name of a tiny checkpoint to a copy that a test may change."""
    return lambda name: Path(shutil.copytree(tiny_masters[name], tmp_path / name))


@pytest.mark.parametrize(
    ("name", "file", "changes", "message"),
    [
        ("parakeet", "preprocessor_config.json", {"feature_size": 40}, "got 40 features"),
        ("parakeet", "preprocessor_config.json",
         {"feature_extractor_type": "WhisperFeatureExtractor"}, "expected ParakeetFeature"),
        ("parakeet", "preprocessor_config.json", {"hop_length": 0}, "hop_length: got 0"),
        ("parakeet", "config.json", {"vocab_size": 1024}, "of another shape"),
        ("parakeet", "config.json", {"pad_token_id": 7}, "expected a special token"),
        ("parakeet", "edgewright.json", {"max_segment": 0.0}, "1 second or more"),
        ("parakeet", "edgewright.json", {"search": {"beam": 2}}, "unknown"),
        ("wav2vec2", "preprocessor_config.json",
         {"feature_extractor_type": "SeamlessM4TFeatureExtractor"}, "expected Wav2Vec2Feature"),
        ("wav2vec2", "config.json", {"add_adapter": True}, "add_adapter"),
        ("wav2vec2", "config.json", {"position_embeddings_type": "other"}, "relative or rotary"),
        ("wav2vec2", "config.json", {"pad_token_id": 3}, "another pad token"),
        ("wav2vec2", "vocab.json", {"Z": None}, "got 31 tokens"),
        ("wav2vec2", "vocab.json", {"|": None, "/": 4}, "between words"),
        ("wav2vec2", "vocab.json", {"en": {"A": 1}}, "one language"),
        ("streaming", "preprocessor_config.json", {"window": "hann"}, "conventions of Kaldi"),
        ("streaming", "preprocessor_config.json", {"num_mel_bins": 40}, "got 40 bins"),
        ("streaming", "preprocessor_config.json", {"hop_length": None}, "missing keys"),
        ("streaming", "config.json", {"blank_id": 400}, "blank inside"),
        ("streaming", "config.json", {"num_heads": 0}, "does not take"),
        ("streaming", "edgewright.json", {"search": {"beam_width": 0}}, "beam_width"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(
    tiny: Any, name: str, file: str, changes: dict[str, Any], message: str
) -> None:
    folder = tiny(name)
    if not (folder / file).exists():
        (folder / file).write_text("{}")
    edit_json(folder / file, **changes)
    with pytest.raises(CheckpointError, match=message):
        ConformerCTCRecipe.load(Checkpoint(folder))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("parakeet", "tokenizer.json"),
        ("parakeet", "preprocessor_config.json"),
        ("wav2vec2", "vocab.json"),
        ("wav2vec2", "model.safetensors"),
        ("streaming", "lexicon.txt"),
    ],
)
def test_missing_files_are_named(tiny: Any, name: str, file: str) -> None:
    folder = tiny(name)
    (folder / file).unlink()
    with pytest.raises(CheckpointNotFoundError, match=file):
        ConformerCTCRecipe.load(Checkpoint(folder))


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("lexicon.txt", "", "no words"),
        ("lexicon.txt", "tea\t\u2581t e a\ntee\t\u2581t \u00e9\n", "line 2.*unknown"),
        ("lexicon.txt", "tea\n", "line 1"),
        ("lexicon.txt", "blank\t<blank>\n", "line 1.*unknown"),
        ("lm.arpa", "tea 1\n", "language model"),
        ("tokenizer.json", "{}", "cannot be read"),
        ("tokenizer.json", pieces(192, "<blank>", blank_first=True), "ids 0 to 192"),
    ],
)
def test_texts_that_do_not_fit_are_said(tiny: Any, file: str, text: str, message: str) -> None:
    folder = tiny("streaming")
    (folder / file).write_text(text, "utf-8")
    with pytest.raises(CheckpointError, match=message):
        ConformerCTCRecipe.load(Checkpoint(folder))


def test_a_packed_language_model_stays_packed(tiny: Any) -> None:
    folder = tiny("streaming")
    packed = gzip.compress((folder / "lm.arpa").read_bytes())
    (folder / "lm.arpa.gz").write_bytes(packed)
    (folder / "lm.arpa").unlink()
    recipe = ConformerCTCRecipe.load(Checkpoint(folder))
    search = recipe.config.search
    assert search is not None
    assert search.language_model == "assets/lm.arpa.gz"
    assert recipe.assets()["assets/lm.arpa.gz"] == packed


def test_special_pieces_may_be_named_beside_the_tokenizer(tiny: Any) -> None:
    folder = tiny("parakeet")
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "added_tokens": []}))
    with pytest.raises(CheckpointError, match="expected a special token"):
        ConformerCTCRecipe.load(Checkpoint(folder))
    named = {"pad_token": {"content": "<pad>"}, "unk_token": "<unk>", "bos_token": None}
    (folder / "tokenizer_config.json").write_text(json.dumps(named))
    assert ConformerCTCRecipe.load(Checkpoint(folder)).config.special_ids == (0, 1024)


def test_pieces_that_make_text_in_another_way_are_refused(tiny: Any) -> None:
    folder = tiny("streaming")
    path = folder / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    for decoder in (decoders.WordPiece(), decoders.ByteLevel()):
        tokenizer.decoder = decoder
        tokenizer.save(str(path))
        with pytest.raises(UnsupportedCheckpointError, match="SentencePiece"):
            ConformerCTCRecipe.load(Checkpoint(folder))


@pytest.mark.parametrize("name", ["parakeet", "wav2vec2", "streaming"])
def test_missing_and_unexpected_weights_are_refused(tiny: Any, name: str) -> None:
    folder = tiny(name)
    weights = load_file(folder / "model.safetensors")
    head = next(key for key in weights if key.split(".")[0] in {"ctc_head", "lm_head", "head"})
    save_file({**weights, "adapter.weight": torch.ones(2)}, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"unexpected.*adapter|adapter.* unexpected"):
        ConformerCTCRecipe.load(Checkpoint(folder))
    del weights[head]
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match="missing"):
        ConformerCTCRecipe.load(Checkpoint(folder))


def test_an_old_pickle_loads_and_code_in_one_does_not_run(tiny: Any) -> None:
    """The published weights name the parts of a weight norm as old versions of PyTorch did."""
    folder = tiny("wav2vec2")
    weights = load_file(folder / "model.safetensors")
    old = {"parametrizations.weight.original0": "weight_g",
           "parametrizations.weight.original1": "weight_v"}  # fmt: skip
    renamed = {}
    for key, tensor in weights.items():
        for new, before in old.items():
            key = key.replace(new, before)  # noqa: PLW2901
        renamed[key] = tensor
    assert renamed.keys() != weights.keys()
    (folder / "model.safetensors").unlink()
    torch.save(renamed, folder / "pytorch_model.bin")
    ConformerCTCRecipe.load(Checkpoint(folder))
    torch.save({**renamed, "code": print}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="print"):
        ConformerCTCRecipe.load(Checkpoint(folder))


def test_code_beside_the_weights_is_not_run(tiny: Any) -> None:
    folder = tiny("wav2vec2")
    edit_json(folder / "config.json", auto_map={"AutoModelForCTC": "own.Model"})
    (folder / "own.py").write_text("raise SystemExit\n")
    with pytest.warns(UserWarning, match="auto_map"):
        ConformerCTCRecipe.load(Checkpoint(folder))


def test_other_architectures_are_refused(tiny: Any, tmp_path: Path) -> None:
    folder = tiny("parakeet")
    edit_json(folder / "config.json", architectures=["ParakeetForTDT"])
    with pytest.raises(UnsupportedCheckpointError, match="ParakeetForTDT"):
        export(folder, tmp_path / "out.edge")


def test_a_feature_extractor_may_lie_inside_the_processor(tiny: Any) -> None:
    folder = tiny("parakeet")
    path = folder / "preprocessor_config.json"
    nested = f'{{"feature_extractor": {path.read_text()}}}'
    path.unlink()
    (folder / "processor_config.json").write_text(nested)
    assert ConformerCTCRecipe.load(Checkpoint(folder)).config.features.num_mel_bins == 80
