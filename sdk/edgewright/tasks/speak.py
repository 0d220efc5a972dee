"""Text to speech: the spoken answer, WAV files, and the command."""

import argparse
import itertools
import wave
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edgewright.errors import InputError, UsageError
from edgewright.output_file import check_output, complete_file, output_folder
from edgewright.progress import Progress
from edgewright.runtime import Runtime, Timings
from edgewright.specs import Array
from edgewright.tasks.base import Query, Task
from edgewright.tasks.texts import Text, add_texts, given_texts, read_texts

_FULL_SCALE = 32767
SENTENCE = (
    "Please hold the line while we look for someone who can answer the question that you have "
    "asked us today."
)
"""What a benchmark speaks where nothing else is asked for: 20 words."""


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
        """Write a 16-bit PCM WAV file; an existing file is replaced only by a complete one.

        Raises:
            UsageError: The name does not end in `.wav`, or no file can be made there.
        """
        with WavWriter(path, self.sample_rate) as writer:
            writer.write(self.waveform)

    def __str__(self) -> str:
        return f"{self.text}: {self.duration:.2f} s"


@dataclass(frozen=True, eq=False)
class SpeechChunk:
    """The next piece of a text that is being spoken."""

    text: str
    """The sentence that it belongs to."""
    sentence: int
    """Number of that sentence among those that can be spoken, from 0."""
    waveform: NDArray[np.float32]
    """float32 (samples,), mono, at least one sample; to be played behind the chunk before."""
    sample_rate: int
    """Samples per second."""
    phonemes: tuple[Phoneme, ...]
    """Those that begin in it, in time order."""
    start: float
    """Seconds from the beginning of the speech."""
    is_last: bool
    """Whether its sentence ends with it."""
    timings: Timings
    """Of the work since the chunk before; the total of the first is the time to first audio."""
    runtime: Runtime

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.waveform.size / self.sample_rate

    def __str__(self) -> str:
        return f"{self.text}: {self.start:.2f} to {self.start + self.duration:.2f} s"


@dataclass(frozen=True)
class Chunk:
    """A piece of a file that the command is writing."""

    output: str
    """Path of the WAV file."""
    text: str
    """The sentence that it belongs to."""
    sentence: int
    """Number of that sentence among those that can be spoken, from 0."""
    start: float
    """Seconds from the beginning of the speech."""
    duration: float
    """Seconds."""
    is_last: bool
    """Whether its sentence ends with it."""
    timings: Timings
    """Of the work since the chunk before."""
    event: Literal["chunk"] = "chunk"

    def __str__(self) -> str:
        end = self.start + self.duration
        made = f"made in {1e3 * self.timings.total:.1f} ms"
        return f"{self.output}: {self.start:.2f} to {end:.2f} s, {made}"


@dataclass(frozen=True)
class Spoken:
    """One file that the command wrote."""

    text: str
    output: str
    """Path of the WAV file."""
    duration: float
    """Seconds."""
    first_output: float
    """Seconds from the text to its first audio."""
    timings: Timings
    """Summed over the chunks."""
    runtime: Runtime
    event: Literal["spoken"] = "spoken"

    def __str__(self) -> str:
        first = f"first audio after {1e3 * self.first_output:.1f} ms"
        return f"{self.output}: {self.duration:.2f} s, {first}"


class WavWriter:
    """Writes 16-bit mono PCM piece by piece; the file appears when the block ends well.

    Raises:
        UsageError: The name does not end in `.wav`, or no file can be made there.
    """

    def __init__(self, path: str | Path, sample_rate: int) -> None:
        self._path, self._sample_rate = check_wav(Path(path)), sample_rate

    def __enter__(self) -> "WavWriter":
        with ExitStack() as stack:
            partial = stack.enter_context(complete_file(self._path))
            stream = stack.enter_context(partial.open("xb"))
            self._wave = stack.enter_context(wave.open(stream, "wb"))
            self._wave.setnchannels(1)
            self._wave.setsampwidth(2)
            self._wave.setframerate(self._sample_rate)
            self._stack = stack.pop_all()
        return self

    def write(self, waveform: NDArray[np.float32]) -> None:
        """Append float32 (samples,) in [-1, 1]."""
        scaled = np.rint(np.clip(waveform, -1.0, 1.0) * _FULL_SCALE)
        self._wave.writeframes(scaled.astype("<i2").tobytes())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def check_wav(output: Path) -> Path:
    """Return `output` where a WAV file may be made there.

    Raises:
        UsageError: The name does not end in `.wav`, or as `check_output`.
    """
    if output.suffix.lower() != ".wav":
        raise UsageError(
            f"output: got '{output}', expected a name that ends in .wav, which is the only format "
            "written; rename it and convert the file afterwards"
        )
    check_output(output)
    return output


class Speaker(Protocol):
    """A model that this task's command can run."""

    def stream(
        self, text: str, *, speaking_rate: float, pitch_scale: float, energy_scale: float
    ) -> Iterator[SpeechChunk]:
        """Speak chunk by chunk."""


class Speak(Task):
    """`edgewright speak BUNDLE TEXT… -o OUT.wav`."""

    key = "speak"
    help = "speak texts into WAV files"

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add texts, output and the three scales."""
        add_texts(parser, "text to speak")
        parser.add_argument(
            "--file",
            metavar="LINES.txt",
            help="UTF-8 file, one text a line (blank ones are passed over)",
        )
        parser.add_argument(
            "-o", "--output", metavar="OUT", required=True,
            help="OUT.wav; with several texts a folder for 0001.wav, 0002.wav, …, with --file one "
            "for files with the numbers of the lines",
        )  # fmt: skip
        parser.add_argument(
            "--stream", action="store_true", help="tell each chunk of audio when it is there"
        )
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
        """Speak the texts one by one; memory holds one sentence's mel and a chunk of audio."""
        texts = _texts(args)
        as_folder = bool(args.file) or len(texts) > 1
        outputs = _outputs(Path(args.output), texts, as_folder=as_folder)
        scales = {name: getattr(args, name) for name in _SCALES}
        with Progress() as progress:
            progress.start("Speaking", sum(len(one.text) for one in texts), unit="characters")
            done = 0
            for one, output in zip(texts, outputs, strict=True):
                chunks = _speak(model, one.text, scales, progress, done)
                try:
                    for answer in _write(chunks, one.text, output):
                        if args.stream or isinstance(answer, Spoken):
                            yield answer
                except InputError as error:
                    raise type(error)(f"{one.place}, for '{output}': {error}") from error
                done += len(one.text)

    @classmethod
    def queries(
        cls, model: Any, samples: Mapping[str, Mapping[str, Array]], inputs: Sequence[str]
    ) -> list[Query]:
        """Speak texts; without any, one sentence of 20 words."""
        return [Query(text, partial(model, text)) for text in inputs or (SENTENCE,)]


_SCALES = ("speaking_rate", "pitch_scale", "energy_scale")


def _speak(
    model: Speaker, text: str, scales: dict[str, float], progress: Progress, done: int
) -> Iterator[SpeechChunk]:
    """Speak chunk by chunk; `done` characters were spoken before this text."""
    end = done + len(text)
    for chunk in model.stream(text, **scales):
        yield chunk
        if chunk.is_last:
            done += len(chunk.text)
            progress.advance_to(min(done, end))
    progress.advance_to(end)


def _write(chunks: Iterator[SpeechChunk], text: str, output: Path) -> Iterator[Chunk | Spoken]:
    """Write the chunks as they come."""
    first = next(chunks)
    seconds, timings = 0.0, []
    with WavWriter(output, first.sample_rate) as writer:
        for chunk in itertools.chain([first], chunks):
            writer.write(chunk.waveform)
            yield Chunk(
                str(output), chunk.text, chunk.sentence, chunk.start, chunk.duration,
                chunk.is_last, chunk.timings,
            )  # fmt: skip
            seconds += chunk.duration
            timings.append(chunk.timings)
    yield Spoken(
        text, str(output), seconds, first.timings.total, sum_timings(timings), first.runtime
    )


def sum_timings(timings: list[Timings]) -> Timings:
    """Return the sums of the parts of `timings`."""
    return Timings(
        pre=sum(one.pre for one in timings),
        run=sum(one.run for one in timings),
        post=sum(one.post for one in timings),
        total=sum(one.total for one in timings),
    )


def _texts(args: argparse.Namespace) -> list[Text]:
    if bool(args.texts) == bool(args.file):
        raise UsageError(
            f"speak: got {'texts and --file' if args.file else 'no text'}, expected either TEXT or "
            "--file; give one of them, a TEXT that begins with - last and behind --"
        )
    return read_texts(args.file, "spoken") if args.file else given_texts(args.texts, "spoken")


def _outputs(output: Path, texts: Sequence[Text], *, as_folder: bool) -> list[Path]:
    """Return the files to write, after checking that they can be.

    Raises:
        UsageError: A folder where a file is to be, the reverse, or no folder around it.
    """
    if not as_folder:
        return [check_wav(output)]
    folder = output_folder(output, len(texts))
    digits = max(4, len(str(texts[-1].number)))
    return [folder / f"{one.number:0{digits}}.wav" for one in texts]
