"""Speech to text: the transcription with word times, and the command."""

import argparse
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from edgewright.audio import duration
from edgewright.progress import Progress
from edgewright.runtime import Runtime, Timings
from edgewright.specs import Array
from edgewright.tasks.base import Query, Task, one_query_each

Decoding = Literal["default", "greedy", "beam"]
DECODINGS: tuple[Decoding, ...] = ("default", "greedy", "beam")
HOTWORD_WEIGHT = 5.0
"""Of a `--hotword` without one, natural logarithm."""


@dataclass(frozen=True)
class Word:
    """One recognized word."""

    text: str
    start: float
    """Seconds from the beginning of the audio."""
    end: float
    """Seconds from the beginning of the audio."""
    confidence: float
    """Mean probability of its tokens, 0 to 1."""


@dataclass(frozen=True)
class AudioTimings(Timings):
    """Wall-clock seconds of one audio input, and how they compare with its length."""

    real_time_factor: float
    """Compute time divided by audio time: below 1 is faster than the speech."""


@dataclass(frozen=True)
class Transcription:
    """What was said."""

    input: str
    """Path of the file; `audio`, or `audio 3` in a list, for an input from memory."""
    text: str
    """The words, separated by spaces; empty for silence."""
    words: tuple[Word, ...]
    """In time order."""
    duration: float
    """Seconds of audio."""
    timings: AudioTimings
    runtime: Runtime

    def __str__(self) -> str:
        return f"{self.input}: {self.text}"


class Transcriber(Protocol):
    """A model that this task's command can run."""

    def __call__(
        self,
        audio: str,
        *,
        decoding: Decoding,
        beam_width: int | None,
        hotwords: Mapping[str, float] | None,
        progress: Callable[[float], None] | None,
    ) -> Transcription:
        """Transcribe a file."""


def hotword(argument: str) -> tuple[str, float]:
    """Read `WORD` or `WORD=WEIGHT` of the command line.

    Raises:
        argparse.ArgumentTypeError: No word, or a weight that is no number.
    """
    word, equals, weight = argument.partition("=")
    try:
        value = float(weight) if equals else HOTWORD_WEIGHT
    except ValueError:
        value = math.nan
    if not word.strip() or math.isnan(value):
        raise argparse.ArgumentTypeError(
            f"got {argument!r}, expected a word, or a word, '=' and a number; write such as "
            "'extension=5'"
        )
    return word, value


class Transcribe(Task):
    """`edgewright transcribe BUNDLE AUDIO…`."""

    key = "transcribe"
    help = "write down what is said in audio files"

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the files and how to decode them."""
        parser.add_argument("audio", metavar="AUDIO", nargs="+", help="WAV, FLAC, Ogg, MP3, …")
        parser.add_argument(
            "--decoding", choices=DECODINGS, default="default",
            help="default: beam search where the bundle has a lexicon, else greedy",
        )  # fmt: skip
        parser.add_argument(
            "--beam-width", type=int, metavar="N", help="prefixes kept (default: the bundle's)"
        )
        parser.add_argument(
            "--hotword", type=hotword, action="append", default=[], metavar="WORD[=WEIGHT]",
            dest="hotwords", help="a word to prefer in a beam search (weight 5: much); repeatable",
        )  # fmt: skip

    @classmethod
    def run(cls, model: Transcriber, args: argparse.Namespace) -> Iterator[Any]:
        """Transcribe the files one by one; progress counts seconds of audio."""
        seconds = [duration(path) for path in args.audio]
        known = [one for one in seconds if one is not None]
        total = math.ceil(sum(known)) if len(known) == len(seconds) else None
        done = 0.0
        with Progress() as progress:
            progress.start("Transcribing", total, unit="seconds of audio")

            def advance(current: float) -> None:
                progress.advance_to(math.floor(done + current))

            for path in args.audio:
                answer = model(
                    path,
                    decoding=args.decoding,
                    beam_width=args.beam_width,
                    hotwords=dict(args.hotwords) or None,
                    progress=advance,
                )
                done += answer.duration
                yield answer

    @classmethod
    def queries(
        cls, model: Any, samples: Mapping[str, Mapping[str, Array]], inputs: Sequence[str]
    ) -> list[Query]:
        """Transcribe audio as the bundle does by default."""
        return one_query_each(model, samples, "waveform", inputs)
