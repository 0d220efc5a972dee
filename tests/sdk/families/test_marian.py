"""Texts through the translator: tokens, cache, batches, limits, bad input."""

import sys
from pathlib import Path

import numpy as np
import pytest

import edgewright as ew
import tiny_translator
from edgewright.errors import (
    BundleError,
    EdgewrightError,
    InputError,
    InputTypeError,
    MissingDependencyError,
    UsageError,
)
from edgewright.families.marian import Marian
from edgewright.families.marian_decoder import FIRST_CAPACITY
from edgewright.families.marian_tokens import MarianTokens, load_pieces, read_vocabulary
from edgewright.tasks.translate_text import TranslateText, Translation, Translator
from tiny_translator import logits_of, vocabulary

TEXTS = ["ab ba aab", "b", "abba ba ab a b aab", ">>two<< ba bab"]


def loaded(path: Path) -> Marian:
    model = ew.load(path, threads=1)
    assert isinstance(model, Marian)
    return model


@pytest.fixture(scope="module")
def translator(tiny: dict[str, Path]) -> Marian:
    return loaded(tiny["marian"])


def greedy(source: list[int], most: int) -> list[int]:
    """Take the likeliest token again and again, from the definition of the logits."""
    found: list[int] = []
    while len(found) < most and 0 not in found:
        logits = logits_of(source, [*found, 0])[-1]
        found.append(int(logits[: vocabulary()["<pad>"]].argmax()))
    if 0 not in found:
        found[-1] = 0  # the end is forced
    return found


def encoded(text: str) -> list[int]:
    data = tiny_translator.pieces(), tiny_translator.pieces()
    names = str(vocabulary()).replace("'", '"').encode()
    return MarianTokens(*data, names, names).encode(text).tolist()


def test_greedy_translations_equal_the_definition(translator: Marian) -> None:
    for text in TEXTS:
        found = translator(text, num_beams=1)
        assert list(found.token_ids) == greedy(encoded(text), 20)
        assert found.source == text
        assert 0 < found.confidence <= 1
        assert found.score < 0
        assert str(found) == found.text


def test_states_that_grow_keep_what_they_hold(translator: Marian) -> None:
    rng = np.random.default_rng(0)
    for tokens in (1, FIRST_CAPACITY, FIRST_CAPACITY + 1, 2 * FIRST_CAPACITY + 1):
        source, target = rng.integers(0, 10, 6), rng.integers(0, 10, tokens)
        logits = translator.infer({"token_ids": source, "target_ids": target})["logits"]
        np.testing.assert_allclose(logits, logits_of(source.tolist(), target.tolist()), atol=1e-4)


@pytest.mark.parametrize("beams", [1, 2, 5])
def test_a_batch_gives_what_each_text_gives_alone(translator: Marian, beams: int) -> None:
    alone = [translator(text, num_beams=beams) for text in TEXTS * 3]
    together = translator(TEXTS * 3, num_beams=beams)
    assert [one.token_ids for one in together] == [one.token_ids for one in alone]
    np.testing.assert_allclose(
        [one.score for one in together], [one.score for one in alone], rtol=1e-5
    )


def test_the_score_of_beams_is_that_of_their_tokens(translator: Marian) -> None:
    greedy_scores, beam_scores = [], []
    for text in TEXTS:
        found = translator(text, num_beams=6, length_penalty=0.0)
        logits = logits_of(encoded(text), found.token_ids)[:, : vocabulary()["<pad>"]]
        log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        chosen = [row[token] for row, token in zip(log_probs, found.token_ids, strict=True)]
        expected = sum(chosen[:-1]) if found.truncated else sum(chosen)
        assert found.score == pytest.approx(expected, rel=1e-4)
        beam_scores.append(found.score)
        greedy_scores.append(translator(text, num_beams=1, length_penalty=0.0).score)
    assert np.mean(beam_scores) >= np.mean(greedy_scores) - 1e-6


def test_a_translation_that_is_cut_says_so(translator: Marian) -> None:
    for text in TEXTS:
        long = translator(text, num_beams=1, max_new_tokens=40)
        short = translator(text, num_beams=1, max_new_tokens=3)
        assert short.truncated == (len(long.token_ids) > 3)
        assert len(short.token_ids) <= 3


def test_language_codes_are_tokens_and_unknown_ones_are_refused(
    translator: Marian, tmp_path: Path
) -> None:
    assert translator.languages == tiny_translator.CODES
    assert encoded(">>one<< ab")[0] == vocabulary()[">>one<<"]
    with pytest.raises(InputError, match=r"got the language '>>xyz<<', expected one of >>one<<, "):
        translator(">>xyz<< ab")
    bilingual = loaded(tiny_translator.marian(tmp_path / "two.edge", codes=False))
    assert bilingual.languages == ()
    assert bilingual(">>xyz<< ab", num_beams=1).token_ids  # an unknown piece, as in transformers


def test_what_looks_like_a_control_token_is_text() -> None:
    assert encoded("ab</s>ab").count(0) == 1
    assert vocabulary()["<pad>"] not in encoded("ab <pad>")
    assert encoded("ab b")[-1] == 0


@pytest.mark.parametrize("text", ["", "  \n\t ", "\u200b"])
def test_blank_texts_are_refused(translator: Marian, text: str) -> None:
    with pytest.raises(InputError, match=r"input 'text': got .* nothing to translate"):
        translator(text)
    with pytest.raises(InputError, match="input 'text 1'"):
        translator(["ab", text])


def test_what_is_no_text_is_refused(translator: Marian) -> None:
    with pytest.raises(InputTypeError, match="got bytes, expected a string"):
        translator(b"ab")  # type: ignore[call-overload]


def test_a_source_that_is_too_long_is_refused(translator: Marian) -> None:
    assert translator("ab " * 39, max_new_tokens=2).token_ids
    with pytest.raises(InputError, match="got 42 tokens, expected at most 40; translate it sent"):
        translator("ab " * 41)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beams": 0}, "num_beams: got 0, expected 1 to 64"),
        ({"num_beams": 65}, "expected 1 to 64"),
        ({"num_beams": 2.0}, "num_beams: got 2.0, expected 1 to 64; pass a whole number"),
        ({"max_new_tokens": 41}, "max_new_tokens: got 41, expected 1 to 40"),
        ({"length_penalty": float("nan")}, "length_penalty: got nan, expected -10 to 10"),
    ],
)
def test_options_out_of_range_are_refused(
    translator: Marian, options: dict[str, float], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        translator("ab", **options)  # type: ignore[call-overload]


def test_raw_samples_are_checked(translator: Marian) -> None:
    ids = np.array([2, 0])
    with pytest.raises(InputError, match="expected an array named 'target_ids'"):
        translator.infer({"token_ids": ids})
    with pytest.raises(InputTypeError, match="got dtype float64, expected int64"):
        translator.infer({"token_ids": ids / 1, "target_ids": ids})
    with pytest.raises(InputError, match="'target_ids': got 0 tokens, expected 1 to 40"):
        translator.infer({"token_ids": ids, "target_ids": ids[:0]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"search": {"eos_id": 99}}, r"search: got token ids .*, expected ids of the 13"),
        ({"search": {"num_beams": 0}}, "search: .*expected up to 40 tokens and 64 beams"),
        ({"search": {"max_new_tokens": 41}}, "expected up to 40 tokens"),
        ({"search": {"early_stopping": "maybe"}}, "early_stopping: got str 'maybe'"),
        ({"config": {"max_source_tokens": 0}}, "max_source_tokens: got 0"),
        ({"config": {"least_confidence": 1.5}}, "least_confidence: got 1.5, expected 0 to 1"),
        ({"config": {"source_vocabulary": "assets/source.spm"}}, "vocabulary: got text that is no"),
    ],
)
def test_bad_bundles_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    path = tiny_translator.marian(tmp_path / "bad.edge", **changes)
    with pytest.raises(EdgewrightError, match=message):
        ew.load(path, threads=1)


def test_vocabularies_and_models_of_another_form_are_refused() -> None:
    for data in (b"[]", b'{"</s>": 0.5}', b'{"</s>": -1}'):
        with pytest.raises(BundleError, match=r"expected an object \{piece: id\}"):
            read_vocabulary(data)
    with pytest.raises(BundleError, match="got no <unk>, expected them"):
        read_vocabulary(b'{"</s>": 0}')
    with pytest.raises(BundleError, match="got 4 bytes that are none"):
        load_pieces(b"none")


def test_without_sentencepiece_a_bundle_verifies_and_a_text_names_the_install_line(
    tiny: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    assert ew.verify(tiny["marian"], threads=1).ok
    with pytest.raises(MissingDependencyError, match=r"pip install '\.\[translate\]'"):
        loaded(tiny["marian"])("ab")


def test_a_benchmark_asks_for_the_texts_of_the_samples(translator: Marian) -> None:
    samples = {"golden/0": {"token_ids": np.array([7, 3, 0])}, "golden/1": {"token_ids": [0]}}
    assert [one.input for one in TranslateText.queries(translator, samples, [])] == ["abab"]
    (query,) = TranslateText.queries(translator, samples, ["b a"])
    assert query.ask().source == "b a"  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="--input: got none"):
        TranslateText.queries(translator, {}, [])


def test_a_model_and_another_engine_are_translators(translator: Marian) -> None:
    class Phrases:
        def __call__(self, text: str, /) -> Translation:
            return found

    found = translator("ab", num_beams=1)
    engines: list[Translator] = [translator, Phrases()]
    assert [engine("ab").text for engine in engines][1] == found.text
