"""Text to speech: the spoken answer, WAV files, and the command."""

import argparse
import os
import tempfile
import wave
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgewright.errors import InputError, InputNotFoundError, UsageError
from edgewright.progress import Progress
from edgewright.runtime import Runtime, Timings
from edgewright.tasks.base import Task

_FULL_SCALE = 32767


@dataclass(frozen=True)
class Phoneme:
    """One spoken phone or pause."""

    symbol: str
    """As the model's vocabulary writes it."""
    start: float
    """Seconds from the beginning of the speech."""
    end: float
    """Seconds from the beginning of the speech."""
    word: str
    """The word that it belongs to; for a pause its punctuation mark, or nothing."""


@dataclass(frozen=True, eq=False)
class Speech:
    """What was spoken."""

    text: str
    waveform: NDArray[np.float32]
    """float32 (samples,), mono; loudness and peak as in `edgewright.loudness`."""
    sample_rate: int
    """Samples per second."""
    phonemes: tuple[Phoneme, ...]
    """In time order."""
    duration: float
    """Seconds."""
    timings: Timings
    runtime: Runtime

    def save(self, path: str | Path) -> None:
        """Write a 16-bit PCM WAV file; an existing file is replaced only by a complete one."""
        with WavWriter(path, self.sample_rate) as writer:
            writer.write(self.waveform)

    def __str__(self) -> str:
        return f"{self.text}: {self.duration:.2f} s"


@dataclass(frozen=True)
class Spoken:
    """One file that the command wrote."""

    text: str
    output: str
    """Path of the WAV file."""
    duration: float
    """Seconds."""
    timings: Timings
    """Summed over the sentences."""
    runtime: Runtime

    def __str__(self) -> str:
        return f"{self.output}: {self.duration:.2f} s"


class WavWriter:
    """Writes 16-bit mono PCM piece by piece; the file appears when the block ends well."""

    def __init__(self, path: str | Path, sample_rate: int) -> None:
        self._path, self._sample_rate = Path(path), sample_rate

    def __enter__(self) -> "WavWriter":
        handle, name = tempfile.mkstemp(prefix=".speech-", suffix=".wav", dir=self._path.parent)
        self._temporary = Path(name)
        self._stream = os.fdopen(handle, "wb")
        self._wave = wave.open(self._stream, "wb")
        self._wave.setnchannels(1)
        self._wave.setsampwidth(2)
        self._wave.setframerate(self._sample_rate)
        return self

    def write(self, waveform: NDArray[np.float32]) -> None:
        """Append float32 (samples,) in [-1, 1]."""
        scaled = np.rint(np.clip(waveform, -1.0, 1.0) * _FULL_SCALE)
        self._wave.writeframes(scaled.astype("<i2").tobytes())

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            with self._stream:
                self._wave.close()
            if kind is None:
                self._temporary.chmod(0o666 & ~_umask())
                self._temporary.replace(self._path)
        finally:
            with suppress(FileNotFoundError):
                self._temporary.unlink()


class Speaker(Protocol):
    """A model that this task's command can run."""

    def sentences(
        self, text: str, *, speaking_rate: float, pitch_scale: float, energy_scale: float
    ) -> Iterator[Speech]:
        """Speak sentence by sentence."""


class Speak(Task):
    """`edgewright speak BUNDLE TEXT… -o OUT.wav`."""

    key = "speak"
    help = "speak texts into WAV files"

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add texts, output and the three scales."""
        parser.add_argument("texts", metavar="TEXT", nargs="*", help="text to speak")
        parser.add_argument("--file", metavar="LINES.txt", help="UTF-8 file, one text a line")
        parser.add_argument(
            "-o", "--output", metavar="OUT", required=True,
            help="WAV file; with several texts or --file a folder for 0001.wav, 0002.wav, …",
        )  # fmt: skip
        for name, what in (
            ("speaking-rate", "2 is twice as fast"),
            ("pitch-scale", "factor on the voice's fundamental frequency"),
            ("energy-scale", "factor on the loudness"),
        ):
            parser.add_argument(
                f"--{name}", type=float, default=1.0, metavar="X", help=f"{what} (default: 1)"
            )

    @classmethod
    def run(cls, model: Speaker, args: argparse.Namespace) -> Iterator[Any]:
        """Speak the texts one by one; memory holds one sentence."""
        texts = _texts(args)
        outputs = _outputs(Path(args.output), len(texts), as_folder=bool(args.file))
        scales = {name: getattr(args, name) for name in _SCALES}
        with Progress() as progress:
            progress.start("Speaking", len(texts))
            for text, output in zip(texts, outputs, strict=True):
                yield _speak(model, text, output, scales)
                progress.advance()


_SCALES = ("speaking_rate", "pitch_scale", "energy_scale")


def _speak(model: Speaker, text: str, output: Path, scales: dict[str, float]) -> Spoken:
    sentences = model.sentences(text, **scales)
    first = next(sentences)
    seconds, timings = first.duration, [first.timings]
    with WavWriter(output, first.sample_rate) as writer:
        writer.write(first.waveform)
        for sentence in sentences:
            writer.write(sentence.waveform)
            seconds += sentence.duration
            timings.append(sentence.timings)
    return Spoken(text, str(output), seconds, sum_timings(timings), first.runtime)


def sum_timings(timings: list[Timings]) -> Timings:
    """Return the sums of the parts of `timings`."""
    return Timings(
        pre=sum(one.pre for one in timings),
        run=sum(one.run for one in timings),
        post=sum(one.post for one in timings),
        total=sum(one.total for one in timings),
    )


def _texts(args: argparse.Namespace) -> list[str]:
    if bool(args.texts) == bool(args.file):
        raise UsageError(
            f"speak: got {'texts and --file' if args.file else 'no text'}, expected either TEXT or "
            "--file; give one of them"
        )
    texts = _read_lines(Path(args.file)) if args.file else list(args.texts)
    if not all(text.strip() for text in texts) or not texts:
        raise InputError(
            "text: got an empty one, expected words; remove it or write what is to be spoken"
        )
    return texts


def _read_lines(path: Path) -> list[str]:
    """Return the lines of a UTF-8 file that are not blank."""
    if not path.is_file():
        raise InputNotFoundError(
            f"--file: got '{path}', which is no file, expected one text a line; check the path"
        )
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(
            f"--file: got '{path}', which is not UTF-8 ({error.reason}), expected text; convert it"
        ) from error
    return [line for line in lines if line.strip()]


def _outputs(output: Path, count: int, *, as_folder: bool) -> list[Path]:
    """Return the files to write, after checking that they can be.

    Raises:
        UsageError: A folder where a file is to be, the reverse, or no folder around it.
    """
    if count > 1 or as_folder:
        if output.exists() and not output.is_dir():
            raise UsageError(
                f"--output: got the file '{output}', expected a folder for {count} files; name one"
            )
        output.mkdir(parents=True, exist_ok=True)
        digits = max(4, len(str(count)))
        return [output / f"{index:0{digits}}.wav" for index in range(1, count + 1)]
    if output.is_dir() or not output.parent.is_dir():
        raise UsageError(
            f"--output: got '{output}', expected a file in an existing folder; name the WAV file"
        )
    return [output]


def _umask() -> int:
    """Return the process's mask of file rights (it can only be read by setting it)."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
