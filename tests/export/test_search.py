"""The search within a budget: its words, its groups, its choice, its journal."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from edgewright.errors import UsageError
from edgewright_export.search.budget import Budget
from edgewright_export.search.form import Allowed, Bench, Figures, Form, Group
from edgewright_export.search.groups import group_nodes
from edgewright_export.search.journal import HEADER, Journal, JournaledBench
from edgewright_export.search.search import Found, Search

# --- budget


@pytest.mark.parametrize(
    ("text", "metric", "reference", "bound"),
    [
        ("top1>=99%", "top1", 0.9, 0.891),
        ("top1 >= 99.5 %", "top1", 0.8, 0.796),
        ("top1>=-0.01", "top1", 0.9, 0.89),
        ("top1>=.5", "top1", 0.9, 0.5),
        ("top1>=99%", "top1_agreement", 1.0, 0.99),
        ("wer<=+0.005", "word_error_rate", 0.2, 0.205),
        ("WER<=102%", "word_error_rate", 0.5, 0.51),
        ("return>=95%", "mean_return", 2000.0, 1900.0),
        ("return>=95%", "mean_return", -200.0, -210.0),
        ("return>=-150", "mean_return", -200.0, -350.0),
        ("Return>=-150abs", "mean_return", -200.0, -150.0),
        ("durations>=30db, durations>=99%", "duration_agreement", 1.0, 0.99),
        ("durations>=99%, mel>=30dB", "duration_agreement", 1.0, 0.99),
    ],
)
def test_a_budget_bounds_the_metric(text: str, metric: str, reference: float, bound: float) -> None:
    budget = Budget.parse(text).named(metric, ["mel", "logits", "durations"])
    assert budget.minimum(metric, reference, -1.0) == pytest.approx(bound)
    assert Budget.parse(str(budget)) == budget


def test_a_budget_of_noise_leaves_the_metric_to_the_gate() -> None:
    budget = Budget.parse("MEL>=35dB").named("duration_agreement", ["mel", "durations"])
    assert budget.minimum("duration_agreement", 1.0, 0.99) == 0.99
    assert budget.least_sqnr_db({"mel": 30.0, "other": 20.0}) == {"mel": 35.0, "other": 20.0}


@pytest.mark.parametrize(
    "text", ["", "top1", "top1>99%", "top1>=", "top1>=99%;mel>=3dB", "top1>=99%,", "top1>=nan",
             ">=99%", "top1>=9_9", "top1>=99%dB", "top 1>=99%"],
)  # fmt: skip
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"budget: got .* expected such as"):
        Budget.parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("top5>=99%", "expected the metric 'top1'"),
        ("mel>=99%", "expected the metric 'top1'"),
        ("top1>=30dB", "outputs logits"),
        ("top1<=99%", "'top1<=…', expected '>='"),
        ("logits<=30dB", "expected '>='"),
        ("top1>=99%, top1>=0.5", "several bounds on 'top1'"),
        ("top1>=101%", "better than PyTorch"),
    ],
)
def test_a_budget_names_what_the_family_has(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Budget.parse(text).named("top1", ["logits"])


@pytest.mark.parametrize(
    ("text", "words"),
    [("wer>=99%", "'wer>=…', expected '<='"), ("wer<=0.5%", "better than PyTorch")],
)
def test_errors_are_bounded_from_above(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Budget.parse(text).named("word_error_rate", ["logits"])


# --- groups


def test_nodes_are_grouped_by_the_module_around_theirs() -> None:
    nodes = ("net.layers.0.attention.q/MatMul", "net.layers.0.attention.k/MatMul",
             "net.layers.0.mlp.up/MatMul", "net.layers.1.attention.q/MatMul", "head/Gemm",
             "net.head/Gemm")  # fmt: skip
    assert group_nodes(nodes) == {
        "net.layers.0.attention": nodes[:2],
        "net.layers.0.mlp": nodes[2:3],
        "net.layers.1.attention": nodes[3:4],
        "head": nodes[4:5],
        "net": nodes[5:],
    }


def test_many_groups_are_joined_by_outer_modules() -> None:
    nodes = tuple(f"net.layers.{i}.{part}.x/MatMul" for i in range(10) for part in "abcd")
    assert len(group_nodes(nodes, most=40)) == 40
    joined = group_nodes(nodes, most=39)
    assert list(joined) == [f"net.layers.{i}" for i in range(10)]
    assert sum(map(len, joined.values())) == 40
    assert len(group_nodes(nodes, most=1)) == 1
    flat = tuple(f"layer{i}/MatMul" for i in range(100))
    joined = group_nodes(flat, most=48)
    assert len(joined) == 34
    assert tuple(node for group in joined.values() for node in group) == flat


# --- search


class NoiseBench(Bench):
    """Groups whose noise adds up; the metric falls by a hundredth of the noise."""

    def __init__(
        self,
        noise: Mapping[str, float],
        sizes: Mapping[str, int] | None = None,
        *,
        migrated: float | None = None,
        slow: tuple[str, ...] = (),
    ) -> None:
        self._noise, self._slow, self._migrated = noise, slow, migrated
        self.groups = {
            name: Group((f"{name}/a", f"{name}/b"), ((sizes or {}).get(name, 10), 1))
            for name in noise
        }
        self.measured: list[Form] = []

    def can_migrate(self) -> bool:
        return self._migrated is not None

    def measure(self, form: Form) -> Figures:
        self.measured.append(form)
        factor = (self._migrated or 1.0) if form.migrated else 1.0
        total = factor * sum(
            share * self._noise[name]
            for name in self.groups
            for node, share in ((f"{name}/a", 1.0), (f"{name}/b", 0.0))
            if node not in form.exact
        )
        ratio = -10 * np.log10(total) if total else float("inf")
        return Figures(1 - total / 100, {"out": float(ratio)})

    def slow_groups(self, form: Form) -> list[str]:
        return list(self._slow)

    def is_faster(self, form: Form, than: Form) -> bool:
        return True


def search(bench: Bench, least: float) -> Found | None:
    counted: list[int] = []
    allowed = Allowed(0.0, least_sqnr_db={"out": least})
    found = Search(bench, allowed, 1.0, lambda *_: None, counted.append).run()
    if isinstance(bench, NoiseBench):
        assert sum(counted) == len(bench.measured) == len(set(bench.measured))
    return found


NOISE = {"quiet": 1e-4, "loud": 1e-1, "middle": 1e-2, "faint": 1e-6}


def test_what_is_within_the_budget_is_taken_whole() -> None:
    found = search(NoiseBench(NOISE), 9.0)
    assert found is not None
    assert (found.form, found.why) == (Form(), {})
    assert "plain metric" in found.summary


@pytest.mark.parametrize(
    ("least", "exact"),
    [(15.0, {"loud/a"}), (30.0, {"loud/a", "middle/a"}), (50.0, {"loud/a", "middle/a", "quiet/a"})],
)
def test_as_little_as_possible_stays_in_fp32(least: float, exact: set[str]) -> None:
    found = search(NoiseBench(NOISE), least)
    assert found is not None
    assert found.form.exact == exact  # the second node of a group does no harm and is given back
    assert found.figures.sqnr_db["out"] >= least
    assert set(found.why) == exact
    assert "alone in lower precision: metric" in found.why["loud/a"]


def test_a_large_group_is_given_up_last() -> None:
    """Two small ones make room for it: what they weigh counts."""
    noise = {"large": 3e-2, "small": 2e-2, "tiny": 2e-2}
    found = search(NoiseBench(noise, {"large": 10_000}), 15.0)
    assert found is not None
    assert found.form.exact == {"small/a", "tiny/a"}


def test_what_later_proves_needless_is_given_back() -> None:
    """`first` does most harm for its size, but without it `big` alone is enough."""
    noise = {"first": 1e-2, "big": 1e-1, "rest": 1e-5}
    found = search(NoiseBench(noise, {"first": 1, "big": 100}), 19.0)
    assert found is not None
    assert found.form.exact == {"big/a"}


def test_nothing_fits_where_no_node_may_leave_fp32() -> None:
    class Equal(NoiseBench):
        def measure(self, form: Form) -> Figures:
            figures = super().measure(form)
            whole = form.exact.issuperset(n for g in self.groups.values() for n in g.nodes)
            return figures if whole else Figures(0.5, {"out": 0.0})

    assert search(Equal({"a": 1.0, "b": 1.0}), 60.0) is None
    assert search(Equal({"only": 1.0}), 60.0) is None


def test_one_harmless_node_is_enough() -> None:
    found = search(NoiseBench({"only": 1.0}), 60.0)
    assert found is not None
    assert found.form.exact == {"only/a"}


def test_a_large_group_that_fails_alone_hides_no_small_ones() -> None:
    """By its size the table does least harm for a byte, and yet it is what has to stay."""
    noise = {"table": 1e-1, "first": 1e-5, "second": 1e-5}
    found = search(NoiseBench(noise, {"table": 1_000_000}), 30.0)
    assert found is not None
    assert found.form.exact == {"table/a"}


def test_noise_of_outputs_without_a_bound_does_not_lead() -> None:
    """`waveform` is lost anyway; `out` decides."""

    class Voice(NoiseBench):
        def measure(self, form: Form) -> Figures:
            figures = super().measure(form)
            noisy = "quiet/a" not in form.exact
            return Figures(figures.metric, {**figures.sqnr_db, "waveform": -9.0 if noisy else 99.0})

    found = search(Voice(NOISE), 15.0)
    assert found is not None
    assert found.form.exact == {"loud/a"}


def test_moved_channels_are_taken_where_they_help() -> None:
    found = search(NoiseBench(NOISE, migrated=1e-3), 30.0)
    assert found is not None
    assert found.form == Form(migrated=True)
    worse = search(NoiseBench(NOISE, migrated=2.0), 15.0)
    assert worse is not None
    assert worse.form == Form(frozenset({"loud/a"}))


def test_what_is_slower_goes_back_to_fp32_where_that_is_faster() -> None:
    found = search(NoiseBench(NOISE, slow=("faint",)), 9.0)
    assert found is not None
    assert found.form.exact == {"faint/a", "faint/b"}
    assert set(found.why.values()) == {"faster in fp32 here"}
    everything = search(NoiseBench(NOISE, slow=tuple(NOISE)), 9.0)
    assert everything is not None
    assert everything.form == Form()  # a variant of nothing is none


@pytest.mark.parametrize("culprit", NOISE)
def test_answers_that_are_no_numbers_are_no_choice(culprit: str) -> None:
    class Broken(NoiseBench):
        def measure(self, form: Form) -> Figures:
            figures = super().measure(form)
            return figures if f"{culprit}/a" in form.exact else Figures(float("nan"))

    found = search(Broken(dict.fromkeys(NOISE, 1e-4)), 15.0)
    assert found is not None
    assert found.form.exact == {f"{culprit}/a"}


# --- journal


def test_an_interrupted_search_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    class Interrupted(NoiseBench):
        def measure(self, form: Form) -> Figures:
            if len(self.measured) == 4:
                raise KeyboardInterrupt
            return super().measure(form)

    path = tmp_path / "journal.jsonl"
    with pytest.raises(KeyboardInterrupt):
        search(JournaledBench(Interrupted(NOISE), Journal(path), "k", "here"), 30.0)
    with path.open("a") as file:
        file.write('{"key": "torn')
    resumed = NoiseBench(NOISE)
    found = search(JournaledBench(resumed, Journal(path), "k", "here"), 30.0)
    alone = NoiseBench(NOISE)
    assert found == search(alone, 30.0)
    assert len(resumed.measured) == len(alone.measured) - 4
    again = NoiseBench(NOISE)
    assert search(JournaledBench(again, Journal(path), "k", "here"), 30.0) == found
    assert again.measured == []


def test_measurements_of_other_models_are_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    search(
        JournaledBench(NoiseBench(dict.fromkeys(NOISE, 1e-9)), Journal(path), "one", "here"), 30.0
    )
    other = NoiseBench(NOISE)
    assert search(JournaledBench(other, Journal(path), "two", "here"), 30.0) == search(
        NoiseBench(NOISE), 30.0
    )
    assert other.measured


def test_time_is_measured_anew_on_another_machine(tmp_path: Path) -> None:
    path, first, second = tmp_path / "journal.jsonl", NoiseBench(NOISE), NoiseBench(NOISE)
    slow = NoiseBench(NOISE, slow=("faint",))
    assert JournaledBench(slow, Journal(path), "k", "here").slow_groups(Form()) == ["faint"]
    assert JournaledBench(first, Journal(path), "k", "here").slow_groups(Form()) == ["faint"]
    assert JournaledBench(second, Journal(path), "k", "there").slow_groups(Form()) == []


def test_lines_that_are_no_measurements_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(HEADER + 'nonsense\n[]\n{"key": "x"}\n7\n\n')
    assert Journal(path).recall("what", lambda: 5) == 5
    assert Journal(path).recall("what", lambda: 6) == 5
    assert json.loads(path.read_text().splitlines()[-1])["value"] == 5


def test_another_file_is_no_journal_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"key": "k", "value": 1}\n')
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("config.json", "binary", ".", "missing/journal.jsonl"):
        with pytest.raises(UsageError, match=r"search journal .* expected the journal"):
            Journal(tmp_path / name)
    assert (tmp_path / "config.json").read_text() == '{"key": "k", "value": 1}\n'


def test_no_journal_is_made_before_something_was_measured(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    assert list(tmp_path.iterdir()) == []
    journal.recall("what", lambda: 5)
    assert (tmp_path / "journal.jsonl").read_text().startswith(HEADER)
