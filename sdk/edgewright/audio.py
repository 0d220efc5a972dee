"""Audio: files, arrays and live pieces of any rate and channel count as mono blocks.

Everything is a stream of blocks, so the memory of a three-hour file is that of one segment.
Decoding is libsndfile's, resampling is soxr's (quality HQ).
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]
from numpy.typing import NDArray

from edgewright.audio_header import missing_bytes
from edgewright.errors import InputError, InputNotFoundError, InputTypeError

Waveform = NDArray[np.float32]
"""float32 (samples,), mono, nominally in [-1, 1]."""

BLOCK_SECONDS = 4.0
"""Audio read at a time."""
PIECE_SECONDS = 0.1
"""Audio given to a stream at a time, as microphones do it, where nothing else is asked for."""
LEAST_RATE, MOST_RATE = 1_000, 768_000
"""Sample rates that are taken, Hz."""
MOST_CHANNELS = 64
MOST_MAGNITUDE = 64.0
"""Largest float32 sample: 36 dB above full scale is no recording but integers in float32."""
_INT16_SCALE = 32768.0
_UNKNOWN_FRAMES = 2**62
"""libsndfile says 2**63 - 1 of a FLAC whose writer did not know."""


def read_blocks(
    source: str | Path | NDArray[np.generic],
    sample_rate: int,
    *,
    source_rate: int | None = None,
    name: str = "audio",
) -> Iterator[Waveform]:
    """Yield the audio as mono float32 blocks at `sample_rate`, mixed down by the mean.

    Args:
        source: A file that libsndfile reads (WAV, FLAC, Ogg, MP3, AIFF, …), or an array of int16 or
            float32, shape (samples,) or (samples, channels).
        sample_rate: Of the blocks, Hz.
        source_rate: Of an array, Hz; none means `sample_rate`. A file says its own.
        name: What messages call this input.

    Raises:
        InputNotFoundError: The file does not exist.
        InputTypeError: `source` is none of these, or of another dtype.
        InputError: The audio is empty, damaged, cut off, holds NaN, infinity or samples beyond
            `MOST_MAGNITUDE`, or has an unusual rate or channel count; or a rate was given for a
            file that has another.
    """
    what = f"input '{name}'"
    if isinstance(source, np.ndarray):
        array = _check_array(source, what)
        rate = sample_rate if source_rate is None else source_rate
        blocks = _array_blocks(array, _check_rate(rate, what))
    elif isinstance(source, (str, Path)):
        what = f"input '{name}' ({source})"
        rate, blocks = _open(Path(source), what, BLOCK_SECONDS)
        if source_rate is not None and source_rate != rate:
            raise InputError(
                f"{what}: got sample_rate {source_rate} for a file of {rate} Hz, expected none; "
                "leave it out: a file says its own rate"
            )
    else:
        raise InputTypeError(
            f"{what}: got {type(source).__name__}, expected a path or an int16 or float32 "
            "array (samples,) or (samples, channels); convert it to one of these"
        )
    return _resample(_mono(blocks, what), rate, sample_rate)


def read_pieces(
    path: str | Path, seconds: float, *, name: str = "audio"
) -> tuple[int, Iterator[NDArray[np.generic]]]:
    """Return the rate of a file, Hz, and its samples as a microphone would give them.

    Args:
        path: A file that libsndfile reads.
        seconds: Of a piece; the last may be shorter.
        name: What messages call this input.

    Returns:
        The rate, and pieces float32 (samples, channels).

    Raises:
        InputNotFoundError: The file does not exist.
        InputError: It is empty, damaged or cut off; `read_blocks` has the rest.
    """
    return _open(Path(path), f"input '{name}' ({path})", seconds)


def paced(pieces: Iterator[NDArray[np.generic]], sample_rate: int) -> Iterator[NDArray[np.generic]]:
    """Yield each piece when its last sample was spoken; a late one does not move the others."""
    begun, spoken = time.perf_counter(), 0
    for piece in pieces:
        spoken += len(piece)
        time.sleep(max(0.0, begun + spoken / sample_rate - time.perf_counter()))
        yield piece


def read_audio(source: str | Path | NDArray[np.generic], sample_rate: int) -> Waveform:
    """Return the whole audio as float32 (samples,) at `sample_rate`; see `read_blocks`."""
    return np.concatenate(list(read_blocks(source, sample_rate)))


def duration(path: str | Path) -> float | None:
    """Return the seconds of a file as its header has them; None where it does not say.

    Reading the file says why, where it cannot be read.
    """
    try:
        info = soundfile.info(path)
    except (soundfile.SoundFileError, OSError, TypeError):
        return None
    known = 0 < info.frames < _UNKNOWN_FRAMES
    return float(info.frames / info.samplerate) if known else None


def _check_array(array: NDArray[np.generic], what: str) -> NDArray[np.generic]:
    if array.dtype not in (np.dtype(np.int16), np.dtype(np.float32)):
        raise InputTypeError(
            f"{what}: got dtype {array.dtype}, expected int16 or float32 in [-1, 1]; "
            f"{_conversion(array.dtype)}"
        )
    channels = array.shape[1] if array.ndim == 2 else 1
    if array.ndim not in (1, 2) or array.size == 0 or not 1 <= channels <= MOST_CHANNELS:
        raise InputError(
            f"{what}: got shape {array.shape}, expected (samples,) or (samples, channels) "
            f"with at least one sample and at most {MOST_CHANNELS} channels; transpose or cut it"
        )
    return array


def _conversion(dtype: np.dtype[np.generic]) -> str:
    """Say how samples of another dtype become those that are taken, without changing the sound."""
    if dtype == np.dtype(np.int16).newbyteorder():
        return "swap its bytes with .astype(np.int16)"
    if dtype.kind == "f":
        return "convert it with .astype(np.float32)"
    half = 2 ** (8 * dtype.itemsize - 1)
    if dtype.kind == "u":
        return f"convert it with ((x - {half}.0) / {half}).astype(np.float32)"
    if dtype.kind == "i" and dtype.itemsize in {1, 4}:
        return f"convert it with (x / {half}).astype(np.float32)"
    if dtype.kind == "i":
        return "use .astype(np.int16) where the samples have 16 bits, else divide by full scale"
    return "convert it to one of these"


def _check_rate(rate: int, what: str) -> int:
    whole = isinstance(rate, (int, np.integer)) and not isinstance(rate, bool)
    if not whole or not LEAST_RATE <= rate <= MOST_RATE:
        raise InputError(
            f"{what}: got sample rate {rate!r}, expected a whole number from {LEAST_RATE} to "
            f"{MOST_RATE} Hz; check the file or the sample_rate"
        )
    return int(rate)


def _array_blocks(array: NDArray[np.generic], rate: int) -> Iterator[NDArray[np.generic]]:
    size = max(1, int(BLOCK_SECONDS * rate))
    return (array[i : i + size] for i in range(0, len(array), size))


def _open(path: Path, what: str, seconds: float) -> tuple[int, Iterator[NDArray[np.generic]]]:
    """Return the rate of a file and its blocks, after checking that it can be read."""
    if not path.exists():
        raise InputNotFoundError(
            f"{what}: got a path that does not exist, expected an audio file; check the path"
        )
    if not path.is_file():
        raise InputError(
            f"{what}: got something that is no file, expected audio; pass its files one by one"
        )
    try:
        with soundfile.SoundFile(path) as file:
            rate, frames, channels = file.samplerate, file.frames, file.channels
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        raise _undecodable(what, error) from error
    if missing := missing_bytes(path):
        raise InputError(
            f"{what}: got a file that ends {missing} bytes before its samples do, expected a "
            "complete one; copy it again"
        )
    if frames == 0 or channels > MOST_CHANNELS:
        raise InputError(
            f"{what}: got {frames} samples in {channels} channels, expected at least one sample "
            f"and at most {MOST_CHANNELS} channels; record or convert it again"
        )
    return _check_rate(rate, what), _file_blocks(path, what, seconds)


def _file_blocks(path: Path, what: str, seconds: float) -> Iterator[NDArray[np.generic]]:
    done = 0
    try:
        with soundfile.SoundFile(path) as file:
            size, expected = max(1, round(seconds * file.samplerate)), file.frames
            exact = file.format == "FLAC"  # an MP3's length may be an estimate
            while len(block := file.read(size, dtype="float32", always_2d=True)):
                done += len(block)
                yield block
    except (soundfile.SoundFileError, OSError) as error:
        raise _undecodable(what, error) from error
    if exact and done < expected:
        raise InputError(
            f"{what}: got {done} of {expected} samples, expected a complete file; copy it again"
        )


def _undecodable(what: str, error: Exception) -> InputError:
    return InputError(
        f"{what}: got '{error}', expected a complete audio file of a format that libsndfile reads "
        "(WAV, FLAC, Ogg, MP3, AIFF, …); convert it or copy it again"
    )


def _mono(blocks: Iterator[NDArray[np.generic]], what: str) -> Iterator[Waveform]:
    return (_mixed_down(block, what) for block in blocks)


def _mixed_down(block: NDArray[np.generic], what: str) -> Waveform:
    scale = _INT16_SCALE if block.dtype == np.int16 else 1.0
    samples = block.astype(np.float32) / np.float32(scale)
    if not np.isfinite(samples).all():
        raise InputError(
            f"{what}: got NaN or infinity, expected finite samples in [-1, 1]; "
            "repair the recording or replace them by 0"
        )
    if (peak := np.abs(samples).max()) > MOST_MAGNITUDE:
        raise InputError(
            f"{what}: got a sample of magnitude {peak:g}, expected [-1, 1] (up to "
            f"{MOST_MAGNITUDE:g} is taken); divide 16-bit samples by 32768"
        )
    return samples if samples.ndim == 1 else samples.mean(axis=1)


def _resample(blocks: Iterator[Waveform], source: int, target: int) -> Iterator[Waveform]:
    if source == target:
        yield from blocks
        return
    stream = _resampler(source, target)
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _resampler(source: int, target: int) -> soxr.ResampleStream:
    return soxr.ResampleStream(source, target, 1, dtype="float32", quality="HQ")


class LiveAudio:
    """Audio that comes in pieces, as `read_blocks` gives it; belongs to one caller.

    Args:
        sample_rate: Of what comes out, Hz.
        source_rate: Of what goes in, Hz; none means `sample_rate`.

    Raises:
        InputError: `source_rate` is none that is taken.
    """

    def __init__(self, sample_rate: int, source_rate: int | None = None) -> None:
        rate = sample_rate if source_rate is None else source_rate
        self.source_rate = _check_rate(rate, "stream")
        self._sample_rate = sample_rate
        self._channels: int | None
        self._num_samples: int
        self.reset()

    @property
    def seconds(self) -> float:
        """Audio that went in; of what the resampler keeps, a few ms did not come out yet."""
        return self._num_samples / self.source_rate

    def feed(self, piece: NDArray[np.generic], *, sample_rate: int | None = None) -> Waveform:
        """Return the samples that are now known, mono float32; nothing is taken in if it raises.

        Args:
            piece: int16 or float32, (samples,) or (samples, channels), at least one sample. Every
                piece has as many channels.
            sample_rate: Of the piece, where it is to be checked against that of the stream.

        Raises:
            InputTypeError: Another dtype, or no array.
            InputError: Another shape, rate or number of channels, or values out of range.
        """
        what = "input 'piece'"
        if sample_rate not in (None, self.source_rate):
            raise InputError(
                f"{what}: got sample rate {sample_rate}, expected {self.source_rate} Hz as at the "
                "beginning of the stream; begin another stream for another rate"
            )
        if not isinstance(piece, np.ndarray):
            raise InputTypeError(
                f"{what}: got {type(piece).__name__}, expected an int16 or float32 array (samples,)"
                " or (samples, channels); convert it to one"
            )
        if piece.size == 0:
            raise InputError(
                f"{what}: got no samples, expected at least one; pass over empty pieces"
            )
        _check_array(piece, what)
        channels = 1 if piece.ndim == 1 else piece.shape[1]
        if self._channels not in (None, channels):
            raise InputError(
                f"{what}: got {channels} channels, expected {self._channels} as in the pieces "
                "before; begin another stream for another device"
            )
        mono = _mixed_down(piece, what)
        self._channels = channels
        self._num_samples += mono.size
        if self._resampler is None:
            return mono
        resampled: Waveform = self._resampler.resample_chunk(np.ascontiguousarray(mono))
        return resampled

    def finish(self) -> Waveform:
        """Return the last samples, which the resampler had kept."""
        if self._resampler is None:
            return np.zeros(0, np.float32)
        last: Waveform = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        return last

    def reset(self) -> None:
        """Begin anew."""
        self._channels, self._num_samples = None, 0
        alike = self.source_rate == self._sample_rate
        self._resampler = None if alike else _resampler(self.source_rate, self._sample_rate)
