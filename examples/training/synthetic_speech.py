"""Synthetic speech of flite and eSpeak NG: many voices, tempi and pitches, rooms and telephones."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from ctypes import POINTER, c_char_p, c_float, c_int, c_void_p, cast
from pathlib import Path
from typing import Protocol

import numpy as np
import soxr
from espeak_teacher import Espeak
from flite_teacher import _Wave
from scipy.signal import fftconvolve
from spoken_phones import SAMPLE_RATE

FLITE_VOICES = ("slt", "rms", "awb", "kal16")
FLITE_SHARES = (0.35, 0.25, 0.25, 0.15)
ESPEAK_ACCENTS = ("en-us", "en-us", "en-us", "en", "en-gb-x-rp", "en-gb-scotland")
ESPEAK_VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5")
TELEPHONE_RATE = 8000  # Hz


class Voices(Protocol):
    """Speaks text as one of many."""

    def speak(self, text: str, rng: np.random.Generator) -> np.ndarray:
        """Return float32 (samples,) at 16 kHz of a voice, tempo and pitch drawn from `rng`."""


class FliteVoices:
    """Flite (permissive, Carnegie Mellon University) through ctypes; for training only."""

    def __init__(self, root: Path) -> None:
        """Load the voices of the Debian package `libflite1` unpacked in `root`."""
        folder = root / "usr/lib/x86_64-linux-gnu"
        names = ["libflite", "libflite_cmulex", "libflite_usenglish"]
        names += [f"libflite_cmu_us_{voice}" for voice in FLITE_VOICES]
        loaded = [ctypes.CDLL(str(folder / f"{name}.so.1"), ctypes.RTLD_GLOBAL) for name in names]
        flite = loaded[0]
        flite.flite_text_to_wave.restype = POINTER(_Wave)
        flite.flite_text_to_wave.argtypes = [c_char_p, c_void_p]
        flite.delete_wave.argtypes = [POINTER(_Wave)]
        flite.feat_set_float.argtypes = [c_void_p, c_char_p, c_float]
        flite.flite_init.restype = c_int
        flite.flite_init()
        self._flite = flite
        self._voices = []
        for voice, library in zip(FLITE_VOICES, loaded[3:], strict=True):
            register = getattr(library, f"register_cmu_us_{voice}")
            register.restype, register.argtypes = c_void_p, [c_char_p]
            self._voices.append(register(None))

    def speak(self, text: str, rng: np.random.Generator) -> np.ndarray:
        """Return float32 (samples,) at 16 kHz of a voice, tempo and pitch drawn from `rng`."""
        voice = int(rng.choice(len(FLITE_VOICES), p=FLITE_SHARES))
        stretch, pitch = float(rng.uniform(0.8, 1.2)), float(rng.uniform(0.88, 1.14))
        pointer = self._voices[voice]
        # `cst_voice` begins with its name and its features (flite/cst_voice.h).
        features = cast(pointer, POINTER(c_void_p))[1]
        self._flite.feat_set_float(features, b"duration_stretch", stretch * pitch)
        wave = self._flite.flite_text_to_wave(text.encode("ascii"), pointer)
        try:
            record = wave.contents
            samples = np.ctypeslib.as_array(record.samples, (record.num_samples,))
            waveform = samples.astype(np.float32) / 32768.0
            rate = record.sample_rate
        finally:
            self._flite.delete_wave(wave)
        # Pitch and formants change together: the speech is played faster or slower.
        return soxr.resample(waveform, rate * pitch, SAMPLE_RATE)


class EspeakVoices:
    """eSpeak NG (GPL, offline only) with its accents and variants of a voice."""

    def __init__(self) -> None:
        self._espeak = Espeak(ESPEAK_ACCENTS[0])

    def speak(self, text: str, rng: np.random.Generator) -> np.ndarray:
        """Return float32 (samples,) at 16 kHz of a voice, tempo and pitch drawn from `rng`."""
        self._espeak.choose(f"{rng.choice(ESPEAK_ACCENTS)}+{rng.choice(ESPEAK_VARIANTS)}")
        self._espeak.vary(rate=int(rng.integers(120, 200)), pitch=int(rng.integers(30, 71)))
        speech = self._espeak(text)
        silence = np.zeros(int(0.1 * speech.sample_rate), np.float32)
        waveform = np.concatenate([silence, speech.waveform, silence])
        return soxr.resample(waveform, speech.sample_rate, SAMPLE_RATE)


def varied_speech(
    voices: Voices, texts: Sequence[str], seed: int, *, disturbed: float = 0.0
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each text with its waveform: random voice, level and a little noise.

    Args:
        voices: Who speaks.
        texts: Plain words.
        seed: Of all that is drawn.
        disturbed: Share of the sentences that come out of a room, and share that come over a
            telephone.
    """
    rng = np.random.default_rng(seed)
    for text in texts:
        waveform = voices.speak(text, rng)
        if disturbed and rng.random() < disturbed:
            waveform = in_a_room(waveform, rng)
        waveform = waveform * float(rng.uniform(0.4, 1.0))
        noise = rng.standard_normal(len(waveform)) * 10.0 ** rng.uniform(-5.0, -2.7)
        waveform = np.clip(waveform + noise, -1.0, 1.0).astype(np.float32)
        if disturbed and rng.random() < disturbed:
            waveform = over_telephone(waveform)
        yield text, waveform


def in_a_room(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return speech with the reverberation of a room whose sound falls by 60 dB in 0.15 to 0.6 s.

    The room answers with noise that decays exponentially (Polack's model), 0 to 12 dB below what
    comes straight.
    """
    seconds = rng.uniform(0.15, 0.6)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time)) * 10.0 ** (-3.0 * time / seconds)
    tail *= 10.0 ** (rng.uniform(-12.0, 0.0) / 20.0) / np.sqrt(np.sum(tail**2))
    tail[0] += 1.0
    return fftconvolve(waveform, tail)[: len(waveform)].astype(np.float32)


def over_telephone(waveform: np.ndarray) -> np.ndarray:
    """Return speech in the band of a telephone and in eight bits (mu-law, ITU-T G.711, continuous).

    float32 (samples,) in [-1, 1] at 16 kHz, about as long.
    """
    narrow = np.clip(soxr.resample(waveform, SAMPLE_RATE, TELEPHONE_RATE), -1.0, 1.0)
    coded = np.sign(narrow) * np.log1p(255.0 * np.abs(narrow)) / np.log(256.0)
    coded = np.round(coded * 127.0) / 127.0
    decoded = np.sign(coded) * np.expm1(np.abs(coded) * np.log(256.0)) / 255.0
    return soxr.resample(decoded.astype(np.float32), TELEPHONE_RATE, SAMPLE_RATE)
