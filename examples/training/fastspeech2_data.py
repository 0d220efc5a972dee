"""Sentences as a teacher speaks them: phones, durations, pitch, energy, log-mel.

Frame i of the mel is centred at sample i * hop; it belongs to the phone that sounds there. A phone
with no frame centre inside has duration 0, as in every FastSpeech 2.
"""

from __future__ import annotations

import functools
import multiprocessing
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyworld
from spoken_phones import SAMPLE_RATE, SpokenPhone, Teacher, Utterance
from transformers.audio_utils import mel_filter_bank

N_FFT, WIN_LENGTH, HOP_LENGTH, NUM_MEL_BINS = 1024, 800, 200, 80  # samples, samples, samples, bins
FLOOR = 1e-5  # of the mel magnitudes, before the logarithm
F0_RANGE = (70.0, 400.0)  # Hz, wider than the voices

CONSONANTS = "p b t d k g ch jh f v th dh s z sh zh hh m n ng l r w y"
VOWELS = "aa ae ah ao aw ax ay eh er ey ih iy ow oy uh uw"
QUESTION = re.compile(
    r"(who|what|when|where|why|how|which|is|are|do|does|did|can|could|will|would)\b", re.I
)


def make_vocabulary() -> dict[str, int]:
    """Return the English {token: id}."""
    phones = CONSONANTS.split()
    phones += [vowel + stress for vowel in VOWELS.split() for stress in "01"]
    return vocabulary_of(phones)


def vocabulary_of(phones: Sequence[str]) -> dict[str, int]:
    """Return {token: id}: pad, pauses by mark, phones, phones that begin a syllable."""
    pauses = ["pau" + mark for mark in ("", ",", ".", "?", "!")]
    tokens = ["<pad>", *pauses, *phones, *("_" + phone for phone in phones)]
    return {token: index for index, token in enumerate(tokens)}


def token_of(phone: SpokenPhone) -> str:
    """Return the vocabulary's token of a phone."""
    if phone.symbol == "pau":
        return "pau" + phone.mark
    stress = "" if phone.stress is None else str(phone.stress)
    return ("_" if phone.syllable_start else "") + phone.symbol + stress


@dataclass(frozen=True)
class Corpus:
    """Utterances one after another; `token_ends` and `frame_ends` say where each one ends."""

    texts: np.ndarray
    """str (utterances,)."""
    token_ids: np.ndarray
    """int64 (tokens,)."""
    durations: np.ndarray
    """int64 (tokens,), frames."""
    pitch: np.ndarray
    """float32 (tokens,), mean natural-log F0 in Hz, interpolated where unvoiced."""
    energy: np.ndarray
    """float32 (tokens,), natural log of the mean spectral norm of the phone's frames."""
    mel: np.ndarray
    """float16 (frames, 80), natural log of Slaney mel magnitudes."""
    token_ends: np.ndarray
    """int64 (utterances,)."""
    frame_ends: np.ndarray
    """int64 (utterances,)."""

    def __len__(self) -> int:
        return len(self.texts)

    def tokens(self, index: int) -> slice:
        """Return where the tokens of an utterance lie."""
        return _span(self.token_ends, index)

    def frames(self, index: int) -> slice:
        """Return where the frames of an utterance lie."""
        return _span(self.frame_ends, index)


def _span(ends: np.ndarray, index: int) -> slice:
    return slice(int(ends[index - 1]) if index else 0, int(ends[index]))


def wordnet_sentences(root: Path, *, min_words: int = 4, max_words: int = 25) -> list[str]:
    """Return the distinct example sentences of Debian's `wordnet-base`, with a final mark each."""
    found: dict[str, None] = {}
    for name in ("noun", "verb", "adj", "adv"):
        for line in (root / f"usr/share/wordnet/data.{name}").read_text("ascii").splitlines():
            for example in re.findall(r'"([^"]+)"', line.partition("|")[2]):
                text = " ".join(re.sub(r"[`()\[\]]", "", example).split()).strip(" ;,-")
                if min_words <= len(text.split()) <= max_words and text[0].isalpha():
                    found[_with_mark(text)] = None
    return list(found)


def _with_mark(text: str) -> str:
    if text[-1] in ".?!":
        return text
    return text + ("?" if QUESTION.match(text) else ".")


@functools.cache
def mel_filters() -> np.ndarray:
    """Return the float32 (80, 513) Slaney filterbank, each filter of unit area, 0 to 8,000 Hz."""
    filters = mel_filter_bank(
        N_FFT // 2 + 1, NUM_MEL_BINS, 0.0, SAMPLE_RATE / 2, SAMPLE_RATE, "slaney", "slaney"
    )
    return np.ascontiguousarray(filters.T, dtype=np.float32)


def magnitudes(waveform: np.ndarray) -> np.ndarray:
    """Return float32 (frames, 513): centred frames, reflected ends, periodic Hann window."""
    padded = np.pad(waveform, N_FFT // 2, mode="reflect")
    # The window of 800 samples stands in the middle of the 1,024 of the transform.
    side = (N_FFT - WIN_LENGTH) // 2
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP_LENGTH]
    window = np.pad(np.hanning(WIN_LENGTH + 1)[:-1], side).astype(np.float32)
    return np.abs(np.fft.rfft(frames * window)).astype(np.float32)


def log_mel(spectrum: np.ndarray) -> np.ndarray:
    """Return the natural-log mel of float32 (frames, 513) magnitudes."""
    return np.log(np.maximum(spectrum @ mel_filters().T, FLOOR))


def log_pitch(waveform: np.ndarray, num_frames: int) -> np.ndarray:
    """Return float32 (frames,) natural-log F0 by DIO, interpolated where unvoiced."""
    low, high = F0_RANGE
    period = 1000.0 * HOP_LENGTH / SAMPLE_RATE  # ms
    f0, _ = pyworld.dio(waveform.astype(np.float64), SAMPLE_RATE, low, high, frame_period=period)
    f0 = np.pad(f0, (0, max(0, num_frames - len(f0))))[:num_frames]
    voiced = np.flatnonzero(f0)
    if not len(voiced):
        return np.full(num_frames, np.nan, np.float32)
    steps = np.interp(np.arange(num_frames), voiced, np.log(f0[voiced]))
    return steps.astype(np.float32)


def frame_durations(ends: np.ndarray, num_samples: int, num_frames: int) -> np.ndarray:
    """Return int64 (phones,): how many frame centres lie in each phone; all frames are used."""
    last = np.ceil(np.minimum(ends * SAMPLE_RATE, num_samples) / HOP_LENGTH).astype(np.int64)
    last = np.minimum(last, num_frames)
    last[-1] = num_frames
    return np.diff(last, prepend=0)


def phone_means(values: np.ndarray, durations: np.ndarray) -> np.ndarray:
    """Average float32 (frames,) over each phone; a phone without frames takes its right frame."""
    ends = np.cumsum(durations)
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    starts = np.minimum(ends - durations, len(values) - 1)
    stops = np.maximum(ends, starts + 1)
    return ((sums[stops] - sums[starts]) / (stops - starts)).astype(np.float32)


def describe(utterance: Utterance, vocabulary: dict[str, int]) -> tuple[np.ndarray, ...] | None:
    """Return token ids, durations, pitch, energy and mel of an utterance, None if it is odd."""
    tokens = [token_of(phone) for phone in utterance.phones]
    if any(token not in vocabulary for token in tokens) or len(tokens) < 4:
        return None
    spectrum = magnitudes(utterance.waveform)
    pitch = log_pitch(utterance.waveform, len(spectrum))
    if np.isnan(pitch).any():
        return None
    ends = np.array([phone.end for phone in utterance.phones])
    durations = frame_durations(ends, len(utterance.waveform), len(spectrum))
    ids = np.array([vocabulary[token] for token in tokens])
    return measure(ids, durations, spectrum, pitch)


def measure(
    ids: np.ndarray, durations: np.ndarray, spectrum: np.ndarray, pitch: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Return token ids, durations, pitch, energy and mel of spoken tokens.

    Args:
        ids: int64 (tokens,).
        durations: int64 (tokens,), frames.
        spectrum: float32 (frames, 513), of `magnitudes`.
        pitch: float32 (frames,), of `log_pitch`.
    """
    energy = np.log(phone_means(np.linalg.norm(spectrum, axis=1), durations) + 1e-3)
    mel = log_mel(spectrum).astype(np.float16)
    return ids, durations, phone_means(pitch, durations), energy, mel


@dataclass(frozen=True)
class Speaking:
    """Which teacher speaks, with which tokens."""

    make_teacher: Callable[[], Teacher]
    """Loads the teacher, once a process."""
    vocabulary: dict[str, int]
    """{token: id}."""

    def __call__(self, texts: list[str]) -> list[tuple[str, tuple[np.ndarray, ...]]]:
        """Return what `describe` says of each text; one with an odd token is left out."""
        teacher, rows = self.make_teacher(), []
        for text in texts:
            utterance = teacher(text)
            arrays = None if utterance is None else describe(utterance, self.vocabulary)
            if arrays is not None:
                rows.append((text, arrays))
        return rows


def make_corpus(speaking: Speaking, texts: list[str], *, processes: int = 1) -> Corpus:
    """Let a teacher speak `texts`; those that it cannot speak are left out."""
    parts = [texts[start : start + 100] for start in range(0, len(texts), 100)]
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        spoken = pool.map(speaking, parts, chunksize=1)
    rows = [row for part in spoken for row in part]
    return gather([text for text, _ in rows], [arrays for _, arrays in rows])


def gather(texts: Sequence[str], rows: Sequence[tuple[np.ndarray, ...]]) -> Corpus:
    """Put what `measure` returned of each text one after another."""
    columns = list(zip(*rows, strict=True))
    token_ends = np.cumsum([len(ids) for ids in columns[0]])
    frame_ends = np.cumsum([len(mel) for mel in columns[4]])
    arrays = (np.concatenate(column) for column in columns)
    return Corpus(np.array(texts), *arrays, token_ends, frame_ends)


def save_corpus(corpus: Corpus, path: Path) -> None:
    """Write a corpus; a file that exists is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp.npz")
    np.savez(temporary, **{field.name: getattr(corpus, field.name) for field in fields(corpus)})
    temporary.replace(path)


def load_corpus(path: Path) -> Corpus:
    """Read what `save_corpus` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return Corpus(**{field.name: arrays[field.name] for field in fields(Corpus)})
