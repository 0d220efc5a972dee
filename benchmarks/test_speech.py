"""Log-mel features, short-time spectra, Griffin-Lim."""

from dataclasses import replace

import asrfront.sensevoice
import kaldi_native_fbank
import librosa
import numpy as np
import scipy.signal
import torch
from transformers import ParakeetFeatureExtractor

from edgewright.features import LogMel, LogMelConfig, LogMelStream
from edgewright.synthesis import GriffinLim, GriffinLimConfig, istft, stft

KALDI = LogMelConfig(
    sample_rate=16000, num_mel_bins=80, n_fft=512, win_length=400, hop_length=160,
    window="hamming", periodic=False, padding="none", preemphasis=0.97, preemphasis_scope="frame",
    remove_dc=True, power=2.0, low_frequency=20.0, high_frequency=8000.0, mel_scale="htk",
    triangles="mel", mel_norm="none", input_scale=32768.0, floor=1.1920928955078125e-07,
    floor_mode="max", normalization="none",
)  # fmt: skip
NEMO = replace(
    KALDI, window="hann", padding="zeros", preemphasis_scope="signal", remove_dc=False,
    low_frequency=0.0, mel_scale="slaney", triangles="hertz", mel_norm="slaney", input_scale=1.0,
    floor=2.0**-24, floor_mode="add", normalization="per_feature",
)  # fmt: skip
SYNTHESIS = LogMelConfig(
    sample_rate=22050, num_mel_bins=80, n_fft=1024, win_length=1024, hop_length=256, window="hann",
    periodic=True, padding="reflect", preemphasis=0.0, preemphasis_scope="signal", remove_dc=False,
    power=1.0, low_frequency=0.0, high_frequency=8000.0, mel_scale="slaney", triangles="hertz",
    mel_norm="slaney", input_scale=1.0, floor=1e-5, floor_mode="max", normalization="none",
)  # fmt: skip
SECONDS = 10
WINDOW = torch.hann_window(1024)


def make_audio(seconds: int, sample_rate: int) -> np.ndarray:
    """Return float32 noise whose loudness rises and falls like syllables."""
    rng = np.random.default_rng(0)
    times = np.arange(seconds * sample_rate) / sample_rate
    return (rng.normal(0, 0.1, times.size) * (1.1 + np.sin(20 * times))).astype(np.float32)


def test_kaldi_log_mel(versus):
    audio, log_mel = make_audio(SECONDS, 16000), LogMel(KALDI)
    np.testing.assert_allclose(log_mel(audio), asrfront.sensevoice.fbank_raw(audio), atol=1e-3)
    versus(
        "asrfront", lambda: log_mel(audio), lambda: asrfront.sensevoice.fbank_raw(audio),
        bar=0.6, work=SECONDS, unit="second of audio",
    )  # fmt: skip


def test_kaldi_log_mel_in_chunks_of_100_ms(versus):
    """Ours keeps its state; asrfront has none and is given the samples of the ten frames."""
    audio = make_audio(SECONDS, 16000)
    stream = LogMelStream(LogMel(KALDI))
    stream.feed(audio[:400])
    chunk, window = audio[400:2000], audio[: 9 * 160 + 400]
    assert stream.feed(chunk).shape == asrfront.sensevoice.fbank_raw(window).shape == (10, 80)
    versus(
        "asrfront", lambda: stream.feed(chunk), lambda: asrfront.sensevoice.fbank_raw(window),
        bar=0.6, work=1, unit="chunk of 100 ms",
    )  # fmt: skip


def test_kaldi_log_mel_against_kaldi_native_fbank(versus):
    audio, log_mel = make_audio(SECONDS, 16000), LogMel(KALDI)
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0.0
    options.frame_opts.window_type = "hamming"
    options.mel_opts.num_bins = 80
    options.mel_opts.high_freq = 8000.0

    def theirs() -> np.ndarray:
        fbank = kaldi_native_fbank.OnlineFbank(options)
        fbank.accept_waveform(16000, audio * 32768.0)
        return np.stack([fbank.get_frame(index) for index in range(fbank.num_frames_ready)])

    np.testing.assert_allclose(log_mel(audio), theirs(), atol=1e-3)
    versus(
        "kaldi-native-fbank", lambda: log_mel(audio), theirs,
        bar=None, work=SECONDS, unit="second of audio",
    )  # fmt: skip


def test_nemo_log_mel(versus):
    audio, log_mel = make_audio(SECONDS, 16000), LogMel(NEMO)
    extractor = ParakeetFeatureExtractor()

    def theirs() -> np.ndarray:
        return extractor(audio, sampling_rate=16000, return_tensors="np")["input_features"][0]

    features = log_mel(audio)
    np.testing.assert_allclose(features, theirs()[: len(features)], atol=1e-4)
    versus(
        "transformers", lambda: log_mel(audio), theirs,
        bar=0.1, work=SECONDS, unit="second of audio",
    )  # fmt: skip


def test_synthesis_log_mel(versus):
    audio, log_mel = make_audio(SECONDS, 22050), LogMel(SYNTHESIS)

    def theirs() -> np.ndarray:
        mel = librosa.feature.melspectrogram(
            y=audio, sr=22050, n_fft=1024, hop_length=256, pad_mode="reflect", power=1.0,
            n_mels=80, fmax=8000.0,
        )  # fmt: skip
        return np.log(np.maximum(mel, 1e-5)).T

    np.testing.assert_allclose(log_mel(audio), theirs(), atol=1e-4)
    versus(
        "librosa", lambda: log_mel(audio), theirs, bar=None, work=SECONDS, unit="second of audio"
    )


def test_stft_against_scipy(versus):
    audio, sum_of_window = make_audio(4, 22050), np.float32(WINDOW.sum())

    def theirs() -> np.ndarray:
        _, _, spectrum = scipy.signal.stft(
            audio, window="hann", nperseg=1024, noverlap=768, boundary="even", padded=False
        )
        return spectrum * sum_of_window

    np.testing.assert_allclose(stft(audio, 1024, 256, 1024), theirs().T, atol=1e-3)
    versus(
        "scipy", lambda: stft(audio, 1024, 256, 1024), theirs,
        bar=None, work=4, unit="second of audio",
    )  # fmt: skip


def test_stft(versus):
    audio = make_audio(4, 22050)
    tensor = torch.from_numpy(audio)

    def theirs() -> torch.Tensor:
        return torch.stft(tensor, 1024, 256, 1024, WINDOW, return_complex=True)

    np.testing.assert_allclose(stft(audio, 1024, 256, 1024), theirs().numpy().T, atol=1e-4)
    versus(
        "torch", lambda: stft(audio, 1024, 256, 1024), theirs,
        bar=None, work=4, unit="second of audio",
    )  # fmt: skip


def test_istft(versus):
    audio = make_audio(4, 22050)
    spectrum = torch.stft(torch.from_numpy(audio), 1024, 256, 1024, WINDOW, return_complex=True)
    frames = np.ascontiguousarray(spectrum.numpy().T)

    def ours() -> np.ndarray:
        return istft(frames, 1024, 256, 1024, length=len(audio))

    def theirs() -> torch.Tensor:
        return torch.istft(spectrum, 1024, 256, 1024, WINDOW, length=len(audio))

    np.testing.assert_allclose(ours(), theirs().numpy(), atol=1e-6)
    versus("torch", ours, theirs, bar=0.4, work=4, unit="second of audio")


def test_griffin_lim(versus):
    """Ours begins with mel values, librosa with the magnitudes themselves."""
    audio = make_audio(2, 22050)
    mel = LogMel(SYNTHESIS)(audio)
    magnitudes = np.abs(stft(audio, 1024, 256, 1024)).T.copy()
    griffin_lim = GriffinLim(GriffinLimConfig(SYNTHESIS, iterations=32))

    def theirs() -> np.ndarray:
        return librosa.griffinlim(magnitudes, n_iter=32, hop_length=256, n_fft=1024, random_state=0)

    again = LogMel(SYNTHESIS)(griffin_lim(mel))
    assert np.abs(again - mel).mean() < 0.3
    versus("librosa", lambda: griffin_lim(mel), theirs, bar=0.4, work=2, unit="second of audio")
