"""Speak text with eSpeak NG and tell which phone sounds when, through ctypes.

eSpeak NG is a program under the GPL. It is a teacher only: nothing of it is part of the project,
and what it says is free. `apt-get install libespeak-ng1` installs it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    Union,
    c_char,
    c_char_p,
    c_int,
    c_short,
    c_uint,
    c_void_p,
)
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from espeak_alignment import Sounded, align
from scipy.signal import resample_poly
from spoken_phones import SAMPLE_RATE, Utterance

from edgewright.text.spanish import SpanishPhonemizer

VOICE = "es-419"
SYNCHRONOUS, PHONEME_EVENTS, PHONEME_IPA, UTF8 = 2, 1, 2, 1
LIST_END, PHONEME = 0, 7  # types of events
RATE, PITCH = 1, 3  # parameters
LEAD, TAIL = 0.1, 0.2  # seconds of silence around a sentence, for eSpeak begins and ends at once


class _Id(Union):
    _fields_ = (("number", c_int), ("name", c_char_p), ("string", c_char * 8))


class _Event(Structure):
    """`espeak_EVENT` of espeak-ng/speak_lib.h."""

    _fields_ = (
        ("type", c_int),
        ("unique_identifier", c_uint),
        ("text_position", c_int),
        ("length", c_int),
        ("audio_position", c_int),
        ("sample", c_int),
        ("user_data", c_void_p),
        ("id", _Id),
    )


_Callback = CFUNCTYPE(c_int, POINTER(c_short), c_int, POINTER(_Event))


@dataclass(frozen=True)
class EspeakSpeech:
    """A sentence as eSpeak says it."""

    waveform: np.ndarray
    """float32 (samples,) in [-1, 1), at the rate of eSpeak."""
    sample_rate: int
    """Hz."""
    sounded: tuple[Sounded, ...]
    """Phones in the IPA; pauses are empty."""


def find_espeak() -> str | None:
    """Return the name of the library, None where it is not installed."""
    return ctypes.util.find_library("espeak-ng")


class Espeak:
    """The library; one a process.

    Raises:
        RuntimeError: It is not installed, or lacks the voice.
    """

    def __init__(self, voice: str = VOICE) -> None:
        name = find_espeak()
        if name is None:
            raise RuntimeError(
                "eSpeak NG: got no library libespeak-ng, expected it as a teacher; run "
                "`apt-get install libespeak-ng1` as root"
            )
        self._library = ctypes.CDLL(name)
        flags = PHONEME_EVENTS | PHONEME_IPA
        self._sample_rate = int(self._library.espeak_Initialize(SYNCHRONOUS, 0, None, flags))
        self._library.espeak_Info.restype = c_char_p
        self.choose(voice)
        self._blocks: list[np.ndarray] = []
        self._sounded: list[Sounded] = []
        self._callback = _Callback(self._receive)  # kept: the library holds no reference
        self._library.espeak_SetSynthCallback(self._callback)

    @property
    def version(self) -> str:
        """Version of the library."""
        return str(self._library.espeak_Info(None).decode().split()[0])

    def choose(self, voice: str) -> None:
        """Speak as another: a language, or one and a variant, such as `en-us+f3`.

        Raises:
            RuntimeError: Its data have no such voice.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise RuntimeError(
                f"eSpeak NG: got no voice '{voice}', expected it in its data; run "
                "`apt-get install espeak-ng-data` as root"
            )

    def vary(self, *, rate: int, pitch: int) -> None:
        """Speak that many words a minute, at a pitch of 0 to 100 (50 is the voice's own)."""
        self._library.espeak_SetParameter(RATE, rate, 0)
        self._library.espeak_SetParameter(PITCH, pitch, 0)

    def __call__(self, sentence: str) -> EspeakSpeech:
        """Speak one sentence."""
        self._blocks.clear()
        self._sounded.clear()
        data = sentence.encode() + b"\0"
        self._library.espeak_Synth(data, len(data), 0, 0, 0, UTF8, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate([*self._blocks, np.zeros(0, np.int16)])
        waveform = samples.astype(np.float32) / 32768.0
        return EspeakSpeech(waveform, self._sample_rate, tuple(self._sounded))

    def _receive(self, samples: ctypes._Pointer[c_short], count: int, events: object) -> int:
        if count:
            self._blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while (event := events[index]).type != LIST_END:  # type: ignore[index]
            if event.type == PHONEME:
                symbol = bytes(event.id.string).decode()
                self._sounded.append(Sounded(symbol, event.sample / self._sample_rate))
            index += 1
        return 0


class EspeakTeacher:
    """Speaks a sentence whose phones are those of the project's own front end."""

    def __init__(self) -> None:
        self._espeak, self._phonemize = Espeak(), SpanishPhonemizer()

    @property
    def version(self) -> str:
        """Version of eSpeak NG."""
        return self._espeak.version

    def __call__(self, text: str) -> Utterance | None:
        """Speak a text of one sentence; None where its phones are not those of eSpeak."""
        sentences = self._phonemize(text)
        if len(sentences) != 1:
            return None
        speech = self._espeak(text)
        waveform = to_training_rate(speech)
        phones = align(
            sentences[0].tokens, speech.sounded, lead=LEAD, end=len(waveform) / SAMPLE_RATE
        )
        return None if phones is None else Utterance(waveform, phones)


def to_training_rate(speech: EspeakSpeech) -> np.ndarray:
    """Return float32 (samples,) at 16 kHz, with silence around it."""
    ratio = Fraction(SAMPLE_RATE, speech.sample_rate)
    spoken = resample_poly(speech.waveform, ratio.numerator, ratio.denominator)
    silence = round(LEAD * SAMPLE_RATE), round(TAIL * SAMPLE_RATE)
    return np.pad(spoken, silence).astype(np.float32)
