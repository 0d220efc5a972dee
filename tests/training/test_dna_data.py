import dnabert_promoters
import dnabert_splice
import numpy as np
import pytest
import torch
from dna_model import KmerBert, base_codes, token_ids, vocabulary
from dnabert_promoters import Region, random_windows, split_regions
from transformers import BertConfig

INDICATORS = {"A": "100", "C": "010", "G": "001", "T": "000"}


def test_indicators_become_the_published_bases(data_folder):
    for sequence in dnabert_splice.read_dev(data_folder / "splice.tsv").sequences:
        indicators = np.array([int(bit) for base in sequence for bit in INDICATORS[base]])
        assert dnabert_splice.decode_indicators(indicators) == sequence


def test_training_rows_are_distinct_and_no_dev_row_is_a_test_row():
    junctions = dnabert_splice.Sequences(("AA", "CC", "AA", "GG", "TT", "GG"), np.zeros(6, int))
    dev = dnabert_splice.Sequences(("TT",), np.zeros(1, int))
    assert dnabert_splice.split_rows(junctions, dev, train_rows=[1]) == [0, 3]


@pytest.mark.parametrize("k", [3, 6])
def test_token_ids_are_the_lines_of_the_vocabulary(k):
    sequence = "".join(np.random.default_rng(k).choice(list("ACGTacgtN"), 60))
    lines = vocabulary(k)
    kmers = [sequence[i : i + k].upper() for i in range(len(sequence) - k + 1)]
    names = ["[CLS]", *(kmer if kmer in lines else "[UNK]" for kmer in kmers), "[SEP]"]
    assert token_ids(base_codes([sequence]), k)[0].tolist() == [lines.index(name) for name in names]


def test_the_published_bert_answers_as_the_trained_one():
    config = BertConfig(
        vocab_size=69,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
    )
    model = KmerBert(config, 3).eval()
    ids = torch.from_numpy(np.random.default_rng(0).integers(0, 69, (4, 20)))
    with torch.inference_mode():
        expected = model(ids)
        torch.testing.assert_close(model.published()(input_ids=ids).logits, expected)
        torch.testing.assert_close(model(ids), expected)


def test_a_sequence_of_two_chromosomes_stays_in_the_test_split():
    rng = np.random.default_rng(2)
    shared, other = ("".join(rng.choice(list("ACGT"), 2000)) for _ in range(2))
    same_promoter = "".join(rng.choice(list("ACGT"), 1700)) + shared[-300:]
    regions = [Region("chr2L", other), Region("chr2L", same_promoter), Region("chr3R", shared)]
    parts = split_regions(regions)
    assert np.array_equal(parts["test"], base_codes([shared]))
    assert np.array_equal(parts["train"], base_codes([other]))


def test_training_windows_stay_on_their_side():
    regions = np.broadcast_to(np.arange(2000) // 10, (5, 2000)).astype(np.uint8)
    codes, labels = random_windows(regions, np.random.default_rng(3), 400)
    assert codes.shape == (400, dnabert_promoters.WINDOW)
    assert codes[labels == 1].min() >= (1700 - 8) // 10
    assert codes[labels == 0].max() < 1200 // 10
