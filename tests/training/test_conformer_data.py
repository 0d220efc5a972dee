import collections
import dataclasses

import numpy as np
import pytest
import speech_clips
import speech_text
import torch
import word_trigram
from conformer_checkpoint import lexicon_words
from conformer_data import Mixture, Utterances, draw_batches, first_views, make_batch
from conformer_trainer import widened
from speech_augmentation import Augmentation, Timing, disturb
from speech_scoring import greedy_words
from word_trigram import KneserNey, write_arpa

from edgewright.ctc import NgramModel
from edgewright_export.models.conformer import (
    StreamingConformerConfig,
    StreamingConformerForCTC,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Dial 1234, now!", "dial one thousand two hundred thirty four now"),
        ("the 21st of May", "the twenty first of may"),
        ("'Tis 10th\u2019s", "tis tenth's"),
        ("...", ""),
    ],
)
def test_plain_words(text, words):
    assert speech_text.plain_words(text) == words


def test_prompt_texts_are_plain_clean_and_of_many_kinds():
    texts = speech_text.prompt_texts(3000, seed=1)
    assert len(set(texts)) == 3000
    assert all(text == speech_text.plain_words(text) for text in texts)
    assert not any(speech_text.OBSCENE.search(text) for text in texts)
    assert texts == speech_text.prompt_texts(3000, seed=1)
    assert texts != speech_text.prompt_texts(3000, seed=2)
    heard = {word for text in texts for word in text.split()}
    assert {"press", "star", "forwarding", "february", "charlie", "twentieth", "o'clock"} <= heard


def test_silence_is_the_floor_of_the_features():
    features = speech_clips.log_mel(np.zeros(16_000, np.float32))
    assert features.shape == (122, 80)
    assert (features == 0).all()
    assert speech_clips.pad_to_chunk(features, 48).shape == (144, 80)


def test_queen_entries_are_found():
    record = b"020001P2.SB\0" + bytes([1]) + (900).to_bytes(4, "big") + (500).to_bytes(4, "big")
    data = b"QTBLCEM10\0\0\0\1" + (1).to_bytes(2, "big") + record
    assert list(speech_clips._queen_entries(data)) == [("020001P2", 900, 500)]


def test_batches_keep_to_their_size():
    rng = np.random.default_rng(0)
    features = [np.zeros((n, 80), np.float16) for n in rng.integers(50, 900, 60)]
    utterances = Utterances(["a", "b"] * 30, ["x"] * 60, features)
    sizes = set()
    for items in draw_batches(utterances, Mixture({"a": 1.0}, 20.0, 700, joined=0.5), rng):
        lengths = [sum(len(features[index]) for index in item) for item in items]
        assert {index % 2 for item in items for index in item} == {0}
        assert max(len(features[index]) for item in items for index in item) <= 700
        assert max(lengths) * len(lengths) <= 2500  # 20 s
        sizes |= {len(item) for item in items}
    assert sizes == {1, 2}


def test_parts_stand_behind_parts_of_the_same_source():
    features = [np.zeros((50, 80), np.float16)] * 9
    utterances = Utterances(["a parts", "a", "b parts"] * 3, ["x"] * 9, features)
    shares = {"a parts": 0.4, "a": 0.4, "gone parts": 0.2}
    mixture = Mixture(shares, 20.0, joined=0.5, spliced=frozenset(["a parts", "gone parts"]))
    rng = np.random.default_rng(0)
    items = [item for batch in draw_batches(utterances, mixture, rng) for item in batch]
    sizes = {source: set() for source in (0, 1)}  # by index modulo 3
    for item in items:
        [source] = {index % 3 for index in item}
        sizes[source].add(len(item))
    assert sizes == {0: {2, 3, 4, 5}, 1: {1, 2}}


def test_a_batch_is_whole_chunks_of_float32_above_the_floor():
    rng = np.random.default_rng(0)
    items = [rng.uniform(0, 15, (n, 80)).astype(np.float16) for n in (60, 130)]
    rows = [disturb(item, Augmentation(2.0), Timing(1.1, 5), rng) for item in items]
    batch = make_batch(rows, 48)
    assert batch.dtype == np.float32
    assert batch.shape[0] == 2
    assert batch.shape[1] % 48 == 0
    assert batch.min() >= 0.0


def test_some_utterances_stand_twice_in_a_batch():
    rng = np.random.default_rng(0)
    features = [np.zeros((n, 80), np.float16) for n in rng.integers(50, 300, 600)]
    utterances = Utterances(["a", "b"] * 300, ["x"] * 600, features)
    mixture = Mixture({"a": 0.5, "b": 0.5}, 20.0, joined=0.3, twice=frozenset("b"))
    for items in draw_batches(utterances, mixture, rng):
        counts = collections.Counter(items)
        assert all(count % 2 == 0 for item, count in counts.items() if item[0] % 2)
        assert {items[row][0] for row in first_views(items)} >= {i for i, *_ in items if i % 2}
        longest = max(sum(len(features[index]) for index in item) for item in items)
        assert longest * len(items) <= 2500  # 20 s


TEXTS = {
    "telephone": ["press one", "press one", "press two", "press one now", "hold the line"],
    "games": ["the bird sings", "press the bird", "a bird sings at night", "the bird sings now"],
}
WORDS = frozenset(word for texts in TEXTS.values() for text in texts for word in text.split())
SHARES = {"telephone": 0.6, "games": 0.4}


@pytest.mark.parametrize("threshold", [0.0, 1e-3, 1e9])
@pytest.mark.parametrize("history", [[], ["press"], ["the", "bird"], ["now", "press"], ["hold"]])
def test_the_trigram_is_a_distribution_however_much_of_it_is_left_out(threshold, history):
    text = write_arpa(TEXTS, SHARES, WORDS, threshold)
    model = NgramModel.from_arpa(text.encode())
    before = model.score(history, end=False)
    following = [model.score([*history, word], end=False) for word in (*WORDS, "unheard")]
    ends = model.score(history)
    assert sum(np.exp([*following, ends]) / np.exp(before)) == pytest.approx(1.0, abs=0.03)


def test_each_kind_of_text_goes_on_as_itself():
    model = NgramModel.from_arpa(write_arpa(TEXTS, SHARES, WORDS, 0.0).encode())

    def follows(history, word):
        return model.score([*history, word], end=False) - model.score(history, end=False)

    assert follows(["press"], "one") > follows(["press"], "two") > follows(["press"], "night")
    assert follows(["the", "bird"], "sings") > follows(["the", "bird"], "one") + 1.0
    assert follows(["hold"], "the") > follows(["sings"], "the") + 1.0


def test_kneser_ney_is_that_of_the_paper():
    # Chen and Goodman 1998, by hand. After a sentence's "a" come b twice and c once; below the
    # highest order, what counts is how many different words come before: one before "a b", "a c".
    model = KneserNey(["a b", "a b d", "a c"], frozenset("abcd"))
    one = model.discounts[1][0]
    after_a = (1 - one + 2 * one * model.probability((), "b")) / 2
    assert model.probability(("a",), "b") == pytest.approx(after_a)
    assert model.probability(("a",), "d") == pytest.approx(one * model.probability((), "d"))
    once, twice, _ = model.discounts[2]
    begun = (2 - twice + (once + twice) * after_a) / 3
    assert model.probability(("<s>", "a"), "b") == pytest.approx(begun)
    assert model.probability((), "</s>") > model.probability((), "b")  # after b, c and d
    assert model.probability(("x", "y"), "b") == model.probability((), "b")


def test_discounts_are_those_of_counts_of_counts():
    # Y = 10 / (10 + 2 x 4); 1 - 2 Y 4/10, 2 - 3 Y 2/4, 3 - 4 Y 1/2 (Chen and Goodman, eq. 26)
    counts = [1] * 10 + [2] * 4 + [3] * 2 + [4]
    assert word_trigram._discounts(counts) == pytest.approx((5 / 9, 7 / 6, 17 / 9))


def test_the_mixture_weighs_each_kind_by_what_it_makes_of_the_words_before():
    kinds = [KneserNey(texts, WORDS) for texts in TEXTS.values()]
    mixture = word_trigram.MixedTrigram(kinds, [0.6, 0.4])
    history = ("press", "one")
    ends, one = (
        np.array([kind.probability(h, w) for kind in kinds])
        for h, w in ((history, "</s>"), (("press",), "one"))
    )
    press = np.array([kind.probability((), "press") for kind in kinds])
    topic = [0.6, 0.4] * np.sqrt(press * one)
    expected = topic @ ends / topic.sum()
    place = mixture.followers[history].index("</s>")
    assert mixture.probabilities(history)[place] == pytest.approx(expected)


def test_what_is_left_of_the_trigram_has_its_parts_and_no_unknown_word():
    texts = {**TEXTS, "games": [*TEXTS["games"], "unheard words press one"]}
    lines = write_arpa(texts, SHARES, WORDS, 1e-2).splitlines()
    grams = {tuple(line.split("\t")[1].split()) for line in lines if "\t" in line}
    longer = {gram for gram in grams if len(gram) > 1}
    assert ("<s>", "press", "one") in longer
    assert all("<unk>" not in gram for gram in longer)
    assert {gram[1:] for gram in longer} | {gram[:-1] for gram in longer} <= grams


def test_an_n_gram_that_matters_little_is_left_out():
    sizes = [write_arpa(TEXTS, SHARES, WORDS, t).count("\n") for t in (0.0, 1e-3, 1e-2, 1e9)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < sizes[0]


def test_definitions_are_those_of_the_glosses(tmp_path):
    folder = tmp_path / "usr/share/wordnet"
    folder.mkdir(parents=True)
    for name in ("verb", "adj", "adv"):
        (folder / f"data.{name}").write_text("")
    gloss = 'a small (grey) bird; sings at night; "a bird in the hand"; alone'
    (folder / "data.noun").write_text(f"0001 03 n 01 bird 0 000 | {gloss}\n  1 notice\n")
    assert speech_text.wordnet_definitions(tmp_path) == ["a small bird", "sings at night"]


def test_a_widened_network_answers_as_before():
    small = StreamingConformerConfig(9, 0, num_layers=2, hidden_size=20, num_heads=2, ffn_size=16)
    before = StreamingConformerForCTC(small).eval()
    after = StreamingConformerForCTC(dataclasses.replace(small, ffn_size=24)).eval()
    after.load_state_dict(widened(before.state_dict(), after.state_dict()))
    features = torch.rand(1, 96, 80) * 12
    torch.testing.assert_close(after(features), before(features))
    after(features).square().sum().backward()
    for name, parameter in after.named_parameters():
        if name.endswith("narrow.weight"):
            assert parameter.grad[:, 16:].abs().sum() > 0  # the new units can be heard


def test_greedy_words_merge_runs():
    class Pieces:
        def id_to_token(self, index):
            return ["<blank>", "\u2581go", "al"][index]

    logits = np.eye(3, dtype=np.float32)[[1, 1, 0, 2, 2, 0, 1]]
    assert greedy_words(logits, Pieces()) == "goal go"


def test_the_lexicon_has_all_words_but_obscene_ones():
    texts = [["press seven", "a rare bird"], ["pure shit"]]
    assert lexicon_words(texts, ["zebra", "shit"]) == sorted(
        ["press", "seven", "a", "rare", "bird", "pure", "zebra"]
    )
