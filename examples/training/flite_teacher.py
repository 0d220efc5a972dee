"""Speak English text with flite's voice slt and tell which phone sounds when, through ctypes.

The `flite` command prints phone ends only; stress and words are read from the utterance itself.
Flite is permissively licensed (BSD-like, Carnegie Mellon University) and is used for training only.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_char_p, c_float, c_int, c_short, c_void_p
from pathlib import Path

import numpy as np
from spoken_phones import SpokenPhone, Utterance


class _Wave(Structure):
    """`cst_wave` of flite/cst_wave.h."""

    _fields_ = (
        ("type", c_char_p),
        ("sample_rate", c_int),
        ("num_samples", c_int),
        ("num_channels", c_int),
        ("samples", POINTER(c_short)),
    )


class FliteTeacher:
    """Flite's voice slt, a clustergen voice made from the CMU ARCTIC recordings."""

    def __init__(self, root: Path) -> None:
        """Load the libraries of the Debian package `libflite1` unpacked in `root`."""
        folder = root / "usr/lib/x86_64-linux-gnu"
        names = ("libflite", "libflite_cmulex", "libflite_usenglish", "libflite_cmu_us_slt")
        loaded = [ctypes.CDLL(str(folder / f"{name}.so.1"), ctypes.RTLD_GLOBAL) for name in names]
        self._flite = _declare(loaded[0])
        register = loaded[-1].register_cmu_us_slt
        register.restype, register.argtypes = c_void_p, [c_char_p]
        self._flite.flite_init()
        self._voice = register(None)

    def __call__(self, text: str) -> Utterance:
        """Speak one sentence of ASCII text."""
        flite = self._flite
        utterance = flite.flite_synth_text(text.encode("ascii"), self._voice)
        try:
            wave = flite.utt_wave(utterance).contents
            samples = np.ctypeslib.as_array(wave.samples, (wave.num_samples,))
            waveform = samples.astype(np.float32) / 32768.0
            return Utterance(waveform, self._phones(utterance))
        finally:
            flite.delete_utterance(utterance)

    def _phones(self, utterance: int) -> tuple[SpokenPhone, ...]:
        flite = self._flite
        item = flite.relation_head(flite.utt_relation(utterance, b"Segment"))
        phones = []
        while item:
            phones.append(self._phone(item))
            item = flite.item_next(item)
        return tuple(phones)

    def _phone(self, item: int) -> SpokenPhone:
        def feature(path: str) -> str:
            return str(self._flite.flite_ffeature_string(item, path.encode()).decode("ascii"))

        symbol = feature("name")
        end = self._flite.flite_ffeature_float(item, b"end")
        if symbol == "pau":
            mark = feature("p.R:SylStructure.parent.parent.R:Token.parent.punc")[:1]
            return SpokenPhone(symbol, None, False, mark if mark in tuple(",.?!") else "", end)
        vowel = feature("ph_vc") == "+"
        stress = int(feature("R:SylStructure.parent.stress")) if vowel else None
        first = feature("R:SylStructure.p.name") == "0"  # nothing before it in its syllable
        return SpokenPhone(symbol, stress, first, "", end)


def _declare(flite: ctypes.CDLL) -> ctypes.CDLL:
    """Declare the functions of flite.h that are used: (name, result, arguments)."""
    item = c_void_p
    for name, result, arguments in (
        ("flite_init", c_int, []),
        ("flite_synth_text", c_void_p, [c_char_p, c_void_p]),
        ("utt_wave", POINTER(_Wave), [c_void_p]),
        ("delete_utterance", None, [c_void_p]),
        ("utt_relation", c_void_p, [c_void_p, c_char_p]),
        ("relation_head", item, [c_void_p]),
        ("item_next", item, [item]),
        ("flite_ffeature_string", c_char_p, [item, c_char_p]),
        ("flite_ffeature_float", c_float, [item, c_char_p]),
    ):
        function = getattr(flite, name)
        function.restype, function.argtypes = result, arguments
    return flite
