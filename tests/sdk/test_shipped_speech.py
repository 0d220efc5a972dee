"""The shipped recognizer and voice on real prompts, on noise, and on each other."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import edgewright as ew
from edgewright.families.conformer_ctc import ConformerCTC
from edgewright.families.fastspeech2 import FastSpeech2
from edgewright.loudness import TARGET_DBFS, speech_rms
from edgewright.tasks.metrics import word_error_rate

DATA = Path(__file__).parents[2] / "examples" / "data"
RATE = 16000
MOST_WORDS_A_MINUTE = 1  # invented in noise; docs/conformer_ctc.md says so


@pytest.fixture(scope="module", params=["fp32", "int8"])
def recognizer(request: pytest.FixtureRequest, demo_bundles: Path) -> Iterator[ConformerCTC]:
    path = demo_bundles / "conformer-ctc-en.edge"
    with ew.load(path, precision=request.param, threads=1) as model:
        assert isinstance(model, ConformerCTC)
        yield model


@pytest.fixture(scope="module")
def voice(demo_bundles: Path) -> Iterator[FastSpeech2]:
    with ew.load(demo_bundles / "fastspeech2-en.edge", threads=1) as model:
        assert isinstance(model, FastSpeech2)
        yield model


def prompts() -> list[tuple[Path, str]]:
    lines = (DATA / "speech" / "transcripts.tsv").read_text("utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    return [(DATA / "speech" / name, text) for name, text in rows]


def test_prompts_of_the_development_split_are_understood(recognizer: ConformerCTC) -> None:
    files, texts = zip(*prompts(), strict=True)
    heard = [recognizer(file).text for file in files]
    assert word_error_rate(texts, heard) < 0.5


def test_noise_is_not_taken_for_speech(recognizer: ConformerCTC) -> None:
    rng = np.random.default_rng(0)
    white = [rng.normal(0, 10**level, 15 * RATE) for level in (-3.0, -2.0, -1.5, -1.0)]
    brown = [np.cumsum(noise - noise.mean()) for noise in white]
    noises = [*white, *(noise / np.abs(noise).max() / 3 for noise in brown)]
    words = [len(recognizer(noise.clip(-1, 1).astype(np.float32)).words) for noise in noises]
    assert sum(words) <= MOST_WORDS_A_MINUTE * len(noises) * 15 / 60
    assert recognizer(np.zeros(60 * RATE, np.float32)).text == ""


def test_the_recognizer_understands_the_voice(recognizer: ConformerCTC, voice: FastSpeech2) -> None:
    texts = ["Please press one to leave a message.", "Your call has been saved."]
    heard = [
        recognizer(voice(text).waveform, sample_rate=voice.config.sample_rate) for text in texts
    ]
    spoken = [text.rstrip(".").lower() for text in texts]
    assert word_error_rate(spoken, [one.text for one in heard]) < 0.5


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_spanish_voice_reads_spanish(precision: str, demo_bundles: Path) -> None:
    path = demo_bundles / "fastspeech2-es.edge"
    with ew.load(path, precision=precision, threads=1) as voice:
        assert isinstance(voice, FastSpeech2)
        speech = voice("¿A qué hora sale el tren? A las 7:30, del andén n.º 2.")
    words = dict.fromkeys(one.word for one in speech.phonemes if one.symbol[:3] != "pau")
    assert " ".join(words) == "a qué hora sale el tren las siete treinta del andén número dos"
    assert 3.0 < speech.duration < 7.0
    assert 0.05 < np.abs(speech.waveform).max() < 1.0
    vowels = [one for one in speech.phonemes if one.symbol[-1] in "01"]
    assert 0.04 < np.mean([one.end - one.start for one in vowels]) < 0.16


def spoken_texts(language: str) -> list[str]:
    """Return a word, sentences, and all of them as one long text."""
    name = {"en": "sentences.txt", "es": "sentences_es.txt"}[language]
    lines = (DATA / name).read_text("utf-8").splitlines()
    return ["No.", *lines[:6], " ".join(lines)]


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_chunks_of_the_shipped_voices_join_to_the_whole(
    demo_bundles: Path, language: str, precision: str
) -> None:
    """int8 has fixed scales, so its windows are exact; float convolutions differ by rounding."""
    bundle = demo_bundles / f"fastspeech2-{language}.edge"
    with ew.load(bundle, precision=precision, threads=1) as voice:
        assert isinstance(voice, FastSpeech2)
        assert voice.stream_unit == "chunk"
        for text in spoken_texts(language):
            whole = voice(text).waveform
            for seconds in (None, 0.0125, 0.3, 2.0) if len(text) < 100 else (None, 0.3):
                chunks = [one.waveform for one in voice.stream(text, chunk_seconds=seconds)]
                difference = np.abs(np.concatenate(chunks) - whole).max()
                largest = 0.0 if precision == "int8" else 10 ** (-70 / 20) * np.abs(whole).max()
                assert difference <= largest


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_sentence_of_the_shipped_voices_has_the_target_loudness(
    demo_bundles: Path, language: str
) -> None:
    """The level comes from the mel; 1 dB is about what a listener can tell."""
    with ew.load(demo_bundles / f"fastspeech2-{language}.edge", threads=1) as voice:
        assert isinstance(voice, FastSpeech2)
        texts = spoken_texts(language)[1:]
        waveforms = [voice(text).waveform for text in texts]
    levels = [20 * np.log10(speech_rms(one, RATE)) for one in waveforms]
    assert np.abs(np.array(levels) - TARGET_DBFS).max() < 1.0
    assert max(np.abs(one).max() for one in waveforms) < 0.99
