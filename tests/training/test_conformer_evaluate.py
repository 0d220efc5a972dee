from types import SimpleNamespace

import conformer_evaluate
import numpy as np
import pytest
from conformer_data import Utterances
from conformer_evaluate import by_source, report, table, tune

TEXTS = ["press one now", "hold the line please", "thank you", "the bird sings"]
CLIPS = Utterances(["asterisk", "asterisk", "queen", "queen"], TEXTS, [np.zeros((1, 80))] * 4)
HEARD = ["press now", "hold the line please", "thank you", "a bird sings sings"]


def test_rates_are_of_all_words_of_a_source():
    assert by_source(CLIPS, HEARD) == {"asterisk": pytest.approx(1 / 7), "queen": 2 / 5}


def test_the_table_counts_clips_and_words():
    rows = table(CLIPS, HEARD, TEXTS).splitlines()[2:]
    assert rows == ["| asterisk | 2 | 7 | 0.143 | 0.000 |", "| queen | 2 | 5 | 0.400 | 0.000 |"]


class Search:
    """Loses words of Asterisk's clips with a wrong weight, and of all with too few prefixes."""

    def __init__(self, beam_width, lm_weight, word_bonus, blank_penalty, **_):
        wrong = (lm_weight != 0.6) + (word_bonus != 0.8) + (blank_penalty != 2.0)
        self.lost = {"asterisk": wrong + (beam_width < 400), "queen": int(beam_width < 400)}

    def __call__(self, row):
        words = TEXTS[row].split()
        return [SimpleNamespace(words=words[self.lost[CLIPS.sources[row]] :])]


def test_weights_are_chosen_first_and_then_the_narrowest_search_that_is_as_good():
    chosen = tune(SimpleNamespace(search=Search), CLIPS, range(4))
    assert chosen == {
        "beam_width": 400, "lm_weight": 0.6, "word_bonus": 0.8, "blank_penalty": 2.0
    }  # fmt: skip


def test_test_clips_are_scored_once(tmp_path, monkeypatch):
    monkeypatch.setattr(conformer_evaluate, "infer", lambda folder, test: range(4))
    monkeypatch.setattr(conformer_evaluate, "greedy_words", lambda row, *_: HEARD[row])
    card = tmp_path / "README.md"
    card.write_text("Result: Not measured yet.")
    options = {"beam_width": 400, "lm_weight": 0.6, "word_bonus": 0.8, "blank_penalty": 2.0}
    decoding = SimpleNamespace(search=Search, tokenizer=None, blank_id=0)
    found = report(tmp_path, CLIPS, decoding, options)
    assert card.read_text() == f"Result: {found}"
    assert "| queen | 2 | 5 | 0.400 | 0.000 |" in found
    with pytest.raises(ValueError, match="test clips are scored once"):
        report(tmp_path, CLIPS, decoding, options)
