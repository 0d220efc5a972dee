"""What was heard and spoken: waveform, log-mel, and the words where they sound."""

from itertools import groupby
from typing import Any

import numpy as np
import soundfile
from answers import Answers

from edgewright.features import LogMel, LogMelConfig
from edgewright.tasks.speak import Phoneme

INK, BLUE = "#222222", "#2f6fb0"
Span = tuple[str, float, float]
"""A word, and the seconds where it begins and ends."""


def draw_speech(figure: Any, answers: Answers) -> None:
    """Draw a recognized prompt on the left and the spoken sentence on the right."""
    left, right = figure.subfigures(1, 2)
    _, heard = answers.heard[0]
    waveform, sample_rate = soundfile.read(heard.input, dtype="float32")
    left.suptitle("conformer-ctc-en: a prompt, and the words heard in it", color=INK)
    draw_sound(left, waveform, sample_rate, [(w.text, w.start, w.end) for w in heard.words])
    spoken = answers.spoken
    right.suptitle(f"fastspeech2-en: {spoken.text}", color=INK, fontsize=9)
    draw_sound(right, spoken.waveform, spoken.sample_rate, spoken_words(spoken.phonemes))


def spoken_words(phonemes: tuple[Phoneme, ...]) -> list[Span]:
    """Join the phones of each word; pauses are left out."""
    groups = [list(group) for _, group in groupby(phonemes, key=lambda phone: phone.word)]
    return [(g[0].word, g[0].start, g[-1].end) for g in groups if g[0].word.isalnum()]


def draw_sound(figure: Any, waveform: np.ndarray, sample_rate: int, words: list[Span]) -> None:
    """Draw waveform and log-mel over the same seconds, with the words between them."""
    sound, mel = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1.3))
    seconds = np.arange(len(waveform)) / sample_rate
    sound.plot(seconds, waveform, color=BLUE, linewidth=0.4)
    sound.set(ylim=(-1.5, 1), yticks=[-0.5, 0, 0.5], ylabel="waveform")
    mel.imshow(
        log_mel(waveform, sample_rate).T, origin="lower", aspect="auto", cmap="gray_r",
        extent=(0, seconds[-1], 0, 80),
    )  # fmt: skip
    mel.set(xlabel="seconds", ylabel="mel bin")
    for position, (word, start, end) in enumerate(words):
        height = -1.15 - 0.22 * (position % 2)  # neighbours of short words do not collide
        sound.text((start + end) / 2, height, word, ha="center", fontsize=7, color=INK)
        for axes in (sound, mel):
            axes.axvspan(start, end, color=BLUE, alpha=0.12, linewidth=0)


def log_mel(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return natural-log mel energies (frames, 80), every 10 ms."""
    config = LogMelConfig(
        sample_rate=sample_rate, num_mel_bins=80, n_fft=1024, win_length=sample_rate // 40,
        hop_length=sample_rate // 100, window="hann", periodic=False, padding="none",
        preemphasis=0.0, preemphasis_scope="frame", remove_dc=True, power=2.0,
        low_frequency=20.0, high_frequency=sample_rate / 2, mel_scale="htk", triangles="mel",
        mel_norm="none", input_scale=32768.0, floor=1.0, floor_mode="max", normalization="none",
    )  # fmt: skip
    return LogMel(config)(np.ascontiguousarray(waveform))
