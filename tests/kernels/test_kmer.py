import itertools

import numpy as np
import pytest
from Bio.Seq import reverse_complement as biopython_reverse_complement
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertTokenizer

from edgewright.errors import InputError, InputTypeError, UsageError
from edgewright.sequence import KmerTokenizer, reverse_complement
from reference import sequence as reference

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "ACGTRYSWKMBDHVN"
dna = st.text(LETTERS + LETTERS.lower(), min_size=6, max_size=80)


def vocabulary(k, order="ATCG"):
    """List tokens as the public checkpoints do, whose k-mers are not in alphabetic order."""
    return SPECIAL + ["".join(kmer) for kmer in itertools.product(order, repeat=k)]


@pytest.mark.parametrize("k", [1, 3, 4, 5, 6])
@settings(deadline=None, max_examples=30)
@given(dna)
def test_ids_equal_reference(k, sequence):
    tokens = vocabulary(k)
    ids = KmerTokenizer(tokens).encode(sequence)
    assert ids.dtype == np.int64
    assert ids.tolist() == reference.kmer_ids(sequence, k, tokens)


@pytest.mark.parametrize("size", [1023, 1028, 1029, 1030, 2053, 5000])
@pytest.mark.parametrize("ambiguous", [[], [0], [1023, 1024], [1027, 1028], [700, 1022, 1500]])
def test_blocks_of_a_long_sequence_fit_together(size, ambiguous):
    """The kernel works on 1024 k-mers at a time."""
    tokens = vocabulary(6)
    letters = np.random.default_rng(1).choice(list("ACGTacgt"), size)
    letters[[place for place in ambiguous if place < size]] = "N"
    sequence = "".join(letters)
    assert KmerTokenizer(tokens).encode(sequence).tolist() == reference.kmer_ids(
        sequence, 6, tokens
    )
    for place in (0, 1020, size - 1):
        bad = sequence[:place] + "E" + sequence[place + 1 :]
        with pytest.raises(InputError, match=f"position {place}: got 'E'"):
            KmerTokenizer(tokens).encode(bad + "U")


def test_ids_equal_the_checkpoints_tokenizer(tmp_path):
    tokens = vocabulary(6)
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(tokens))
    sequence = "".join(np.random.default_rng(0).choice(list("ACGTN"), 500, p=[0.24] * 4 + [0.04]))
    kmers = " ".join(sequence[i : i + 6] for i in range(len(sequence) - 5))
    expected = BertTokenizer(str(path), do_lower_case=False).encode(kmers, add_special_tokens=False)
    assert KmerTokenizer(tokens).encode(sequence).tolist() == expected


def test_order_of_the_vocabulary_is_not_assumed():
    rng = np.random.default_rng(3)
    tokens = list(rng.permutation(vocabulary(3)))
    tokenizer = KmerTokenizer(tokens)
    assert tokenizer.encode("ACGTAC").tolist() == reference.kmer_ids("ACGTAC", 3, tokens)
    special = [tokenizer.pad_id, tokenizer.unknown_id, tokenizer.cls_id, tokenizer.sep_id]
    assert special == [tokens.index(token) for token in SPECIAL[:4]]
    assert (tokenizer.k, tokenizer.vocabulary_size) == (3, 69)


def test_text_bytes_and_arrays_are_the_same():
    tokenizer = KmerTokenizer(vocabulary(3))
    array = np.frombuffer(b"ACGTTN", np.uint8)
    expected = tokenizer.encode("ACGTTN")
    np.testing.assert_array_equal(tokenizer.encode(b"acgttn"), expected)
    np.testing.assert_array_equal(tokenizer.encode(array), expected)
    np.testing.assert_array_equal(tokenizer.encode(np.repeat(array, 2)[::2]), expected)


@pytest.mark.parametrize(
    ("sequence", "message"),
    [
        ("ACGE", r"position 3: got 'E', expected A, C, G, T .* not amino acids"),
        ("ACGU", "position 3: got 'U', .* write T for U"),
        ("AC-GT", "position 2: got '-', .* remove the gaps"),
        ("ACG TAC", "position 3: got ' '"),
        ("ACGé", "position 3: got byte 0xC3"),
        ("AC", "got 2 bases, expected at least 3"),
        ("", "got 0 bases"),
    ],
)
def test_bad_letters_and_short_sequences_are_refused(sequence, message):
    with pytest.raises(InputError, match=message):
        KmerTokenizer(vocabulary(3)).encode(sequence)


@pytest.mark.parametrize("sequence", [None, 5, ["A"], np.zeros(9), np.zeros((2, 2), np.uint8)])
def test_other_types_are_refused(sequence):
    with pytest.raises(InputTypeError, match="expected text, bytes or a uint8 array"):
        KmerTokenizer(vocabulary(3)).encode(sequence)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (vocabulary(3)[:-1], "63 k-mers of up to 3 bases"),
        ([*vocabulary(3), "ACGT"], "65 k-mers of up to 4 bases"),
        (vocabulary(3)[1:], r"no \[PAD\]"),
        ([*vocabulary(3), "AAA"], "stands there twice"),
        (SPECIAL, "0 k-mers"),
        ([], r"no \[PAD\]"),
    ],
)
def test_incomplete_vocabularies_are_refused(tokens, message):
    with pytest.raises(UsageError, match=message):
        KmerTokenizer(tokens)


@settings(deadline=None, max_examples=50)
@given(st.text(LETTERS, max_size=40))
def test_reverse_complement_equals_reference_and_biopython(sequence):
    got = reverse_complement(sequence.encode()).decode()
    assert got == reference.reverse_complement(sequence)
    assert got == biopython_reverse_complement(sequence)
    assert reverse_complement(sequence.lower().encode()).decode() == got.lower()


def test_reverse_complement_refuses_what_has_no_partner():
    with pytest.raises(InputError, match="position 1: got 'E'"):
        reverse_complement(b"AE")
    with pytest.raises(InputTypeError, match="got str, expected bytes"):
        reverse_complement("ACGT")
