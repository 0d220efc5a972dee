import numpy as np
import pytest
import torch

from edgewright.features import LogMel, LogMelConfig

pytest.importorskip("pyworld")

from fastspeech2_data import (
    Corpus,
    frame_durations,
    load_corpus,
    log_mel,
    log_pitch,
    magnitudes,
    make_vocabulary,
    phone_means,
    save_corpus,
    token_of,
)
from fastspeech2_evaluate import griffin_lim, word_error_rate
from fastspeech2_training import FEATURES, chosen_at, losses, make_batch, make_model
from spoken_phones import SpokenPhone


@pytest.fixture(scope="module")
def corpus():
    rng = np.random.default_rng(5)
    tokens = np.array([4, 9])
    durations = rng.integers(0, 6, tokens.sum())
    frames = [durations[:4].sum(), durations[4:].sum()]
    number = len(durations)
    return Corpus(
        texts=np.array(["a.", "b."]),
        token_ids=rng.integers(1, 118, number),
        durations=durations,
        pitch=rng.normal(5, 0.1, number).astype(np.float32),
        energy=rng.normal(3, 1, number).astype(np.float32),
        mel=rng.normal(-5, 2, (sum(frames), 80)).astype(np.float16),
        token_ends=np.cumsum(tokens),
        frame_ends=np.cumsum(frames),
    )


def tone(seconds=0.6):
    rng = np.random.default_rng(6)
    wave = np.sign(np.sin(2 * np.pi * 180 * np.arange(int(seconds * 16000)) / 16000))
    return (0.2 * wave + 0.001 * rng.normal(size=len(wave))).astype(np.float32)


def test_the_mel_is_the_one_of_the_runtime():
    mel = log_mel(magnitudes(tone()))
    np.testing.assert_allclose(mel, LogMel(LogMelConfig(**FEATURES))(tone()), atol=1e-3)


def test_pitch_of_a_tone():
    pitch = np.exp(log_pitch(tone(), 49))
    assert np.median(pitch) == pytest.approx(180, rel=0.02)


def test_griffin_lim_returns_to_the_mel():
    mel = log_mel(magnitudes(tone()))
    again = log_mel(magnitudes(griffin_lim(mel)))
    assert again.shape == mel.shape
    assert np.abs(again - mel)[4:-4].mean() < 0.4


def test_durations_use_every_frame():
    # Frame centres at 0, 200, 400, 600 and 800 samples; phones end at 240, 250, 810.
    ends = np.array([240, 250, 810]) / 16000
    assert frame_durations(ends, 810, 5).tolist() == [2, 0, 3]


def test_means_of_phones_without_frames_are_those_of_the_next_frame():
    values = np.array([1.0, 3.0, 5.0, 7.0], np.float32)
    assert phone_means(values, np.array([2, 0, 2, 0])).tolist() == [2.0, 5.0, 6.0, 7.0]


def test_tokens_tell_stress_words_and_marks():
    vocabulary = make_vocabulary()
    assert token_of(SpokenPhone("ah", 1, True, "", 0.1)) == "_ah1"
    assert token_of(SpokenPhone("ng", None, False, "", 0.1)) == "ng"
    assert token_of(SpokenPhone("pau", None, False, "?", 0.1)) == "pau?"
    assert vocabulary["<pad>"] == 0
    assert sorted(vocabulary.values()) == list(range(118))


def test_batches_repeat_tokens_as_long_as_they_last(corpus):
    batch = make_batch(corpus, np.array([0, 1]), make_model(corpus))
    for row, keep, durations in zip(batch.rows, batch.frame_keep, batch.durations, strict=True):
        wanted = torch.arange(len(durations)).repeat_interleave(durations)
        assert torch.equal(row[keep], wanted)


def test_a_batch_has_the_losses_of_its_rows(corpus):
    model = make_model(corpus).eval()
    both, *single = (
        losses(model, make_batch(corpus, np.array(chosen), model)) for chosen in ([0, 1], [0], [1])
    )
    weights = np.diff(corpus.frame_ends, prepend=0)
    wanted = np.average([float(part["mel"].detach()) for part in single], weights=weights)
    assert float(both["mel"].detach()) == pytest.approx(wanted, rel=1e-4)


def test_an_epoch_sees_every_sentence_once():
    order = np.random.default_rng(7).permutation(256)
    seen = np.concatenate([chosen_at(step, order, 200) for step in range(16)])
    assert sorted(seen) == list(range(200, 456))
    assert not np.array_equal(chosen_at(0, order, 200), chosen_at(16, order, 200))


def test_a_corpus_comes_back(corpus, tmp_path):
    save_corpus(corpus, tmp_path / "corpus.npz")
    again = load_corpus(tmp_path / "corpus.npz")
    assert np.array_equal(again.mel[again.frames(1)], corpus.mel[corpus.frames(1)])
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.npz"]


@pytest.mark.parametrize(
    ("heard", "errors"), [("The cat sat.", 0), ("the hat sat", 1), ("", 3), ("a the cat sat", 1)]
)
def test_word_error_rate(heard, errors):
    assert word_error_rate(["the cat sat"], [heard]) == pytest.approx(errors / 3)
