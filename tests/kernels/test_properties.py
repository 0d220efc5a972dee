"""Kernels on inputs of any size, layout and value; the references are NumPy and torch."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import every_kernel
from edgewright.ctc import BeamSearch, WordSearch, greedy_decode
from edgewright.features import LogMel
from edgewright.synthesis import istft, regulate_length, stft
from reference import ctc as reference

SEEDS = st.integers(0, 2**32 - 1)
LAYOUTS = st.sampled_from(["C", "Fortran", "every second", "backwards"])


def laid_out(array, layout):
    """Return a view with the values of `array` in another memory layout."""
    if layout == "every second":
        return np.repeat(array, 2, axis=0)[::2]
    if layout == "backwards":
        return np.ascontiguousarray(array[::-1])[::-1]
    return np.asfortranarray(array) if layout == "Fortran" else array


@given(SEEDS, st.integers(0, 70), st.integers(1, 200), LAYOUTS, st.sampled_from([1, 3, 1000]))
def test_greedy_equals_numpy(seed, frames, vocabulary, layout, levels):
    rng = np.random.default_rng(seed)
    logits = rng.integers(0, levels, (frames, vocabulary)).astype(np.float32)  # many ties
    blank_id = int(rng.integers(vocabulary))
    got = greedy_decode(laid_out(logits, layout), blank_id)
    assert tuple(token.token_id for token in got) == reference.collapse(
        logits.argmax(axis=1).tolist(), blank_id
    )


@given(SEEDS, st.integers(0, 40), st.integers(1, 9), st.integers(1, 20), LAYOUTS)
def test_searches_stay_within_probability(seed, frames, vocabulary, width, layout):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (frames, vocabulary)).astype(np.float32)
    view = laid_out(logits, layout)
    tokens = [chr(ord("a") + index) for index in range(vocabulary)]
    for search in (BeamSearch(0, beam_width=width), WordSearch(tokens, 0, beam_width=width)):
        found = search(view, n_best=width)
        scores = [item.score for item in found]
        assert 1 <= len(found) <= width
        assert scores == sorted(scores, reverse=True)
        assert sum(map(math.exp, scores)) < 1 + 1e-6
        assert found == search(logits, n_best=width)


@given(SEEDS, st.integers(0, 60), st.integers(1, 40), LAYOUTS)
def test_the_length_regulator_equals_numpy(seed, time, size, layout):
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(time, size)).astype(np.float32)
    durations = rng.integers(0, 5, time) * (rng.random() < 0.9)
    counts = durations if durations.any() else np.ones(time, int)
    got = regulate_length(laid_out(hidden, layout), laid_out(durations, layout))
    np.testing.assert_array_equal(got, np.repeat(hidden, counts, axis=0))


@settings(max_examples=60)
@given(SEEDS, st.integers(1, 60), st.data())
def test_stft_and_its_inverse_equal_torch(seed, half, data):
    n_fft = 2 * half
    win_length = data.draw(st.integers(2, n_fft))
    hop_length = data.draw(st.integers(1, max(1, win_length // 2)))
    size = data.draw(st.integers(half + 1, 6 * n_fft))
    waveform = np.random.default_rng(seed).normal(0, 0.3, size).astype(np.float32)
    layout = data.draw(st.sampled_from(["C", "every second", "backwards"]))
    got = stft(laid_out(waveform, layout), n_fft, hop_length, win_length)
    window = torch.hann_window(win_length)
    theirs = torch.stft(
        torch.from_numpy(waveform), n_fft, hop_length, win_length, window, return_complex=True
    )
    np.testing.assert_allclose(got, theirs.numpy().T, atol=1e-4)
    length = (len(got) - 1) * hop_length
    if length and hop_length < win_length:
        back = istft(got, n_fft, hop_length, win_length)
        inside = slice(half, max(half, length - half))  # at the ends a narrow window may be 0
        np.testing.assert_allclose(back[inside], waveform[:length][inside], atol=2e-4)


@pytest.mark.parametrize("name", ["kaldi", "nemo", "plain"])
@given(seed=SEEDS, extra=st.integers(0, 3000), layout=LAYOUTS)
def test_features_do_not_depend_on_layout_or_on_what_comes_later(name, seed, extra, layout):
    log_mel: LogMel = every_kernel.FEATURES[name]
    waveform = np.random.default_rng(seed).normal(0, 0.1, log_mel.min_samples + extra)
    waveform = waveform.astype(np.float32)
    features = log_mel(waveform)
    assert features.shape == (log_mel.num_frames(waveform.size), log_mel.config.num_mel_bins)
    assert np.isfinite(features).all()
    np.testing.assert_array_equal(log_mel(laid_out(waveform, layout)), features)
    if log_mel.config.padding == "none":
        longer = np.concatenate([waveform, waveform])
        np.testing.assert_array_equal(log_mel(longer)[: len(features)], features)


@settings(max_examples=20)
@given(SEEDS, st.integers(4, 40), LAYOUTS)
def test_griffin_lim_speaks_any_number_of_frames(seed, frames, layout):
    griffin_lim = every_kernel.GRIFFIN_LIM
    bins = griffin_lim.config.mel.num_mel_bins
    mel = np.random.default_rng(seed).normal(-3, 2, (frames, bins)).astype(np.float32)
    waveform = griffin_lim(mel)
    assert np.isfinite(waveform).all()
    np.testing.assert_array_equal(griffin_lim(laid_out(mel, layout)), waveform)
    assert waveform.size == (frames - 1) * griffin_lim.config.mel.hop_length
