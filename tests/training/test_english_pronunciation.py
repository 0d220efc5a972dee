import numpy as np
import pytest
from english_pronunciation import (
    cmudict_entries,
    compress,
    edit_distance,
    errors,
    festival_entries,
    pack_model,
    split_of,
)
from graphone_ngram import END, NGram, trie_arrays
from graphones import Aligner, align_all

from edgewright.text.letter_to_sound import FORMAT, LetterToSound
from edgewright.text.phones import encode

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PAIRS = [
    ("box", ("b", "aa1", "k", "s")),
    ("fox", ("f", "aa1", "k", "s")),
    ("bob", ("b", "aa1", "b")),
    ("shop", ("sh", "aa1", "p")),
    ("posh", ("p", "aa1", "sh")),
    ("bake", ("b", "ey1", "k")),
    *((letter, ("p",)) for letter in LETTERS),  # a model must know every letter
]


def test_graphones_of_words():
    aligner = Aligner(PAIRS * 5, rounds=8)
    assert aligner("box", PAIRS[0][1]) == (("b", ("b",)), ("o", ("aa1",)), ("x", ("k", "s")))
    assert aligner("shop", PAIRS[3][1]) == (("sh", ("sh",)), ("o", ("aa1",)), ("p", ("p",)))
    assert aligner("a", ("p", "p", "p")) is None


def sequences():
    aligned, graphones = align_all(Aligner(PAIRS * 5), PAIRS * 5, least=1)
    return [[graphones.index(one) + 2 for one in path] for path in aligned], graphones


@pytest.mark.parametrize("size", [10, 10_000])
def test_probabilities_after_every_history_sum_to_one(size):
    ids, graphones = sequences()
    model = NGram(ids, 3)
    model.prune(size)
    symbols = range(END, len(graphones) + 2)
    for history in [(), *model.backoffs[1], *model.backoffs[2]]:
        total = sum(np.exp(model.log((*history, symbol))) for symbol in symbols)
        assert total == pytest.approx(1.0, abs=1e-6)


def test_the_packed_model_pronounces_what_it_learned():
    ids, graphones = sequences()
    data = compress(FORMAT, pack_model(NGram(ids, 4), graphones))
    pronounce = LetterToSound(data)
    pairs = [(word, encode(" ".join(phones))) for word, phones in PAIRS[:6]]
    assert errors(pronounce, pairs) == (0.0, 0.0)
    assert pronounce("shob") == encode("sh aa1 b")
    assert data == compress(FORMAT, pack_model(NGram(ids, 4), graphones))


def test_a_trie_has_its_children_in_order():
    ids, graphones = sequences()
    arrays = trie_arrays(NGram(ids, 3), len(graphones) + 2)
    assert len({len(array) for array in arrays.values()}) == 1
    assert arrays["children"].sum() == len(arrays["symbols"]) - len(graphones) - 2


def test_entries_of_festival(tmp_path):
    path = tmp_path / "usr/share/festival/dicts/cmu/cmudict-0.4.out"
    path.parent.mkdir(parents=True)
    path.write_text(
        'MNCL\n("hello" nil (((hh ax) 0) ((l ow) 1)))\n("AWOL" n (((ey) 1) ((w ao l) 0)))\n'
        '("use" v (((y uw z) 1)))\n("use" n (((y uw s) 0)))\n'
    )
    assert festival_entries(tmp_path) == {
        "hello": encode("hh ax0 l ow1"),
        "awol": encode("ey1 w ao0 l"),
        "use": encode("y uw0 s"),
        "use/n": encode("y uw0 s"),
        "use/v": encode("y uw1 z"),
    }


def test_entries_of_cmudict(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "index.js").write_text(
        'export const dictionary = {\n  "a": "AH0",\n  "a(2)": "EY1",\n  "don\'t": "D OW1 N T",\n'
        '  "john\'s": "JH AA1 N Z",\n  aalto: "AA2 L T OW0 # name",\n}\n'
    )
    assert cmudict_entries(tmp_path) == {
        "a": encode("ax0"),
        "don't": encode("d ow1 n t"),
        "aalto": encode("aa1 l t ow0"),
    }


def test_edit_distance():
    pairs = [("", ""), ("abc", "abc"), ("abc", "axc"), ("kitten", "sitting"), ("", "ab")]
    assert [edit_distance(*pair) for pair in pairs] == [0, 0, 1, 3, 2]


def test_splits_are_stable_and_even():
    words = [a + b + c for a in LETTERS for b in LETTERS for c in LETTERS[:5]]
    counts = np.bincount([split_of(word) for word in words], minlength=20)
    assert split_of("hello") == 4
    assert counts.min() > 0.6 * len(words) / 20
