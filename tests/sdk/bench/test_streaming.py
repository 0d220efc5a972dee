"""The streaming scenario: recordings at the pace of speech, on a stream that a test writes down."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import soundfile

from edgewright.bench import scenarios, streaming
from edgewright.bench.advice import advise
from edgewright.bench.report import write_report
from edgewright.bench.result import BenchResult, Pace, Sample
from edgewright.bench.run import Options, bench_bundle
from edgewright.bench.scenarios import SCENARIOS, TIERS, Load, Recorder, Tier
from edgewright.bench.storage import read_runs, write_result, write_samples
from edgewright.bench.summary import merge
from edgewright.cli import main
from edgewright.errors import InputError, InputNotFoundError, UsageError
from edgewright.records import plain, read, schema
from edgewright.runtime import Runtime, Timings
from edgewright.specs import Array
from edgewright.tasks.base import Recording
from edgewright.tasks.transcription import AudioTimings, Event, Final, Partial, Word
from tiny_bundles import RATE, tones

HZ, PIECE = 1000, 0.02
RUNTIME = Runtime("", "", "", "", "", "", "", "", 1, False, (), None)


def word(text: str, end: float) -> Word:
    return Word(text, end - 0.01, end, 1.0)


def partial(*words: Word) -> Partial:
    return Partial("", words, 0.0, "states")


def final(*words: Word) -> Final:
    return Final("", words, 0.0, 0.0, "pause", AudioTimings(0, 0, 0, 0, 0), "states", RUNTIME)


class Script:
    """A stream that tells what stands at the number of its call, and takes some time for it."""

    streaming = "states"

    def __init__(self, *calls: Sequence[Event], seconds: float = 0.0) -> None:
        self._calls, self._seconds = iter(calls), seconds
        self.given: list[tuple[float, int]] = []
        self.timings = Timings(0.0, 0.0, 0.0, 0.0)
        self.threads: set[int] = set()

    @property
    def position(self) -> float:
        return sum(size for _, size in self.given) / HZ

    def feed(self, piece: Array, **_: object) -> list[Event]:
        self.given.append((time.perf_counter(), len(piece)))
        self.threads.add(threading.get_ident())
        return self._tell()

    def finish(self) -> list[Event]:
        return self._tell()

    def _tell(self) -> list[Event]:
        time.sleep(self._seconds)
        before = self.timings
        self.timings = Timings(before.pre + 1, before.run + 2, before.post + 3, before.total + 6)
        return list(next(self._calls, ()))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TIERS:
        monkeypatch.setitem(scenarios.TIERS, name, Tier(4, 1e-6))


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PIECE_SECONDS", PIECE)
    monkeypatch.setattr(scenarios, "SPREAD", PIECE)


def played(script: Script, pieces: int) -> Recording:
    def audio(seconds: float) -> Iterator[Array]:
        return (np.zeros(round(seconds * HZ), np.float32) for _ in range(pieces))

    return Recording("a", lambda seconds: (script, HZ, audio(seconds)))


def run(*recordings: Recording, words: int, workers: int = 1, seconds: float = 1e-6) -> Recorder:
    load = Load((), Tier(words, seconds), workers, 0.0, recordings=recordings)
    recorder = Recorder(load.tier, lambda share: None)
    SCENARIOS["streaming"].run(load, recorder)
    return recorder


@pytest.mark.usefixtures("fast")
def test_a_word_counts_from_its_end_to_the_event_that_has_it_as_it_stays() -> None:
    script = Script(
        [partial(word("one", 0.015))],
        [partial(word("one", 0.015), word("too", 0.03))],
        [final(word("one", 0.015), word("two", 0.03))],
        [final(word("three", 0.085))],  # before its end
    )
    one, two, three = run(played(script, 50), words=3).samples
    assert [sample.due for sample in (one, two, three)] == pytest.approx([0.015, 0.03, 0.085])
    waited = [sample.waited for sample in (one, two, three)]
    np.testing.assert_allclose(np.array(waited, float), [0.005, 0.03, -0.005], atol=1e-9)
    for sample in (one, two, three):
        assert (sample.pre, sample.run, sample.post) == (1, 2, 3)  # of one call
        assert sample.waited is not None
        assert sample.latency >= sample.waited - 1e-3
        assert sample.begun >= sample.due + sample.waited - 1e-3
    # From 0.005 s on, "one" was the first; "two" begins no utterance.
    assert one.first == pytest.approx(one.due + one.latency - 0.005)
    assert two.first is None
    assert three.first == pytest.approx(three.due + three.latency - 0.075)


@pytest.mark.usefixtures("fast")
def test_no_piece_is_given_before_it_was_spoken_and_a_late_one_moves_no_other() -> None:
    scripts = iter([Script(seconds=1.5 * PIECE), Script([final(word("end", 0.01))])])
    opened: list[Script] = []

    def open_one(seconds: float) -> Any:
        opened.append(script := next(scripts))
        audio = (np.zeros(20, np.float32) for _ in range(4))
        return script, HZ, audio

    began = time.perf_counter()
    recorder = run(Recording("a", open_one), words=1, seconds=0.09)
    first, second = opened
    due = began + PIECE * np.arange(1, 5)
    assert (np.array([at for at, _ in first.given]) >= due - 1e-3).all()
    assert second.given[0][0] >= due[-1] + PIECE - 1e-3
    (sample,) = recorder.samples
    assert sample.due == pytest.approx(4 * PIECE + 0.01)  # as if none had been late
    pace = recorder.pace
    assert pace is not None
    assert pace.streams >= 1
    assert pace.late >= 4  # all but the first were, since the others waited for it
    assert pace.computing >= 5 * 1.5 * PIECE
    assert first.threads == second.threads != {threading.get_ident()}


@pytest.mark.usefixtures("fast")
def test_several_streams_are_heard_at_once() -> None:
    opened: list[Script] = []

    def open_one(seconds: float) -> Any:
        opened.append(script := Script(*[[final(word("x", 0.01))]] * 50))
        return script, HZ, (np.zeros(20, np.float32) for _ in range(50))

    recorder = run(Recording("a", open_one), words=9, workers=3)
    assert len(recorder.samples) >= 9
    assert len(opened) == len({one for script in opened for one in script.threads}) == 3
    assert recorder.pace is not None
    assert recorder.pace.audio == pytest.approx(sum(script.position for script in opened))


@pytest.mark.usefixtures("fast")
def test_the_end_of_a_run_tells_nothing_but_keeps_what_was_told() -> None:
    class GoesOn(Script):
        def finish(self) -> list[Event]:
            return [final(word("one", 0.01), word("two", 0.03))]

    scripts = iter(
        [GoesOn([partial(word("one", 0.01))]), Script(*[[]] * 9, [final(word("x", 0.1))])]
    )

    def open_one(seconds: float) -> Any:
        return next(scripts), HZ, (np.zeros(20, np.float32) for _ in range(500))

    recorder = run(Recording("a", open_one), words=1, workers=2)
    assert [sample.first is not None for sample in recorder.samples] == [True, True]
    x, one = recorder.samples
    assert (x.waited, one.waited) == (pytest.approx(0.1), pytest.approx(0.01))


@pytest.mark.usefixtures("fast")
def test_a_run_in_which_no_word_is_told_ends_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PATIENCE", 0.01)
    with pytest.raises(InputError, match=r"no word was told within 0.05 s.*--input"):
        run(played(Script(), 10), words=1, seconds=0.05)
    monkeypatch.setattr(streaming, "LONGEST_UTTERANCE", 0.03)
    taken_back = Script(*[[partial(word("x", 0.01))], [partial()]] * 50)
    with pytest.raises(InputError, match=r"no word was told within 0.08 s"):
        run(played(taken_back, 50), words=1, seconds=0.05)


def test_an_interrupt_keeps_words_and_pace(
    tiny: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Recorder.add

    def interrupt(self: Recorder, sample: Sample) -> None:
        add(self, sample)
        if len(self) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Recorder, "add", interrupt)
    result, samples = measure(tiny["conformer_ctc"])
    assert result.interrupted
    assert result.queries == len(samples) >= 1
    assert result.pace is not None
    assert result.pace.calls > 0


def measure(path: Path, **options: Any) -> tuple[BenchResult, list[Sample]]:
    return bench_bundle(path, Options(threads=1, scenario="streaming", **options))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("clip") / "tones.wav"
    soundfile.write(path, np.stack([tones([0, 1, 2, 0, 3, 0])] * 2, axis=1), 2 * RATE)
    return str(path)


@pytest.fixture(scope="module")
def measured(tiny: dict[str, Path]) -> tuple[BenchResult, list[Sample]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(scenarios.TIERS, "smoke", Tier(4, 1e-6))
        return measure(tiny["conformer_ctc"], tier="smoke")


def test_the_golden_samples_follow_on_one_another(
    measured: tuple[BenchResult, list[Sample]],
) -> None:
    result, samples = measured
    assert result.queries == len(samples) >= 4
    assert result.settings.workers == 1
    assert result.settings.inputs == ("golden/00.npz",)
    assert (result.quantity, result.unit) == ("emission delay", "words")
    assert result.multi_threaded is None
    assert result.in_time is None
    assert result.jitter is None
    pace, parts = result.pace, result.parts
    assert pace is not None
    assert pace.calls == pytest.approx(pace.audio / 0.1)
    assert pace.streams == 0  # the stream goes on
    assert result.real_time_factor == pace.computing / pace.audio
    assert result.usage.wall >= pace.audio - 0.1
    waited = [sample.waited for sample in samples]
    assert parts.audio == pytest.approx(np.median(np.array(waited, float)))
    # "ab" and "c" are one utterance, behind each of which there is a pause.
    assert len(samples) // 2 <= sum(sample.first is not None for sample in samples) < len(samples)
    assert result.first_output is not None
    assert result.first_output[0].seconds == pytest.approx(
        np.median([sample.first for sample in samples if sample.first is not None])
    )
    for sample in samples:
        assert sample.pre + sample.run + sample.post <= sample.latency - (sample.waited or 0) + 1e-3


def test_files_are_played_at_their_own_rate_to_their_end(tiny: dict[str, Path], clip: str) -> None:
    result, samples = measure(tiny["conformer_ctc"], inputs=(clip,), workers=2)
    assert result.settings.inputs == (clip,)
    assert result.settings.workers == 2
    assert result.pace is not None
    assert result.pace.streams >= 1
    assert {sample.input for sample in samples} == {clip}
    with pytest.raises(InputNotFoundError):
        measure(tiny["conformer_ctc"], inputs=("absent.wav",))


def test_only_what_can_be_streamed_is(tiny: dict[str, Path]) -> None:
    for family in ("vit", "dnabert", "fastspeech2"):
        with pytest.raises(UsageError, match="expected a task that hears them"):
            measure(tiny[family])
    with pytest.raises(UsageError, match="keeps an episode"):
        measure(tiny["decision_transformer"])
    for option in ("rate", "bound"):
        with pytest.raises(UsageError, match=f"{option}: got 3.0 for the scenario 'streaming'"):
            measure(tiny["conformer_ctc"], **{option: 3.0})


def test_a_run_is_stored_merged_and_read_as_it_was(
    measured: tuple[BenchResult, list[Sample]], tmp_path: Path
) -> None:
    result, samples = measured
    value = json.loads(json.dumps(plain(result)))
    jsonschema.validate(value, schema(BenchResult))
    assert read(BenchResult, value, "result") == result
    files = tmp_path / "runs.json", tmp_path / "runs.jsonl"
    write_result([result], files[0])
    write_samples([measured], files[1])
    assert read_runs(*files) == [measured]
    assert merge([measured]) == result
    both = merge([measured, measured])
    assert both.pace is not None
    assert result.pace is not None
    assert both.pace == replace(
        result.pace,
        **{
            name: 2 * getattr(result.pace, name)
            for name in ("calls", "late", "streams", "audio", "computing")
        },
    )
    assert both.first_output is not None
    assert both.queries == 2 * len(samples)


def test_runs_that_were_stored_before_there_were_streams_are_read(
    tiny: dict[str, Path], tmp_path: Path
) -> None:
    found = bench_bundle(tiny["vit"], Options(threads=1))
    files = tmp_path / "runs.json", tmp_path / "runs.jsonl"
    write_result([found[0]], files[0])
    write_samples([found], files[1])
    (value,) = json.loads(files[0].read_text())
    for record, name in ((value, "pace"), (value, "first_output"), (value["parts"], "audio")):
        assert record.pop(name) is None
    files[0].write_text(json.dumps([value]))
    lines = [json.loads(line) for line in files[1].read_text().splitlines()]
    for line in lines:
        assert line.pop("waited") is line.pop("first") is None
    files[1].write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert read_runs(*files) == [found]


def test_advice_says_that_the_pace_is_not_kept(measured: tuple[BenchResult, Any]) -> None:
    pace = Pace(0.1, calls=100, late=4, streams=0, audio=10.0, computing=5.0)
    result = replace(measured[0], pace=pace, warnings=())
    assert advise(result).warnings == ()
    (warned,) = advise(replace(result, pace=replace(pace, late=6))).warnings
    assert warned.kind == "overload"
    assert "6 of 100 pieces were answered after the next one was due" in warned.text


def test_the_command_prints_and_draws_delays(
    tiny: dict[str, Path], clip: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    command = ["bench", str(tiny["conformer_ctc"]), "--scenario", "streaming", "--input", clip]
    assert main([*command, "--threads", "1"]) == 0
    printed = capsys.readouterr().out
    for text in ("emission delay", "first output\tp50", "kept pace", "words a second",
                 "audio / pre / run / post / rest"):  # fmt: skip
        assert text in printed
    streams = measure(tiny["conformer_ctc"], inputs=(clip,))
    whole = bench_bundle(tiny["conformer_ctc"], Options(threads=1))
    write_report([streams], page)
    text = page.read_text("utf-8")
    assert "Emission delay distribution" in text
    assert '<th scope="row">emission delay p50</th>' in text
    assert '<th scope="row">latency' not in text
    assert "audio " in text.partition("Stacked bars of the parts")[2][:100]
    write_report([streams, whole], page)
    text = page.read_text("utf-8")
    assert "Emission delay or latency distribution" in text
    assert '<th scope="row">latency mean</th><td class="missing"' not in text


def test_delays_below_nothing_are_drawn(
    measured: tuple[BenchResult, list[Sample]], tmp_path: Path
) -> None:
    result, samples = measured
    early = [one._replace(latency=-0.01 * number) for number, one in enumerate(samples)]
    for kept in (early, early[1:2], [early[0]._replace(latency=0.0)]):
        write_report([(result, kept)], tmp_path / "page.html")
    assert "The axis is logarithmic" not in (tmp_path / "page.html").read_text("utf-8")


def test_the_shipped_recognizer_tells_words_of_a_prompt(demo_bundles: Path) -> None:
    prompt = Path(__file__).parents[3] / "examples/data/speech/hours.flac"
    result, samples = measure(demo_bundles / "conformer-ctc-en.edge", inputs=(str(prompt),))
    assert result.queries == len(samples) >= 4
    assert all(sample.waited is not None and sample.waited < 1 for sample in samples)
