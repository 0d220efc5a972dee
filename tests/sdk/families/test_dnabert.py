"""Sequences through the scorer: heads, batches, scans, bad input."""

from pathlib import Path

import numpy as np
import pytest

import edgewright as ew
import tiny_bundles
from edgewright.errors import (
    BundleError,
    EdgewrightError,
    InputError,
    InputTypeError,
    UsageError,
)
from edgewright.families.dnabert import DNABERT
from edgewright.tasks.score import Scores, TokenScores

COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def loaded(path: Path) -> DNABERT:
    model = ew.load(path, threads=1)
    assert isinstance(model, DNABERT)
    return model


@pytest.fixture(scope="module")
def dna(tiny: dict[str, Path]) -> DNABERT:
    return loaded(tiny["dnabert"])


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def random_text(rng: np.random.Generator, length: int) -> str:
    return "".join(rng.choice(list("ACGTN"), length))


def test_scores_equal_the_definition(dna: DNABERT) -> None:
    rng = np.random.default_rng(0)
    for length in (2, 3, 10, 33):
        text = random_text(rng, length)
        result = dna(text)
        assert isinstance(result, Scores)
        expected = softmax(tiny_bundles.site_logits(text))
        np.testing.assert_allclose(list(result.scores.values()), expected, atol=1e-6)
        assert result.label == tiny_bundles.SITES[int(expected.argmax())]
        assert result.score == max(result.scores.values())
    assert str(result).startswith(result.label)


def test_case_and_type_of_the_text_do_not_matter(dna: DNABERT) -> None:
    expected = dna("ACGTNACG").scores
    for form in ("acgtnacg", b"ACGTNacg", np.frombuffer(b"ACGTNACG", np.uint8)):
        assert dna(form).scores == expected


def test_a_padded_batch_equals_its_single_answers(dna: DNABERT) -> None:
    rng = np.random.default_rng(1)
    texts = [random_text(rng, length) for length in rng.integers(2, 33, 40)]
    for one, batched in zip(map(dna, texts), dna(texts), strict=True):
        np.testing.assert_allclose(
            list(one.scores.values()), list(batched.scores.values()), atol=1e-6
        )
    assert dna([]) == []


def test_token_head_labels_every_kmer(tiny: dict[str, Path]) -> None:
    text = "ACGTNACG"
    short, result = loaded(tiny["token"])(["ACG", text])
    assert isinstance(result, TokenScores)
    expected = softmax(
        tiny_bundles.EMBEDDINGS[tiny_bundles.kmer_ids(text)] @ tiny_bundles.SITE_WEIGHTS
    )
    np.testing.assert_allclose(result.probabilities, expected, atol=1e-6)
    assert result.labels == tuple(tiny_bundles.SITES[i] for i in expected.argmax(axis=1))
    assert len(short.labels) == 2


def test_embedding_is_the_mean_over_the_kmers(tiny: dict[str, Path]) -> None:
    texts = ["ACGTNACG", "TTT"]
    for text, result in zip(texts, loaded(tiny["embedding"]).embed(texts), strict=True):
        expected = tiny_bundles.EMBEDDINGS[tiny_bundles.kmer_ids(text)].mean(axis=0)
        np.testing.assert_allclose(result.vector, expected, atol=1e-6)


def test_a_head_that_was_not_trained_is_refused_in_words(
    tiny: dict[str, Path], dna: DNABERT
) -> None:
    embedding = loaded(tiny["embedding"])
    with pytest.raises(UsageError, match=r"no trained head\): use embed"):
        embedding("ACGT")
    with pytest.raises(UsageError, match="use embed"):
        embedding.scan("any.fa")
    with pytest.raises(UsageError, match="got a call for embeddings"):
        dna.embed("ACGT")
    with pytest.raises(UsageError, match="labels of k-mers: call the model"):
        loaded(tiny["token"]).scan("any.fa")


def test_bad_sequences_are_refused(dna: DNABERT) -> None:
    with pytest.raises(InputError, match="got 1 bases, expected at least 2"):
        dna("A")
    with pytest.raises(InputError, match=r"got 34 bases, expected at most 33; .* use scan"):
        dna("A" * 34)
    with pytest.raises(InputError, match="sequence"):
        dna("MKVLAA")
    with pytest.raises(InputTypeError, match="got int"):
        dna(3)


def test_scan_scores_windows_on_both_strands(dna: DNABERT, tmp_path: Path) -> None:
    text = random_text(np.random.default_rng(2), 47)
    path = tmp_path / "genome.fa"
    path.write_text(f">chr1 first\n{text[:20]}\r\n{text[20:].lower()}\n>chr2\nACGTA\n")
    rows = list(dna.scan(path, window=10, stride=8, batch=3))
    starts = [0, 8, 16, 24, 32, 37]  # the last is aligned to the end
    places = [("chr1", s, s + 10, strand) for s in starts for strand in "+-"]
    places += [("chr2", 0, 5, strand) for strand in "+-"]
    assert [(row.name, row.start, row.end, row.strand) for row in rows] == places
    for row in rows[:12]:
        window = text[row.start : row.end]
        if row.strand == "-":
            window = window.translate(COMPLEMENT)[::-1]
        np.testing.assert_allclose(
            list(row.scores.values()), softmax(tiny_bundles.site_logits(window)), atol=1e-6
        )
    forward = list(dna.scan(path, window=10, stride=8, both_strands=False))
    assert [row.strand for row in forward] == ["+"] * 7


def test_scan_uses_the_window_of_the_bundle_and_reports_progress(
    dna: DNABERT, tmp_path: Path
) -> None:
    path, seen = tmp_path / "genome.fa", []
    path.write_text(">a\n" + "ACGTT" * 8 + "\n")
    rows = list(dna.scan(path, progress=seen.append))
    assert [(row.start, row.end) for row in rows[::2]] == [(0, 10), (10, 20), (20, 30), (30, 40)]
    assert seen[-1] == path.stat().st_size


@pytest.mark.parametrize(
    ("options", "message"),
    [({"window": 34}, "window of 2 to 33 bases"), ({"window": 1}, "got window 1"),
     ({"stride": 0}, "stride 0"), ({"batch": 0}, "batch 0")],
)  # fmt: skip
def test_scan_refuses_windows_that_do_not_fit(
    dna: DNABERT, options: dict[str, int], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        dna.scan("any.fa", **options)


def test_scan_names_a_record_that_is_too_short(dna: DNABERT, tmp_path: Path) -> None:
    (tmp_path / "short.fa").write_text(">good\nACGTACGTAC\n>tiny\nA\n")
    with pytest.raises(InputError, match="record 'tiny': got 1 bases, expected at least 2"):
        list(dna.scan(tmp_path / "short.fa"))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"k": 3}, "got k 3"), ({"head": "tail"}, "head 'tail'"),
        ({"labels": ["x"]}, "got 1 labels"),
        ({"max_tokens": -1}, "max_tokens: got -1, expected 3 to 65536"),
        ({"max_tokens": 10**9}, "max_tokens: got 1000000000"),
        ({"window": -1}, "window: got -1, expected 2 to 33 bases"),
        ({"window": 10**9}, "window: got 1000000000"),
    ],
)  # fmt: skip
def test_a_config_that_does_not_fit_is_a_broken_bundle(
    tmp_path: Path, config: dict[str, object], message: str
) -> None:
    bundle = tiny_bundles.dnabert(tmp_path / "bad.edge", config=config)
    with pytest.raises(BundleError, match=message):
        ew.load(bundle)


def test_a_vocabulary_that_is_no_text_is_a_broken_bundle(tmp_path: Path) -> None:
    assets = {"assets/vocab.txt": b"[PAD]\n\xff\xfe\n"}
    bundle = tiny_bundles.dnabert(tmp_path / "bad.edge", assets=assets)
    with pytest.raises(BundleError, match=r"'assets/vocab.txt': got bytes .* at byte 6"):
        ew.load(bundle)
    verification = ew.verify(bundle)
    assert [check.status for check in verification.checks] == ["ok", "failed"]


def test_a_failing_graph_writes_nothing_beside_its_error(
    dna: DNABERT, capfd: pytest.CaptureFixture[str]
) -> None:
    ids = np.full((1, 3), 10**6)
    with pytest.raises(EdgewrightError, match="ONNX Runtime failed on inputs"):
        dna.runners["model"].run({"token_ids": ids, "attention_mask": np.ones_like(ids)})
    assert capfd.readouterr() == ("", "")
