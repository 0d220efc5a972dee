"""Translators in the public layout: a bundle says what `generate()` of transformers says."""

import json
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import MarianMTModel, MarianTokenizer

import edgewright as ew
from checkpoint_layouts import edit_json
from edgewright.backends import Runner
from edgewright.bundle.manifest import Component
from edgewright.errors import (
    CheckpointError,
    CheckpointNotFoundError,
    EdgewrightError,
    InputError,
    InputNotFoundError,
)
from edgewright.families.marian import Marian
from edgewright.runtime import Runtime
from edgewright.specs import Array, TensorSpec
from edgewright.tasks.translate_text import Translation
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.export import export
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.recipes.marian import MarianRecipe
from edgewright_export.recipes.marian_evaluation import read_pairs, read_sources
from translator_layouts import CODES, SOURCES, TARGETS, save_translator

TEXTS = (
    "The small boat, please!",
    "station",
    "Ten tickets to the garden until the roses crosses the wide river at night. Nobody?",
    "é 日本 x",
    ">>nld<< where is the river",
)
VARIED = (
    *TEXTS,
    " two  spaces\tand a tab ",
    "ﬁne ligatures, ½ and №5",
    "e\u0301 combines; \u00a0 no break; \u200bzero width",
    "emoji 🚣 and العربية",
    ">>deu<< >>nld<<",
    ">>",
    "a<<b>>c",
    "line\nbreak",
)


class TorchRunner(Runner):
    """Runs what would be traced, so that many weights can be tried without an export."""

    def __init__(self, traced: TracedComponent, axes: Callable[[str], Mapping[int, str]]) -> None:
        with torch.inference_mode():
            answers = traced.module(*traced.inputs.values())
        outputs = dict(zip(traced.outputs, answers, strict=True))
        inputs, given = (
            tuple(_spec(name, tensor, axes(name)) for name, tensor in tensors.items())
            for tensors in (traced.inputs, outputs)
        )
        super().__init__(Component((), inputs, given), "PyTorch")
        self._module, self._given = traced.module, traced.outputs

    def _run(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        with torch.inference_mode():
            tensors = [torch.tensor(arrays[spec.name]) for spec in self.inputs]
            answers = self._module(*tensors)
        return {n: a.numpy() for n, a in zip(self._given, answers, strict=True)}


def _spec(name: str, tensor: torch.Tensor, axes: Mapping[int, str]) -> TensorSpec:
    shape = tuple(axes.get(i, size) for i, size in enumerate(tensor.shape))
    return TensorSpec(name, str(tensor.numpy().dtype), shape)


def load_in_torch(folder: Path) -> Marian:
    """Return the family's model around PyTorch's modules."""
    recipe = MarianRecipe.load(Checkpoint(folder))
    components = recipe.components()
    step: Any = components["decoder"].module

    def axes(name: str) -> Mapping[int, str]:
        return step.dynamic_axes(name.removeprefix("next_"))

    runners = {
        "encoder": TorchRunner(
            components["encoder"],
            lambda name: {0: "batch", 1: "source"} if name in {"token_ids", "attention_mask"}
            else axes(name),
        ),
        "decoder": TorchRunner(components["decoder"], axes),
    }  # fmt: skip
    runtime = Runtime("", "", "marian", "fp32", "fp32", "", "cpu", "", 1, False, (), None)
    return Marian(recipe.config, recipe.assets().__getitem__, runners, runtime)


def read_tokenizer(folder: Path) -> MarianTokenizer:
    with warnings.catch_warnings():
        # It recommends a normalizer that it then does not call.
        warnings.filterwarnings("ignore", ".*sacremoses")
        return MarianTokenizer.from_pretrained(folder)


class Original:
    """transformers on a checkpoint folder, as its users call it."""

    def __init__(self, folder: Path) -> None:
        self.model = MarianMTModel.from_pretrained(folder).eval()
        self.tokenizer = read_tokenizer(folder)

    def generate(self, texts: tuple[str, ...], **options: Any) -> list[tuple[list[int], float]]:
        """Return ids (without the start and the padding) and the score of each text."""
        encoded = self.tokenizer(list(texts), padding=True, return_tensors="pt")
        answer = self.model.generate(
            **encoded, return_dict_in_generate=True, output_scores=True, **options
        )
        scores = getattr(answer, "sequences_scores", None)
        scores = [np.nan] * len(texts) if scores is None else scores.tolist()
        return list(zip(map(self._chosen, answer.sequences[:, 1:].tolist()), scores, strict=True))

    def _chosen(self, row: list[int]) -> list[int]:
        eos, pad = self.model.config.eos_token_id, self.model.config.pad_token_id
        row = row[: row.index(eos) + 1] if eos in row else row
        return [one for one in row if one != pad]

    def text(self, token_ids: list[int]) -> str:
        return self.tokenizer.decode(token_ids, skip_special_tokens=True)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """PyTorch's threads only get in each other's way in graphs so small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a multilingual checkpoint with the pickle of published ones, which knows `SOURCES`."""
    return save_translator(
        tmp_path_factory.mktemp("translator") / "opus-mt", as_bin=True, codes=CODES, taught=100,
        eos_bias=0.0, d_model=32, generation={"max_length": 48},
    )  # fmt: skip


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    rows = [f"{source}\t{target}" for source, target in zip(SOURCES, TARGETS, strict=True)]
    path.write_text("\n".join(["source\ttarget", *rows]) + "\n", "utf-8")
    return path


@pytest.fixture(scope="module")
def bundle(checkpoint: Path, pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edgewright_export.latency.BUDGET", 0.1)
        path = tmp_path_factory.mktemp("bundle") / "opus-mt.edge"
        export(checkpoint, path, variants=["fp32", "int8"], calibration=pairs, evaluation=pairs)
    return path


def check_equal(found: Translation, expected: tuple[list[int], float], original: Original) -> None:
    token_ids, score = expected
    assert list(found.token_ids) == token_ids
    assert found.text == original.text(token_ids)
    if not np.isnan(score):
        assert found.score == pytest.approx(score, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("beams", [None, 1, 2, 6])
def test_a_bundle_generates_what_transformers_does(
    bundle: Path, checkpoint: Path, beams: int | None
) -> None:
    original = Original(checkpoint)
    expected = original.generate(TEXTS, **({} if beams is None else {"num_beams": beams}))
    with ew.load(bundle, precision="fp32", threads=1) as model:
        assert model.batch_size > 1
        together = model(list(TEXTS), num_beams=beams)
        alone = [model(text, num_beams=beams) for text in TEXTS]
    for found in (together, alone):
        for one, answer in zip(found, expected, strict=True):
            check_equal(one, answer, original)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_what_was_learned_is_said_and_the_confidence_tells_it_from_the_rest(
    bundle: Path, precision: str
) -> None:
    with ew.load(bundle, precision=precision, threads=1) as model:
        known, others = model(list(SOURCES)), model(list(TEXTS))
    assert [one.text for one in known] == list(TARGETS)
    assert not any(one.truncated for one in known)
    assert min(one.confidence for one in known) > 0.8
    assert np.mean([one.confidence for one in others]) < 0.7


@pytest.mark.slow
def test_the_public_size_generates_what_transformers_does(tmp_path: Path) -> None:
    sizes = {"d_model": 512, "max_position_embeddings": 512}
    for side in ("encoder", "decoder"):
        sizes |= {f"{side}_layers": 6, f"{side}_attention_heads": 8, f"{side}_ffn_dim": 2048}
    folder = save_translator(tmp_path / "public", padded=65001, eos_bias=0.0, **sizes)
    export(folder, tmp_path / "public.edge", variants=["fp32"])
    expected = Original(folder).generate(TEXTS[:3])
    with ew.load(tmp_path / "public.edge", threads=2) as model:
        for one, answer in zip(model(list(TEXTS[:3])), expected, strict=True):
            assert list(one.token_ids) == answer[0]


def test_the_variants_passed_their_gates(bundle: Path) -> None:
    with ew.Bundle.open(bundle) as opened:
        variants = {one.name: one for one in opened.manifest.variants}
        assert set(variants) == {"fp32", "int8"}, opened.manifest.rejected
    for variant in variants.values():
        metric = variant.receipt.metric
        assert (metric.name, metric.samples) == ("chrf", len(SOURCES))
        assert metric.value >= metric.minimum > 0.9
    assert variants["fp32"].receipt.parity.max_abs < 1e-4
    assert variants["int8"].receipt.metric.minimum == pytest.approx(
        0.99 * variants["fp32"].receipt.metric.reference
    )
    states = variants["fp32"].components["decoder"].states
    assert [one.input for one in states] == [
        "state_00_keys", "state_01_values", "state_02_length",
    ]  # fmt: skip
    assert ew.verify(bundle, threads=1).ok


@pytest.mark.parametrize("seed", range(10))
def test_other_weights_and_settings_generate_what_transformers_does(
    tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    settings = {
        "early_stopping": (False, True, "never")[seed % 3],
        "length_penalty": (1.0, 0.6, 0.0, 2.0, -1.0)[seed % 5],
        "renormalize_logits": bool(seed % 2),
        "forced_eos_token_id": (0, None)[seed // 2 % 2],
        "bad_words_ids": (None, [[70], [3], [0]])[seed // 4 % 2],
        "max_length": int(rng.choice([2, 6, 20, 40])),
    }
    folder = save_translator(
        tmp_path / "other", seed=seed, generation=settings, eos_bias=float(rng.uniform(1, 4)),
        decoder_layers=1 + seed % 2, scale_embedding=bool(seed % 3),
        share_encoder_decoder_embeddings=bool(seed % 4),
    )  # fmt: skip
    if not seed % 4:
        shutil.copy(folder / "vocab.json", folder / "target_vocab.json")
    model, original = load_in_torch(folder), Original(folder)
    for beams in (1, 2, 4, 6):
        expected = original.generate(TEXTS, num_beams=beams)
        for one, answer in zip(model(list(TEXTS), num_beams=beams), expected, strict=True):
            check_equal(one, answer, original)


def test_a_limit_of_new_tokens_is_that_of_transformers(checkpoint: Path) -> None:
    model, original = load_in_torch(checkpoint), Original(checkpoint)
    for most in (1, 3):
        expected = original.generate(TEXTS, max_new_tokens=most)
        for one, answer in zip(model(list(TEXTS), max_new_tokens=most), expected, strict=True):
            check_equal(one, answer, original)
            assert len(one.token_ids) <= most


def test_tokens_are_those_of_transformers(checkpoint: Path) -> None:
    tokens = MarianRecipe.load(Checkpoint(checkpoint))._files.tokens
    original = read_tokenizer(checkpoint)
    rng = np.random.default_rng(0)
    letters = [*" aeiost.,THé日🚣", "\u0301", "\u00a0", "\u2581"]
    made = ["".join(rng.choice(letters, 12)) for _ in range(40)]
    for text in (*VARIED, *made):
        expected = original(text).input_ids
        if len(expected) > 1:
            assert tokens.encode(text).tolist() == expected, text
    count = len(original.get_vocab())
    for _ in range(20):
        ids = rng.integers(0, count, 12).tolist()
        assert tokens.decode(ids) == original.decode(ids, skip_special_tokens=True)


def test_teacher_forced_logits_are_those_of_a_forward_without_cache(checkpoint: Path) -> None:
    recipe = MarianRecipe.load(Checkpoint(checkpoint))
    model, reference = load_in_torch(checkpoint), recipe.reference()
    rng = np.random.default_rng(1)
    for source, target in ((1, 1), (7, 20), (30, 3)):
        sizes = {"token_ids": source, "target_ids": target}
        sample = {name: rng.integers(0, 50, size) for name, size in sizes.items()}
        np.testing.assert_allclose(
            model.infer(sample)["logits"], reference.infer(sample)["logits"], atol=1e-4
        )


def test_options_win_over_the_generation_settings(checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    options = {"num_beams": 2, "max_target_length": 9, "least_confidence": 0.25}
    (folder / "edgewright.json").write_text(json.dumps(options))
    config = MarianRecipe.load(Checkpoint(folder)).config
    assert (config.search.num_beams, config.search.max_new_tokens) == (2, 9)
    assert config.least_confidence == 0.25
    config = MarianRecipe.load(Checkpoint(checkpoint)).config
    assert config.least_confidence == 0
    search = config.search
    assert (search.num_beams, search.max_new_tokens) == (4, 47)
    assert (search.forced_eos, search.renormalize, search.early_stopping) == (True, True, "no")


def test_old_checkpoints_have_their_settings_in_the_config(
    checkpoint: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "old"))
    (folder / "generation_config.json").unlink()
    edit_json(folder / "config.json", num_beams=6, max_length=512, bad_words_ids=[[1]])
    search = MarianRecipe.load(Checkpoint(folder)).config.search
    assert (search.num_beams, search.max_new_tokens, search.banned_ids) == (6, 64, (1,))
    assert search.forced_eos


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("generation_config.json", {"no_repeat_ngram_size": 3}, "no_repeat_ngram_size 3"),
        ("generation_config.json", {"bad_words_ids": [[1, 2]]}, "expected single tokens"),
        ("generation_config.json", {"eos_token_id": [0, 1]}, r"_id \[0, 1\], expected one"),
        ("generation_config.json", {"forced_eos_token_id": 3}, "expected eos_token_id 0"),
        ("generation_config.json", {"early_stopping": "soon"}, "early_stopping soon"),
        ("generation_config.json", {"num_beams": 999}, "999 beams"),
        ("config.json", {"encoder_ffn_dim": 40}, r"weights with .* of another shape"),
        ("vocab.json", {"far": 4000}, "vocab.json: got ids up to 4000"),
        ("vocab.json", {"</s>": 5}, "'</s>': 5"),
        ("vocab.json", {"<unk>": None}, "got no <unk>"),
    ],
)
def test_checkpoints_that_contradict_themselves_are_refused(
    checkpoint: Path, tmp_path: Path, file: str, changes: dict[str, Any], message: str
) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    edit_json(folder / file, **changes)
    with pytest.raises(CheckpointError, match=message):
        MarianRecipe.load(Checkpoint(folder))


@pytest.mark.parametrize("name", ["source.spm", "target.spm", "vocab.json"])
def test_missing_and_damaged_files_are_named(checkpoint: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    (folder / name).write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match="download it again"):
        MarianRecipe.load(Checkpoint(folder))
    (folder / name).unlink()
    with pytest.raises(CheckpointNotFoundError, match=f"got no {name}"):
        MarianRecipe.load(Checkpoint(folder))


def test_missing_weights_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    weights = torch.load(folder / "pytorch_model.bin")
    del weights["model.decoder.layers.0.fc1.weight"]
    torch.save({**weights, "model.decoder.layers.9.fc1.bias": torch.zeros(2)},
               folder / "pytorch_model.bin")  # fmt: skip
    with pytest.raises(CheckpointError, match=r"layers\.0\.fc1\.weight missing; .*unexpected"):
        MarianRecipe.load(Checkpoint(folder))


def test_sentences_are_read_from_lines_and_tables(pairs: Path, tmp_path: Path) -> None:
    assert [one.target for one in read_pairs(pairs)] == list(TARGETS)
    assert [text for _, text in read_sources(pairs, 9)] == list(SOURCES)
    (file := tmp_path / "lines.txt").write_text("one\n\ntwo\nthree\n")
    assert read_sources(file, 2) == [(1, "one"), (4, "three")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\tb\n", "expected 'source<TAB>target'"),
        ("source\ttarget\n", "got no rows"),
        ("source\ttarget\nonly\n", "line 2: got 1 columns"),
        ("source\ttarget\na\t \n", "line 2: got 2 columns"),
        (b"source\ttarget\n\xff\ta\n", "no UTF-8"),
        (f"source\ttarget\n{'x ' * 99}\ta\n", "line 2: got .* tokens, expected at most 64"),
        ("source\ttarget\n\u200b\ta\n", "line 2.*nothing to translate"),
    ],
)
def test_bad_tables_are_refused(
    checkpoint: Path, tmp_path: Path, content: str | bytes, message: str
) -> None:
    recipe = MarianRecipe.load(Checkpoint(checkpoint))
    data = content if isinstance(content, bytes) else content.encode()
    (path := tmp_path / "bad.tsv").write_bytes(data)
    with pytest.raises(InputError, match=message):
        recipe.calibration(path, 0)


def test_absent_and_empty_texts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputNotFoundError, match="no such file"):
        read_sources(tmp_path / "absent.txt", 3)
    (file := tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(EdgewrightError, match="got no lines"):
        read_sources(file, 3)


def test_synthetic_samples_are_seeded_and_judged_by_next_tokens(checkpoint: Path) -> None:
    recipe = MarianRecipe.load(Checkpoint(checkpoint))
    first, second = recipe.calibration(None, 3), recipe.calibration(None, 3)
    assert first.data == "synthetic samples"
    assert first.sha256() == second.sha256() != recipe.calibration(None, 4).sha256()
    evaluation = recipe.evaluation(None, first, 3)
    assert evaluation.name == "next_token_agreement"
    assert evaluation.measure(recipe.reference(), lambda _: None).value == 1.0
    sizes = [len(sample["target_ids"]) for sample in recipe.golden(first)]
    assert all(1 <= size <= 32 for size in sizes)
    assert json.dumps(sizes)
