"""Text through the voice: tokens, durations, mel, loudness, WAV files, bad input."""

import argparse
import json
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgewright as ew
import tiny_voice
from edgewright.errors import BundleError, InputError, InputTypeError, UsageError
from edgewright.families.fastspeech2 import FastSpeech2
from edgewright.families.phone_tokens import PhoneTokens, pieces
from edgewright.loudness import speech_rms
from edgewright.tasks.speak import Chunk, Speak, Spoken, WavWriter
from tiny_voice import WORDS, Phone, phonemize


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("voices")


@pytest.fixture(scope="module")
def voice(folder: Path) -> Iterator[FastSpeech2]:
    with pytest.MonkeyPatch.context() as patch:
        model = ew.load(tiny_voice.fastspeech2(folder / "voice.edge"), threads=1)
        assert isinstance(model, FastSpeech2)
        patch.setattr(model, "_phonemize", phonemize)
        yield model


def test_infer_equals_the_definition(voice: FastSpeech2) -> None:
    rng = np.random.default_rng(0)
    for count in (1, 2, 17):
        ids = rng.integers(1, len(tiny_voice.VOCABULARY), count)
        durations = rng.integers(1, 5, count)
        answer = voice.infer({"token_ids": ids, "durations": durations})
        np.testing.assert_allclose(
            answer["mel"], tiny_voice.mel_of(ids, durations), rtol=1e-5, atol=1e-6
        )
        np.testing.assert_array_equal(answer["durations"], tiny_voice.durations_of(ids))


def test_a_spanish_voice_reads_spanish_without_data(folder: Path) -> None:
    bundle = tiny_voice.fastspeech2(folder / "spanish.edge", language="es")
    assert not list((bundle / "assets").glob("*.xz"))
    with ew.load(bundle, threads=1) as model:
        speech = model("Sí, no. ¿No?")
    symbols = [phoneme.symbol for phoneme in speech.phonemes]
    assert symbols == ["pau", "_s", "i1", "pau,", "_n", "o1", "pau.", "pau", "_n", "o1", "pau?"]
    assert [one.word for one in speech.phonemes[1:3]] == ["sí", "sí"]


@pytest.mark.parametrize(
    "config",
    [
        {"language": "es"},
        {"language": "en", "lexicon": None, "letter_to_sound": None},
        {"language": "en", "lexicon": None},
    ],
)
def test_data_of_another_language_are_refused(folder: Path, config: dict[str, str | None]) -> None:
    name = "-".join([*config, str(config["language"])])
    bundle = tiny_voice.fastspeech2(folder / f"{name}.edge", config=config)
    with pytest.raises(BundleError, match="lexicon, letter_to_sound"):
        ew.load(bundle)


def test_an_unknown_language_is_refused(folder: Path) -> None:
    bundle = tiny_voice.fastspeech2(folder / "french.edge", config={"language": "fr"})
    with pytest.raises(BundleError, match="language"):
        ew.load(bundle)


def test_a_text_becomes_tokens_with_times(voice: FastSpeech2) -> None:
    speech = voice("see no.")
    symbols = [phoneme.symbol for phoneme in speech.phonemes]
    assert symbols == ["pau", "_s", "iy1", "_n", "ow1", "pau."]
    frames = tiny_voice.durations_of(np.array([tiny_voice.VOCABULARY.index(s) for s in symbols]))
    ends = np.cumsum(frames) * tiny_voice.HOP / tiny_voice.RATE
    np.testing.assert_allclose([one.end for one in speech.phonemes], ends)
    assert [one.word for one in speech.phonemes[1:5]] == ["see", "see", "no", "no"]
    assert speech.duration == speech.waveform.size / tiny_voice.RATE
    assert speech.duration == pytest.approx(ends[-1])


def test_loudness_is_the_same_and_nothing_clips(voice: FastSpeech2) -> None:
    waveform = voice("see no.").waveform
    assert np.abs(waveform).max() < 0.99
    assert 20 * np.log10(speech_rms(waveform, tiny_voice.RATE)) == pytest.approx(-23, abs=0.01)
    loud = voice("see no.", energy_scale=4).waveform
    assert np.abs(loud).max() == pytest.approx(0.99)
    assert -23 < 20 * np.log10(speech_rms(loud, tiny_voice.RATE)) < -23 + 12.05


def test_rate_two_speaks_in_half_the_time(voice: FastSpeech2) -> None:
    slow, fast = voice("see no see no."), voice("see no see no.", speaking_rate=2)
    assert 0.4 < fast.duration / slow.duration < 0.6


def test_a_list_is_spoken_text_by_text(voice: FastSpeech2) -> None:
    one_by_one, listed = [voice(t) for t in ("see", "no")], voice(["see", "no"])
    for a, b in zip(one_by_one, listed, strict=True):
        np.testing.assert_array_equal(a.waveform, b.waveform)


def test_eight_callers_get_what_one_gets(voice: FastSpeech2) -> None:
    words = np.random.default_rng(4).choice(["see", "no", "no."], (24, 12))
    texts = ["see " + " ".join(row) for row in words.tolist()]

    def spoken(text: str) -> bytes:
        return voice(text, speaking_rate=1.3).waveform.tobytes()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(spoken, texts)) == list(map(spoken, texts))


def test_a_sentence_without_end_is_cut(voice: FastSpeech2) -> None:
    parts = list(voice.stream("see no " * 100))
    assert [part.is_last for part in parts] == [False] * (len(parts) - 1) + [True]
    assert {part.sentence for part in parts} == {0}
    assert sum(len(part.phonemes) for part in parts) == 400 + 2 * len(parts)
    assert all(len(part.phonemes) <= voice.config.max_phones + 2 for part in parts)
    assert all(part.phonemes[1].symbol in {"_s", "_n"} for part in parts)


def test_pieces_prefer_pauses_then_words() -> None:
    phones = [*WORDS["see"], *WORDS["no"], Phone("pau", None, False, ","), *WORDS["see"]]
    assert [len(piece) for piece in pieces(phones, 6)] == [5, 2]
    assert [len(piece) for piece in pieces(phones[:4], 3)] == [2, 2]
    assert [len(piece) for piece in pieces([WORDS["see"][1]] * 7, 3)] == [3, 3, 1]


def test_arpabet_vocabularies_take_marks_and_an_end() -> None:
    vocabulary = {t: i for i, t in enumerate(("<unk>", "S", "IY1", "N", ",", " ", "<sos/eos>"))}
    phones = (*WORDS["see"], Phone("pau", None, False, ","), *WORDS["no"])
    tokens = PhoneTokens(vocabulary, "arpabet", spaces=True)(phones)
    assert [token.symbol for token in tokens] == ["S", "IY1", ",", " ", "N", "<unk>", "<sos/eos>"]
    with pytest.raises(BundleError, match="<unk>"):
        PhoneTokens({"S": 0, "<sos/eos>": 1}, "arpabet", spaces=False)


@pytest.mark.parametrize("kind", tiny_voice.VOCODERS)
def test_a_vocoder_is_used_where_there_is_one(
    folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ew.load(tiny_voice.fastspeech2(folder / f"{kind}.edge", vocoder=kind)) as model:
        for frames in (1, 2, 5):
            durations = np.array([frames, 0, 0])
            answer = model.infer({"token_ids": np.array([5, 1, 6]), "durations": durations})
            expected = tiny_voice.waveform_of(answer["mel"], kind)
            assert answer["waveform"].shape == (frames * tiny_voice.HOP,)
            np.testing.assert_allclose(answer["waveform"], expected, rtol=1e-4, atol=1e-5)
        monkeypatch.setattr(model, "_phonemize", phonemize)
        speech = model("see no.")
    assert speech.waveform.size == round(speech.phonemes[-1].end * tiny_voice.RATE)
    assert speech_rms(speech.waveform, tiny_voice.RATE) == pytest.approx(10 ** (-23 / 20), rel=0.01)
    assert ew.verify(folder / f"{kind}.edge").ok


def test_all_zero_durations_are_one_frame_each(voice: FastSpeech2) -> None:
    ids = np.zeros(3, np.int64)  # pads last 0 frames
    answer = voice.infer({"token_ids": ids, "durations": np.zeros(3, np.int64)})
    np.testing.assert_array_equal(answer["durations"], [1, 1, 1])
    assert len(answer["mel"]) == 3


@pytest.mark.parametrize("text", ["", "  ", "?!", "日本", "...."])
def test_nothing_to_speak_is_an_error(voice: FastSpeech2, text: str) -> None:
    with pytest.raises(InputError, match="nothing can be spoken"):
        voice(text)


def test_wrong_calls_are_refused_in_words(voice: FastSpeech2) -> None:
    with pytest.raises(InputTypeError, match="'text 1': got bytes"):
        voice(["see", b"no"])  # type: ignore[list-item]
    for value in (0, -1, float("nan"), 9, "fast", None):
        with pytest.raises(UsageError, match="speaking_rate: got"):
            voice("see", speaking_rate=value)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="expected 1 dimensions"):
        voice.infer({"token_ids": np.zeros((1, 2), np.int64), "durations": np.ones(2, np.int64)})
    with pytest.raises(InputError, match="durations"):
        voice.infer({"token_ids": np.ones(2, np.int64), "durations": np.array([1, -1])})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"hop_length": 0}, "hop_length 0"),
        ({"mel_scale": [1.0, 2.0]}, "mel_scale: got 2 values"),
        ({"griffin_lim": None}, "components"),
        ({"style": "ipa"}, "style"),
    ],
)
def test_a_config_that_does_not_fit_is_a_broken_bundle(
    voice: FastSpeech2, tmp_path: Path, config: dict[str, object], message: str
) -> None:
    bundle = tiny_voice.fastspeech2(tmp_path / "bad.edge", config=config)
    with pytest.raises(BundleError, match=message):
        ew.load(bundle)


def test_the_wav_file_has_the_samples(voice: FastSpeech2, tmp_path: Path) -> None:
    speech = voice("see")
    speech.save(tmp_path / "see.wav")
    with wave.open(str(tmp_path / "see.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        stored = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    np.testing.assert_allclose(stored / 32767, speech.waveform, atol=0.51 / 32767)


def test_an_unfinished_wav_file_never_appears(tmp_path: Path) -> None:
    (tmp_path / "old.wav").write_bytes(b"old")

    def interrupted() -> None:
        with WavWriter(tmp_path / "old.wav", 8000) as writer:
            writer.write(np.zeros(100, np.float32))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("old.wav", b"old")]


def run(voice: FastSpeech2, *argv: str) -> list[Any]:
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    Speak.add_arguments(parser)
    return list(Speak.run(voice, parser.parse_args(["voice.edge", *argv])))


def test_the_command_writes_one_file_or_a_folder(voice: FastSpeech2, tmp_path: Path) -> None:
    (one,) = run(voice, "see no.see", "-o", str(tmp_path / "one.wav"))
    described = f"{tmp_path / 'one.wav'}: {voice('see no.see').duration:.2f} s, first audio after "
    assert str(one).startswith(described)
    assert 0 < one.first_output <= one.timings.total
    run(voice, "see", "no", "-o", str(tmp_path / "two"), "--speaking-rate", "2")
    assert sorted(p.name for p in (tmp_path / "two").iterdir()) == ["0001.wav", "0002.wav"]


def test_the_command_tells_chunks_of_a_stream(voice: FastSpeech2, tmp_path: Path) -> None:
    *chunks, spoken = run(voice, "see no.see", "-o", str(tmp_path / "one.wav"), "--stream")
    assert isinstance(spoken, Spoken)
    assert all(isinstance(chunk, Chunk) for chunk in chunks)
    assert [(one.sentence, one.text, one.is_last) for one in chunks] == [
        (0, "see no", True), (1, "see", True),
    ]  # fmt: skip
    assert chunks[1].start == chunks[0].duration
    assert spoken.duration == sum(chunk.duration for chunk in chunks)
    assert spoken.first_output == chunks[0].timings.total


def test_files_have_the_numbers_of_their_lines(voice: FastSpeech2, tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_bytes("\ufeffsee\r\n\nno\u2028see\x0cno\rsee\nno".encode())
    answers = run(voice, "--file", str(lines), "-o", str(tmp_path / "out"))
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["0001.wav", "0003.wav", "0004.wav"]
    assert [answer.text for answer in answers] == ["see", "no\u2028see\x0cno\rsee", "no"]


def test_a_text_may_stand_behind_the_options(voice: FastSpeech2, tmp_path: Path) -> None:
    output = str(tmp_path / "one.wav")
    assert [one.text for one in run(voice, "-o", output, "see")] == ["see"]
    assert [one.text for one in run(voice, "-o", output, "--", "-x see")] == ["-x see"]


def test_a_line_without_words_is_named(voice: FastSpeech2, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("see\n\n?!\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"line 3 of '.*lines.txt', for '.*0003.wav': .*'\?!'"):
        run(voice, "--file", str(tmp_path / "lines.txt"), "-o", str(tmp_path / "out"))
    with pytest.raises(InputError, match="text 2, for"):
        run(voice, "see", "?!", "-o", str(tmp_path / "out"))


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        ((), UsageError),
        (("see", "--file", "x"), UsageError),
        (("",), InputError),
        (("--file", "absent.txt"), InputError),
    ],
)
def test_the_command_refuses(
    voice: FastSpeech2, tmp_path: Path, argv: tuple[str, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        run(voice, *argv, "-o", str(tmp_path / "out.wav"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("texts", "output", "match"),
    [
        (["see"], ".", "ends in .wav"),
        (["see"], "out.mp3", "ends in .wav"),
        (["see"], "absent/out.wav", "no existing folder"),
        (["see", "no"], "absent/out", "existing folder"),
    ],
)
def test_outputs_that_cannot_be_made_are_refused(
    voice: FastSpeech2, tmp_path: Path, texts: list[str], output: str, match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        run(voice, *texts, "-o", str(tmp_path / output))
    if len(texts) == 1:
        with pytest.raises(UsageError, match=match):
            voice("see").save(tmp_path / output)
    assert not list(tmp_path.iterdir())


def test_the_vocabulary_must_be_an_object(voice: FastSpeech2, folder: Path) -> None:
    bundle = tiny_voice.fastspeech2(folder / "vocabulary.edge")
    (bundle / "assets/vocab.json").write_text(json.dumps([1]))
    with pytest.raises(BundleError):
        ew.load(bundle, check="used")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"istft": None}, "components with outputs"),
        ({"istft": {"n_fft": 66, "hop_length": 32}}, "istft: got .*, expected that of spectra"),
        ({"istft": {"n_fft": 64, "hop_length": 16}}, "expected the hop_length beside it, 32"),
        ({"istft": {"n_fft": 32, "hop_length": 32}}, "an even n_fft up to 65536, above hop_length"),
        ({"istft": {"n_fft": 65, "hop_length": 32}}, "an even n_fft"),
        ({"griffin_lim": {"mel": tiny_voice.MEL}}, "istft: got it beside griffin_lim"),
    ],
)
def test_spectra_that_do_not_fit_are_a_broken_bundle(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    bundle = tiny_voice.fastspeech2(tmp_path / "bad.edge", vocoder="spectrum", config=changes)
    with pytest.raises(BundleError, match=message):
        ew.load(bundle)


@pytest.mark.parametrize(("vocoder", "context"), [("", 1), ("waveform", 1), ("spectrum", -1)])
def test_a_context_that_cannot_be_is_a_broken_bundle(
    tmp_path: Path, vocoder: str, context: int
) -> None:
    config = {"context": context}
    bundle = tiny_voice.fastspeech2(tmp_path / "bad.edge", vocoder=vocoder, config=config)
    with pytest.raises(BundleError, match=r"context: got .*, expected 0 or more, and istft"):
        ew.load(bundle)


def test_features_of_another_rate_are_a_broken_bundle(folder: Path) -> None:
    bundle = tiny_voice.fastspeech2(folder / "rate.edge", config={"sample_rate": 8001})
    with pytest.raises(BundleError, match=r"griffin_lim\.mel: got .*, expected rate and hop"):
        ew.load(bundle)
