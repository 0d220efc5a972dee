import numpy as np
import pytest
import torch

from edgewright.errors import InputError, InputTypeError, UsageError
from edgewright.synthesis import istft, stft

SIZES = pytest.mark.parametrize(
    ("n_fft", "hop_length", "win_length"),
    [(512, 160, 400), (1024, 256, 1024), (400, 100, 400), (62, 13, 50), (2, 1, 2)],
)


def make_noise(num_samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.3, num_samples).astype(np.float32)


def torch_stft(waveform, n_fft, hop_length, win_length):
    window = torch.hann_window(win_length)
    waveform = torch.from_numpy(waveform)
    return torch.stft(waveform, n_fft, hop_length, win_length, window, return_complex=True).T


@SIZES
@pytest.mark.parametrize("extra", [1, 2, 1500, 5001])
def test_stft_equals_torch(n_fft, hop_length, win_length, extra):
    waveform = make_noise(n_fft // 2 + extra)
    got = stft(waveform, n_fft, hop_length, win_length)
    expected = torch_stft(waveform, n_fft, hop_length, win_length)
    assert (got.dtype, got.shape) == (np.complex64, tuple(expected.shape))
    np.testing.assert_allclose(got, expected, rtol=0, atol=2e-5)  # sums of up to 1024 samples


@SIZES
@pytest.mark.parametrize("extra", [None, -1, 0, 7])
def test_istft_equals_torch(n_fft, hop_length, win_length, extra):
    rng, bins = np.random.default_rng(1), n_fft // 2 + 1
    spectrum = (rng.normal(size=(21, bins)) + 1j * rng.normal(size=(21, bins))).astype(np.complex64)
    length = None if extra is None else 20 * hop_length + extra
    got = istft(spectrum, n_fft, hop_length, win_length, length)
    given = None if extra is None else min(length, 20 * hop_length)
    window = torch.hann_window(win_length, dtype=torch.float64)
    expected = torch.istft(
        torch.from_numpy(spectrum.T).to(torch.complex128), n_fft, hop_length, win_length, window,
        length=given,
    ).numpy()  # fmt: skip
    assert got.dtype == np.float32
    assert len(got) == (20 * hop_length if extra is None else length)
    np.testing.assert_allclose(got[: len(expected)], expected, rtol=0, atol=2e-5)


@SIZES
def test_istft_restores_the_waveform(n_fft, hop_length, win_length):
    waveform = make_noise(4000)
    spectrum = stft(waveform, n_fft, hop_length, win_length)
    again = istft(spectrum, n_fft, hop_length, win_length, 4000 // hop_length * hop_length)
    np.testing.assert_allclose(again, waveform[: len(again)], rtol=0, atol=2e-6)


def test_zeros_follow_the_last_frame():
    spectrum = stft(make_noise(1000), 64, 16, 64)
    waveform = istft(spectrum, 64, 16, 64, 3000)
    assert len(waveform) == 3000
    assert not waveform[1100:].any()
    assert len(istft(spectrum[:1], 64, 16, 64)) == 0


def test_views_are_read_in_their_own_order():
    spectrum = stft(make_noise(1000), 64, 16, 64)
    expected = istft(spectrum, 64, 16, 64)
    np.testing.assert_array_equal(istft(np.asfortranarray(spectrum), 64, 16, 64), expected)


def test_wrong_sizes_are_refused():
    waveform = make_noise(1000)
    for sizes, name in (((63, 16, 60), "n_fft"), ((0, 1, 0), "n_fft"), ((64, 0, 64), "hop_length"),
                        ((64, 16, 65), "win_length"), ((64, 16, 0), "win_length")):  # fmt: skip
        with pytest.raises(UsageError, match=f"{name}: got .*, expected"):
            stft(waveform, *sizes)
    with pytest.raises(UsageError, match="hop_length: got 64, expected below win_length 64"):
        istft(np.zeros((3, 33), np.complex64), 64, 64, 64)
    with pytest.raises(UsageError, match="length: got -1, expected 0 to"):
        istft(np.zeros((3, 33), np.complex64), 64, 16, 64, -1)


def test_wrong_arrays_are_refused():
    with pytest.raises(InputTypeError, match="'waveform': got int16, expected a float32"):
        stft(np.zeros(1000, np.int16), 64, 16, 64)
    with pytest.raises(InputError, match="'waveform': got 32 samples, expected more than 32"):
        stft(make_noise(32), 64, 16, 64)
    with pytest.raises(InputTypeError, match="'spectrum': got complex128, expected a complex64"):
        istft(np.zeros((3, 33), complex), 64, 16, 64)
    with pytest.raises(InputError, match=r"'spectrum': got shape \(33, 3\), expected \(frames, 33"):
        istft(np.zeros((33, 3), np.complex64), 64, 16, 64)
    with pytest.raises(InputError, match="'spectrum': got NaN, infinity"):
        istft(np.full((3, 33), np.nan, np.complex64), 64, 16, 64)
