"""Synthetic speech of flite's four American and Scottish voices, varied in speed and pitch."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from ctypes import POINTER, c_char_p, c_float, c_int, c_void_p, cast
from pathlib import Path

import numpy as np
import soxr
from flite_teacher import _Wave
from spoken_phones import SAMPLE_RATE

VOICES = ("slt", "rms", "awb", "kal16")
UNSEEN_SEED = 4242


class FliteVoices:
    """Flite (permissive, Carnegie Mellon University) through ctypes; for training only."""

    def __init__(self, root: Path) -> None:
        """Load the voices of the Debian package `libflite1` unpacked in `root`."""
        folder = root / "usr/lib/x86_64-linux-gnu"
        names = ["libflite", "libflite_cmulex", "libflite_usenglish"]
        names += [f"libflite_cmu_us_{voice}" for voice in VOICES]
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
        for voice, library in zip(VOICES, loaded[3:], strict=True):
            register = getattr(library, f"register_cmu_us_{voice}")
            register.restype, register.argtypes = c_void_p, [c_char_p]
            self._voices.append(register(None))

    def speak(self, text: str, voice: int, stretch: float, pitch: float) -> np.ndarray:
        """Return float32 (samples,) at 16 kHz.

        Args:
            text: plain words.
            voice: index into VOICES.
            stretch: duration factor of the synthesizer.
            pitch: factor on pitch and formants, by resampling.
        """
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
        return soxr.resample(waveform, rate * pitch, SAMPLE_RATE)


def varied_speech(
    voices: FliteVoices, texts: Sequence[str], seed: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each text with its waveform: random voice, speed, pitch, level and a little noise."""
    rng = np.random.default_rng(seed)
    for text in texts:
        voice = int(rng.choice(len(VOICES), p=(0.35, 0.25, 0.25, 0.15)))
        stretch, pitch = rng.uniform(0.8, 1.2), rng.uniform(0.88, 1.14)
        waveform = voices.speak(text, voice, float(stretch), float(pitch))
        waveform = waveform * float(rng.uniform(0.4, 1.0))
        noise = rng.standard_normal(len(waveform)) * 10.0 ** rng.uniform(-5.0, -2.7)
        yield text, np.clip(waveform + noise, -1.0, 1.0).astype(np.float32)
